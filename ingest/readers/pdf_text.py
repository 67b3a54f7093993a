"""The characters of a PDF page, each with the place where PDFium knows it.

A hyphen at a line's end stays a hyphen: in contracts it is nearly always part of the word ("third-party"),
and a quote must read as the page does. Changed is only what no reader would see: a ligature becomes its
letters, a soft hyphen inside a line goes, and so do spaces between the letters of one word where they are
clearly narrower than those between words. Raised digits behind a figure get a sign. Every character keeps the
index by which its box is found.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
import pypdfium2.raw as raw

from ingest.readers.base import RAISED, storable

Boxes = npt.NDArray[np.float64]
"""Left, right, bottom and top in points of the page, one row a character."""

_HYPHENS = ("\x02", "\ufffe")
"""What PDFium calls a hyphen at a line's end."""
_CARRIAGE_RETURN = 13
_SOFT_HYPHEN = "\u00ad"
_LIGATURES = {
    "\ufb00": "ff",
    "\ufb01": "fi",
    "\ufb02": "fl",
    "\ufb03": "ffi",
    "\ufb04": "ffl",
    "\ufb05": "st",
    "\ufb06": "st",
}
_TO_MEND = re.compile("[\u00ad\ufb00-\ufb06]")
_WORD = re.compile(r"\S+")
_SHORT_WORDS = 3.2
"""Mean letters a word, below which the words of a line may be torn."""
_FEW_WORDS = 5
_CLEARLY_WIDER = 1.5
_LETTER_GAP = 0.25
"""Widest gap inside a word, in heights of the line's highest letter; a word space is wider."""
_TORN_GAP = 0.4
"""The same where the line's other spaces are clearly wider."""
_FEW_WIDE = 2
_COLUMN_GAP = 5
_SPREAD_GAP = 0.8
"""The same for a line spread out letter by letter, as headings are."""

_FIGURE = re.compile(r"\d[\d,.]*\d")
_SMALL, _LIFTED, _AS_HIGH = 0.8, 0.3, 0.1
"""Of a figure's first digit: how high a raised one is at most, how far up it begins, how far from its top it
may end."""
_ANGLE_SAMPLE = 24

_Pointer = ctypes.c_void_p


@dataclass(frozen=True, slots=True)
class PageText:
    """A page's text and, for each character of it, PDFium's index of that character."""

    text: str
    indices: tuple[int, ...]

    def without(self, offsets: Collection[int]) -> PageText:
        """The same page with those characters left out."""
        if not offsets:
            return self
        gone = frozenset(offsets)
        kept = [at for at in range(len(self.text)) if at not in gone]
        return PageText("".join(self.text[at] for at in kept), tuple(self.indices[at] for at in kept))


def listing(page: pdfium.PdfPage) -> pdfium.PdfTextPage:
    """A page's characters in the order in which they are read, though most of them stand sideways.

    Indices and boxes are those of this listing, whichever way the page is turned.
    """
    listed = page.get_textpage()
    count = listed.count_chars()
    if count < _ANGLE_SAMPLE:
        return listed
    step = max(1, count // _ANGLE_SAMPLE)
    angles = Counter(
        round(raw.FPDFText_GetCharAngle(listed, index) / (math.pi / 2)) % 4 for index in range(0, count, step)
    )
    quarters, often = angles.most_common(1)[0]
    shown = raw.FPDFPage_GetRotation(page)
    upright = -quarters % 4
    if upright == shown or often <= angles.total() / 2:
        return listed
    # PDFium orders lines as they are shown: turned upright they come as they are read.
    listed.close()
    raw.FPDFPage_SetRotation(page, upright)
    try:
        return page.get_textpage()
    finally:
        raw.FPDFPage_SetRotation(page, shown)


def characters(listed: pdfium.PdfTextPage) -> PageText:
    """The text of a page as PDFium lists it, line ends as single newlines."""
    return _mended(_found(listed), listed)


def character_boxes(listed: pdfium.PdfTextPage, indices: Sequence[int]) -> Boxes:
    """Where those characters stand."""
    found = np.zeros((len(indices), 4))
    at, size = found.ctypes.data, found.size * 8
    handle = address(listed)
    # Written in place: a call for each number would take longer than reading the page.
    list(map(_char_box, repeat(handle), indices, *(range(at + n, at + size + n, 32) for n in (0, 8, 16, 24))))
    return found


def address(handle: pdfium.PdfTextPage | pdfium.PdfPage) -> int:
    """The bare pointer that `quick` functions take."""
    # `ctypes.cast` would leave a cycle behind for the garbage collector.
    return ctypes.addressof(handle.raw.contents)


def quick(function: object, result: type | None, *arguments: type) -> Callable[..., Any]:
    """A PDFium function without the checks of its arguments: for calls made thousands of times a page."""
    place = ctypes.cast(function, _Pointer).value  # type: ignore[arg-type]
    assert place is not None
    return ctypes.PYFUNCTYPE(result, *arguments)(place)


def quickest(function: object, result: type) -> Callable[..., Any]:
    """The same without any check: an address must be given as a `ctypes.c_void_p`, a number fit 32 bits."""
    place = ctypes.cast(function, _Pointer).value  # type: ignore[arg-type]
    assert place is not None
    return ctypes.PYFUNCTYPE(result)(place)


_char_box = quick(raw.FPDFText_GetCharBox, ctypes.c_int, _Pointer, ctypes.c_int, *([_Pointer] * 4))


def _found(listed: pdfium.PdfTextPage) -> PageText:
    count = listed.count_chars()
    if count <= 0:
        return PageText("", ())
    buffer = (ctypes.c_ushort * (count + 1))()
    written = raw.FPDFText_GetText(listed, 0, count, buffer)
    units = bytes(buffer)[: 2 * (written - 1)]
    # Equal counts and ends mean that the two listings of PDFium, by text and by character, run side by side.
    if written - 1 != count or raw.FPDFText_GetTextIndexFromCharIndex(listed, count - 1) != count - 1:
        units = b"".join(
            min(raw.FPDFText_GetUnicode(listed, index), 0xFFFF).to_bytes(2, "little")
            for index in range(count)
        )
    codes = np.frombuffer(units, np.uint16)
    kept = np.flatnonzero((codes != 0) & (codes != _CARRIAGE_RETURN))
    if ((codes & 0xF800) == 0xD800).any():
        # A pair of halves is one character, found by the first of them.
        second_half = (codes[kept] & 0xFC00) == 0xDC00
        second_half[1:] &= (codes[kept[:-1]] & 0xFC00) == 0xD800
        second_half[:1] = False
        indices = kept[~second_half]
    else:
        indices = kept
    text = codes[kept].tobytes().decode("utf-16-le", "surrogatepass")
    for mark in _HYPHENS:
        text = text.replace(mark, "-")
    return PageText(storable(text), tuple(indices.tolist()))


def _mended(page: PageText, listed: pdfium.PdfTextPage) -> PageText:
    page = _with_raised_marked(page, listed)
    if _TO_MEND.search(page.text):
        page = _spelt_out(page)
    if torn := {offset for line in _torn_lines(page.text) for offset in _inside_words(page, line, listed)}:
        page = page.without(torn)
    return page


def _spelt_out(page: PageText) -> PageText:
    letters: list[str] = []
    indices: list[int] = []
    for offset, one in enumerate(page.text):
        if one == _SOFT_HYPHEN:
            spelt = "-" if page.text[offset + 1 : offset + 2] in ("\n", "") else ""
        else:
            spelt = _LIGATURES.get(one, one)
        letters.append(spelt)
        indices.extend([page.indices[offset]] * len(spelt))
    return PageText("".join(letters), tuple(indices))


def _with_raised_marked(page: PageText, listed: pdfium.PdfTextPage) -> PageText:
    """Digits that stand small and high behind a figure, apart from it: a power, or the mark of a note.

    Taken together, `0.55` and the mark 2 of its note would read 0.552.
    """
    figures = [found.span() for found in _FIGURE.finditer(page.text)]
    if not figures:
        return page
    boxes = character_boxes(listed, [page.indices[at] for start, end in figures for at in range(start, end)])
    apart: dict[int, str] = {}
    first = 0
    for start, end in figures:
        found = _raised(page.text[start:end], boxes[first : first + end - start])
        first += end - start
        if found:
            # A fraction such as two thirds behind a whole number.
            is_part = page.text[end : end + 2].lstrip("\n").startswith("\u2044")
            apart[start + found] = " " if is_part else RAISED
    if not apart:
        return page
    return PageText(
        "".join(apart.get(at, "") + one for at, one in enumerate(page.text)),
        tuple(index for at, index in enumerate(page.indices) for _ in range(1 + (at in apart))),
    )


def _raised(figure: str, boxes: Boxes) -> int:
    """From which character on a figure's digits are raised; 0 for none."""
    low, high = boxes[0, 2], boxes[0, 3]
    height = high - low
    small = boxes[:, 3] - boxes[:, 2] <= _SMALL * height
    # Old figures, of which some hang below the line, are neither as small nor as high.
    raised = small & (boxes[:, 2] >= low + _LIFTED * height) & (boxes[:, 3] >= high - _AS_HIGH * height)
    begins = next((at for at, one in enumerate(figure) if one.isdigit() and raised[at]), 0)
    rest = range(begins, len(figure))
    return begins if all(raised[at] for at in rest if figure[at].isdigit()) else 0


def _torn_lines(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for line in text.split("\n"):
        words = line.split()
        if len(words) >= _FEW_WORDS and len(line) < (_SHORT_WORDS + 1) * len(words):
            letters = [word for word in words if word.isalpha()]
            if len(letters) >= len(words) * 0.8 and sum(map(len, letters)) < _SHORT_WORDS * len(letters):
                yield start, start + len(line)
        start += len(line) + 1


def _inside_words(page: PageText, line: tuple[int, int], listed: pdfium.PdfTextPage) -> list[int]:
    """Offsets of the spaces of a line that part no words: those clearly narrower than its other spaces."""
    words = [match.span() for match in _WORD.finditer(page.text, *line)]
    ends = [page.indices[end - 1] for _, end in words[:-1]]
    starts = [page.indices[start] for start, _ in words[1:]]
    before, after = character_boxes(listed, ends), character_boxes(listed, starts)
    height = float(np.max(after[:, 3] - after[:, 2]))
    gaps = after[:, 0] - before[:, 1]
    if height <= 0 or gaps.min() <= 0:
        return []
    spread = all(end - start == 1 for start, end in words)
    ordered = np.sort(gaps)
    jumps = ordered[1:] / ordered[:-1]
    at = int(np.argmax(jumps))
    if jumps[at] < _CLEARLY_WIDER:
        narrow = float(ordered[-1]) if spread else 0.0
        limit = height * _LETTER_GAP
    elif len(ordered) - at <= _FEW_WIDE or ordered[-1] > ordered[at] * _COLUMN_GAP:
        # One wide gap, or a very wide one, parts columns and says nothing of the others.
        return []
    else:
        narrow = float(ordered[at])
        limit = height * (_SPREAD_GAP if spread else _TORN_GAP)
    if narrow > limit:
        return []
    between = zip(words, words[1:], gaps, strict=False)
    return [at for (_, end), (start, _), gap in between if gap <= narrow for at in range(end, start)]
