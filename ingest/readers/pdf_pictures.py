"""Pictures on PDF pages: which of them hold text that the page's text layer has not, and what they say.

Reading a picture takes a second or more, so a coarse look comes first: a blank sheet and a photograph are
told from a scan by how much of the picture is one colour.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium

from ingest import ocr
from ingest.readers.boxes import Box
from ingest.readers.pdf_objects import Drawn, Pixels, picture_of, undrawn
from storage.records import Place

if TYPE_CHECKING:
    from PIL.Image import Image

_DPI = 200
_COARSE_DPI = 50
_GRID = 48
_LEAST_AREA = 0.04
"""Share of a page that a picture has at least to be read when the page has text of its own: no logo has."""
_NEAR = 16
"""Brightness, of 255, within which two points are one colour."""
_SPECK = 0.0008
"""Share of a sheet's points that dust on the scanner's glass may be."""
_PAPER = 0.35
"""Share of a picture's points that have the colour of its paper; a photograph has no such colour."""
_SAMPLE_LINES = 8


@dataclass(frozen=True, slots=True)
class Look:
    """What a coarse look at a picture tells."""

    is_blank: bool
    is_photograph: bool

    @property
    def may_hold_text(self) -> bool:
        """True if it is worth reading."""
        return not (self.is_blank or self.is_photograph)


class Pictures:
    """Reads the pictures of one document, each that repeats only once."""

    def __init__(self) -> None:
        self._read: dict[bytes, ocr.OcrText] = {}

    def read(
        self, page: pdfium.PdfPage, box: Box | None = None, *, without: Sequence[int] = ()
    ) -> ocr.OcrText:
        """What a page, or a part of it, says to the eye; `without` the objects at those addresses.

        Raises:
            TooLarge: drawing it would take more memory than there is.
            OcrMissing: what reads pictures is not installed.
        """
        with undrawn(without):
            pixels = picture_of(page, dpi=_DPI)
        if box is not None:
            pixels = _cut(pixels, box)
        key = hashlib.sha256(pixels.tobytes() + str(pixels.shape).encode()).digest()
        if key not in self._read:
            self._read[key] = ocr.read_picture(_image(pixels))
        found = self._read[key]
        return (
            found if box is None else replace(found, places=tuple(_moved(one, box) for one in found.places))
        )

    def agree(self, page: pdfium.PdfPage, lines: Sequence[tuple[str, Box]]) -> float:
        """How well those lines match what is drawn at their places, from 0 to 1, told from a sample.

        Raises:
            TooLarge: drawing it would take more memory than there is.
            OcrMissing: what reads pictures is not installed.
        """
        pixels = picture_of(page, dpi=_DPI)
        spread = np.unique(np.linspace(0, len(lines) - 1, _SAMPLE_LINES).astype(int))
        return ocr.agrees(_image(pixels), [lines[at] for at in spread])


def _image(pixels: Pixels) -> Image:
    # Imported here: most documents have no picture to be read.
    from PIL import Image as Pillow

    return Pillow.fromarray(np.ascontiguousarray(pixels))


def look_at(page: pdfium.PdfPage, box: Box | None = None, *, without: Sequence[int] = ()) -> Look:
    """A coarse look at a page or a part of it.

    Raises:
        TooLarge: drawing it would take more memory than there is.
    """
    with undrawn(without):
        pixels = picture_of(page, dpi=_COARSE_DPI, grey=True)
    if box is not None:
        pixels = _cut(pixels, box)
    counts = np.bincount(pixels.ravel(), minlength=256)
    paper = int(np.argmax(counts))
    share = counts[max(0, paper - _NEAR) : paper + _NEAR + 1].sum() / pixels.size
    return Look(bool(1 - share <= _SPECK), bool(share < _PAPER))


def regions(page: pdfium.PdfPage, objects: Drawn, read: Sequence[Box]) -> list[Box]:
    """Parts of a page that pictures cover and where no words that were `read` from pictures stand.

    A scan may be cut into strips: pictures that touch make one region.
    """
    covered = np.zeros((_GRID, _GRID), bool)
    left, bottom, right, top = page.get_bbox()
    width, height = right - left, top - bottom
    if width <= 0 or height <= 0:
        return []
    for x0, y0, x1, y1 in objects.pictures[:, :4]:
        across = _cells((x0 - left) / width, (x1 - left) / width)
        covered[_cells((top - y1) / height, (top - y0) / height), across] = True
    found = []
    for part in _parts(_turned(covered, page.get_rotation())):
        rows, columns = np.nonzero(part)
        box = Box(
            columns.min() / _GRID, rows.min() / _GRID, (columns.max() + 1) / _GRID, (rows.max() + 1) / _GRID
        )
        if part.sum() / part.size >= _LEAST_AREA and not any(_inside(word, box) for word in read):
            found.append(box)
    return sorted(found, key=lambda box: (box.y0, box.x0))


def _turned(covered: npt.NDArray[np.bool_], degrees: int) -> npt.NDArray[np.bool_]:
    return np.rot90(covered, -degrees // 90)


def _cells(start: float, end: float) -> slice:
    first = int(np.clip(np.floor(start * _GRID + 0.25), 0, _GRID))
    return slice(first, int(np.clip(np.ceil(end * _GRID - 0.25), 0, _GRID)))


def _parts(covered: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.bool_]]:
    """The connected parts of a grid."""
    left = covered.copy()
    parts = []
    while left.any():
        part = np.zeros_like(left)
        part[tuple(np.argwhere(left)[0])] = True
        while True:
            grown = part.copy()
            grown[1:] |= part[:-1]
            grown[:-1] |= part[1:]
            grown[:, 1:] |= part[:, :-1]
            grown[:, :-1] |= part[:, 1:]
            grown &= left
            if (grown == part).all():
                break
            part = grown
        parts.append(part)
        left &= ~part
    return parts


def _inside(word: Box, box: Box) -> bool:
    x, y = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
    return box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1


def _cut(pixels: Pixels, box: Box) -> Pixels:
    height, width = pixels.shape[:2]
    rows = slice(int(box.y0 * height), max(int(box.y0 * height) + 1, round(box.y1 * height)))
    return pixels[rows, int(box.x0 * width) : max(int(box.x0 * width) + 1, round(box.x1 * width))]


def _moved(place: Place, box: Box) -> Place:
    width, height = box.x1 - box.x0, box.y1 - box.y0
    return replace(
        place,
        x0=box.x0 + place.x0 * width,
        y0=box.y0 + place.y0 * height,
        x1=box.x0 + place.x1 * width,
        y1=box.y0 + place.y1 * height,
    )
