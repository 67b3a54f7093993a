"""The chunks of a report that stand under headings about what is asked.

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
from storage.records import LiveVersion, Scope

_CHUNKS_KEPT = 200_000
"""Of all documents together."""
_BEGINNING_CHARACTERS = 160
_ABOVE = 0.5


class Sections:
    """Finds sections of documents; threads may share it."""

    def __init__(self, library: Library) -> None:
        """Nothing is read yet."""
        self._library = library
        self._read: Kept[LiveVersion, _Headed] = Kept(_CHUNKS_KEPT, weigh=lambda one: 1 + len(one.topics))

    def about(self, scope: Scope, document_ids: Collection[str], topics: frozenset[int]) -> dict[str, float]:
        """The live chunks of those of the documents that are reports, under headings about the topics.

        By id: 1 where the nearest heading is about one, a half where the one above that is.
        """
        if not topics:
            return {}
        live = self._library.live_versions(scope, document_ids)
        known = self._read.of(live.values())
        missing = {one.version_id: one for one in live.values() if one not in known}
        if missing:
            read = self._library.headings_of(scope, missing, characters=_BEGINNING_CHARACTERS)
            for version_id, chunks in read.items():
                one = known[missing[version_id]] = _Headed.of(chunks)
                self._read.keep(missing[version_id], one)
        return {
            chunk_id: 1.0 if nearest & topics else _ABOVE
            for one in known.values()
            for chunk_id, (nearest, over) in one.topics.items()
            if (nearest | over) & topics
        }


@dataclass(frozen=True, slots=True)
class _Headed:
    """One report's chunks that stand under a topic; of what is no report, none."""

    topics: dict[str, tuple[frozenset[int], frozenset[int]]]
    """By the nearest heading, and by the one above it."""

    @classmethod
    def of(cls, chunks: Sequence[tuple[str, tuple[str, ...], str]]) -> _Headed:
        """Read the headings of each chunk: those that it stands under, and those in its first lines."""
        own = {one: (*path[-1:], *headings_in(text)) for one, path, text in chunks}
        if not is_report({each for headings in own.values() for each in headings}):
            return cls({})
        over = {one: path[-2:-1] for one, path, _ in chunks}
        headed = {one: (_topics(own[one]), _topics(over[one])) for one in own}
        return cls({one: each for one, each in headed.items() if any(each)})


def _topics(headings: Iterable[str]) -> frozenset[int]:
    return frozenset().union(*map(topics_headed, headings))
