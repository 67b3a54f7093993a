"""The lines of a page's text, with where they stand, and what a line may need to be told from elsewhere.

This module knows nothing of tokens, chunks or formats.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LONG = 300
_LOST_BREAK = re.compile(r"[ \t\u00a0]{4,}")


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank, white space at both ends left out.

    Where a very long line has wide gaps, its line breaks were lost: each part between them is a line.
    """

    start: int
    end: int
    text: str
    gap: bool
    """True where a blank line, or the head of the page, stands above it."""


@dataclass(frozen=True, slots=True)
class Told:
    """Words from elsewhere without which a line cannot be understood: a table's header, a list's lead-in."""

    text: str
    at: int | None
    """Where they begin on this page; None for an earlier page."""
    rank: int = 0
    """What goes in first when there is little room: the lowest."""


def lines_of(text: str) -> list[Line]:
    """The lines of a page, in order."""
    found: list[Line] = []
    position, blank = 0, True
    for raw in text.splitlines(keepends=True):
        stripped = raw.strip()
        if stripped:
            start = position + len(raw) - len(raw.lstrip())
            for first, part in _parts(stripped):
                found.append(Line(start + first, start + first + len(part), part, blank and not first))
        blank = not stripped
        position += len(raw)
    return found


def _parts(line: str) -> Iterator[tuple[int, str]]:
    if len(line) <= _LONG:
        yield 0, line
        return
    start = 0
    for gap in _LOST_BREAK.finditer(line):
        yield start, line[start : gap.start()]
        start = gap.end()
    yield start, line[start:]
