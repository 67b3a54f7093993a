from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime

import docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from engine.answers import (
    NOT_FOUND,
    Answer,
    AuditReference,
    Citation,
    DocumentRow,
    Outcome,
    RowStatus,
    Sentence,
    Verdict,
)
from engine.exporting import FORMATS, Item, export, to_docx, to_markdown
from engine.models.base import ModelIdentity, Usage
from engine.searched import Searched
from engine.summaries.records import Coverage, MissingPage, Statement, Summary, Work, coverage_line
from storage.errors import Broken, WrongUse
from storage.ids import sha256_of
from storage.records import Chunk, Passage, Span, Twin
from tests.engine.summary_world import World

MODEL = ModelIdentity("smollm2-135m-instruct", "llama.cpp", "Q4_1", "ab" * 32, "cpu")
CITATIONS = (
    Citation(1, "lease.txt", "doc_1", "ver_1", "chunk_1", Span(1, 10, 40), "The rent is $4,500."),
    Citation(2, "scan.pdf", "doc_2", "ver_2", "chunk_2", Span(7, 0, 30), "Notice is ninety (90) days."),
)
ANSWER = Answer(
    question="What is the rent?",
    outcome=Outcome.PARTIAL,
    sentences=(
        Sentence("The rent is $4,500", (1,), Verdict.SUPPORTED),
        Sentence("Notice is ninety (90) days.", (2,), Verdict.SUPPORTED, "a figure differs", quoted=True),
        Sentence("It is payable in gold.", (), Verdict.UNCITED),
    ),
    citations=CITATIONS,
    passages=(),
    model=MODEL,
    audit=AuditReference(12, "cd" * 32),
    answer_id="answer_1",
)
SUMMARY = Summary(
    id="summary_1",
    title="The leases",
    matter="Harbour House",
    template="overview",
    length="standard",
    statements=(
        Statement(Sentence("The rent is $4,500", (1,), Verdict.SUPPORTED), "lease.txt", "1. TERM"),
        Statement(
            Sentence("Notice is ninety (90) days.", (2,), Verdict.SUPPORTED, "a figure differs", quoted=True),
            "scan.pdf",
            "Page 7",
        ),
    ),
    citations=CITATIONS,
    coverage=(
        Coverage("lease.txt", "doc_1", 3),
        Coverage("scan.pdf", "doc_2", 9, (MissingPage(2, "no text layer"), MissingPage(5, "no text layer"))),
        Coverage("torn.pdf", "doc_3", 0, (), "the file is cut off"),
    ),
    work=Work(7, 1, 4),
    model=MODEL,
    usage=Usage(100, 0, 20),
    made_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    audit=AuditReference(12, "cd" * 32),
)


def words_of(item: Item) -> str:
    """All text of the Word export, a paragraph a line."""
    return "\n".join(paragraph.text for paragraph in docx.Document(io.BytesIO(to_docx(item))).paragraphs)


def shown(markdown: str) -> str:
    """The text that a Markdown reader shows."""
    html = MarkdownIt("commonmark").render(markdown)
    text = re.sub(r"<[^>]*>", "", html)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, character)
    return text


WHOLE = Coverage("a.txt", "doc_1", 3)
PARTLY = Coverage("b.txt", "doc_2", 2, (MissingPage(1, "no text layer"),))
TORN = Coverage("c.pdf", "doc_3", 0, (), "the file is cut off")
NOT_READY = Coverage("d.pdf", "doc_4", 9, (), "it was still being read")


@pytest.mark.parametrize(
    ("coverage", "line"),
    [
        ((WHOLE,), "Covers 3 of 3 pages of a.txt"),
        ((WHOLE, PARTLY), "Covers 4 of 5 pages of 2 documents"),
        ((WHOLE, TORN), "Covers 3 of 3 pages of 1 document; 1 document could not be read"),
        (
            (WHOLE, PARTLY, TORN, NOT_READY),
            "Covers 4 of 5 pages of 2 documents; 2 documents could not be read (9 pages)",
        ),
    ],
)
def test_a_document_that_could_not_be_read_is_not_counted_among_those_covered(coverage, line) -> None:
    assert coverage_line(replace(SUMMARY, coverage=coverage).to_json()) == line


@pytest.mark.parametrize("text_of", [words_of, lambda item: shown(to_markdown(item))], ids=["docx", "md"])
def test_a_summary_states_coverage_before_statements_and_sources_after(text_of) -> None:
    text = text_of(SUMMARY)
    in_order = [
        "The leases",
        "Matter: Harbour House",
        "Covers 10 of 12 pages of 2 documents; 1 document could not be read.",
        "Not covered: scan.pdf, pages 2, 5: no text layer.",
        "Not covered: torn.pdf: the file is cut off.",
        "4 more checked statements were left out",
        "Supported: 2 of 2 statements, 1 of them quoted.",
        "lease.txt",
        "1. TERM",
        "The rent is $4,500",
        "scan.pdf",
        "Notice is ninety (90) days.",
        "(quoted from the document)",
        "Sources",
        "lease.txt, page 1: \u201cThe rent is $4,500.\u201d",
        "scan.pdf, page 7: \u201cNotice is ninety (90) days.\u201d",
        "smollm2-135m-instruct, Q4_1, llama.cpp",
        "Made 2026-01-02 03:04:05 UTC.",
        f"Audit entry 12, head {'cd' * 32}.",
    ]
    at = -1
    for piece in in_order:
        at = text.index(piece, at + 1)


@pytest.mark.parametrize("text_of", [words_of, lambda item: shown(to_markdown(item))], ids=["docx", "md"])
def test_an_answer_marks_what_is_quoted_and_what_is_not_supported(text_of) -> None:
    lines = text_of(ANSWER).splitlines()
    assert lines[0] == "What is the rent?"
    assert any(re.fullmatch(r"The rent is \$4,500 ?\[1\]", line) for line in lines)
    assert any(re.search(r"days\. ?\[2\] \(quoted from the document\)", line) for line in lines)
    assert "It is payable in gold. (not supported by the documents)" in lines


def test_an_answer_says_what_its_checks_came_to_what_was_not_searched_and_when_it_was_asked() -> None:
    searched = Searched(documents=4, pages=9, pages_unread=1, documents_unread=2, coming=0)
    broken_off = replace(ANSWER, finish_reason="incomplete", searched=searched)
    told = {**broken_off.to_record(), "question": "What?", "asked_at": "2026-11-22T14:05:00.000000Z"}
    text = shown(to_markdown(told))
    assert "Supported: 2 of 3 statements, 1 of them quoted." in text
    assert "The model\u2019s reply broke off" in text.replace("'", "\u2019")
    assert "Searched 4 documents, 9 pages; 2 documents and 1 page could not be read." in text
    assert "Made 2026-11-22 14:05:00 UTC." in text


@pytest.mark.parametrize("text_of", [words_of, lambda item: shown(to_markdown(item))], ids=["docx", "md"])
def test_every_document_of_a_question_about_every_document_is_named(text_of) -> None:
    rows = (
        DocumentRow("lease.txt", "doc_1", RowStatus.FOUND, "1 of 3 pages could not be read", 1),
        DocumentRow("memo.txt", "doc_3", RowStatus.NOT_FOUND),
        DocumentRow("side.pdf", "doc_4", RowStatus.NOT_SEARCHABLE, "'side.pdf' is encrypted"),
    )
    survey = replace(
        ANSWER,
        sentences=ANSWER.sentences[:1],
        citations=CITATIONS[:1],
        documents=rows,
        note="Looked at 2 of 3",
    )
    text = text_of(survey)
    assert "lease.txt, page 1 (1 of 3 pages could not be read): The rent is $4,500" in text
    assert "memo.txt: not found" in text
    assert "side.pdf: could not be looked at (is encrypted)" in text
    assert "No model was asked" in text


def test_an_answer_from_the_shelf_is_exported_like_the_answer_itself() -> None:
    assert to_markdown(ANSWER.to_record(), title=ANSWER.question) == to_markdown(ANSWER)
    assert to_markdown(SUMMARY.to_json()) == to_markdown(SUMMARY)


@pytest.mark.parametrize("text_of", [words_of, lambda item: shown(to_markdown(item))], ids=["docx", "md"])
def test_a_source_says_where_the_words_of_its_passage_stand_again(text_of) -> None:
    chunk = Chunk("chunk_1", "doc_1", "ver_1", 0, Span(1, 0, 60), (), "The rent is $4,500.", "")
    again = Passage(chunk, "lease.txt", 1, 1.0, also_in=(Twin("lease_2.txt", "doc_9", Span(4, 5, 65)),))
    text = text_of(replace(ANSWER, passages=(again,)))
    assert "lease.txt, page 1: \u201cThe rent is $4,500.\u201d (the same words: lease_2.txt, page 4)" in text
    assert text.count("the same words") == 1


def test_an_abstention_is_exported_with_its_words() -> None:
    abstained = replace(
        ANSWER, outcome=Outcome.ABSTAINED, sentences=(), citations=(), note=NOT_FOUND, audit=None
    )
    assert NOT_FOUND in words_of(abstained)
    assert "Sources" not in to_markdown(abstained)


def test_markers_in_word_are_superscript() -> None:
    word = docx.Document(io.BytesIO(to_docx(SUMMARY)))
    raised = [run.text for paragraph in word.paragraphs for run in paragraph.runs if run.font.superscript]
    assert raised == ["[1]", "[2]"]


HOSTILE = [
    "![x](http://evil.example/a.png)",
    "[click](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "# heading",
    "1. item",
    "- item",
    "+ item",
    "> quote",
    "```\ncode",
    "    code",
    "a\n\n# b",
    "===",
    "---",
    "[1]: http://evil.example",
    "&lt;b&gt;",
    "\\[x\\](y)",
    "<http://evil.example>",
    "*a* _b_ ~~c~~ `d` | e |",
    "null\x00 bell\x07 \ud800 \u202etxt.exe \ufffe",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_documents_becomes_neither_markup_nor_a_broken_file(text: str) -> None:
    assert_harmless(text)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80))
def test_no_text_becomes_markup(text: str) -> None:
    assert_harmless(text)


def assert_harmless(text: str) -> None:
    hostile = replace(
        SUMMARY,
        statements=(Statement(Sentence(text, (1,), Verdict.SUPPORTED), text, text),),
        citations=(replace(CITATIONS[0], document=text, quote=text),),
        title=text,
    )
    plain = replace(
        hostile,
        statements=(Statement(Sentence("x", (1,), Verdict.SUPPORTED), "x", "x"),),
        citations=(replace(CITATIONS[0], document="x", quote="x"),),
        title="x",
    )
    blank = not text.strip()
    if not blank:
        assert tags(to_markdown(hostile)) - tags(to_markdown(plain)) == set()
    assert docx.Document(io.BytesIO(to_docx(hostile))).paragraphs


def tags(markdown: str) -> set[str]:
    """Kinds of elements that Markdown readers make of it, bare addresses turned into links included."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    kinds: set[str] = set()
    for token in parser.parse(markdown):
        kinds.add(token.type)
        kinds.update(child.type for child in token.children or ())
    return kinds


@pytest.mark.parametrize("format_name", FORMATS)
def test_an_export_is_on_record_with_the_hash_of_its_bytes(world: World, format_name: str) -> None:
    data = export(world.audit, world.scope, SUMMARY, format_name)
    (entry,) = [entry for entry in world.audit.entries() if entry.kind == "export.made"]
    assert sha256_of(data).encode() in entry.canonical
    assert b"summary_1" in entry.canonical
    assert b"rent" not in entry.canonical


def test_an_export_that_cannot_be_recorded_is_not_given_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*args: object, **options: object) -> None:
        raise Broken("the log is full")

    monkeypatch.setattr(world.audit, "append", refusing)
    with pytest.raises(Broken):
        export(world.audit, world.scope, ANSWER, "md")


def test_an_unknown_format_is_refused_and_not_recorded(world: World) -> None:
    with pytest.raises(WrongUse, match="md or docx"):
        export(world.audit, world.scope, ANSWER, "xls")
    assert world.kinds() == []
