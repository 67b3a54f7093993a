"""What is trimmed away is never what the rest cannot be read without."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from engine.passages.trimming import parts_of, trimmed
from engine.sentences import spans_of_sentences
from storage.records import Chunk, Passage, Span

RENT = "The tenant shall pay the rent on the first day of each month."
NOTICE = "Either party may terminate this lease by ninety days' notice."
LAW = "The laws of Ohio govern."
PIECES = st.sampled_from(
    [
        RENT,
        NOTICE,
        LAW,
        "8.2 Termination.",
        "However, no notice may be given in the first year.",
        "It ends at once if the rent is not paid.",
        "The landlord may enter:\n(a) to repair the roof;\n(b) to read the meter.",
        "Revenue  2023  2022\nRent  4,100  3,900\nTotal  4,100  3,900",
        "DEFINITIONS",
        "a rest of a sentence about Acme Inc. and its rent",
    ]
)
PAGES = st.lists(st.tuples(PIECES, st.sampled_from([" ", "\n", "\n\n", "\r\n"])), min_size=1, max_size=8).map(
    lambda pieces: "".join(piece + gap for piece, gap in pieces).strip()
)
QUESTIONS = st.sampled_from(
    ["When is the rent paid?", "Who may terminate, by what notice?", "Which law governs?", "zebra", "?"]
)


def passages(*texts: str) -> list[Passage]:
    """One passage of each text, somewhere on a page."""
    return [
        Passage(
            Chunk(f"chunk-{n}", "doc", "version", n, Span(1, 1_000 * n, 1_000 * n + len(text)), (), text, ""),
            "Lease.txt",
            n + 1,
            1.0 / (n + 1),
        )
        for n, text in enumerate(texts)
    ]


def first(question: str, *texts: str) -> str:
    """What is left of the first of some passages."""
    return trimmed(question, passages(*texts))[0].chunk.text


@given(st.lists(PAGES, min_size=1, max_size=30), QUESTIONS)
def test_every_passage_is_an_exact_stretch_of_what_it_was_and_keeps_its_place(
    texts: Sequence[str], question: str
) -> None:
    whole = passages(*texts)
    short = trimmed(question, whole)
    assert [one.rank for one in short] == [one.rank for one in whole]
    for before, after in zip(whole, short, strict=True):
        start = after.chunk.span.start - before.chunk.span.start
        end = after.chunk.span.end - before.chunk.span.start
        assert 0 <= start < end <= len(before.chunk.text)
        assert before.chunk.text[start:end] == after.chunk.text
        assert after.chunk.id == before.chunk.id


@given(PAGES, QUESTIONS)
def test_no_sentence_and_no_row_is_cut(text: str, question: str) -> None:
    (after,) = trimmed(question, passages(text))
    kept = (after.chunk.span.start, after.chunk.span.end)
    for start, end in spans_of_sentences(text):
        assert end <= kept[0] or start >= kept[1] or (kept[0] <= start and end <= kept[1])


@given(PAGES)
def test_parts_hold_every_word_of_a_text_once_and_in_order(text: str) -> None:
    parts = parts_of(text)
    assert "".join("".join(text[start:end].split()) for start, end in parts) == "".join(text.split())
    assert list(parts) == sorted(parts)


def test_the_first_passage_is_trimmed_to_the_sentence_that_answers() -> None:
    assert first("Who may terminate the lease?", f"{RENT} {NOTICE} {LAW}", RENT, LAW) == NOTICE


def test_an_exception_stays_with_what_it_takes_back() -> None:
    exception = "However, no notice may be given in the first year."
    assert first("Who may terminate the lease?", f"{RENT} {NOTICE} {exception} {LAW}") == (
        f"{NOTICE} {exception}"
    )


def test_what_it_stands_for_stays_before_it() -> None:
    text = f"{LAW} The guarantee covers the rent. It lapses on the death of the guarantor."
    assert first("What happens on death of the guarantor?", text) == (
        "The guarantee covers the rent. It lapses on the death of the guarantor."
    )


def test_a_clause_keeps_its_number_and_a_list_its_lead() -> None:
    clause = "8.2 Entry\nThe landlord may enter:\n(a) to repair the roof;\n(b) to read the meter."
    assert first("May the landlord read the meter?", f"{RENT}\n{clause}\n{LAW}") == clause


def test_a_table_keeps_its_head_above_its_rows() -> None:
    table = "In thousands\n  2023  2022\nIncome:\nRent  4,100  3,900\nOther  12  9\nTotal  4,112  3,909"
    assert first("What was the total in 2023?", f"{LAW}\n{table}\n{RENT}") == table


def test_a_passage_that_shares_no_word_with_the_question_stays_whole() -> None:
    text = f"{RENT} {NOTICE}"
    assert first("Is subletting allowed?", text, "Subletting is not allowed.") == text


def test_only_the_first_passage_is_trimmed() -> None:
    text = f"{NOTICE} {LAW} {RENT}"
    kept = [one.chunk.text for one in trimmed("When is the rent paid?", passages(*[text] * 40))]
    assert kept == [RENT, *[text] * 39]


def test_no_passages_are_none_trimmed() -> None:
    assert trimmed("When is the rent paid?", []) == []
