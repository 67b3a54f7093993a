"""What is trimmed away is never what the rest cannot be read without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
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
    """What leads when passages are trimmed."""
    return trimmed(question, passages(*texts), limit=10)[0].chunk.text


@given(st.lists(PAGES, min_size=1, max_size=30), QUESTIONS)
def test_every_piece_is_an_exact_stretch_of_its_passage_and_no_word_is_lost(
    texts: Sequence[str], question: str
) -> None:
    whole = passages(*texts)
    given_back = trimmed(question, whole, limit=len(texts) + 2)
    assert [one.rank for one in given_back] == list(range(1, len(given_back) + 1))
    of_first = [one for one in given_back if one.chunk.id == whole[0].chunk.id]
    assert given_back[0] == of_first[0]
    assert [one.chunk for one in given_back if one not in of_first] == [one.chunk for one in whole[1:]]
    in_order = sorted(of_first, key=lambda one: one.chunk.span.start)
    for one in in_order:
        start = one.chunk.span.start - whole[0].chunk.span.start
        assert texts[0][start : start + len(one.chunk.text)] == one.chunk.text
        assert len(one.chunk.text) == one.chunk.span.end - one.chunk.span.start > 0
    assert "".join("".join(one.chunk.text.split()) for one in in_order) == "".join(texts[0].split())


@given(st.lists(PAGES, min_size=1, max_size=8), QUESTIONS, st.integers(1, 8))
def test_no_more_are_given_than_may_be(texts: Sequence[str], question: str, limit: int) -> None:
    assert len(trimmed(question, passages(*texts)[:limit], limit=limit)) <= limit


@given(PAGES, QUESTIONS)
def test_no_sentence_and_no_row_is_cut(text: str, question: str) -> None:
    pieces = [
        (one.chunk.span.start, one.chunk.span.end) for one in trimmed(question, passages(text), limit=3)
    ]
    for start, end in spans_of_sentences(text):
        assert all(end <= kept[0] or start >= kept[1] or kept[0] <= start < end <= kept[1] for kept in pieces)


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


@pytest.mark.parametrize(
    "heading",
    ["8.2 Notices.", "8.2. Notice of Term.", "Section 8.2. Notices.", "VIII. Notices.", "(b) Notices."],
)
def test_a_numbered_title_with_a_full_stop_stays_with_its_text(heading: str) -> None:
    assert first("Who may terminate the lease?", f"{RENT} {heading} {NOTICE} {LAW}") == f"{heading} {NOTICE}"


def test_a_numbered_sentence_is_no_title() -> None:
    text = f"8.1 The roof is repaired by the landlord. {NOTICE}"
    assert first("Who may terminate the lease?", text) == NOTICE


def test_a_table_keeps_its_head_above_its_rows() -> None:
    table = "In thousands\n  2023  2022\nIncome:\nRent  4,100  3,900\nOther  12  9\nTotal  4,112  3,909"
    assert first("What was the total in 2023?", f"{LAW}\n{table}\n{RENT}") == table


def test_a_passage_that_shares_no_word_with_the_question_stays_whole() -> None:
    text = f"{RENT} {NOTICE}"
    assert first("Is subletting allowed?", text, "Subletting is not allowed.") == text


def test_only_the_first_passage_is_parted_and_its_rest_comes_behind_the_first_eight() -> None:
    text = f"{NOTICE} {RENT} {LAW}"
    kept = [one.chunk.text for one in trimmed("When is the rent paid?", passages(*[text] * 40), limit=50)]
    assert kept == [RENT, *[text] * 7, NOTICE, LAW, *[text] * 32]


def test_pieces_take_no_place_from_the_only_passage_of_a_document() -> None:
    texts = [f"{NOTICE} {RENT} {LAW}", LAW, LAW, LAW]
    whole = passages(*texts)
    whole[-1] = replace(whole[-1], chunk=replace(whole[-1].chunk, document_id="another"))
    kept = trimmed("When is the rent paid?", whole, limit=4)
    assert [one.chunk.text for one in kept] == [RENT, LAW, LAW, LAW]
    assert kept[3].chunk.document_id == "another"


def test_no_passages_are_none_trimmed() -> None:
    assert trimmed("When is the rent paid?", [], limit=1) == []
