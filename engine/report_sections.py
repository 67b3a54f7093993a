"""Which of a few documents are companies' reports, and which of their chunks stand under which topic.

A section about what is asked may share no word with the question, and its own words may be common. Which
topics the headings of a report name is read from SQL once for each version. What is a report is known by its
headings too: agreements speak of taxes and insurance as well, and mean other things by them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from engine.keeping import Kept
from engine.report_topics import headings_in, is_report, topics_headed
from storage.library import Library
from storage.live import LiveDocuments
from storage.records import LiveVersion

_CHUNKS_KEPT = 200_000
"""Of all documents together."""
_BEGINNING_CHARACTERS = 160
_ABOVE = 0.5


@dataclass(frozen=True, slots=True)
class Headed:
    """What the headings of one document say."""

    is_report: bool
    topics: dict[str, tuple[frozenset[int], frozenset[int]]]
    """Of each chunk of a report under a topic: by the nearest heading, and by the one above it."""

    @classmethod
    def of(cls, chunks: Sequence[tuple[str, tuple[str, ...], str]]) -> Headed:
        """Read the headings of each chunk: those that it stands under, and those in its first lines."""
        own = {one: (*path[-1:], *headings_in(text)) for one, path, text in chunks}
        if not is_report({each for headings in own.values() for each in headings}):
            return cls(is_report=False, topics={})
        over = {one: path[-2:-1] for one, path, _ in chunks}
        headed = {one: (_topics(own[one]), _topics(over[one])) for one in own}
        return cls(is_report=True, topics={one: each for one, each in headed.items() if any(each)})

    def about(self, topics: frozenset[int]) -> dict[str, float]:
        """Chunks under headings about the topics: 1 where the nearest is, a half where the one above is."""
        return {
            chunk_id: 1.0 if nearest & topics else _ABOVE
            for chunk_id, (nearest, over) in self.topics.items()
            if (nearest | over) & topics
        }


class Sections:
    """Reads headings of documents; threads may share it."""

    def __init__(self, library: Library) -> None:
        """Nothing is read yet."""
        self._library = library
        self._read: Kept[LiveVersion, Headed] = Kept(_CHUNKS_KEPT, weigh=lambda one: 1 + len(one.topics))

    def reports(self, live: LiveDocuments, document_ids: Collection[str]) -> dict[str, Headed]:
        """Those of these documents that are reports, by id; in scope, as they are now."""
        versions = live.versions(document_ids)
        known = self._read.of(versions.values())
        missing = {one.version_id: one for one in versions.values() if one not in known}
        if missing:
            read = self._library.headings_of(live.scope, missing, characters=_BEGINNING_CHARACTERS)
            for version_id, chunks in read.items():
                one = known[missing[version_id]] = Headed.of(chunks)
                self._read.keep(missing[version_id], one)
        found = {document_id: known.get(version) for document_id, version in versions.items()}
        return {document_id: one for document_id, one in found.items() if one and one.is_report}


def _topics(headings: Iterable[str]) -> frozenset[int]:
    return frozenset().union(*map(topics_headed, headings))
