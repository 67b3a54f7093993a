"""One reader per format, imported when it is first needed."""

from __future__ import annotations

from importlib import import_module

from ingest import media
from ingest.readers.base import Reader

_CLASSES = {
    media.PDF: ("ingest.readers.pdf", "PdfReader"),
    media.DOCX: ("ingest.readers.docx", "DocxReader"),
    media.HTML: ("ingest.readers.html", "HtmlReader"),
    media.MARKDOWN: ("ingest.readers.text", "TextReader"),
    media.TEXT: ("ingest.readers.text", "TextReader"),
    media.EMAIL: ("ingest.readers.email", "EmailReader"),
}


def reader_for(media_type: str) -> Reader:
    """The reader of a media type that `ingest.media.media_type_of` gave."""
    module, name = _CLASSES[media_type]
    reader: Reader = getattr(import_module(module), name)()
    return reader
