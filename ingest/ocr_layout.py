"""Put recognised words in reading order: the rows of a table stay rows, columns of prose are read one by one.

Knows nothing of pictures or models. Lengths are pixels of the picture as it was read, upright and level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

_SAME_ROW = 0.65
"""Share of the lower one's height that two stretches of one row have in common."""
_CELL_GAP = 1.0
"""Widest gap inside one cell, in heights of the line: a wider one is shown as two spaces."""
_COLUMN_ROWS = 5
"""Fewer rows than this are not taken for columns of prose."""
_PROSE_WORDS = 3
_PROSE_SHARE = 0.6
_FULL_LINE = 0.6
"""A line of prose fills at least this share of its column; a table's cell seldom does."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word, where it stands, and how sure the recogniser is of it, from 0 to 1."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """Words in one go, as the detector found them: a line of prose, a cell of a table or several."""

    words: tuple[Word, ...]

    @property
    def x0(self) -> float:
        return self.words[0].x0

    @property
    def x1(self) -> float:
        return self.words[-1].x1

    @property
    def y0(self) -> float:
        return min(word.y0 for word in self.words)

    @property
    def y1(self) -> float:
        return max(word.y1 for word in self.words)

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2


Row = list[Stretch]


def in_order(stretches: Sequence[Stretch]) -> tuple[str, list[tuple[int, int, Word]]]:
    """The text, one line a row, and every word with the characters (start, end) that it takes in it."""
    text: list[str] = []
    placed: list[tuple[int, int, Word]] = []
    at = 0
    for row in _blocks(_rows(stretches)):
        words = [word for stretch in row for word in stretch.words]
        height = float(np.median([stretch.height for stretch in row]))
        for n, word in enumerate(words):
            gap = "" if n == 0 else "  " if word.x0 - words[n - 1].x1 > height * _CELL_GAP else " "
            at += len(gap)
            placed.append((at, at + len(word.text), word))
            at += len(word.text)
            text += gap, word.text
        text.append("\n")
        at += 1
    return "".join(text).removesuffix("\n"), placed


def _rows(stretches: Sequence[Stretch]) -> list[Row]:
    """Rows from top to bottom, each from left to right."""
    rows: list[Row] = []
    for stretch in sorted(stretches, key=lambda one: one.middle):
        for row in reversed(rows[-3:]):
            if _in_row(row, stretch):
                row.append(stretch)
                break
        else:
            rows.append([stretch])
    for row in rows:
        row.sort(key=lambda one: one.x0)
    return rows


def _in_row(row: Row, stretch: Stretch) -> bool:
    # Its nearest neighbour decides: a row that sags over the width of a page is still one row.
    near = min(row, key=lambda one: max(stretch.x0 - one.x1, one.x0 - stretch.x1))
    if min(near.x1, stretch.x1) - max(near.x0, stretch.x0) > 0.5 * min(near.height, stretch.height):
        return False
    shared = min(near.y1, stretch.y1) - max(near.y0, stretch.y0)
    return shared >= _SAME_ROW * min(near.height, stretch.height)


def _blocks(rows: list[Row]) -> Iterator[Row]:
    """The rows in reading order: where a gutter parts columns of prose, the left one comes first."""
    at = 0
    while at < len(rows):
        gutter, end = _gutter(rows, at)
        if gutter is None:
            yield rows[at]
            at += 1
            continue
        inside = rows[at:end]
        for side in (True, False):
            column = [one for row in inside for one in row if (one.x1 <= gutter) is side]
            yield from _blocks(_rows(column))
        at = end


def _gutter(rows: list[Row], start: int) -> tuple[float | None, int]:
    """Where two columns of prose part from the row `start` on, and the first row that is whole again."""
    if len(rows[start]) < 2:
        return None, start
    for left, right in pairwise(rows[start]):
        x = (left.x1 + right.x0) / 2
        end = start
        while end < len(rows) and not any(one.x0 < x < one.x1 for one in rows[end]):
            end += 1
        inside = rows[start:end]
        sides = [[one for row in inside for one in row if (one.x1 <= x) is side] for side in (True, False)]
        if all(_is_prose(side) for side in sides):
            return x, end
    return None, start


def _is_prose(column: Sequence[Stretch]) -> bool:
    if len(column) < _COLUMN_ROWS:
        return False
    width = max(one.x1 for one in column) - min(one.x0 for one in column)
    running = [
        one
        for one in column
        if len(one.words) >= _PROSE_WORDS
        and one.x1 - one.x0 >= width * _FULL_LINE
        and sum(any(c.isdigit() for c in word.text) for word in one.words) * 2 < len(one.words)
    ]
    return len(running) >= _PROSE_SHARE * len(column)
