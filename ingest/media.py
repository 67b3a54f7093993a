"""What a file is, by its content.

A name is asked only between kinds that are all plain text (text, Markdown, e-mail): bytes cannot tell them
apart.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path, PurePosixPath

import puremagic

from ingest.errors import UnreadableSource

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML = "text/html"
MARKDOWN = "text/markdown"
TEXT = "text/plain"
EMAIL = "message/rfc822"

SUPPORTED = "PDF, Word (.docx), HTML, Markdown, plain text and e-mail (.eml)"

_BINARY_KINDS = {
    ".pdf": "a PDF",
    ".docx": "a Word document",
    ".xlsx": "an Excel workbook",
    ".pptx": "a PowerPoint presentation",
}
_HEAD_BYTES = 64 * 1024
_PDF_HEADER_BYTES = 1024
"""Readers accept a PDF whose header comes a little late, so a mail gateway's first lines do no harm."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_TEXT_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_HTML_START = re.compile(rb"\s*(<\?xml[^>]*\?>|<!--.*?-->|\s)*<(!doctype\s+html|html)[\s>]", re.I | re.S)
_ANY_TAG = re.compile(rb"<[a-z!][^>]*>", re.I)
_MAIL_HEADER = re.compile(rb"^[A-Za-z][A-Za-z0-9-]*:[ \t]*\S?", re.M)
_MAIL_PROOF = re.compile(rb"^(message-id|mime-version|received|return-path):", re.I | re.M)
_MAIL_FIELD = re.compile(rb"^(from|to|subject|date|message-id|mime-version|received):", re.I | re.M)


def media_type_of(file: Path, name: str) -> str:
    """The media type of a file that can be read.

    Raises:
        UnreadableSource: the file is empty or of a kind that is not read; the message says which are.
    """
    with file.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if not head:
        raise UnreadableSource(f"{name!r} is empty; add it again once it has content")
    if b"%PDF-" in head[:_PDF_HEADER_BYTES]:
        return PDF
    if head.startswith(b"PK"):
        return _zip_type(file, name)
    if head.startswith(_OLE):
        raise UnreadableSource(
            f"{name!r} is an old or password-protected Office file; save it as .docx without a password"
        )
    if head.startswith(b"{\\rtf"):
        raise UnreadableSource(f"{name!r} is rich text (RTF); save it as .docx or PDF")
    if not is_text(head):
        raise UnreadableSource(f"{name!r} is {_foreign(head)}, which is not read; {SUPPORTED} are")
    kind = _text_type(head, name)
    if kind == TEXT and (claimed := _BINARY_KINDS.get(PurePosixPath(name).suffix.lower())):
        # Read as it is, the person who added it would believe that the real document is here.
        raise UnreadableSource(f"{name!r} is named like {claimed} but holds plain text; save it again")
    return kind


def is_text(head: bytes) -> bool:
    """True if bytes look like the beginning of a text in some encoding."""
    if head.startswith(_TEXT_MARKS):
        return True
    controls = sum(byte < 32 and byte not in b"\t\n\v\f\r\x1b" for byte in head)
    return b"\0" not in head and controls * 100 <= len(head)


def _text_type(head: bytes, name: str) -> str:
    plain = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")
    suffix = PurePosixPath(name).suffix.lower()
    if _HTML_START.match(plain) or (suffix in (".html", ".htm", ".xhtml") and _ANY_TAG.search(plain)):
        return HTML
    if suffix in (".md", ".markdown"):
        return MARKDOWN
    if suffix == ".txt":
        return TEXT
    header, _, _ = plain.replace(b"\r\n", b"\n").lstrip(b"\n").partition(b"\n\n")
    fields = len({one.lower() for one in _MAIL_FIELD.findall(header)})
    wanted = 1 if suffix == ".eml" else 3
    if _MAIL_HEADER.match(header) and fields >= wanted and (suffix == ".eml" or _MAIL_PROOF.search(header)):
        return EMAIL
    return TEXT


def _zip_type(file: Path, name: str) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            members = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UnreadableSource(f"{name!r} is a damaged zip or Office file; save it again") from error
    if "word/document.xml" in members:
        return DOCX
    if "[Content_Types].xml" in members and any(one.startswith("word/") for one in members):
        return DOCX
    for folder, kind in (("xl/", "a spreadsheet"), ("ppt/", "a presentation")):
        if any(one.startswith(folder) for one in members):
            raise UnreadableSource(f"{name!r} is {kind}, which is not read; {SUPPORTED} are; print it to PDF")
    raise UnreadableSource(f"{name!r} is a zip file that holds no Word document; {SUPPORTED} are read")


def _foreign(head: bytes) -> str:
    try:
        found = puremagic.from_string(head, mime=True)
    except (puremagic.PureError, ValueError):
        found = ""
    return f"of type {found}" if found else "of an unknown binary type"
