"""Read the text of a picture of a page, and tell how sure that reading is.

Pages in Latin letters and in Chinese can be read; other scripts come out with a low confidence, not as words.
Used inside the reading process, which bounds the memory.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ingest.ocr_engine import Line, OcrMissing, Pixels, Quad, cut_out, find_text, is_tall, read_lines, sides
from ingest.ocr_layout import Stretch, Word, in_order
from ingest.ocr_marks import overlooked
from ingest.readers.boxes import Box
from storage.records import Place

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ("OcrMissing", "OcrText", "agrees", "doubt", "read_picture")

_DETECTED_PIXELS = 4_200_000
"""A4 at 200 dpi: finding text in more takes more memory than a reading process has."""
_KEPT_PIXELS = 17_000_000
_SMALL_TEXT = 20
"""Pixels of height below which text is enlarged before it is looked for again."""
_SURE = 0.5
"""A stretch less sure than this is a picture's pattern or an unknown script, and gives no text."""
_RELIABLE = 0.75
"""A page less sure than this has words missing or wrong in most of its lines."""
_UPRIGHT = 0.88
"""Lines surer than this are not upside down."""
_SAMPLE = 8
_STACKED = 1.5
_STACK_SURE = 0.9
_STACK_GAP = 0.2
"""Blank rows between stacked figures, in heights of a line."""
_FAINT = 48
"""Levels of grey by which ink differs from paper."""


_DASH = Line("\N{EM DASH}", (0.5,), (0.9,), 1.0)
_WORD = re.compile(r"\S+?(?=(?<=[\d)])[$£€¥]|\s|$)")
_LEADER = frozenset(".·…")
"""What leads from a label to its figure."""


@dataclass(frozen=True, slots=True)
class OcrText:
    """What a picture says."""

    text: str
    """Lines in reading order; cells of a table's row stand on one line, two spaces apart."""
    places: tuple[Place, ...]
    """One a word, in fractions of the picture as it was given."""
    confidence: float
    """How sure the reading is, from 0 to 1, found but unread text counted; 1 where there is no text."""
    rotation: int
    """Degrees clockwise (0, 90, 180 or 270) by which the picture was turned to be read."""


def read_picture(image: Image) -> OcrText:
    """Read a page's picture, upright or not, level or nearly so.

    Raises:
        OcrMissing: what reads pictures is not installed.
    """
    pixels = _pixels(image)
    turned, quads = _upright(pixels, _detected(pixels))
    upright = np.ascontiguousarray(np.rot90(pixels, -turned // 90))
    quads = list(_parted(upright, quads))
    lines = read_lines([cut_out(upright, quad) for quad in quads])
    if quads and _mean(lines) < _UPRIGHT and _reads_better_reversed(upright, quads, lines):
        turned = (turned + 180) % 360
        upright = np.ascontiguousarray(np.rot90(upright, 2))
        height, width = upright.shape[:2]
        quads = [np.array([width, height], np.float32) - quad[[2, 3, 0, 1]] for quad in quads]
        lines = read_lines([cut_out(upright, quad) for quad in quads])
    dashes, marks = overlooked(upright, quads, _tilt(quads))
    seen = read_lines([cut_out(upright, quad) for quad in marks])
    quads += dashes + [quad for quad, line in zip(marks, seen, strict=True) if _is_text(line)]
    lines += [_DASH] * len(dashes) + [line for line in seen if _is_text(line)]
    return _composed(upright.shape[:2], turned, quads, lines)


def doubt(found: OcrText) -> str | None:
    """Why a person should look at the page instead of relying on its text; None where they need not."""
    if found.confidence >= _RELIABLE:
        return None
    return (
        "much of it could not be read: it is unclear, handwritten or in letters other than Latin or Chinese; "
        "look at it yourself or ask for a better scan"
    )


def agrees(image: Image, lines: Sequence[tuple[str, Box]]) -> float:
    """How well what stands at those places of a picture matches the texts, from 0 (nothing does) to 1.

    Raises:
        OcrMissing: what reads pictures is not installed.
    """
    pixels = _pixels(image)
    height, width = pixels.shape[:2]
    texts, crops = [], []
    for text, box in lines:
        if not _letters(text):
            continue
        pad = (box.y1 - box.y0) * height * 0.2
        x0, x1 = max(0, round(box.x0 * width - pad)), min(width, round(box.x1 * width + pad))
        y0, y1 = max(0, round(box.y0 * height - pad)), min(height, round(box.y1 * height + pad))
        texts.append(_letters(text))
        crops.append(pixels[y0:y1, x0:x1])
    if not texts:
        return 1.0
    found = read_lines(crops)
    alike = [
        difflib.SequenceMatcher(None, text, _letters(line.text), autojunk=False).ratio()
        for text, line in zip(texts, found, strict=True)
    ]
    return sum(a * len(t) for a, t in zip(alike, texts, strict=True)) / sum(map(len, texts))


def _letters(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _pixels(image: Image) -> Pixels:
    """Blue, green, red, as the models want them; a huge picture is made smaller."""
    if image.width * image.height > _KEPT_PIXELS:
        scale = math.sqrt(_KEPT_PIXELS / (image.width * image.height))
        image = image.resize((max(1, int(image.width * scale)), max(1, int(image.height * scale))))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        from PIL import Image as Pictures

        image = image.convert("RGBA")
        image = Pictures.alpha_composite(Pictures.new("RGBA", image.size, "white"), image)
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])


def _detected(pixels: Pixels) -> list[Quad]:
    """Stretches of text. Small letters are enlarged, as far as memory allows, and looked for again."""
    room = math.sqrt(_DETECTED_PIXELS / (pixels.shape[0] * pixels.shape[1]))
    quads = find_text(pixels, min(1.0, room))
    if quads and room > 1.2 and (height := float(np.median([min(sides(q)) for q in quads]))) < _SMALL_TEXT:
        quads = find_text(pixels, min(room, 2.0, 1.5 * _SMALL_TEXT / height)) or quads
    return quads


def _upright(pixels: Pixels, quads: list[Quad]) -> tuple[int, list[Quad]]:
    """By how many degrees the picture must be turned for its lines to run across, and its quads then.

    Upside down is not told apart here.
    """
    tall = sum(max(sides(quad)) for quad in quads if is_tall(quad))
    wide = sum(sides(quad)[0] for quad in quads if not is_tall(quad))
    if tall <= wide:
        return 0, quads
    width = pixels.shape[1]
    # Turned clockwise by 270: a point (x, y) goes to (y, width - x).
    turned = [
        np.stack([quad[:, 1], width - quad[:, 0]], axis=1)[[1, 2, 3, 0]].astype(np.float32) for quad in quads
    ]
    return 270, turned


def _parted(pixels: Pixels, quads: Sequence[Quad]) -> Iterator[Quad]:
    """Figures above each other that were found as one stretch, as rows; other stretches as they are."""
    usual = float(np.median([min(sides(quad)) for quad in quads])) if quads else 0.0
    for quad in quads:
        width, height = sides(quad)
        if height <= _STACKED * usual or width > _STACKED * height:
            yield quad
            continue
        (x0, y0), (x1, y1) = quad.min(axis=0).clip(0).astype(int), quad.max(axis=0).astype(int)
        stacked = []
        for top, bottom in _ink_rows(pixels[y0:y1, x0:x1, 1], least=_STACK_GAP * usual):
            pad = max(usual - (bottom - top), _STACK_GAP * usual) / 2
            a, b = y0 + top - pad, y0 + bottom + pad
            stacked.append(np.array([[x0, a], [x1, a], [x1, b], [x0, b]], np.float32))
        # It may as well be a line that runs up the page: what reads better is right.
        as_rows = _mean(read_lines([cut_out(pixels, row) for row in stacked]))
        if as_rows >= _STACK_SURE or as_rows >= _mean(read_lines([cut_out(pixels, quad)])):
            yield from stacked
        else:
            yield quad


def _ink_rows(grey: npt.NDArray[np.uint8], *, least: float) -> list[list[int]]:
    """First row and first row after each band of ink; bands less than `least` rows apart are one."""
    level = grey.astype(np.int16)
    ink = (np.abs(level - np.median(level)) > _FAINT).any(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], ink, [False]]).astype(np.int8)))
    bands: list[list[int]] = []
    for top, bottom in edges.reshape(-1, 2).tolist():
        if bands and top - bands[-1][1] < least:
            bands[-1][1] = bottom
        else:
            bands.append([top, bottom])
    return bands


def _reads_better_reversed(pixels: Pixels, quads: Sequence[Quad], lines: Sequence[Line]) -> bool:
    longest = sorted(range(len(quads)), key=lambda i: -sides(quads[i])[0])[:_SAMPLE]
    crops = [np.ascontiguousarray(np.rot90(cut_out(pixels, quads[i]), 2)) for i in longest]
    return _mean(read_lines(crops)) > _mean([lines[i] for i in longest])


def _mean(lines: Sequence[Line]) -> float:
    sure = [one for line in lines for one in line.sure]
    return sum(sure) / len(sure) if sure else 0.0


def _composed(shape: tuple[int, ...], turned: int, quads: Sequence[Quad], lines: Sequence[Line]) -> OcrText:
    height, width = shape
    tilt = _tilt(quads)
    stretches: list[Stretch] = []
    origin: dict[int, Box] = {}
    total = weighed = 0.0
    for quad, line in zip(quads, lines, strict=True):
        across, confidence = sides(quad)[0], line.confidence
        total += across
        weighed += across * confidence
        if confidence < _SURE or not line.text.strip():
            continue
        words = []
        for text, start, end, sure in _words(line):
            if _LEADER.issuperset(text):
                continue
            corners = _slice(quad, start, end)
            level = _levelled(corners, tilt)
            word = Word(text, *level, sure)
            origin[id(word)] = _given(corners, turned, width, height)
            words.append(word)
        if words:
            stretches.append(Stretch(tuple(words)))
    text, placed = in_order(stretches)
    places = tuple(Place(start, end, *origin[id(word)]) for start, end, word in placed)
    return OcrText(text, places, weighed / total if total else 1.0, turned)


def _words(line: Line) -> Iterator[tuple[str, float, float, float]]:
    """Each word with the shares of the line's width where it begins and ends, and how sure it is."""
    count = len(line.at)
    pitch = (line.at[-1] - line.at[0]) / (count - 1) if count > 1 else 1.0
    # The sign of the next column's currency begins a word, though it may stand close.
    for found in re.finditer(_WORD, line.text):
        start, end = found.span()
        sure = sum(line.sure[start:end]) / (end - start)
        left = max(0.0, line.at[start] - pitch * 0.6)
        right = min(1.0, line.at[end - 1] + pitch * 0.6)
        yield found.group(), left, right, sure


def _slice(quad: Quad, start: float, end: float) -> Quad:
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    return np.stack(
        [quad[0] + top * start, quad[0] + top * end, quad[3] + bottom * end, quad[3] + bottom * start]
    )


def _is_text(line: Line) -> bool:
    return line.confidence >= _RELIABLE and line.text.isascii() and bool(line.text.strip())


def _tilt(quads: Sequence[Quad]) -> float:
    """Radians by which the lines fall to the right; the wider half decides."""
    wide = sorted((quad for quad in quads if not is_tall(quad)), key=lambda q: -sides(q)[0])
    slopes = [
        math.atan2(float(q[1][1] - q[0][1]), float(q[1][0] - q[0][0])) for q in wide[: len(wide) // 2 + 1]
    ]
    return float(np.median(slopes)) if slopes else 0.0


def _levelled(corners: Quad, tilt: float) -> Box:
    cos, sin = math.cos(-tilt), math.sin(-tilt)
    level = corners @ np.array([[cos, sin], [-sin, cos]], np.float32)
    (x0, y0), (x1, y1) = level.min(axis=0), level.max(axis=0)
    return Box(float(x0), float(y0), float(x1), float(y1))


def _given(corners: Quad, turned: int, width: int, height: int) -> Box:
    """Corners in the upright picture as a box in the picture as given, in fractions."""
    x, y = corners[:, 0] / width, corners[:, 1] / height
    x, y = {0: (x, y), 90: (y, 1 - x), 180: (1 - x, 1 - y), 270: (1 - y, x)}[turned]
    low, high = (np.clip(f, 0, 1) for f in (np.array([x.min(), y.min()]), np.array([x.max(), y.max()])))
    return Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]))
