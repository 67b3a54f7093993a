"""PDF: text page by page with its place on the page; a second reader where the first gives rubbish.

A page's text is what PDFium lists, character by character, so that `characters` can lead every offset back
to a box on the page. A hyphen at a line's end stays a hyphen: in contracts it is nearly always part of the
word ("third-party"), and a quote must read as the page does. A page without text says whether it is blank
or a picture.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from ingest.readers.base import DEFAULT, Reading, ReadOptions, Unreadable, storable
from storage.records import Page, ReadBy

if TYPE_CHECKING:
    from pypdf import PdfReader as SecondReader

_Answer = TypeVar("_Answer")

_USABLE = 0.85
"""Below this share of sound characters the second reader is asked."""
_FEW_CHARS = 24
"""A page number or a stamp: not the text of a page that is a picture."""
_MANY_PATHS = 40
"""Fewer drawn lines are rules and frames of a blank page; more may be letters drawn as outlines."""
_LINE_END_HYPHENS = (0x02, 0xFFFE)
_CARRIAGE_RETURN = 13
_CID = re.compile(r"\(cid:\d+\)")
_UNSOUND = re.compile("[\0-\x08\x0e-\x1f\x7f-\x9f\ufffd\ufffe\uffff\ue000-\uf8ff\U000f0000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class PageText:
    """A page's text and, for each character of it, PDFium's index of that character."""

    text: str
    indices: tuple[int, ...]


class PdfReader:
    """Reads PDF documents."""

    def read(
        self,
        path: Path,
        options: ReadOptions = DEFAULT,  # noqa: ARG002
        *,
        first_page: int = 1,
    ) -> Reading:
        """See `Reader.read`."""
        document = open_pdf(path)
        count = len(document)
        metadata = document.get_metadata_dict(skip_empty=True)
        title = storable(metadata.get("Title", "")).strip() or None
        return Reading(count, _pages(document, path, first_page), title=title, flags=_flags(document))


def open_pdf(path: Path) -> pdfium.PdfDocument:
    """A PDF that opens without a password.

    Raises:
        Unreadable: it is encrypted or damaged.
    """
    try:
        return pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        if error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
            raise Unreadable("is encrypted; remove the password and add it again") from error
        # PDFium calls a sound file without pages damaged.
        if _asked_second(path, lambda reader: len(reader.pages)) == 0:
            raise Unreadable("has no pages; save it again") from error
        raise Unreadable("is damaged or cut short; save or download it again") from error


def characters(page: pdfium.PdfPage) -> PageText:
    """The text of a page as PDFium lists it, line ends as single newlines."""
    listed = page.get_textpage()
    codes: list[int] = []
    indices: list[int] = []
    for index in range(listed.count_chars()):
        code = raw.FPDFText_GetUnicode(listed, index)
        if code in (0, _CARRIAGE_RETURN):
            continue
        if 0xDC00 <= code < 0xE000 and codes and 0xD800 <= codes[-1] < 0xDC00:
            codes[-1] = 0x10000 + ((codes[-1] - 0xD800) << 10) + (code - 0xDC00)
            continue
        codes.append(ord("-") if code in _LINE_END_HYPHENS else code)
        indices.append(index)
    return PageText(storable("".join(map(chr, codes))), tuple(indices))


def soundness(text: str) -> float:
    """Share of characters that are text rather than debris of a broken encoding; 1 for an empty page."""
    if not text:
        return 1.0
    broken = len(_UNSOUND.findall(text)) + sum(len(one) for one in _CID.findall(text))
    return 1 - broken / len(text)


def page_of(document: pdfium.PdfDocument, path: Path, number: int) -> Page:
    """One page, read as well as it can be."""
    try:
        page = document[number - 1]
        text = characters(page).text
    except pdfium.PdfiumError:
        return Page(number, "", ReadBy.NONE, 0.0, f"page {number} is damaged and cannot be opened")
    quality = soundness(text)
    if len("".join(text.split())) < _FEW_CHARS and (reason := _picture(page)):
        if text.strip():
            return Page(
                number, text, ReadBy.TEXT, 0.1, f"page {number} is {reason}; only a line of it is text"
            )
        return Page(number, "", ReadBy.NONE, 0.0, f"page {number} has no text layer: it is {reason}")
    if quality < _USABLE:
        other = _second_reading(path, number)
        if soundness(other) > quality and other.strip():
            problem = None if soundness(other) >= _USABLE else _broken(number)
            return Page(number, other, ReadBy.SECOND_READER, soundness(other), problem)
        return Page(number, text, ReadBy.TEXT, quality, _broken(number))
    return Page(number, text, ReadBy.TEXT, quality)


def _pages(document: pdfium.PdfDocument, path: Path, first_page: int) -> Iterator[Page]:
    for number in range(first_page, len(document) + 1):
        yield page_of(document, path, number)


def _broken(number: int) -> str:
    return f"page {number} has a damaged text layer: its characters cannot be told"


def _picture(page: pdfium.PdfPage) -> str | None:
    kinds = [one.type for one in page.get_objects(max_depth=4)]
    if raw.FPDF_PAGEOBJ_IMAGE in kinds:
        return "a picture (a scan?)"
    drawn = sum(kind in (raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_SHADING) for kind in kinds)
    return "drawn without letters" if drawn >= _MANY_PATHS else None


def _second_reading(path: Path, number: int) -> str:
    return storable(_asked_second(path, lambda reader: reader.pages[number - 1].extract_text()) or "")


def _asked_second(path: Path, question: Callable[[SecondReader], _Answer]) -> _Answer | None:
    """What the second reader says, or None where the file breaks it too, in whichever of its many ways."""
    # Imported here: it is needed for few files, and its import is slower than all of PDFium.
    from pypdf import PdfReader as SecondReader
    from pypdf.errors import PyPdfError

    try:
        with path.open("rb") as stream:
            return question(SecondReader(stream, strict=False))
    except (PyPdfError, ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return None


def _flags(document: pdfium.PdfDocument) -> tuple[str, ...]:
    attached = raw.FPDFDoc_GetAttachmentCount(document)
    signatures = raw.FPDF_GetSignatureCount(document)
    scripts = raw.FPDFDoc_GetJavaScriptActionCount(document)
    found = []
    if attached > 0:
        found.append(f"has {attached} attached files that are not read; add them on their own")
    if document.get_formtype() != raw.FORMTYPE_NONE:
        found.append("is a form")
    if signatures > 0:
        found.append("carries an electronic signature, which is not checked")
    if scripts > 0:
        found.append("carries scripts, which are never run")
    return tuple(found)
