"""Letters that PDFium leaves out of a page's text, put back where that is certain.

PDFium takes a letter that overlaps an equal one before it for a bold print made by printing twice. In slanted
type the second "f" of "differ" overlaps the first as well. It is put back only where it was drawn on its own,
right after the first, on the same line, a letter's width further: printing twice shifts by far less. Not put
back: a pair whose letters were printed twice themselves.
"""

from __future__ import annotations

import ctypes
import math
import re
from dataclasses import dataclass

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from ingest.readers.pdf_objects import Drawn
from ingest.readers.pdf_text import PageText, address, quick

_OVERHANGING = re.compile(r"(?<!f)f(?!f)")
"""The letter that stands twice in words and leans over the next one."""
_SHIFT = (0.2, 0.6)
"""How far apart two equal letters stand, in heights of the type."""
_LEVEL = 0.02
_SAME_SIZE = 0.01
_NEXT = (0.5, 1.4)
"""How far behind the second of two letters the next one stands, in steps from the first to the second: less,
and there is no room for two; more, and there is a space."""
_LETTERS = 0.5
"""Objects a character, from which a page's letters are drawn one by one."""

_Pointer = ctypes.c_void_p
_text_object = quick(raw.FPDFText_GetTextObject, _Pointer, _Pointer, ctypes.c_int)
_get_text = quick(raw.FPDFTextObj_GetText, ctypes.c_ulong, _Pointer, _Pointer, _Pointer, ctypes.c_ulong)
_get_matrix = quick(raw.FPDFPageObj_GetMatrix, ctypes.c_int, _Pointer, _Pointer)
_get_size = quick(raw.FPDFTextObj_GetFontSize, ctypes.c_int, _Pointer, _Pointer)
_get_bounds = quick(raw.FPDFPageObj_GetBounds, ctypes.c_int, *([_Pointer] * 5))


@dataclass(frozen=True, slots=True)
class _Glyph:
    x: float
    y: float
    turned: tuple[float, float, float, float]
    size: float
    width: float
    height: float

    def step_to(self, other: _Glyph) -> tuple[float, float]:
        """Along the line and off it, in heights of the type."""
        a, b, _, _ = self.turned
        length = math.hypot(a, b)
        em = length * self.size
        if em <= 0:
            return math.inf, math.inf
        dx, dy = other.x - self.x, other.y - self.y
        return (dx * a + dy * b) / length / em, (dy * a - dx * b) / length / em

    def is_like(self, other: _Glyph) -> bool:
        """The same shape, as far as its size tells; a space has none."""
        return (
            self.turned == other.turned
            and self.size == other.size
            and self.width > 0
            and abs(self.width - other.width) <= _SAME_SIZE * self.width
            and abs(self.height - other.height) <= _SAME_SIZE * self.height
        )


def with_dropped(listed: pdfium.PdfTextPage, page: PageText, objects: Drawn) -> PageText:
    """The text with those letters; each has the index of its equal."""
    if objects.kinds.count(raw.FPDF_PAGEOBJ_TEXT) < _LETTERS * len(page.text):
        return page
    candidates = [found.start() for found in _OVERHANGING.finditer(page.text)]
    if not candidates:
        return page
    handle = address(listed)
    doubled: list[int] = []
    gone: set[int] = set()
    turn: int | None = 0
    for at in candidates:
        turn = objects.turn(_text_object(handle, page.indices[at]), turn or 0)
        if turn is None or turn + 1 >= len(objects.handles):
            continue
        # What was drawn next is in the text, perhaps behind a space that was not drawn.
        end = at + 2 + page.text.startswith(" ", at + 1)
        after = (_text_object(handle, index) for index in page.indices[at + 1 : end])
        if objects.handles[turn + 1] in after:
            continue
        if not _follows_unlisted(listed, page.text[at], objects, turn):
            continue
        doubled.append(at)
        if _is_false_space(listed, page, objects, turn, at + 1):
            gone.add(at + 1)
    if not doubled:
        return page
    text, indices = list(page.text), list(page.indices)
    for at in reversed(doubled):
        cut = slice(at + 1, at + 2 if at + 1 in gone else at + 1)
        text[cut], indices[cut] = [text[at]], [indices[at]]
    return PageText("".join(text), tuple(indices))


def _follows_unlisted(listed: pdfium.PdfTextPage, letter: str, objects: Drawn, turn: int) -> bool:
    """Whether the object drawn after that of `letter` is another one like it that the text lacks."""
    handles, kinds = objects.handles, objects.kinds
    if kinds[turn + 1] != raw.FPDF_PAGEOBJ_TEXT:
        return False
    first, second = _glyph(handles[turn]), _glyph(handles[turn + 1])
    if first is None or second is None or not first.is_like(second):
        return False
    along, off = first.step_to(second)
    if not _SHIFT[0] <= along <= _SHIFT[1] or abs(off) > _LEVEL:
        return False
    if _text_of(listed, handles[turn]) != letter or _text_of(listed, handles[turn + 1]):
        return False
    if turn + 2 >= len(handles) or kinds[turn + 2] != raw.FPDF_PAGEOBJ_TEXT:
        return True
    third = _glyph(handles[turn + 2])
    if third is None:
        return True
    further, off = second.step_to(third)
    # Another line, or another column, says nothing.
    return abs(off) > _LEVEL or not 0 <= further < _NEXT[0] * along


def _is_false_space(listed: pdfium.PdfTextPage, page: PageText, objects: Drawn, turn: int, at: int) -> bool:
    """Whether the space at `at` is only the gap where the second letter stands."""
    if page.text[at : at + 1] != " " or at + 1 >= len(page.text) or turn + 2 >= len(objects.handles):
        return False
    if _text_object(address(listed), page.indices[at]):
        return False
    if _text_object(address(listed), page.indices[at + 1]) != objects.handles[turn + 2]:
        return False
    first, second, third = (_glyph(handle) for handle in objects.handles[turn : turn + 3])
    if first is None or second is None or third is None:
        return False
    along, _ = first.step_to(second)
    further, off = second.step_to(third)
    return abs(off) <= _LEVEL and 0 < further <= _NEXT[1] * along


_four = (ctypes.c_float * 4)()
_FOUR = tuple(ctypes.addressof(_four) + at for at in (0, 4, 8, 12))
_six = (ctypes.c_float * 6)()
_buffer = (ctypes.c_ushort * 8)()


def _glyph(handle: int) -> _Glyph | None:
    if not _get_bounds(handle, *_FOUR) or not _get_matrix(handle, ctypes.addressof(_six)):
        return None
    left, bottom, right, top = _four
    a, b, c, d, x, y = _six
    if not _get_size(handle, _FOUR[0]):
        return None
    return _Glyph(x, y, (a, b, c, d), _four[0], right - left, top - bottom)


def _text_of(listed: pdfium.PdfTextPage, handle: int) -> str:
    """What the page's text has of an object, without the spaces around it; empty also where that is long."""
    length = _get_text(handle, address(listed), ctypes.addressof(_buffer), ctypes.sizeof(_buffer))
    return (
        bytes(_buffer)[: max(0, min(length, ctypes.sizeof(_buffer)) - 2)]
        .decode("utf-16-le", "replace")
        .strip()
    )
