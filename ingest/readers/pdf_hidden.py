"""Text of a PDF page that nobody who looks at the page would see.

Looked at is the first character of every word, and one in the middle of a long one: what makes text
invisible is the work of whole words. Text that might be hidden by its colour or by what lies on it is taken
away from the page and the page drawn again: if that changes nothing, nobody sees it. Not found: text cut away
by a clipping path, and one hidden line right under a visible one of the same suspicious kind.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
import pypdfium2.raw as raw

from ingest.readers.pdf_annotations import marked
from ingest.readers.pdf_objects import Drawn, TooLarge, picture_of, undrawn
from ingest.readers.pdf_struck import struck
from ingest.readers.pdf_text import Boxes, PageText, address, character_boxes, quick

INVISIBLE = "drawn invisibly"
TRANSPARENT = "transparent"
OUTSIDE = "outside the page"
TINY = "too small to read"
COVERED = "covered by a shape or a picture"
SAME_COLOUR = "in the colour of what is behind it"
REDACTED = "marked for redaction and still there"
SWITCHED_OFF = "on a layer that is switched off"

_DRAWN_MARKS = "".join(
    map(chr, (0x2022, *range(0x25A0, 0x2600), *range(0x2610, 0x2613), *range(0x2713, 0x2719)))
)
"""Ticks, boxes and bullets: programs draw them as pictures and lay the unseen sign over them."""
_PIECE = re.compile(r"[!-~\u2010-\u201f]{1,12}|\S{1,8}")
"""A word, or a part of a longer one; less of it where letters mean more than in Latin."""
_TINY_POINTS = 1.5
_USUAL_PAGE = 792
"""Points of a letter page's longer side: on a smaller page smaller letters can be read."""
_FAINT = 26
"""Opacity, of 255, below which a letter leaves no trace."""
_LIGHT = 200
"""Brightness, of 255, from which letters may be those of white on white."""
_VISIBLE_CONTRAST = 24
"""Change of a colour, of 255, that an eye sees."""
_CELLS = 400
"""Cells across and down a page, to tell what lies under and over its text."""
_DPI = 144

Flags = npt.NDArray[np.bool_]
Shapes = npt.NDArray[np.float64]
_Pointer = ctypes.c_void_p
_text_object = quick(raw.FPDFText_GetTextObject, _Pointer, _Pointer, ctypes.c_int)
_render_mode = quick(raw.FPDFTextObj_GetTextRenderMode, ctypes.c_int, _Pointer)
_fill_colour = quick(raw.FPDFPageObj_GetFillColor, ctypes.c_int, *([_Pointer] * 5))
_stroke_colour = quick(raw.FPDFPageObj_GetStrokeColor, ctypes.c_int, *([_Pointer] * 5))
_STROKED = (raw.FPDF_TEXTRENDERMODE_STROKE, raw.FPDF_TEXTRENDERMODE_STROKE_CLIP)


@dataclass(frozen=True, slots=True)
class HiddenSpan:
    """Characters `start` up to `end` of the page's text, and how they hide."""

    start: int
    end: int
    why: str


@dataclass(frozen=True, slots=True)
class Sight:
    """What of a page's text can be seen."""

    hidden: tuple[HiddenSpan, ...]
    behind_picture: tuple[tuple[int, int], ...]
    """Text nobody sees that stands where a picture is: the words of a searchable scan, or a lie about it."""
    drawn: Drawn
    struck: tuple[tuple[int, int], ...] = ()
    """Text with a line through it."""


@dataclass(frozen=True, slots=True)
class _Pieces:
    spans: list[tuple[int, int]]
    indices: list[int]
    objects: list[int]
    modes: npt.NDArray[np.int64]
    colours: npt.NDArray[np.uint32]
    boxes: Boxes


def look(
    page: pdfium.PdfPage, listed: pdfium.PdfTextPage, text: PageText, objects: Drawn, *, has_layers: bool
) -> Sight:
    """Tell which text of a page hides; `objects` is all that is drawn on it.

    `has_layers`: the file has parts that can be switched off, so that any text may be.
    """
    if not text.text.strip():
        return Sight((), (), objects)
    pieces = _pieces(listed, text)
    why: list[str | None] = [None] * len(pieces.spans)
    for reason, found in (
        (TINY, _tiny(page, listed, pieces)),
        (OUTSIDE, _outside(page, pieces)),
        (INVISIBLE, pieces.modes == raw.FPDF_TEXTRENDERMODE_INVISIBLE),
        (REDACTED, _redacted(page, pieces)),
    ):
        for each in np.flatnonzero(found).tolist():
            why[each] = reason
    for at, reason in _unseen(page, pieces, objects, why, has_layers=has_layers):
        why[at] = reason
    crossed = tuple(struck(page, listed, text, rules=objects.rules, some=pieces.boxes))
    if not any(why):
        return Sight((), (), objects, crossed)
    for at, (start, end) in enumerate(pieces.spans):
        if why[at] in (TRANSPARENT, INVISIBLE) and not text.text[start:end].strip(_DRAWN_MARKS):
            why[at] = None
    over = _over_picture(page, pieces, objects)
    behind = [why[at] in (INVISIBLE, COVERED, TRANSPARENT) and bool(over[at]) for at in range(len(why))]
    spans = _joined(text.text, pieces.spans, [None if behind[at] else one for at, one in enumerate(why)])
    layer = _joined(text.text, pieces.spans, ["" if one else None for one in behind])
    return Sight(tuple(spans), tuple((one.start, one.end) for one in layer), objects, crossed)


def _pieces(listed: pdfium.PdfTextPage, text: PageText) -> _Pieces:
    spans = [match.span() for match in _PIECE.finditer(text.text)]
    indices = [text.indices[start] for start, _ in spans]
    handles = [one or 0 for one in map(_text_object, repeat(address(listed)), indices)]
    known = handles if all(handles) else [handle for handle in handles if handle]
    modes = np.full(len(spans), raw.FPDF_TEXTRENDERMODE_FILL, np.int64)
    colours = np.zeros((len(spans), 4), np.uint32)
    colours[:, 3] = 255
    where = np.flatnonzero(np.array(handles, np.uint64))
    modes[where] = list(map(_render_mode, known))
    starts = colours.ctypes.data + 16 * where
    list(map(_fill_colour, known, *((starts + n).tolist() for n in (0, 4, 8, 12))))
    for at in np.flatnonzero((modes == _STROKED[0]) | (modes == _STROKED[1])):
        start = colours.ctypes.data + 16 * int(at)
        _stroke_colour(handles[int(at)], *(start + n for n in (0, 4, 8, 12)))
    return _Pieces(spans, indices, handles, modes, colours, character_boxes(listed, indices))


def _tiny(page: pdfium.PdfPage, listed: pdfium.PdfTextPage, pieces: _Pieces) -> Flags:
    limit = _TINY_POINTS * min(1.0, max(page.get_size()) / _USUAL_PAGE)
    found: Flags = np.maximum(*_sides(pieces.boxes)) < limit
    matrix = raw.FS_MATRIX()
    for at in np.flatnonzero(found):
        # A full stop is as small in a large font: what counts is the font's size as shown.
        size = raw.FPDFText_GetFontSize(listed, pieces.indices[at])
        if raw.FPDFText_GetMatrix(listed, pieces.indices[at], matrix):
            size *= float(np.hypot(matrix.c, matrix.d))
        found[at] = 0 < size < limit
    return found


def _outside(page: pdfium.PdfPage, pieces: _Pieces) -> Flags:
    left, bottom, right, top = page.get_bbox()
    boxes = pieces.boxes
    beyond = (boxes[:, 1] < left) | (boxes[:, 0] > right) | (boxes[:, 3] < bottom) | (boxes[:, 2] > top)
    found: Flags = beyond & ((boxes != 0).any(axis=1))
    return found


def _redacted(page: pdfium.PdfPage, pieces: _Pieces) -> Flags:
    x, y = pieces.boxes[:, :2].mean(axis=1), pieces.boxes[:, 2:].mean(axis=1)
    found = np.zeros(len(pieces.spans), bool)
    for left, bottom, right, top in marked(page, raw.FPDF_ANNOT_REDACT):
        found |= (x > left) & (x < right) & (y > bottom) & (y < top)
    return found


def _unseen(
    page: pdfium.PdfPage, pieces: _Pieces, objects: Drawn, why: list[str | None], *, has_layers: bool
) -> Iterator[tuple[int, str]]:
    shapes = objects.shapes[objects.shapes[:, 8] > 0]
    last = _last_shape(page, pieces, shapes)
    light = pieces.colours[:, :3].min(axis=1) >= _LIGHT
    faint = pieces.colours[:, 3] < _FAINT
    doubted = (last >= 0) | light | faint
    if has_layers:
        doubted = np.ones_like(light)
    if not doubted.any():
        return
    turns = np.full(len(doubted), -1.0)
    turns[doubted] = objects.turns(pieces.objects[at] for at in np.flatnonzero(doubted).tolist())
    covered, alike, on_picture = _overlaps(pieces, turns, shapes, last)
    if not has_layers:
        doubted = covered | alike | on_picture | light | faint
    undecided = np.array([one is None for one in why]) & (turns >= 0)
    candidates = np.flatnonzero(doubted & undecided & (np.minimum(*_sides(pieces.boxes)) > 0))
    if not len(candidates):
        return
    try:
        shown = _shown(page, pieces, candidates)
    except TooLarge:
        return
    for at in candidates[~shown]:
        if faint[at]:
            yield int(at), TRANSPARENT
        elif covered[at]:
            yield int(at), COVERED
        elif light[at] or alike[at] or on_picture[at]:
            yield int(at), SAME_COLOUR
        else:
            yield int(at), SWITCHED_OFF


def _shown(page: pdfium.PdfPage, pieces: _Pieces, candidates: npt.NDArray[np.int64]) -> Flags:
    with_them = picture_of(page, dpi=_DPI).astype(np.int16)
    with undrawn({pieces.objects[at] for at in candidates}):
        without = picture_of(page, dpi=_DPI)
    changed = np.abs(with_them - without).max(axis=2) >= _VISIBLE_CONTRAST
    height, width = changed.shape
    found = np.zeros(len(candidates), bool)
    for n, at in enumerate(candidates):
        x0, y0, x1, y1 = _on_picture(page, pieces.boxes[at], width, height)
        found[n] = bool(changed[y0:y1, x0:x1].any())
    return found


def _on_picture(page: pdfium.PdfPage, box: Boxes, width: int, height: int) -> tuple[int, int, int, int]:
    across, down = ctypes.c_int(), ctypes.c_int()
    corners = []
    for x, y in ((box[0], box[2]), (box[1], box[3])):
        raw.FPDF_PageToDevice(page, 0, 0, width, height, 0, x, y, ctypes.byref(across), ctypes.byref(down))
        corners.append((across.value, down.value))
    (xa, ya), (xb, yb) = corners
    x0, y0 = max(0, min(xa, xb)), max(0, min(ya, yb))
    return x0, y0, max(x0, max(xa, xb)) + 1, max(y0, max(ya, yb)) + 1


def _overlaps(
    pieces: _Pieces, turns: npt.NDArray[np.float64], shapes: Shapes, last: npt.NDArray[np.int64]
) -> tuple[Flags, Flags, Flags]:
    """Per piece, of what was drawn last at its place: it lies over it, has its colour, is a picture."""
    lies = last >= 0
    if not lies.any():
        return lies, lies, lies
    over = shapes[last]
    covered = lies & (over[:, 4] > turns)
    near = np.max(np.abs(over[:, 5:8] - pieces.colours[:, :3]), axis=1) < _VISIBLE_CONTRAST
    return covered, lies & near, lies & (over[:, 5] < 0)


def _over_picture(page: pdfium.PdfPage, pieces: _Pieces, objects: Drawn) -> Flags:
    found: Flags = _last_shape(page, pieces, objects.pictures) >= 0
    return found


def _last_shape(page: pdfium.PdfPage, pieces: _Pieces, shapes: Shapes) -> npt.NDArray[np.int64]:
    """Per piece, which shape was drawn last where its middle is; -1 for none."""
    if not len(shapes):
        return np.full(len(pieces.spans), -1, np.int64)
    left, bottom, right, top = page.get_bbox()
    scale = np.array([_CELLS / max(right - left, 0.01), _CELLS / max(top - bottom, 0.01)])
    corner = np.array([left, bottom])
    ends = (np.clip((shapes[:, :4].reshape(-1, 2, 2) - corner) * scale, 0, _CELLS) + 0.5).astype(int)
    grid = np.full((_CELLS + 1, _CELLS + 1), -1, np.int16)
    # Painted one over the other, as the page is: cheaper than each piece of text against each shape.
    for number, ((x0, y0), (x1, y1)) in enumerate(ends.tolist()):
        grid[y0:y1, x0:x1] = number
    middles = (pieces.boxes[:, [0, 2]] + pieces.boxes[:, [1, 3]]) / 2
    cells = np.clip((middles - corner) * scale, 0, _CELLS).astype(int)
    found: npt.NDArray[np.int64] = grid[cells[:, 1], cells[:, 0]].astype(np.int64)
    return found


def _sides(boxes: Boxes) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]


def _joined(text: str, spans: list[tuple[int, int]], why: list[str | None]) -> Iterator[HiddenSpan]:
    """Neighbours that hide alike become one."""
    open_span: HiddenSpan | None = None
    for (start, end), reason in zip(spans, why, strict=True):
        if open_span is not None and reason == open_span.why and not text[open_span.end : start].strip():
            open_span = HiddenSpan(open_span.start, end, reason)
            continue
        if open_span is not None:
            yield open_span
        open_span = None if reason is None else HiddenSpan(start, end, reason)
    if open_span is not None:
        yield open_span
