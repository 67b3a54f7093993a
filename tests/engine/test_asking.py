"""What is read from a question: its words by their roots, and the kind of figure that answers it."""

from __future__ import annotations

import pytest

from engine.asking import asked_of, roots_of
from engine.evidence import Source
from storage.records import Chunk, Passage, Span


def source(text: str, document: str = "lease.txt") -> Source:
    chunk = Chunk("chunk_1", "doc_1", "version_1", 0, Span(1, 0, len(text)), (), text, "")
    return Source(1, Passage(chunk, document, 1, 1.0))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("anti-assignment", "assign"),
        ("termination", "terminate"),
        ("liability", "liable"),
        ("governing", "governed"),
        ("expiration", "expires"),
        ("exclusivity", "exclusive"),
        ("indemnification", "indemnify"),
        ("insurance", "insured"),
    ],
)
def test_words_of_one_root_meet(one: str, other: str) -> None:
    assert roots_of(one) & roots_of(other)


@pytest.mark.parametrize(("one", "other"), [("terms", "termination"), ("lessor", "lessee")])
def test_words_of_different_meaning_do_not(one: str, other: str) -> None:
    assert not roots_of(one) & roots_of(other)


def test_a_question_for_days_is_answered_by_days_that_it_does_not_name_itself() -> None:
    asked = asked_of("How many days after the 30 days' cure period?", [source("It ends 14 days later.")])
    held = asked.figures("30 days, 14 days, 2 months and $5")
    assert [quantity.value for quantity in held] == [14]


def test_words_of_the_documents_name_are_not_to_the_point() -> None:
    lease = source("The lease is long.")
    assert asked_of("Is the lease insured?", [lease]).pointed_share(lease.text) == 0
