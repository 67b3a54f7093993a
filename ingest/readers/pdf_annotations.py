"""What readers put on a PDF page: where it stands, what of the page it may cover or strike, what it shows.

What an annotation shows is a drawing of its own, which is no part of the page's text: the words of a stamp,
of a signature, of a text box, and of a field that some programs fill in by drawing alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as raw

from ingest.readers.pdf_text import Boxes, character_boxes, characters, listing

MOST_ANNOTATIONS = 5_000
FLAG_HIDDEN = 1 << 1 | 1 << 5
_SIDE = 1.0
"""Points that words may stand out of their annotation."""
_DEPTH = 5
_LEAST_WIDTH, _LEAST_HEIGHT = 60.0, 10.0
"""Points of a picture of words; smaller ones are signs."""
_MARKS = (
    *(raw.FPDF_ANNOT_LINK, raw.FPDF_ANNOT_POPUP, raw.FPDF_ANNOT_TEXT, raw.FPDF_ANNOT_FILEATTACHMENT),
    *(raw.FPDF_ANNOT_SOUND, raw.FPDF_ANNOT_MOVIE),
)
"""Kinds that show a sign at most, under which nothing is hidden."""
Rectangle = tuple[float, float, float, float]
"""Left, bottom, right and top in points of the page."""


def annotations_on(page: pdfium.PdfPage) -> Iterator[object]:
    """A page's annotations, each to be used before the next is taken."""
    for index in range(min(MOST_ANNOTATIONS, raw.FPDFPage_GetAnnotCount(page))):
        if annotation := raw.FPDFPage_GetAnnot(page, index):
            try:
                yield annotation
            finally:
                raw.FPDFPage_CloseAnnot(annotation)


def rectangle(annotation: object) -> Rectangle | None:
    """Where an annotation stands."""
    found = raw.FS_RECTF()
    if not raw.FPDFAnnot_GetRect(annotation, found):
        return None
    return found.left, found.bottom, found.right, found.top


def covers(page: pdfium.PdfPage) -> list[Rectangle]:
    """Where something is put over the page by which its text may be covered."""
    found = (
        rectangle(one)
        for one in annotations_on(page)
        if raw.FPDFAnnot_GetSubtype(one) not in (*_MARKS, raw.FPDF_ANNOT_WIDGET)
        and not raw.FPDFAnnot_GetFlags(one) & FLAG_HIDDEN
    )
    return [one for one in found if one is not None]


def marked(page: pdfium.PdfPage, kind: int) -> list[Rectangle]:
    """The places that annotations of a kind are put on, line by line."""
    found: list[Rectangle] = []
    points = raw.FS_QUADPOINTSF()
    for one in annotations_on(page):
        if raw.FPDFAnnot_GetSubtype(one) != kind or raw.FPDFAnnot_GetFlags(one) & FLAG_HIDDEN:
            continue
        count = raw.FPDFAnnot_CountAttachmentPoints(one)
        for index in range(min(MOST_ANNOTATIONS, count)):
            if raw.FPDFAnnot_GetAttachmentPoints(one, index, points):
                xs, ys = (
                    (points.x1, points.x2, points.x3, points.x4),
                    (points.y1, points.y2, points.y3, points.y4),
                )
                found.append((min(xs), min(ys), max(xs), max(ys)))
        if not count and (whole := rectangle(one)):
            found.append(whole)
    return found


def pictures_on(page: pdfium.PdfPage) -> list[Rectangle]:
    """Where a stamp or the like shows a picture in which words can be read."""
    found = (
        rectangle(one)
        for one in annotations_on(page)
        if raw.FPDFAnnot_GetSubtype(one) not in (*_MARKS, raw.FPDF_ANNOT_WIDGET)
        and not raw.FPDFAnnot_GetFlags(one) & FLAG_HIDDEN
        and shows(one, raw.FPDF_PAGEOBJ_IMAGE)
    )
    return [
        one for one in found if one and one[2] - one[0] >= _LEAST_WIDTH and one[3] - one[1] >= _LEAST_HEIGHT
    ]


def shows(annotation: object, kind: int) -> bool:
    """Whether its drawing may hold objects of that kind, such as text or pictures."""
    count = max(0, raw.FPDFAnnot_GetObjectCount(annotation))
    return any(_holds(raw.FPDFAnnot_GetObject(annotation, at), kind, _DEPTH) for at in range(count))


def _holds(drawn: object, kind: int, depth: int) -> bool:
    found = raw.FPDFPageObj_GetType(drawn)
    if found != raw.FPDF_PAGEOBJ_FORM:
        return bool(found == kind)
    inner = range(max(0, raw.FPDFFormObj_CountObjects(drawn))) if depth else ()
    return any(_holds(raw.FPDFFormObj_GetObject(drawn, at), kind, depth - 1) for at in inner)


class Appearances:
    """The words that a page's annotations show, drawn together on a sheet of their own when first asked."""

    def __init__(self, document: pdfium.PdfDocument, number: int) -> None:
        self._document, self._number = document, number
        self._drawn: tuple[str, Boxes] | None = None
        """The text, and the middles of its characters: across and up."""

    def text(self, place: Rectangle) -> str:
        """The words that stand there, on one line; none where they cannot be had."""
        if self._drawn is None:
            try:
                self._drawn = self._sheet()
            except pdfium.PdfiumError:
                self._drawn = "", np.zeros((2, 0))
        text, (x, y) = self._drawn
        left, bottom, right, top = place
        inside = (x >= left - _SIDE) & (x <= right + _SIDE) & (y >= bottom - _SIDE) & (y <= top + _SIDE)
        found = np.flatnonzero(inside)
        # Spaces and line ends may have no place of their own: a gap stands for them.
        runs = np.split(found, np.flatnonzero(np.diff(found) > 1) + 1)
        return " ".join(" ".join(text[run[0] : run[-1] + 1] for run in runs if len(run)).split())

    def _sheet(self) -> tuple[str, Boxes]:
        sheet = pdfium.PdfDocument.new()
        sheet.import_pages(self._document, [self._number - 1])
        page = sheet[0]
        for at in reversed(range(raw.FPDFPage_CountObjects(page))):
            one = raw.FPDFPage_GetObject(page, at)
            raw.FPDFPage_RemoveObject(page, one)
            raw.FPDFPageObj_Destroy(one)
        raw.FPDFPage_GenerateContent(page)
        raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
        page.close()
        listed = listing(sheet[0])
        found = characters(listed)
        boxes = character_boxes(listed, found.indices)
        # Many pages of forms would leave as many documents open until somebody collects them.
        sheet.close()
        return found.text, np.stack([boxes[:, :2].mean(axis=1), boxes[:, 2:].mean(axis=1)])
