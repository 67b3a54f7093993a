"""Rectangles on a page. Knows no format, so that those who only show boxes import no reader."""

from __future__ import annotations

from typing import NamedTuple

_SAME_LINE = 0.5
"""Share of the lower box's height that two boxes of one line have in common."""
_WORD_GAP = 2.0
"""Widest gap inside one line, in line heights: a wider one parts columns."""


class Box(NamedTuple):
    """A rectangle on a page: fractions of its width and height, the origin at the top left."""

    x0: float
    y0: float
    x1: float
    y1: float


def merged(found: list[Box]) -> list[Box]:
    """Neighbouring boxes of one line become one."""
    lines: list[Box] = []
    for box in found:
        if lines and _continues(lines[-1], box):
            last = lines[-1]
            lines[-1] = Box(
                min(last.x0, box.x0), min(last.y0, box.y0), max(last.x1, box.x1), max(last.y1, box.y1)
            )
        else:
            lines.append(box)
    return lines


def _continues(last: Box, box: Box) -> bool:
    height = min(last.y1 - last.y0, box.y1 - box.y0)
    shared = min(last.y1, box.y1) - max(last.y0, box.y0)
    return shared >= height * _SAME_LINE and -height <= box.x0 - last.x1 <= height * _WORD_GAP
