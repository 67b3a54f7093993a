"""Words are found by their stems, however they are printed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.words import content_stems, said_of

ENDINGS = ["", "s", "es", "ies", "ied", "y", "ing", "ed", "ations", "ements", "'s", "\u2019s", "'"]
PRINTED = st.builds(
    lambda *parts: "".join(parts),
    st.sampled_from(["", "(", "\u201c", "-", "\u00ad", "4"]),
    st.sampled_from(
        ["part", "Carr", "plan", "SET", "o'hare", "o\u2019hare", "x", "d\u00e9p\u00f4t", "\u212aelvin"]
    ),
    st.sampled_from(ENDINGS),
    st.sampled_from([" ", "\n", ", ", "-", "\u00ad", "\u200d", ".\u00a0"]),
)
TEXTS = st.lists(PRINTED, max_size=5).map("".join)


@given(TEXTS, TEXTS)
def test_what_is_said_of_asked_words_is_what_reading_all_words_finds(asked: str, text: str) -> None:
    stems = frozenset(content_stems(asked))
    assert said_of(stems, text) == stems & frozenset(content_stems(text))


@pytest.mark.parametrize(
    ("stem", "text"),
    [
        ("party", "both PARTIES"),
        ("terminat", "on\ntermination"),
        ("rent", "the rent\u2019s due date"),
        ("1,250", "$1,250."),
    ],
)
def test_a_word_is_said_in_any_of_its_forms(stem: str, text: str) -> None:
    assert said_of([stem], text) == {stem}


@pytest.mark.parametrize(
    ("stem", "text"), [("rent", "the current rental"), ("provid", "as provided"), ("rent", "r\u00e9nt")]
)
def test_what_only_holds_a_word_does_not_say_it(stem: str, text: str) -> None:
    assert said_of([stem], text) == frozenset()
