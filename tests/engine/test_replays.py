"""Where a repeated reply leaves the one on record."""

from hypothesis import given
from hypothesis import strategies as st

from engine.replays import compared, first_difference

PIECES = st.lists(st.text(min_size=1, max_size=5), max_size=12)


@given(PIECES)
def test_the_same_words_have_no_difference_however_they_come(pieces):
    text = "".join(pieces)
    assert first_difference(text, pieces, cut=False) is None
    assert first_difference(text, list(text), cut=False) is None


@given(PIECES, st.integers(min_value=0), st.text(min_size=1, max_size=1))
def test_a_changed_character_is_named_with_the_token_that_holds_it(pieces, at, other):
    text = "".join(pieces)
    if not text or text[at % len(text)] == other:
        return
    at %= len(text)
    changed = text[:at] + other + text[at + 1 :]
    token = next(n for n in range(1, len(pieces) + 1) if len("".join(pieces[:n])) > at)
    assert first_difference(changed, pieces, cut=False) == (token, at + 1)


@given(PIECES, st.text(min_size=1, max_size=5))
def test_words_too_many_or_too_few_differ_where_the_shorter_ends(pieces, more):
    text = "".join(pieces)
    assert first_difference(text + more, pieces, cut=False) == (len(pieces) + 1, len(text) + 1)
    assert first_difference(text, [*pieces, more], cut=False) == (len(pieces) + 1, len(text) + 1)


@given(PIECES, st.integers(min_value=0))
def test_a_reply_that_was_stopped_on_record_is_equal_as_far_as_it_goes(pieces, at):
    text = "".join(pieces)
    beginning = text[: at % (len(text) + 1)]
    assert first_difference(beginning, pieces, cut=True) is None


def test_a_difference_is_told_with_hashes_shortened():
    told = compared("prompt", "a" * 64, "b" * 64)
    assert (told.same, told.detail) == (False, "aaaaaaaaaaaa... on record, bbbbbbbbbbbb... now")
