"""One reader per format, imported when it is first needed."""

from __future__ import annotations

from importlib import import_module

from ingest import media
from ingest.readers.base import Reader

_PICTURE = ("ingest.readers.picture", "PictureReader")
_TEXT = ("ingest.readers.text", "TextReader")
_CLASSES = {
    media.PDF: ("ingest.readers.pdf", "PdfReader"),
    media.DOCX: ("ingest.readers.docx", "DocxReader"),
    media.XLSX: ("ingest.readers.xlsx", "XlsxReader"),
    media.XLS: ("ingest.readers.xls", "XlsReader"),
    media.CSV: ("ingest.readers.csv", "CsvReader"),
    media.PPTX: ("ingest.readers.pptx", "PptxReader"),
    media.HTML: ("ingest.readers.html", "HtmlReader"),
    media.MARKDOWN: _TEXT,
    media.TEXT: _TEXT,
    media.JSON: ("ingest.readers.json", "JsonReader"),
    media.XML: ("ingest.readers.xml", "XmlReader"),
    media.EMAIL: ("ingest.readers.email", "EmailReader"),
    media.MBOX: ("ingest.readers.email", "MailboxReader"),
    media.MSG: ("ingest.readers.msg", "MsgReader"),
    media.TNEF: ("ingest.readers.tnef", "TnefReader"),
    media.PNG: _PICTURE,
    media.JPEG: _PICTURE,
    media.TIFF: _PICTURE,
    media.GIF: _PICTURE,
    media.BMP: _PICTURE,
    media.WEBP: _PICTURE,
    media.PNM: _PICTURE,
}


def reader_for(media_type: str) -> Reader:
    """The reader of a media type that `ingest.media.media_type_of` gave."""
    module, name = _CLASSES[media_type]
    reader: Reader = getattr(import_module(module), name)()
    return reader
