"""Cut documents into sections that a model reads at once.

Every chunk of a document is in exactly one section, in order, so that coverage can be counted from sections.
This module knows no model: it is handed a way to count tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from storage.records import Chunk

_HEADER_TOKENS = 20
"""For the line above each passage that names document, page and heading."""
_WORTH_A_SECTION = 1 / 3
"""A new heading begins a new section only once this part of the budget is used: each one costs a prompt."""
_HEADING_CHARS = 100


@dataclass(frozen=True, slots=True)
class Section:
    """Consecutive chunks of one version."""

    chunks: tuple[Chunk, ...]

    @property
    def pages(self) -> tuple[int, ...]:
        """Numbers of the pages that it has text of, in order."""
        return tuple(sorted({chunk.span.page for chunk in self.chunks}))

    @property
    def name(self) -> str:
        """The heading that all of it is under; else its first and last, or its pages where some has none."""
        headings = list(dict.fromkeys(_top_heading(chunk) for chunk in self.chunks))
        if all(headings):
            return headings[0] if len(headings) == 1 else f"{headings[0]} \u2013 {headings[-1]}"
        first, last = self.pages[0], self.pages[-1]
        return f"Page {first}" if first == last else f"Pages {first} to {last}"


def plan(chunks: Sequence[Chunk], *, count_tokens: Callable[[str], int], budget: int) -> list[Section]:
    """Group consecutive chunks, at most `budget` tokens each, new top headings on their own where worth it.

    A chunk that is longer than the budget is a section of its own: it is never cut.
    """
    return [Section(tuple(group)) for group in _groups(chunks, count_tokens, budget)]


def _top_heading(chunk: Chunk) -> str:
    return " ".join(chunk.heading_path[0].split())[:_HEADING_CHARS] if chunk.heading_path else ""


def _groups(
    chunks: Sequence[Chunk], count_tokens: Callable[[str], int], budget: int
) -> Iterator[list[Chunk]]:
    group: list[Chunk] = []
    used = 0
    for chunk in chunks:
        tokens = count_tokens(chunk.text) + _HEADER_TOKENS
        full = used + tokens > budget
        turns = bool(group) and chunk.heading_path[:1] != group[-1].heading_path[:1]
        if group and (full or (turns and used > budget * _WORTH_A_SECTION)):
            yield group
            group, used = [], 0
        group.append(chunk)
        used += tokens
    if group:
        yield group
