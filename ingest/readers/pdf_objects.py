"""What is drawn on a PDF page, in the order in which it is drawn, and what the page looks like.

Lengths are points of the page; pictures of it are bounded in pixels, whatever size the file claims.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, count, repeat

import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
import pypdfium2.raw as raw

from ingest.readers.pdf_annotations import covers
from ingest.readers.pdf_text import address, quick, quickest

Pixels = npt.NDArray[np.uint8]

POINTS_PER_INCH = 72
_MAX_PIXELS = 12_000_000
_MAX_SIDE = 16_000
_MOST_SHAPES = 2_000
_LEAST_SHAPE = 2.0
"""Points: what is thinner is a rule and covers nothing."""
_ONE_LINE = 2
"""Segments of a path that is one straight line: where it begins, where it goes."""
_LEAST_COVER = 4.0
"""Points: a thinner line covers no letter."""
_THIN = 2.5
_LEAST_RULE = 3.0
"""Points: how thin and how long a line is that may strike a word."""
_MOST_OBJECTS = 400_000
_DEPTH = 5
_MOST_PICTURE_PIXELS = 250_000_000
"""A picture with more takes more memory to draw than a reading process has."""
_LEAST_SHOWN = 0.04
"""Share of a page that a picture has at least to be missed."""
_OPAQUE = 250
_NEAR = 500
"""Objects: looking through them one by one takes no longer than ordering all."""

_Pointer = ctypes.c_void_p
_get_object = quickest(raw.FPDFPage_GetObject, _Pointer)
_get_inner = quick(raw.FPDFFormObj_GetObject, _Pointer, _Pointer, ctypes.c_ulong)
_count_inner = quick(raw.FPDFFormObj_CountObjects, ctypes.c_int, _Pointer)
_get_type = quick(raw.FPDFPageObj_GetType, ctypes.c_int, _Pointer)
_get_matrix = quick(raw.FPDFPageObj_GetMatrix, ctypes.c_int, _Pointer, _Pointer)
_get_bounds = quick(raw.FPDFPageObj_GetBounds, ctypes.c_int, *([_Pointer] * 5))
_get_fill = quick(raw.FPDFPageObj_GetFillColor, ctypes.c_int, *([_Pointer] * 5))
_get_stroke = quick(raw.FPDFPageObj_GetStrokeColor, ctypes.c_int, *([_Pointer] * 5))
_get_draw_mode = quick(raw.FPDFPath_GetDrawMode, ctypes.c_int, *([_Pointer] * 3))
_count_segments = quick(raw.FPDFPath_CountSegments, ctypes.c_int, _Pointer)
_get_pixel_size = quick(raw.FPDFImageObj_GetImagePixelSize, ctypes.c_int, *([_Pointer] * 3))
_set_active = quick(raw.FPDFPageObj_SetIsActive, ctypes.c_int, _Pointer, ctypes.c_int)

Matrix = npt.NDArray[np.float64]
_AS_IT_IS: Matrix = np.eye(3)
_Met = tuple[float, int, int, Matrix]
"""Turn, kind and address of an object, and the matrix of the form around it."""


class TooLarge(Exception):
    """A picture on the page is too large to be drawn: the text says how large."""


class Undrawable(Exception):
    """A picture on the page cannot be drawn, so that its place looks blank."""


@dataclass(frozen=True)
class Drawn:
    """The objects of a page, flattened."""

    handles: list[int]
    """Addresses of the objects that stand on the page itself, in the order of their turns."""
    kinds: bytes
    """What each of them is, as PDFium counts kinds."""
    texts_in_forms: dict[int, float]
    """Turn of each text object inside a form, by its address."""
    shapes: npt.NDArray[np.float64]
    """Filled paths and pictures: left, bottom, right, top, turn, red, green, blue, opaque, is picture."""
    rules: npt.NDArray[np.float64]
    """Thin level lines: left, bottom, right, top."""
    paths: int
    """How many paths and shadings there are, the thin ones included."""

    @property
    def pictures(self) -> npt.NDArray[np.float64]:
        """Those shapes that are pictures."""
        return self.shapes[self.shapes[:, 9] > 0]

    @property
    def texts(self) -> list[int]:
        """The addresses of all text objects."""
        is_text = map(raw.FPDF_PAGEOBJ_TEXT.__eq__, self.kinds)
        return [*compress(self.handles, is_text), *self.texts_in_forms]

    def turns(self, texts: Iterable[int]) -> npt.NDArray[np.float64]:
        """The turn of each of those text objects in the drawing; -1 for one that is not known."""
        found: list[float] = []
        near = 0
        for one in texts:
            turn = self.turn(one, near)
            near = near if turn is None else turn
            found.append(self.texts_in_forms.get(one, -1) if turn is None else turn)
        return np.array(found, np.float64)

    def turn(self, one: int, near: int) -> int | None:
        """The turn of an object, which as a rule stands soon after turn `near`; None inside a form."""
        try:
            return self.handles.index(one, near, near + _NEAR)
        except ValueError:
            return self._order.get(one)

    @cached_property
    def _order(self) -> dict[int, int]:
        # Made when asked: a page may have thousands of letters, and most stand in the order of the text.
        return dict(zip(self.handles, count(), strict=False))


def drawn(page: pdfium.PdfPage) -> Drawn:
    """Look through a page's objects."""
    handles, kinds = _top(page)
    met = list(_flattened(handles, kinds))
    texts = {handle: turn for turn, kind, handle, _ in met if kind == raw.FPDF_PAGEOBJ_TEXT}
    others = [one for one in met if one[1] != raw.FPDF_PAGEOBJ_TEXT]
    paths = sum(kind != raw.FPDF_PAGEOBJ_IMAGE for _, kind, _, _ in others)
    boxes = _boxes(others)
    shapes: list[tuple[float, ...]] = []
    for at in np.flatnonzero((boxes[:, 2:] - boxes[:, :2] >= _LEAST_SHAPE).all(axis=1)).tolist():
        turn, kind, handle, _ = others[at]
        box = boxes[at].tolist()
        if kind == raw.FPDF_PAGEOBJ_IMAGE:
            shapes.append((*box, turn, -1, -1, -1, 1, 1))
        elif kind == raw.FPDF_PAGEOBJ_SHADING:
            shapes.append((*box, turn, -1, -1, -1, 1, 0))
        elif colour := _filling(handle) or _thick_line(handle, box):
            shapes.append((*box, turn, *colour[:3], colour[3] >= _OPAQUE, 0))
    # Whatever readers put on a page lies over all that is drawn on it.
    shapes += [(*box, math.inf, 0, 0, 0, 1, 0) for box in covers(page)]
    found = np.array(shapes, np.float64).reshape(-1, 10)
    if len(found) > _MOST_SHAPES:
        sizes = (found[:, 2] - found[:, 0]) * (found[:, 3] - found[:, 1])
        found = found[np.sort(np.argsort(sizes)[-_MOST_SHAPES:])]
    return Drawn(handles, kinds, texts, found, _rules(boxes), paths)


def picture_of(page: pdfium.PdfPage, *, dpi: float, grey: bool = False) -> Pixels:
    """The page as shown, rows by columns by red, green and blue (or only rows by columns when grey).

    Raises:
        TooLarge: drawing it would take more memory than there is.
    """
    _check_pictures(page)
    bitmap = page.render(
        scale=bounded_scale(page, dpi / POINTS_PER_INCH),
        grayscale=grey,
        rev_byteorder=True,
        prefer_bgrx=not grey,
    )
    found: Pixels = bitmap.to_numpy()
    return found if grey else found[:, :, :3]


def bounded_scale(page: pdfium.PdfPage, wanted: float) -> float:
    """Pixels a point: as wanted, or less where the picture would have too many."""
    width, height = (max(side, 0.01) for side in page.get_size())
    return float(min(wanted, (_MAX_PIXELS / (width * height)) ** 0.5, _MAX_SIDE / max(width, height)))


@contextmanager
def undrawn(objects: Iterable[int]) -> Iterator[None]:
    """Inside, pictures of the page are without those objects."""
    gone = list(objects)
    for one in gone:
        _set_active(one, 0)
    try:
        yield
    finally:
        for one in gone:
            _set_active(one, 1)


def _top(page: pdfium.PdfPage) -> tuple[list[int], bytes]:
    how_many = min(raw.FPDFPage_CountObjects(page), _MOST_OBJECTS)
    # Calls through `map`: a page may hold thousands of objects, one a letter.
    handles = list(map(_get_object, repeat(_Pointer(address(page))), range(how_many)))
    return handles, bytes(map(_get_type, handles))


def _flattened(handles: list[int], kinds: bytes) -> Iterator[_Met]:
    """What forms hold, and what is no text."""
    left = [_MOST_OBJECTS]
    for turn in np.flatnonzero(np.frombuffer(kinds, np.uint8) != raw.FPDF_PAGEOBJ_TEXT).tolist():
        if kinds[turn] == raw.FPDF_PAGEOBJ_FORM:
            for inner, found in enumerate(_inside(handles[turn], _AS_IT_IS, _DEPTH, left)):
                # Between its form's turn and the next one.
                yield turn + inner / _MOST_OBJECTS, *found
        else:
            yield turn, kinds[turn], handles[turn], _AS_IT_IS


def _inside(form: int, around: Matrix, depth: int, left: list[int]) -> Iterator[tuple[int, int, Matrix]]:
    six = (ctypes.c_float * 6)()
    _get_matrix(form, ctypes.addressof(six))
    a, b, c, d, e, f = six
    matrix = np.array([[a, b, 0], [c, d, 0], [e, f, 1]]) @ around
    for index in range(max(0, _count_inner(form))):
        left[0] -= 1
        if left[0] < 0:
            return
        handle = _get_inner(form, index)
        kind = _get_type(handle)
        if kind != raw.FPDF_PAGEOBJ_FORM:
            yield kind, handle, matrix
        elif depth:
            yield from _inside(handle, matrix, depth - 1, left)


_colour = (ctypes.c_uint * 4)()
_COLOUR = tuple(ctypes.addressof(_colour) + at for at in (0, 4, 8, 12))


def _boxes(objects: Sequence[_Met]) -> npt.NDArray[np.float64]:
    """Left, bottom, right and top of each; four zeros for what has no bounds."""
    written = np.zeros((len(objects), 4), np.float32)
    at, size = written.ctypes.data, written.nbytes
    list(
        map(
            _get_bounds,
            (handle for _, _, handle, _ in objects),
            *(range(at + n, at + size + n, 16) for n in (0, 4, 8, 12)),
        )
    )
    found = written.astype(np.float64)
    for row, (_, _, _, matrix) in enumerate(objects):
        if matrix is not _AS_IT_IS:
            left, bottom, right, top = found[row].tolist()
            corners = np.array([[x, y, 1] for x in (left, right) for y in (bottom, top)]) @ matrix
            found[row] = *corners[:, :2].min(0), *corners[:, :2].max(0)
    return found


def _filling(path: int) -> tuple[int, ...] | None:
    if not _get_draw_mode(path, _COLOUR[0], _COLOUR[1]) or _colour[0] == 0:
        return None
    return tuple(_colour) if _get_fill(path, *_COLOUR) else None


def _thick_line(path: int, box: Sequence[float]) -> tuple[int, ...] | None:
    """The colour of a stroke of the pen that may lie over text, as when a word is blacked out by hand."""
    if not _get_draw_mode(path, _COLOUR[0], _COLOUR[1]) or not _colour[1]:
        return None
    if _count_segments(path) != _ONE_LINE or min(box[2] - box[0], box[3] - box[1]) < _LEAST_COVER:
        return None
    return tuple(_colour) if _get_stroke(path, *_COLOUR) else None


def _rules(boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    return boxes[(heights <= _THIN) & (widths >= _LEAST_RULE)]


def segments(page: pdfium.PdfPage) -> int:
    """Of how many lines and curves the paths of a page consist, those in its forms too."""
    paths = (handle for _, kind, handle, _ in _flattened(*_top(page)) if kind == raw.FPDF_PAGEOBJ_PATH)
    return sum(max(0, _count_segments(path)) for path in paths)


def check_shown(page: pdfium.PdfPage) -> None:
    """Look whether what seems blank is a picture that cannot be drawn.

    Raises:
        Undrawable: a picture larger than a logo is so.
    """
    width, height = page.get_size()
    met = [one for one in _flattened(*_top(page)) if one[1] == raw.FPDF_PAGEOBJ_IMAGE]
    for (_, _, handle, _), box in zip(met, _boxes(met), strict=True):
        if (box[2] - box[0]) * (box[3] - box[1]) < _LEAST_SHOWN * width * height:
            continue
        bitmap = raw.FPDFImageObj_GetBitmap(ctypes.cast(handle, raw.FPDF_PAGEOBJECT))
        if not bitmap:
            raise Undrawable("holds a picture that is damaged or packed in an unknown way")
        raw.FPDFBitmap_Destroy(bitmap)


def _check_pictures(page: pdfium.PdfPage) -> None:
    for _, kind, handle, _ in _flattened(*_top(page)):
        if kind == raw.FPDF_PAGEOBJ_IMAGE and _get_pixel_size(handle, _COLOUR[0], _COLOUR[1]):
            width, height = _colour[0], _colour[1]
            if width * height > _MOST_PICTURE_PIXELS:
                raise TooLarge(
                    f"holds a picture of {width:,} x {height:,} dots, too many to draw; ask for it at 300 dpi"
                )
