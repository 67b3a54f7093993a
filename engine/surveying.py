"""Answer "which documents" and "list all" by a pass over every document, not by the best few passages.

Every document gets a row: found with its best passage, not found, or not searchable with the reason. All
vectors and all words are looked at, so a row does not depend on how an index ranks. Nothing is judged by a
model: a row says that a passage is near, and the reader sees which. What the question asks of every document
is read by `engine.survey_questions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from engine.answers import Answer, DocumentRow, Outcome, RowStatus, Sentence, Verdict
from engine.asking import roots_of
from engine.closeness import FLOOR, closeness, rarities
from engine.evidence import MAX_CHARACTERS, Footnotes, Source, Stretch, pieces
from engine.explaining import explained
from engine.models.base import ModelIdentity
from engine.query_vectors import QueryVectors
from engine.survey_questions import Survey
from storage.embedding import Embedder
from storage.keywords import query_terms
from storage.library import Library
from storage.records import Chunk, Document, Passage, Scope, VersionState
from storage.rooms import Rooms

_NEAREST = "quoted: the nearest passage of its document"
_COMING = "it is still being read"
_NO_TEXT = "it holds no text that could be read"


_Best: TypeAlias = tuple[float, Chunk, Mapping[str, float]]
"""Closeness, chunk, and the scores that make the closeness."""


class Surveyor:
    """Passes over all documents of a scope; safe to share between threads."""

    def __init__(self, library: Library, rooms: Rooms, embedder: Embedder) -> None:
        """Nothing is read before the first pass."""
        self._library = library
        self._rooms = rooms
        self._vectors = QueryVectors(embedder)

    def answer(self, scope: Scope, question: str, survey: Survey, model: ModelIdentity) -> Answer:
        """The answer of a pass over every document in scope; `model` is named, and not asked.

        Its outcome is `quoted` when every document was read whole, `partial` when one was not.
        """
        best = self._best(scope, survey.subject)
        near = {one: found for one, found in best.items() if found[0] >= FLOOR}
        ordered = sorted(
            self._library.documents(scope),
            key=lambda one: ((one.id in near) == survey.lacking, -near.get(one.id, (0.0,))[0], one.path),
        )
        notes = Footnotes()
        rows: list[DocumentRow] = []
        sentences: list[Sentence] = []
        passages: list[Passage] = []
        for document in ordered:
            if document.id not in near:
                rows.append(_without(document, searched=document.id in best))
                continue
            score, chunk, scores = near[document.id]
            passages.append(Passage(chunk, document.path, len(passages) + 1, score, scores))
            stretch = _telling(Source(len(passages), passages[-1]), survey.subject)
            [number] = notes.cite([stretch])
            sentences.append(Sentence(stretch.text, (number,), Verdict.SUPPORTED, _NEAREST, quoted=True))
            rows.append(DocumentRow(document.path, document.id, RowStatus.FOUND, _unread(document), number))
        return Answer(
            question=question,
            outcome=_outcome(rows, sentences),
            sentences=tuple(sentences),
            citations=notes.citations,
            passages=explained(survey.subject, passages),
            model=model,
            note=_coverage(survey, rows),
            documents=tuple(rows),
        )

    def _best(self, scope: Scope, subject: str) -> dict[str, _Best]:
        """Each document's nearest chunk with its closeness and scores, over all live chunks."""
        room = self._rooms.room(scope)
        terms = query_terms(subject)
        holders = room.holders(terms, list(self._library.live_chunk_ids(scope)))
        weights = rarities(room.frequencies(terms), len(room))
        whole = sum(weights.values()) or 1.0
        [vector] = self._vectors.of([subject])
        best: dict[str, _Best] = {}
        for chunk, direction in self._library.live_chunks(scope):
            cosine = float(vector @ direction)
            share = sum(weights[term] for term in terms if chunk.id in holders[term]) / whole
            near = closeness(cosine, share)
            held = best.get(chunk.document_id)
            if held is None or near > held[0]:
                best[chunk.document_id] = (near, chunk, {"dense": cosine, "keyword": share, "fused": near})
        return best


def _without(document: Document, *, searched: bool) -> DocumentRow:
    if searched:
        return DocumentRow(document.path, document.id, RowStatus.NOT_FOUND, _unread(document))
    coming = document.state not in (VersionState.LIVE, VersionState.FAILED)
    reason = _COMING if coming else document.problem or _NO_TEXT
    return DocumentRow(document.path, document.id, RowStatus.NOT_SEARCHABLE, reason)


def _unread(document: Document) -> str:
    unread = document.page_count - document.pages_read
    return f"{unread} of {document.page_count} pages could not be read" if unread > 0 else ""


def _outcome(rows: Sequence[DocumentRow], sentences: Sequence[Sentence]) -> Outcome:
    if not sentences:
        return Outcome.ABSTAINED
    return Outcome.PARTIAL if any(row.reason for row in rows) else Outcome.QUOTED


def _coverage(survey: Survey, rows: Sequence[DocumentRow]) -> str:
    looked = [row for row in rows if row.status is not RowStatus.NOT_SEARCHABLE]
    found = sum(row.status is RowStatus.FOUND for row in looked)
    in_part = sum(bool(row.reason) for row in looked)
    line = (
        f"\u201c{survey.subject}\u201d was found in {found} of {_documents(len(looked))}. "
        f"Looked at {len(looked)} of {_documents(len(rows))}"
    )
    return f"{line}; {in_part} of them could be read only in part." if in_part else f"{line}."


def _telling(source: Source, subject: str) -> Stretch:
    """The sentence or row of a passage that holds the most of the subject's words; of equals the longest."""
    wanted = roots_of(subject)
    spans: Sequence[tuple[int, int]] = pieces(source.text) or ((0, len(source.text)),)
    start, end = max(
        spans, key=lambda span: (len(wanted & roots_of(source.text[slice(*span)])), span[1] - span[0])
    )
    return Stretch(source, start, min(end, start + MAX_CHARACTERS))


def _documents(count: int) -> str:
    return f"{count:,} document" if count == 1 else f"{count:,} documents"
