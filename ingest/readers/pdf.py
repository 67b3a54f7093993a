"""PDF: what it is, page after page, and the files that it carries.

Opening, flags and attachments are here; `pdf_page` reads the pages. A file that PDFium cannot open is read by
the second reader, without places and pictures.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from ingest.readers.base import DEFAULT, NeedsPassword, Reading, ReadOptions, Unreadable, storable
from ingest.readers.pdf_forms import attachments, words_of_dynamic_form
from ingest.readers.pdf_page import PageReader
from ingest.readers.pdf_second import SecondReader
from ingest.readers.pdf_streams import has_damage, may_hold_more
from storage.records import Page

_REMOVE_SECURITY = 3
_MAY_COPY = 1 << 4
_LAYERS = b"/OCProperties"
_SCRIPT = re.compile(rb"/S\s*/(?:JavaScript|J#61vaScript)\b")
"""An action of that kind. A script that is written to be found by nobody may still be missed."""
_OBJECT_STREAM = re.compile(rb"/ObjStm\b")
_STREAM = re.compile(rb"stream\r?\n")
_CATALOG = re.compile(rb"/Type\s*/Catalog\b")
_OBJECT = re.compile(rb"\b(\d{1,10})\s+(\d{1,5})\s+obj\b")
_OBJECT_BYTES = 4_000
_MOST_INFLATED = 8_000_000
_END_BYTES = 2_048


class PdfReader:
    """Reads PDF documents."""

    def read(self, path: Path, options: ReadOptions = DEFAULT, *, first_page: int = 1) -> Reading:
        """See `Reader.read`."""
        second = SecondReader(path, options.password)
        rendition = None
        try:
            document, with_password = _opened(path, options.password)
            if with_password:
                rendition = _without_security(document)
        except NeedsPassword:
            # PDFium turns down some passwords that are right.
            rendition = second.unlocked() if options.password else None
            if rendition is None:
                raise
            document = pdfium.PdfDocument(rendition)
        except Unreadable as error:
            rendition = _with_new_end(path)
            if rendition is None:
                return _second_reading(second, first_page, error)
            document = pdfium.PdfDocument(rendition)
        form = document.get_formtype()
        if form != raw.FORMTYPE_NONE:
            document.init_forms()
        data = rendition or path.read_bytes()
        count = len(document)
        if may_hold_more(data, count):
            # PDFium believes the number that the file gives.
            count = max(count, second.page_count() or 0)
        reader = PageReader(
            document,
            second,
            options,
            damaged=_damaged_pages(document, data, second, is_open=rendition is not None),
            has_layers=has_layers(rendition or path),
            form_words=words_of_dynamic_form(document) if form == raw.FORMTYPE_XFA_FULL else None,
        )
        return Reading(
            count,
            _pages(reader, first_page, count),
            title=storable(document.get_metadata_dict(skip_empty=True).get("Title", "")).strip() or None,
            flags=(*_flags(document, path, rendition), *_uncounted(count - len(document))),
            attachments=attachments(document, second, reader.without_files),
            rendition=rendition,
        )


def open_pdf(path: Path, password: str | None = None) -> pdfium.PdfDocument:
    """A PDF that opens, with its password where it needs one.

    Raises:
        NeedsPassword: it opens with a password only.
        Unreadable: it is damaged.
    """
    return _opened(path, password)[0]


def has_layers(file: Path | bytes) -> bool:
    """Whether the file has parts that a viewer can switch off, so that text may stand on a hidden one."""
    return any(_LAYERS in part for part in _readable(file))


def _readable(file: Path | bytes) -> Iterator[bytes]:
    """A file's bytes, and those of the objects that it holds compressed."""
    data = file if isinstance(file, bytes) else file.read_bytes()
    yield data
    for found in _OBJECT_STREAM.finditer(data):
        start = _STREAM.search(data, found.end(), found.end() + 500)
        if start is None:
            continue
        try:
            yield zlib.decompressobj().decompress(
                data[start.end() : start.end() + _MOST_INFLATED], _MOST_INFLATED
            )
        except zlib.error:
            continue


def _opened(path: Path, password: str | None) -> tuple[pdfium.PdfDocument, bool]:
    """The document, and whether it took the password to open it."""
    for given in (None, password):
        try:
            document = pdfium.PdfDocument(path, password=given)
            if len(document) == 0:
                raise Unreadable("has no pages; save it again")
            return document, given is not None
        except pdfium.PdfiumError as error:
            if error.err_code not in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
                raise Unreadable("is damaged or cut short; save or download it again") from error
            refused = error
    if refused.err_code == raw.FPDF_ERR_SECURITY:
        raise Unreadable("is locked in a way that no password opens; ask for a copy without it") from refused
    if password:
        raise NeedsPassword(
            "is encrypted, and the password does not open it; give the right one"
        ) from refused
    raise NeedsPassword("is encrypted; give its password") from refused


def _without_security(document: pdfium.PdfDocument) -> bytes:
    out = io.BytesIO()
    document.save(out, flags=_REMOVE_SECURITY)
    return out.getvalue()


def _with_new_end(path: Path) -> bytes | None:
    """A file that was cut off, with an end that names its root, if PDFium can mend it by that."""
    data = path.read_bytes()
    catalogs = [found.start() for found in _CATALOG.finditer(data)][-1:]
    before = [one for at in catalogs for one in _OBJECT.finditer(data, max(0, at - _OBJECT_BYTES), at)]
    if not before:
        return None
    mended = data + b"\ntrailer\n<</Root %s %s R>>\nstartxref\n0\n%%%%EOF\n" % before[-1].groups()
    try:
        return mended if len(pdfium.PdfDocument(mended)) else None
    except pdfium.PdfiumError:
        return None


def _second_reading(second: SecondReader, first_page: int, refused: Unreadable) -> Reading:
    count = second.page_count()
    # PDFium calls a sound file without pages damaged.
    if count == 0:
        raise Unreadable("has no pages; save it again") from refused
    if count is None or not any(page.text for page in second.pages(count, 1)):
        raise refused
    flags = ("is damaged: its pages cannot be shown, and some may be missing",)
    return Reading(count, second.pages(count, first_page), flags=flags)


def _damaged_pages(
    document: pdfium.PdfDocument, data: bytes, second: SecondReader, *, is_open: bool
) -> frozenset[int]:
    # Under encryption every stream would look damaged.
    locked = not is_open and raw.FPDF_GetSecurityHandlerRevision(document) >= 0
    return second.damaged_pages() if not locked and has_damage(data) else frozenset()


def _uncounted(pages: int) -> Iterator[str]:
    if pages:
        yield f"holds {pages} more pages than it says: they were read and cannot be shown"


def _pages(reader: PageReader, first: int, last: int) -> Iterator[Page]:
    for number in range(first, last + 1):
        yield reader.read(number)


def _has_scripts(file: Path | bytes) -> bool:
    """Whether a page, a field or a note acts by a script; PDFium tells only of those of the document."""
    return any(_SCRIPT.search(part) for part in _readable(file))


def _flags(document: pdfium.PdfDocument, path: Path, rendition: bytes | None) -> Iterator[str]:
    if (
        raw.FPDF_GetSecurityHandlerRevision(document) >= 0
        and not raw.FPDF_GetDocPermissions(document) & _MAY_COPY
    ):
        yield "does not permit copying; whoever made it may want to be asked"
    if document.get_formtype() in (raw.FORMTYPE_XFA_FULL, raw.FORMTYPE_XFA_FOREGROUND):
        yield "is an XFA form: what it shows in its maker's program may differ"
    elif document.get_formtype() != raw.FORMTYPE_NONE:
        yield "is a form"
    if (attached := raw.FPDFDoc_GetAttachmentCount(document)) > 0:
        yield f"has {attached} attached file{'s' if attached > 1 else ''}"
    if raw.FPDF_GetSignatureCount(document) > 0:
        yield "carries an electronic signature, which is not checked"
    if raw.FPDFDoc_GetJavaScriptActionCount(document) > 0 or _has_scripts(rendition or path):
        yield "carries scripts, which are never run"
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - _END_BYTES))
        if b"%%EOF" not in stream.read():
            yield "is cut short at its end; what stood there is missing"
