"""Which of a few documents are companies' reports, and which of their chunks stand under which topic.

A section about what is asked may share no word with the question, and its own words may be common. What the
headings of one version say never changes; `engine.inside` keeps it. What is a report is known by them too:
agreements speak of taxes and insurance as well, and mean other things by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.report_topics import headings_in, is_report, topics_headed
from storage.chunk_store import Headings

BEGINNING_CHARACTERS = 160
"""Of each chunk's text, in which a heading of its own may stand."""
_ABOVE = 0.5


@dataclass(frozen=True, slots=True)
class Headed:
    """What the headings of one document say."""

    is_report: bool
    topics: dict[str, tuple[frozenset[int], frozenset[int]]]
    """Of each chunk of a report under a topic: by the nearest heading, and by the one above it."""

    @classmethod
    def of(cls, chunks: Sequence[Headings]) -> Headed:
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


def _topics(headings: Iterable[str]) -> frozenset[int]:
    return frozenset().union(*map(topics_headed, headings))
