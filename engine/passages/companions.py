"""What a passage cannot be read without: definitions of its terms, and sections that it refers to.

Companions come from the same document as the passage that uses them, after all that a search found, and each
says why it came. What the question names comes first, then what many of the passages and few other parts of
their document use. A term that much of its document uses ("Company", "Agreement") is not brought at all, nor
is what a passage holds already.
Chunks are read once for each version; nothing is searched for and no ranking is touched.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from engine.keeping import Kept
from engine.passages.glossary import Entry, Glossary, glossary_of, words_of
from storage.library import Library
from storage.records import Chunk, LiveVersion, Passage, Scope, Span, Why

MOST = 3
"""Companions of one answer."""
_COMMON = 0.2
"""Share of a document's chunks; a term that more of them use is known to every reader of it."""
_LOOKED_AT = 5
"""Passages, the first ones: an answer rarely rests on what stands further down."""
_ALWAYS_RARE = 2
"""Chunks; short documents have no common terms."""
_BYTES_KEPT = 16_000_000
_READ = 5_000
"""Chunks of one document, the first ones: about a second of work, done once for each version."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Something that a passage uses, and how much it matters: the least first."""

    order: tuple[bool, bool, float, int, int]
    """Not in the question, only points elsewhere, how telling for these passages, first passage, place."""
    entry: Entry
    passage: Passage


class Companions:
    """Finds what passages refer to; threads may share it."""

    def __init__(self, library: Library) -> None:
        """Nothing is read yet."""
        self._library = library
        self._read: Kept[LiveVersion, Glossary] = Kept(_BYTES_KEPT, weigh=lambda one: one.weight)

    def of(
        self, scope: Scope, question: str, passages: Sequence[Passage], *, read: int, limit: int = MOST
    ) -> tuple[Passage, ...]:
        """At most `limit` companions of the first `read` passages, ranked after all of the passages."""
        held = {one.chunk.id for one in passages}
        first = passages[: min(read, _LOOKED_AT)]
        glossaries = self._glossaries(scope, {one.chunk.document_id for one in first})
        wanted = [
            one
            for document_id, glossary in glossaries.items()
            for one in _wanted(
                question, [each for each in first if each.chunk.document_id == document_id], glossary
            )
        ]
        chosen: list[_Wanted] = []
        for one in sorted(wanted, key=lambda each: each.order):
            if len(chosen) == limit:
                break
            if one.entry.chunk_id not in held and not _covered(one.entry, chosen):
                chosen.append(one)
        return tuple(self._brought(scope, chosen, after=len(passages)))

    def _glossaries(self, scope: Scope, document_ids: Collection[str]) -> dict[str, Glossary]:
        live = self._library.live_versions(scope, document_ids)
        known = self._read.of(live.values())
        for version in live.values():
            if version not in known:
                chunks = self._library.chunk_stream(scope, version.version_id)
                known[version] = glossary_of(chunk for chunk, _ in islice(chunks, _READ))
                self._read.keep(version, known[version])
        return {document_id: known[version] for document_id, version in live.items()}

    def _brought(self, scope: Scope, chosen: Sequence[_Wanted], *, after: int) -> Iterator[Passage]:
        read = self._library.chunks_with_vectors(scope, [one.entry.chunk_id for one in chosen])
        chunks = {chunk.id: chunk for chunk, _ in read}
        # One that was deleted or replaced meanwhile is not live any more, and does not come.
        there = (one for one in chosen if one.entry.chunk_id in chunks)
        for rank, one in enumerate(there, start=after + 1):
            chunk = _cut(chunks[one.entry.chunk_id], one.entry)
            yield Passage(chunk, one.passage.document, rank, 0.0, why=Why((), (), brought=_why(one)))


def _of(document_id: str, passages: Sequence[Passage]) -> list[Passage]:
    return [one for one in passages if one.chunk.document_id == document_id]


def _wanted(question: str, passages: Sequence[Passage], glossary: Glossary) -> Iterator[_Wanted]:
    """What the passages of one document use."""
    asked = words_of(question)
    common = max(_ALWAYS_RARE, _COMMON * glossary.chunk_count)
    mentioned = [glossary.mentioned(one.chunk.text) for one in passages]
    for passage, entries in zip(passages, mentioned, strict=True):
        for place, (key, entry) in enumerate(entries.items()):
            uses = glossary.used_in[key]
            if uses > common:
                continue
            telling = sum(key in each for each in mentioned) * math.log(glossary.chunk_count / max(uses, 1))
            is_asked = f" {key.lower()} " in asked
            order = (not is_asked, entry.points_elsewhere, -telling, passage.rank, place)
            yield _Wanted(order, entry, passage)


def _covered(entry: Entry, chosen: Sequence[_Wanted]) -> bool:
    """Whether most of it comes already."""
    return any(
        one.entry.chunk_id == entry.chunk_id and one.entry.start < entry.end and entry.start < one.entry.end
        for one in chosen
    )


def _cut(chunk: Chunk, entry: Entry) -> Chunk:
    start, end = chunk.span.start + entry.start, chunk.span.start + entry.end
    return replace(chunk, span=Span(chunk.span.page, start, end), text=chunk.text[entry.start : entry.end])


def _why(one: _Wanted) -> str:
    if one.entry.is_section:
        return f"{one.entry.name}, referred to in passage {one.passage.rank}"
    return f"definition of \u201c{one.entry.name}\u201d, used in passage {one.passage.rank}"
