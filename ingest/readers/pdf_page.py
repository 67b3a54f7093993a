"""One page of a PDF, read as well as it can be.

The text layer comes first. Where it is no good the second reader is asked, then the page's picture; a picture
beside good text is read too and its words follow the text. What cannot be read says why, and what to do.

A picture beside text that was read with doubt is a problem of its page only if several words were found in
it: then it is writing, and some of it may be lost. Stray letters are those of a photograph or a logo.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from ingest.ocr import OcrMissing, OcrText, doubt
from ingest.quality import judge
from ingest.readers.base import ReadOptions
from ingest.readers.boxes import Box
from ingest.readers.pdf_annotations import Appearances, pictures_on
from ingest.readers.pdf_dropped import with_dropped
from ingest.readers.pdf_forms import Beside, beside, no_viewer_shows
from ingest.readers.pdf_hidden import Sight, look
from ingest.readers.pdf_objects import TooLarge, Undrawable, check_shown, drawn, segments
from ingest.readers.pdf_pictures import Pictures, look_at, regions
from ingest.readers.pdf_second import SecondReader
from ingest.readers.pdf_struck import with_marks
from ingest.readers.pdf_text import PageText, character_boxes, characters, listing
from storage.records import Hidden, Page, Place, ReadBy

_FEW_CHARS = 24
"""A page number or a stamp: not the text of a page that is a picture."""
_MANY_PATHS = 40
"""Fewer drawn lines are rules and frames of a blank page; more may be letters drawn as outlines."""
_MANY_SEGMENTS = 400
"""The same in lines and curves: some programs make one path of a whole page of letters."""
_LITTLE_TEXT = 200
"""Characters of a page number, a stamp and a letterhead: the rest may be letters drawn as outlines."""
_OUTLINED_SEGMENTS = 2_000
"""Beside such text: about a hundred letters, and more than most logos have."""
_WHOLE = Box(0.0, 0.0, 1.0, 1.0)
_AGREES = 0.8
"""Share of a searchable scan's words that its picture must show: its maker may have read it badly."""
_UNCHECKED = 0.6
_HIDDEN_CHARS = 2_000
_WRITTEN = re.compile(r"\w{2,}")
_FEW_WORDS = 5
"""Fewer words, read with doubt in a picture beside text, are no text that was lost."""
_GRID = 1 << 16
_DYNAMIC = (
    "page 1 only stands for a form that its maker's program draws: the form's words and values were read, "
    "not how they are laid out; open it there and print it to PDF"
)
_SWITCHED_OFF = "reading pictures was switched off; switch it on and read the file again"


class _Unread(Exception):
    """A picture was not read; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class TextLayer:
    """The text that a page carries, and what of it can be seen."""

    kept: PageText
    """Without the hidden text, unless that was accepted."""
    sight: Sight
    hidden: tuple[Hidden, ...]
    scanned: tuple[tuple[str, Box], ...]
    """Lines behind a picture, as those who scanned it read them."""


def text_layer(page: pdfium.PdfPage, *, has_layers: bool, with_hidden: bool) -> TextLayer:
    """A page's own text. `has_layers`: parts of the file can be switched off."""
    listed = listing(page)
    objects = drawn(page)
    whole = with_dropped(listed, characters(listed), objects)
    sight = look(page, listed, whole, objects, has_layers=has_layers)
    if not sight.hidden and not sight.behind_picture and not sight.struck:
        return TextLayer(whole, sight, (), ())
    hidden = tuple(Hidden(whole.text[one.start : one.end][:_HIDDEN_CHARS], one.why) for one in sight.hidden)
    scanned = tuple(_lines(page, listed, whole, sight.behind_picture))
    left_out = () if with_hidden else sight.hidden
    gone = frozenset(at for one in left_out for at in _line_or_part(whole.text, one.start, one.end))
    return TextLayer(with_marks(whole, sight.struck, gone), sight, hidden, scanned)


class PageReader:
    """Reads the pages of one document."""

    def __init__(
        self,
        document: pdfium.PdfDocument,
        second: SecondReader,
        options: ReadOptions,
        *,
        has_layers: bool,
        form_words: Sequence[str] | None = None,
        damaged: Collection[int] = (),
    ) -> None:
        """`damaged` are the numbers of pages of which a part cannot be unpacked.

        `form_words` are those of a form that its maker's program draws; None for any other document.
        """
        self._document = document
        self._options = options
        self._has_layers = has_layers
        self._form_words = form_words
        self._damaged = damaged
        self._second = second
        self._pictures = Pictures()
        self.without_files: set[int] = set()
        """Numbers of the pages that were read and have no files pinned to them."""

    def read(self, number: int) -> Page:
        """A page by its number."""
        try:
            page = self._document[number - 1]
            layer = text_layer(page, has_layers=self._has_layers, with_hidden=self._options.with_hidden)
        except pdfium.PdfiumError:
            return self._unopened(number)
        found = self._looked_at(page, number, layer)
        drawn_beside = Appearances(self._document, number)
        lines, has_files = beside(page, lambda rectangle: shown(page, rectangle), drawn_beside)
        if not has_files:
            self.without_files.add(number)
        if number == 1:
            lines += [Beside(line, None, is_note=False) for line in self._form_words or ()]
        if lines:
            found = _with_lines(found, lines, with_hidden=self._options.with_hidden)
        if number in self._damaged and found.problem is None:
            why = f"page {number} is damaged and part of it is missing; ask for another copy of the file"
            found = replace(found, problem=why)
        if self._form_words is not None and len(self._document) == 1 and found.problem is None:
            found = replace(found, problem=_DYNAMIC)
        return replace(found, hidden=(*layer.hidden, *found.hidden, *no_viewer_shows(lines)))

    def _unopened(self, number: int) -> Page:
        text = self._second.text(number)
        verdict = judge(text)
        if text.strip() and verdict.usable:
            return Page(number, text, ReadBy.SECOND_READER, verdict.score)
        problem = f"page {number} is damaged and cannot be opened; ask for another copy of the file"
        return Page(number, "", ReadBy.NONE, 0.0, problem)

    def _looked_at(self, page: pdfium.PdfPage, number: int, layer: TextLayer) -> Page:
        text = layer.kept.text
        verdict = judge(text)
        if self._options.ocr == "always":
            return self._from_picture(page, number, text, verdict.score)
        if len("".join(text.split())) < _FEW_CHARS:
            return self._sparse(page, number, layer)
        if not verdict.usable:
            return self._bad(page, number, layer)
        if layer.scanned:
            return self._searchable_scan(page, number, layer)
        return self._with_pictures(page, number, layer, verdict.score)

    def _sparse(self, page: pdfium.PdfPage, number: int, layer: TextLayer) -> Page:
        objects = layer.sight.drawn
        text = layer.kept.text
        if not text.strip() and not layer.hidden and not layer.scanned and objects.texts:
            # PDFium lists no letters of some fonts that are written downwards.
            other = self._second.text(number)
            if other.strip() and (verdict := judge(other)).usable:
                return Page(number, other, ReadBy.SECOND_READER, verdict.score)
        is_drawn = objects.paths >= _MANY_PATHS or segments(page) >= _MANY_SEGMENTS
        if not len(objects.pictures) and not is_drawn:
            return Page(number, text, ReadBy.TEXT, judge(text).score)
        if text.strip() and not len(regions(page, objects, ())) and not is_drawn:
            # A letterhead, a title page: the picture is a logo beside the words.
            return Page(number, text, ReadBy.TEXT, judge(text).score)
        return self._from_picture(page, number, text, judge(text).score)

    def _bad(self, page: pdfium.PdfPage, number: int, layer: TextLayer) -> Page:
        verdict = judge(layer.kept.text)
        # The second reader would bring hidden text back.
        if not layer.hidden and not layer.scanned:
            other = self._second.text(number)
            again = judge(other)
            if other.strip() and again.usable:
                return Page(number, other, ReadBy.SECOND_READER, again.score)
        return self._from_picture(page, number, layer.kept.text, verdict.score, fault=verdict.fault)

    def _searchable_scan(self, page: pdfium.PdfPage, number: int, layer: TextLayer) -> Page:
        text = layer.kept.text
        try:
            self._allow()
            agreement = self._pictures.agree(page, layer.scanned)
        except (TooLarge, OcrMissing, _Unread) as error:
            why = f"page {number} is a scan whose text was not checked against its picture: {error}"
            return Page(number, text, ReadBy.TEXT, _UNCHECKED, why)
        if agreement >= _AGREES:
            return self._with_pictures(page, number, layer, agreement)
        read = self._from_picture(page, number, text, agreement, fault="is not what its picture shows")
        if read.how is not ReadBy.OCR or read.text == text:
            return read
        unlike = "\n".join(line for line, _ in layer.scanned)[:_HIDDEN_CHARS]
        return replace(read, hidden=(*read.hidden, Hidden(unlike, "differs from the picture over it")))

    def _from_picture(
        self, page: pdfium.PdfPage, number: int, text: str, score: float, *, fault: str | None = None
    ) -> Page:
        """A page read from its picture as a whole, its own text standing in where that fails."""
        try:
            looked = look_at(page)
            if looked.is_blank and not fault:
                check_shown(page)
                return Page(number, text, ReadBy.TEXT, score)
            self._allow()
            read = self._pictures.read(page)
        except (TooLarge, Undrawable, OcrMissing, _Unread) as error:
            return _unread(number, text, score, fault, str(error))
        if read.text.strip():
            doubts = doubt(read)
            problem = (
                None if doubts is None else f"page {number} was read from its picture with doubt: {doubts}"
            )
            return Page(number, read.text, ReadBy.OCR, read.confidence, problem, places=read.places)
        if fault or (text.strip() and not looked.is_photograph):
            return _unread(number, text, score, fault, "its picture shows no words; look at it yourself")
        if text.strip():
            return Page(number, text, ReadBy.TEXT, score)
        # Of a photograph as well: nobody knows what it shows, and the page has nothing else.
        problem = f"page {number} is a picture in which no words were found; look at it yourself"
        return Page(number, "", ReadBy.OCR, 0.0, problem)

    def _with_pictures(self, page: pdfium.PdfPage, number: int, layer: TextLayer, score: float) -> Page:
        """The text layer, and after it what the pictures say that it does not."""
        found = Page(number, layer.kept.text, ReadBy.TEXT, score)
        objects = layer.sight.drawn
        boxes: list[Box] = []
        if len(objects.pictures):
            boxes = regions(page, objects, [place for _, place in layer.scanned])
        elif len(found.text) < _LITTLE_TEXT and segments(page) >= _OUTLINED_SEGMENTS:
            boxes = [_WHOLE]
        boxes += [shown(page, place) for place in pictures_on(page)]
        # The page's own words are taken out of the picture, so as not to be read twice.
        letters = [] if layer.scanned else objects.texts
        for box in boxes:
            try:
                looked = look_at(page, box, without=letters)
                if looked.is_blank:
                    check_shown(page)
                if not looked.may_hold_text:
                    continue
                self._allow()
                read = self._pictures.read(page, box, without=letters)
            except (TooLarge, Undrawable, OcrMissing, _Unread) as error:
                return replace(found, problem=f"page {number} holds a picture that was not read: {error}")
            found = _appended(found, read)
        return found

    def _allow(self) -> None:
        if self._options.ocr == "never":
            raise _Unread(_SWITCHED_OFF)


def shown(page: pdfium.PdfPage, rectangle: tuple[float, float, float, float]) -> Box:
    """A rectangle of the page (left, bottom, right, top in points) as a box on the page as shown."""
    left, bottom, right, top = rectangle
    # PDFium's own mapping knows of cropping and rotation.
    corners = [_point(page, x, y) for x, y in ((left, top), (right, bottom))]
    xs, ys = zip(*corners, strict=True)
    return Box(*(min(1.0, max(0.0, one)) for one in (min(xs), min(ys), max(xs), max(ys))))


def _point(page: pdfium.PdfPage, x: float, y: float) -> tuple[float, float]:
    across, down = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(page, 0, 0, _GRID, _GRID, 0, x, y, ctypes.byref(across), ctypes.byref(down))
    return across.value / _GRID, down.value / _GRID


def _unread(number: int, text: str, score: float, fault: str | None, why: str) -> Page:
    if not text.strip():
        return Page(number, "", ReadBy.NONE, 0.0, f"page {number} has no text layer and was not read: {why}")
    about = f"its text {fault}" if fault else "most of it is a picture"
    return Page(number, text, ReadBy.TEXT, min(score, 0.5), f"page {number} is read in part: {about}; {why}")


def _appended(page: Page, read: OcrText) -> Page:
    if not read.text.strip():
        return page
    start = page.text.rstrip("\n") + "\n\n" if page.text else ""
    moved = (replace(one, start=one.start + len(start), end=one.end + len(start)) for one in read.places)
    doubts = doubt(read) if _holds_passage(read.text) else None
    return replace(
        page,
        text=start + read.text,
        # Named by what gave most of its text.
        how=page.how if len(page.text) >= len(read.text) else ReadBy.OCR,
        quality=min(page.quality, read.confidence),
        problem=page.problem
        if doubts is None
        else f"page {page.number} holds a picture that was read with doubt: {doubts}",
        places=(*page.places, *moved),
    )


def _holds_passage(text: str) -> bool:
    """Whether what was read of a picture is more than the stray letters of a photograph, a logo or a name."""
    return len(_WRITTEN.findall(text)) >= _FEW_WORDS


def _with_lines(page: Page, lines: Sequence[Beside], *, with_hidden: bool) -> Page:
    text, places = page.text, list(page.places)
    for one in lines:
        if one.hidden and not with_hidden:
            continue
        if text and not text.endswith("\n"):
            text += "\n"
        if one.box is not None:
            places.append(Place(len(text), len(text) + len(one.line), *one.box))
        text += one.line
    return replace(page, text=text, places=tuple(places))


def _line_or_part(text: str, start: int, end: int) -> range:
    """Where hidden text was a whole line, its line end goes with it."""
    whole = (start == 0 or text[start - 1] == "\n") and text[end : end + 1] == "\n"
    return range(start, end + whole)


def _lines(
    page: pdfium.PdfPage, listed: pdfium.PdfTextPage, text: PageText, spans: Sequence[tuple[int, int]]
) -> Iterator[tuple[str, Box]]:
    for start, end in spans:
        at = start
        for line in text.text[start:end].split("\n"):
            if line.strip():
                boxes = character_boxes(listed, text.indices[at : at + len(line)])
                boxes = boxes[(boxes[:, 1] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 2])]
                if len(boxes):
                    left, bottom = boxes[:, 0].min(), boxes[:, 2].min()
                    yield line, shown(page, (left, bottom, boxes[:, 1].max(), boxes[:, 3].max()))
            at += len(line) + 1
