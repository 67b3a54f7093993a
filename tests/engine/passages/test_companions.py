"""Companions come from the passage's own document, exactly as stored, and never displace what was found."""

from dataclasses import replace

import pytest

from engine.passages.companions import Companions
from storage.embedding import HashingEmbedder
from storage.records import Chunk, Page, Passage, ReadBy, Scope, Span

FEE = "The Seller pays the Break Fee under Section 8.2 to the Buyer."
DEFINED = "In this lease: \u201cBreak Fee\u201d means ten per cent of the price. The rest is free."
SECTION = "8.2 Payment. All sums are paid in euros within ten days of a notice."
FILLER = [f"The Buyer and the Seller agree on matter {n}." for n in range(12)]
PARTY = "This is between Acme (the \u201cBuyer\u201d) and Bolt (the \u201cSeller\u201d)."


class Desk:
    """A matter whose documents are one page, and one chunk a line."""

    def __init__(self, library, actor, folder):
        self.library, self.folder = library, folder
        self.scope = Scope(library.create_matter("Sale", actor), actor)
        self.companions = Companions(library)

    def ingest(self, path, lines):
        data = self.folder / "incoming"
        data.write_text(path + "\n".join(lines))
        came = self.library.receive(self.scope, path=path, data=data, media_type="text/plain")
        text, made = "\n".join(lines), []
        for n, line in enumerate(lines):
            start = text.index(line)
            span = Span(1, start, start + len(line))
            made.append(Chunk(f"{path}-{n}", came.document_id, came.version_id, n, span, (), line, ""))
        self.library.save_pages(self.scope, came.version_id, [Page(1, text, ReadBy.TEXT, 1.0)], title=None)
        self.library.save_chunks(self.scope, came.version_id, made, HashingEmbedder().embed(lines))
        self.library.mark_indexed(self.scope, came.version_id)
        self.library.make_live(self.scope, came.version_id)
        return [Passage(one, path, rank, 1.0) for rank, one in enumerate(made, start=1)]

    def brought(self, passages, question="What is paid?", **options):
        ranked = [replace(one, rank=rank) for rank, one in enumerate(passages, start=1)]
        return self.companions.of(self.scope, question, ranked, read=len(ranked), **options)


@pytest.fixture
def desk(library, actor, tmp_path):
    return Desk(library, actor, tmp_path)


def test_a_definition_and_a_section_come_with_why_and_stand_on_their_page(desk):
    [fee, *_] = desk.ingest("sale.txt", [FEE, *FILLER, DEFINED, SECTION])
    came = desk.brought([fee])
    assert {one.why.brought for one in came} == {
        "definition of \u201cBreak Fee\u201d, used in passage 1",
        "Section 8.2, referred to in passage 1",
    }
    assert [one.rank for one in came] == [2, 3]
    for one in came:
        page = desk.library.page(desk.scope, one.chunk.document_id, one.chunk.span.page)
        assert page.text[one.chunk.span.start : one.chunk.span.end] == one.chunk.text
    definition = next(one for one in came if "definition" in one.why.brought)
    assert definition.chunk.text == "In this lease: \u201cBreak Fee\u201d means ten per cent of the price."


def test_what_was_found_already_is_not_brought_again(desk):
    [fee, *_, defined, section] = desk.ingest("sale.txt", [FEE, *FILLER, DEFINED, SECTION])
    assert desk.brought([fee, defined, section]) == ()


def test_another_documents_definition_is_none(desk):
    [fee, *_] = desk.ingest("sale.txt", [FEE, *FILLER])
    desk.ingest("other.txt", [DEFINED, SECTION])
    assert desk.brought([fee]) == ()


def test_a_term_that_the_whole_document_uses_is_not_brought(desk):
    [fee, *_] = desk.ingest("sale.txt", [FEE, *FILLER, PARTY])
    assert desk.brought([fee], "What does the Seller pay the Buyer?") == ()


def test_what_the_question_names_comes_first_and_no_more_than_may(desk):
    [fee, *_] = desk.ingest("sale.txt", [FEE, *FILLER, DEFINED, SECTION])
    [only] = desk.brought([fee], "Who pays the break fee?", limit=1)
    assert "Break Fee" in only.why.brought
    [only] = desk.brought([fee], "What does section 8.2 say?", limit=1)
    assert "Section 8.2" in only.why.brought


def test_a_version_that_was_replaced_brings_nothing_old(desk):
    [fee, *_] = desk.ingest("sale.txt", [FEE, *FILLER, DEFINED, SECTION])
    assert desk.brought([fee])
    desk.library.delete_document(desk.scope, fee.chunk.document_id)
    assert desk.brought([fee]) == ()
