"""A question about every document gives a row to every document, and claims no more than was read."""

from dataclasses import replace

import pytest

from engine.answers import Outcome, RowStatus
from engine.models.base import ModelIdentity
from engine.survey_questions import Survey
from engine.surveying import Surveyor
from storage.embedding import HashingEmbedder, searched_text
from storage.records import Chunk, Page, ReadBy, Scope, Span
from storage.rooms import Rooms

MODEL = ModelIdentity("none", "none", "none", "none", "none")
SUPPLY = [
    "The supplier delivers monthly.",
    "Disputes are settled by arbitration in Geneva. Each side pays its own costs.",
]
LEASE = ["Rent is due.", "The deposit is returned after a year."]


class Desk:
    """A matter and a surveyor over it."""

    def __init__(self, library, actor, folder):
        self.library, self.folder, self.embedder = library, folder, HashingEmbedder()
        self.rooms = Rooms(library, self.embedder)
        self.surveyor = Surveyor(library, self.rooms, self.embedder)
        self.scope = Scope(library.create_matter("Review", actor), actor)

    def receive(self, path, texts):
        data = self.folder / "incoming"
        data.write_text(path + "\n".join(texts))
        return self.library.receive(self.scope, path=path, data=data, media_type="text/plain")

    def ingest(self, path, texts, *, problem=None):
        came = self.receive(path, texts)
        pages = [Page(number, text, ReadBy.TEXT, 1.0) for number, text in enumerate(texts, start=1)]
        if problem:
            pages.append(Page(len(pages) + 1, "", ReadBy.NONE, 0.0, problem))
        self.library.save_pages(self.scope, came.version_id, pages, title=None)
        chunks = [
            Chunk(
                f"{came.version_id}-{n}",
                came.document_id,
                came.version_id,
                n,
                Span(n + 1, 0, len(text)),
                (),
                text,
                "",
            )
            for n, text in enumerate(texts)
        ]
        vectors = self.embedder.embed([searched_text(chunk) for chunk in chunks])
        self.library.save_chunks(self.scope, came.version_id, chunks, vectors)
        self.rooms.room(self.scope).add(chunks, vectors)
        self.library.mark_indexed(self.scope, came.version_id)
        self.library.make_live(self.scope, came.version_id)
        return came.document_id

    def answer(self, subject="arbitration", *, lacking=False, scope=None):
        return self.surveyor.answer(scope or self.scope, "asked", Survey(subject, lacking), MODEL)


@pytest.fixture
def desk(library, actor, tmp_path):
    made = Desk(library, actor, tmp_path)
    yield made
    made.rooms.close()


def test_every_document_has_a_row_and_what_was_found_is_quoted(desk):
    desk.ingest("lease.txt", LEASE)
    desk.ingest("supply.txt", SUPPLY)
    answer = desk.answer()
    assert [(row.document, row.status) for row in answer.documents] == [
        ("supply.txt", RowStatus.FOUND),
        ("lease.txt", RowStatus.NOT_FOUND),
    ]
    [citation] = answer.citations
    assert citation.quote == "Disputes are settled by arbitration in Geneva."
    assert (
        desk.library.page(desk.scope, citation.document_id, citation.span.page).text[
            citation.span.start : citation.span.end
        ]
        == citation.quote
    )
    assert answer.outcome is Outcome.QUOTED
    assert answer.note == "\u201carbitration\u201d was found in 1 of 2 documents. Looked at 2 of 2 documents."
    assert answer.to_json()["documents"][0]["citation"] == 1
    assert "lease.txt: not found" in answer.text


def test_what_was_not_read_is_said_and_the_answer_is_partial(desk):
    desk.ingest("supply.txt", SUPPLY, problem="the page is damaged")
    desk.receive("coming.txt", LEASE)
    answer = desk.answer()
    assert answer.outcome is Outcome.PARTIAL
    rows = {row.document: row for row in answer.documents}
    assert rows["supply.txt"].reason == "1 of 3 pages could not be read"
    assert rows["coming.txt"].status is RowStatus.NOT_SEARCHABLE
    assert rows["coming.txt"].reason == "it is still being read"
    assert "Looked at 1 of 2 documents; 1 of them could be read only in part." in answer.note


def test_found_nowhere_is_no_answer_but_says_what_was_looked_at(desk):
    desk.ingest("lease.txt", LEASE)
    answer = desk.answer("cryptography")
    assert answer.outcome is Outcome.ABSTAINED
    assert answer.text == "\u201ccryptography\u201d was found in 0 of 1 document. Looked at 1 of 1 document."


def test_the_documents_that_lack_it_stand_first_when_they_are_asked_for(desk):
    desk.ingest("lease.txt", LEASE)
    desk.ingest("supply.txt", SUPPLY)
    assert [row.document for row in desk.answer(lacking=True).documents] == ["lease.txt", "supply.txt"]


def test_the_pass_keeps_to_its_scope_and_counts_no_more_than_it(desk):
    inside = desk.ingest("supply.txt", SUPPLY)
    desk.ingest("other.txt", SUPPLY)
    answer = desk.answer(scope=replace(desk.scope, document_ids=frozenset({inside})))
    assert [row.document for row in answer.documents] == ["supply.txt"]


def test_a_document_is_found_however_many_others_are_nearer(desk):
    for n in range(30):
        desk.ingest(f"near-{n}.txt", ["Arbitration. Arbitration decides."])
    desk.ingest("far.txt", SUPPLY)
    assert sum(row.status is RowStatus.FOUND for row in desk.answer().documents) == 31
