"""Ink that the finder of text overlooks: lone dashes, signs and figures, and lines that a stamp crosses.

In a table the dash says which column is empty, so that it must not be lost. Only ink of a letter's size is
taken: no rules, frames, specks or drawings; and a lone mark only at the height of a line that was found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ingest.ocr_engine import Pixels, Quad, is_tall, sides

_WINDOW = 51
_CONTRAST = 20
"""Levels of grey by which a mark differs from the mean of what lies around it."""
_LETTER = 0.6
"""Height of a capital letter, in heights of a found stretch, which has space around it."""
_NEAR = 0.5
"""Marks so close, in heights of a stretch, are one."""
_LINE_PARTS = 4
"""Marks in a row that are a line of their own."""
_MOST = 1_500
"""A page with more is a drawing or dirty."""

_Box = tuple[int, int, int, int]


def overlooked(pixels: Pixels, quads: Sequence[Quad], tilt: float) -> tuple[list[Quad], list[Quad]]:
    """Dashes, and where something else of a letter's size stands; `tilt` in radians, as the lines fall."""
    wide = [quad for quad in quads if not is_tall(quad)]
    if not wide:
        return [], []
    height = float(np.median([sides(quad)[1] for quad in wide]))
    slope = math.tan(tilt)
    bands = np.array([_band(quad, slope) for quad in wide])
    dashes, others = [], []
    ink = _ink(pixels, quads, height)
    for box, parts in _joined(ink, height * _NEAR) if len(ink) <= _MOST else []:
        x0, y0, x1, y1 = box
        across, down = x1 - x0, y1 - y0
        if parts < _LINE_PARTS and not _in_a_row(box, bands, slope):
            continue
        if down <= 0.2 * height and 2.5 * down <= across <= 1.1 * height:
            dashes.append(_quad(x0, (y0 + y1 - height) / 2, x1, (y0 + y1 + height) / 2))
        elif _LETTER * 0.6 * height <= down <= 1.5 * height:
            pad = 0.25 * height
            others.append(_quad(x0 - pad, y0 - pad, x1 + pad, y1 + pad))
    return dashes, others


def _band(quad: Quad, slope: float) -> tuple[float, float]:
    """The middle and the height of a stretch, where its line meets the left edge of the picture."""
    x, y = quad.mean(axis=0)
    return float(y - slope * x), sides(quad)[1]


def _in_a_row(box: Sequence[float], bands: np.ndarray, slope: float) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return bool((np.abs(bands[:, 0] - (y - slope * x)) <= 0.2 * bands[:, 1]).any())


def _ink(pixels: Pixels, quads: Sequence[Quad], height: float) -> list[_Box]:
    """Boxes of connected ink outside what was found, of a dash's or a letter's size."""
    import cv2

    grey = pixels[:, :, 1]
    ink = cv2.adaptiveThreshold(
        grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, _WINDOW, _CONTRAST
    )
    for quad in quads:
        cv2.fillPoly(ink, [quad.astype(np.int32)], (0,))
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    boxes = []
    for x, y, across, down, _ in stats[1:].tolist():
        dash = across >= 0.35 * height and 2.5 * down <= across
        letter = _LETTER * 0.6 * height <= down <= height
        if across <= 1.5 * height and (dash or letter):
            boxes.append((x, y, x + across, y + down))
    return boxes


def _joined(boxes: list[_Box], gap: float) -> list[tuple[_Box, int]]:
    """Neighbours on a line become one; with each, of how many boxes it was made."""
    joined: list[tuple[_Box, int]] = []
    for box in sorted(boxes):
        for n, (last, parts) in enumerate(joined):
            if box[0] - last[2] <= gap and min(box[3], last[3]) - max(box[1], last[1]) >= -gap / 4:
                x0, y0 = min(box[0], last[0]), min(box[1], last[1])
                joined[n] = (x0, y0, max(box[2], last[2]), max(box[3], last[3])), parts + 1
                break
        else:
            joined.append((box, 1))
    return joined


def _quad(x0: float, y0: float, x1: float, y1: float) -> Quad:
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
