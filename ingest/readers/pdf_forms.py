"""What a PDF carries beside its pages: form fields, notes of readers, and files.

A field's value is drawn on the page but is no part of its text; here it becomes a line `[name: value]` with
the place of its box. What a password field holds is never told.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from ingest.readers.base import Attachment, storable
from ingest.readers.boxes import Box
from ingest.readers.pdf_annotations import (
    FLAG_HIDDEN,
    Appearances,
    Rectangle,
    annotations_on,
    rectangle,
    shows,
)
from ingest.readers.pdf_second import SecondReader
from storage.records import Hidden

_MOST_VALUE_CHARS = 20_000
_MOST_ATTACHED = 1_000
_MOST_ATTACHED_BYTES = 200_000_000
_MOST_OPTIONS = 10_000
_PASSWORD_FIELD = 1 << 13
_UNNAMED = "unnamed"
_TAGS = re.compile(r"<[^>]*>")
_LINE_END = re.compile(r"\s*[\r\n]+\s*")
_WITHOUT_NOTE = (raw.FPDF_ANNOT_LINK, raw.FPDF_ANNOT_POPUP)
_SIGNS = (raw.FPDF_ANNOT_TEXT, raw.FPDF_ANNOT_FILEATTACHMENT, raw.FPDF_ANNOT_SOUND, raw.FPDF_ANNOT_MOVIE)
_SIGN_FIELDS = (
    *(raw.FPDF_FORMFIELD_PUSHBUTTON, raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON),
    raw.FPDF_FORMFIELD_LISTBOX,
)
_SHOWN = {
    raw.FPDF_ANNOT_STAMP: "stamp",
    raw.FPDF_ANNOT_FREETEXT: "text box",
    raw.FPDF_ANNOT_WATERMARK: "watermark",
    raw.FPDF_ANNOT_WIDGET: "shown in a field",
}

_GetString = Callable[..., int]


@dataclass(frozen=True, slots=True)
class Beside:
    """A line that belongs to a page but not to its text, and where it stands."""

    line: str
    box: Box | None
    is_note: bool
    hidden: bool = False
    """Marked so that no viewer shows it."""


def beside(
    page: pdfium.PdfPage, shown: Callable[[Rectangle], Box], drawn: Appearances
) -> tuple[list[Beside], bool]:
    """The values of a page's fields and the notes on it, and whether files are pinned to it.

    `shown` tells where a rectangle stands, `drawn` what the annotations show: words of theirs that neither
    value nor note has make a line of their own.
    """
    found: list[Beside] = []
    told: set[str] = set()
    has_files = False
    for annotation in annotations_on(page):
        kind = raw.FPDFAnnot_GetSubtype(annotation)
        has_files = has_files or kind == raw.FPDF_ANNOT_FILEATTACHMENT
        if kind == raw.FPDF_ANNOT_WIDGET:
            lines = [_field(page, annotation)]
        elif kind in _WITHOUT_NOTE:
            continue
        else:
            lines = [_note(annotation)]
        hidden = bool(raw.FPDFAnnot_GetFlags(annotation) & FLAG_HIDDEN)
        if not hidden and (words := _words(page, annotation, kind, drawn)) and not _says(lines[0], words):
            lines.append(f"[{_SHOWN.get(kind, 'drawn on the page')}: {words}]")
        for line in lines:
            # All boxes of one field repeat its value.
            if line and (kind != raw.FPDF_ANNOT_WIDGET or line not in told):
                told.add(line)
                is_note = kind != raw.FPDF_ANNOT_WIDGET
                found.append(Beside(line, _box(annotation, shown), is_note, hidden))
    return found, has_files


def no_viewer_shows(lines: list[Beside]) -> tuple[Hidden, ...]:
    """Those lines that no viewer shows, as hidden text."""
    return tuple(
        Hidden(one.line, "in a hidden note" if one.is_note else "in a hidden form field")
        for one in lines
        if one.hidden
    )


def words_of_dynamic_form(document: pdfium.PdfDocument) -> list[str]:
    """The words and the values of an XFA form, whose pages are drawn by programs of its maker alone."""
    packets = {}
    for index in range(max(0, raw.FPDF_GetXFAPacketCount(document))):
        length = raw.FPDF_GetXFAPacketName(document, index, None, 0)
        name = ctypes.create_string_buffer(max(1, length))
        raw.FPDF_GetXFAPacketName(document, index, name, length)
        packets[name.value] = index
    return [
        *(_printed(_packet(document, packets[b"template"])) if b"template" in packets else ()),
        *(_values(_packet(document, packets[b"datasets"])) if b"datasets" in packets else ()),
    ]


def attachments(
    document: pdfium.PdfDocument, second: SecondReader, without_files: Collection[int]
) -> Iterator[Attachment]:
    """The files inside the file: those of the document, then those pinned to its pages.

    `second` is asked for those that PDFium lists but cannot take out. `without_files` are the numbers of the
    pages that are known to have none: opening a page again takes as long as reading it.
    """
    for index in range(min(_MOST_ATTACHED, max(0, raw.FPDFDoc_GetAttachmentCount(document)))):
        yield _attachment(raw.FPDFDoc_GetAttachment(document, index), index + 1, second)
    number = 0
    for page_number in range(1, len(document) + 1):
        if page_number in without_files:
            continue
        try:
            page = document[page_number - 1]
        except pdfium.PdfiumError:
            continue
        for annotation in annotations_on(page):
            if raw.FPDFAnnot_GetSubtype(annotation) == raw.FPDF_ANNOT_FILEATTACHMENT:
                number += 1
                if number > _MOST_ATTACHED:
                    return
                yield _attachment(raw.FPDFAnnot_GetFileAttachment(annotation), number, second)


def _words(page: pdfium.PdfPage, annotation: object, kind: int, drawn: Appearances) -> str:
    """What an annotation shows in words; none for those that show signs, or a list of what may be chosen."""
    if kind in _SIGNS or not shows(annotation, raw.FPDF_PAGEOBJ_TEXT):
        return ""
    if kind == raw.FPDF_ANNOT_WIDGET and page.formenv is not None:
        field = raw.FPDFAnnot_GetFormFieldType(page.formenv, annotation)
        flags = raw.FPDFAnnot_GetFormFieldFlags(page.formenv, annotation)
        if field in _SIGN_FIELDS or (field == raw.FPDF_FORMFIELD_TEXTFIELD and flags & _PASSWORD_FIELD):
            return ""
    place = rectangle(annotation)
    return drawn.text(place)[:_MOST_VALUE_CHARS] if place else ""


def _says(line: str, words: str) -> bool:
    """Whether a line has those words, however they are spaced and broken."""
    return "".join(filter(str.isalnum, words)) in "".join(filter(str.isalnum, line))


def _field(page: pdfium.PdfPage, annotation: object) -> str:
    form = page.formenv
    if form is None:
        return ""
    kind = raw.FPDFAnnot_GetFormFieldType(form, annotation)
    flags = raw.FPDFAnnot_GetFormFieldFlags(form, annotation)
    if kind in (raw.FPDF_FORMFIELD_PUSHBUTTON, raw.FPDF_FORMFIELD_UNKNOWN):
        return ""
    if kind == raw.FPDF_FORMFIELD_TEXTFIELD and flags & _PASSWORD_FIELD:
        return ""
    name = _string(raw.FPDFAnnot_GetFormFieldAlternateName, form, annotation) or _string(
        raw.FPDFAnnot_GetFormFieldName, form, annotation
    )
    if kind == raw.FPDF_FORMFIELD_CHECKBOX:
        value = "yes" if raw.FPDFAnnot_IsChecked(form, annotation) else "no"
    elif kind == raw.FPDF_FORMFIELD_RADIOBUTTON:
        if not raw.FPDFAnnot_IsChecked(form, annotation):
            return ""
        value = _string(raw.FPDFAnnot_GetFormFieldExportValue, form, annotation) or "yes"
    else:
        value = _chosen(form, annotation) or _string(raw.FPDFAnnot_GetFormFieldValue, form, annotation)
    return f"[{name or _UNNAMED}: {value}]" if value else ""


def _chosen(form: object, annotation: object) -> str:
    """The chosen entries of a list as it shows them; a form may keep others for machines."""
    count = min(_MOST_OPTIONS, max(0, raw.FPDFAnnot_GetOptionCount(form, annotation)))
    chosen = (index for index in range(count) if raw.FPDFAnnot_IsOptionSelected(form, annotation, index))
    return ", ".join(_string(raw.FPDFAnnot_GetOptionLabel, form, annotation, index) for index in chosen)


def _note(annotation: object) -> str:
    text = _string(raw.FPDFAnnot_GetStringValue, annotation, b"Contents") or _TAGS.sub(
        "", _string(raw.FPDFAnnot_GetStringValue, annotation, b"RC")
    )
    if not text:
        return ""
    author = _string(raw.FPDFAnnot_GetStringValue, annotation, b"T")
    return f"[note by {author}: {text}]" if author else f"[note: {text}]"


def _string(get: _GetString, *key: object) -> str:
    """One line of what a PDFium function of UTF-16 tells."""
    length = min(get(*key, None, 0), 2 * _MOST_VALUE_CHARS)
    if length <= 2:
        return ""
    buffer = (ctypes.c_ushort * (length // 2 + 1))()
    if get(*key, buffer, length) > length:
        # Longer than we take: PDFium writes nothing then.
        return "(a very long text)"
    text = bytes(buffer)[: length - 2].decode("utf-16-le", "surrogatepass").rstrip("\0")
    return storable(_LINE_END.sub(" ", text)).strip()


def _box(annotation: object, shown: Callable[[Rectangle], Box]) -> Box | None:
    place = rectangle(annotation)
    if place is None:
        return None
    box = shown(place)
    return box if box.x1 > box.x0 and box.y1 > box.y0 else None


def _attachment(handle: object, number: int, second: SecondReader) -> Attachment:
    if not handle:
        return Attachment(f"attachment {number}", None, "has no bytes in the file")
    name = _string(raw.FPDFAttachment_GetName, handle) or f"attachment {number}"
    size = ctypes.c_ulong()
    known = raw.FPDFAttachment_GetFile(handle, None, 0, ctypes.byref(size))
    if known and size.value > _MOST_ATTACHED_BYTES:
        return Attachment(
            name, None, f"has {size.value:,} bytes, too many; take it out and add it on its own"
        )
    buffer = ctypes.create_string_buffer(max(1, size.value))
    if known and raw.FPDFAttachment_GetFile(handle, buffer, size.value, ctypes.byref(size)):
        return Attachment(name, buffer.raw[: size.value])
    data = second.attached(name)
    problem = None if data is not None else "is damaged and cannot be taken out of the PDF"
    return Attachment(name, data, problem)


def _packet(document: pdfium.PdfDocument, index: int) -> bytes:
    size = ctypes.c_ulong()
    raw.FPDF_GetXFAPacketContent(document, index, None, 0, ctypes.byref(size))
    if not 0 < size.value <= _MOST_ATTACHED_BYTES:
        return b""
    buffer = ctypes.create_string_buffer(size.value)
    raw.FPDF_GetXFAPacketContent(document, index, buffer, size.value, ctypes.byref(size))
    return buffer.raw


def _values(xml: bytes) -> Iterator[str]:
    """What was filled in."""
    for node in _nodes(xml):
        value = _LINE_END.sub(" ", node.text or "").strip()
        if value and len(node) == 0:
            name = node.tag.rpartition("}")[2] if isinstance(node.tag, str) else _UNNAMED
            yield storable(f"[{name}: {value[:_MOST_VALUE_CHARS]}]")


def _printed(xml: bytes) -> Iterator[str]:
    """What is printed on the form: texts, and the captions of its fields."""
    for node in _nodes(xml):
        holder = node.getparent()
        inside = holder.getparent() if holder is not None else None
        names = [str(one.tag).rpartition("}")[2] for one in (node, holder, inside) if one is not None]
        is_printed = names[:2] in (["text", "value"], ["exData", "value"])
        words = " ".join("".join(node.itertext()).split())
        if words and is_printed and names[2:] in (["draw"], ["caption"]):
            yield storable(words[:_MOST_VALUE_CHARS])


def _nodes(xml: bytes) -> Iterator[Any]:
    # Imported here: such forms are rare, and every reading process would wait for the import.
    from lxml import etree

    try:
        root = etree.fromstring(
            xml, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        )
    except (etree.XMLSyntaxError, ValueError):
        return
    yield from root.iter()
