"""Where text stands on a PDF page, and what the page looks like.

Boxes are fractions of the page as shown (cropped and rotated), the origin at its top left.
"""

from __future__ import annotations

import io
from ctypes import byref, c_int
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from ingest.readers.base import Unreadable
from ingest.readers.boxes import Box, merged
from ingest.readers.pdf import characters, open_pdf, page_of
from storage.records import ReadBy

_GRID = 1 << 16
_MAX_PIXELS = 12_000_000


def boxes(path: Path, number: int, start: int, end: int) -> list[Box]:
    """One box per line of a page's characters `start` to `end`; none where another reader gave the text."""
    document = open_pdf(path)
    page = _page(document, number)
    if page_of(document, path, number).how is not ReadBy.TEXT:
        return []
    indices = characters(page).indices[start:end]
    if not indices:
        return []
    listed = page.get_textpage()
    first, count = indices[0], indices[-1] - indices[0] + 1
    found = [_shown(page, listed.get_rect(i)) for i in range(listed.count_rects(first, count))]
    return merged([box for box in found if box.x1 > box.x0 and box.y1 > box.y0])


def png(path: Path, number: int, *, width_px: int) -> bytes:
    """A page as a PNG of that width; a very long page gets a smaller one."""
    page = _page(open_pdf(path), number)
    width, height = page.get_size()
    scale = min(width_px / width, (_MAX_PIXELS / (width * height)) ** 0.5)
    out = io.BytesIO()
    page.render(scale=scale).to_pil().save(out, "PNG")
    return out.getvalue()


def _page(document: pdfium.PdfDocument, number: int) -> pdfium.PdfPage:
    if not 1 <= number <= len(document):
        raise Unreadable(f"has no page {number}; it has {len(document)}")
    try:
        return document[number - 1]
    except pdfium.PdfiumError as error:
        raise Unreadable(f"has a damaged page {number}") from error


def _shown(page: pdfium.PdfPage, rectangle: tuple[float, float, float, float]) -> Box:
    left, bottom, right, top = rectangle
    # PDFium's own mapping knows of cropping and rotation.
    corners = [_point(page, x, y) for x, y in ((left, top), (right, bottom))]
    xs, ys = zip(*corners, strict=True)
    return Box(*(min(1.0, max(0.0, one)) for one in (min(xs), min(ys), max(xs), max(ys))))


def _point(page: pdfium.PdfPage, x: float, y: float) -> tuple[float, float]:
    across, down = c_int(), c_int()
    raw.FPDF_PageToDevice(page, 0, 0, _GRID, _GRID, 0, x, y, byref(across), byref(down))
    return across.value / _GRID, down.value / _GRID
