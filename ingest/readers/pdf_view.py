"""Where text stands on a PDF page, and what the page looks like.

Boxes are fractions of the page as shown (cropped and rotated), the origin at its top left. Text read from the
page's picture, and lines of its forms and notes, have their places with the page record, not here.
"""

from __future__ import annotations

import io
from pathlib import Path

import pypdfium2 as pdfium
from PIL import Image

from ingest.quality import judge
from ingest.readers.base import DEFAULT, ReadOptions, Unreadable
from ingest.readers.boxes import Box, merged
from ingest.readers.pdf import has_layers, open_pdf
from ingest.readers.pdf_objects import POINTS_PER_INCH, TooLarge, picture_of
from ingest.readers.pdf_page import shown, text_layer
from ingest.readers.pdf_text import listing


def boxes(path: Path, number: int, start: int, end: int, *, options: ReadOptions = DEFAULT) -> list[Box]:
    """One box per line of a page's characters `start` to `end`; none where its text layer is not its text.

    `options`: those that the page was read with; accepted hidden text moves what follows it.
    """
    document = open_pdf(path, options.password)
    page = _page(document, number)
    kept = text_layer(page, has_layers=has_layers(path), with_hidden=options.with_hidden).kept
    if not judge(kept.text).usable:
        return []
    indices = kept.indices[start:end]
    if not indices:
        return []
    listed = listing(page)
    found: list[Box] = []
    # What was left out between two characters is not to be marked.
    for first, count in _runs(indices):
        found += [shown(page, listed.get_rect(i)) for i in range(listed.count_rects(first, count))]
    return merged([box for box in found if box.x1 > box.x0 and box.y1 > box.y0])


def png(path: Path, number: int, *, width_px: int, password: str | None = None) -> bytes:
    """A page as a PNG of that width; a very long page gets a smaller one.

    Raises:
        Unreadable: the file does not open, has no such page, or that is too large to be drawn.
    """
    document = open_pdf(path, password)
    page = _page(document, number)
    width = max(page.get_width(), 0.01)
    try:
        pixels = picture_of(page, dpi=width_px / width * POINTS_PER_INCH)
    except TooLarge as error:
        raise Unreadable(f"has a page that cannot be shown: page {number} {error}") from error
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def _page(document: pdfium.PdfDocument, number: int) -> pdfium.PdfPage:
    if not 1 <= number <= len(document):
        raise Unreadable(f"has no page {number}; it has {len(document)}")
    try:
        return document[number - 1]
    except pdfium.PdfiumError as error:
        raise Unreadable(f"has a damaged page {number}") from error


def _runs(indices: tuple[int, ...]) -> list[tuple[int, int]]:
    """First index and count of each run of neighbours; line ends, which have no box, part none."""
    runs = [[indices[0], indices[0]]]
    for index in indices[1:]:
        if index - runs[-1][1] <= 2:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return [(first, last - first + 1) for first, last in runs]
