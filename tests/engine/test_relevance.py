"""Supported sentences that do not bear on the question."""

from __future__ import annotations

from engine.asking import asked_of
from engine.evidence import Source, Stretch
from engine.relevance import bears_on as bears_on_asked
from storage.records import Chunk, Passage, Span

REPORT = "(In millions)\nNet income $ 680 $ 2,464\nWe announced a new line of workstations."
LEASE = "The Landlord shall keep the building insured. The Tenant may keep a dog."


def source(text: str, document: str) -> Source:
    chunk = Chunk("chunk_1", "doc_1", "version_1", 0, Span(1, 0, len(text)), (), text, "")
    return Source(1, Passage(chunk, document, 1, 1.0))


def bears_on(question: str, texts: list[str], evidence: list[Stretch], sources: list[Source]) -> bool:
    return bears_on_asked(question, asked_of(question, sources), texts[0], evidence, sources)


def whole(of: Source) -> list[Stretch]:
    return [Stretch(of, 0, len(of.text))]


def test_a_sentence_without_a_figure_is_no_answer_where_a_row_states_it() -> None:
    report = source(REPORT, "report.pdf")
    asked = "What was net income in 2023?"

    assert not bears_on(asked, ["We announced a new line of workstations."], whole(report), [report])
    assert not bears_on(asked, ["Net income was reported in 2023."], whole(report), [report])
    assert bears_on(asked, ["Net income was $680 million."], whole(report), [report])


def test_a_sentence_bears_on_a_question_when_it_or_its_evidence_shares_a_word_that_asks() -> None:
    lease = source(LEASE, "lease.txt")
    dog = [Stretch(lease, LEASE.index("The Tenant"), len(LEASE))]
    insured = [Stretch(lease, 0, LEASE.index(" The Tenant"))]

    assert bears_on("Consider the lease; who keeps it insured?", ["The Landlord does."], insured, [lease])
    assert not bears_on("Consider the lease; is it insured?", ["The Tenant may keep a dog."], dog, [lease])


def test_the_name_of_the_document_is_no_answer() -> None:
    lease = source("This lease is long.", "lease.txt")

    assert not bears_on("Is the lease insured?", ["This lease is long."], whole(lease), [lease])


def test_a_sentence_without_the_kind_of_figure_asked_for_is_no_answer() -> None:
    text = "Notice to terminate is given in writing. Notice to terminate is given ninety (90) days before."
    lease = source(text, "lease.txt")
    asked = "How many days' notice is needed to terminate?"

    assert not bears_on(asked, ["Notice to terminate is given in writing."], whole(lease), [lease])
    assert bears_on(asked, ["Notice to terminate is given 90 days before."], whole(lease), [lease])


def test_a_sentence_that_shares_less_than_half_of_what_is_asked_is_no_answer() -> None:
    lease = source("The Tenant shall insure the glass. The Tenant may keep a dog.", "lease.txt")
    dog = [Stretch(lease, lease.text.index("The Tenant may"), len(lease.text))]

    assert not bears_on("Does the Tenant insure glass?", ["The Tenant may keep a dog."], dog, [lease])
