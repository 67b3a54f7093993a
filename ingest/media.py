"""What a file is, by its content.

A name is asked only where bytes cannot tell: between kinds that are all plain text, and for what lies inside
an encrypted Office file. What a file says is not read here, and no part of it is parsed further than its
table of contents.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path, PurePosixPath

from ingest.encodings import is_text, unmarked_wide
from ingest.errors import UnreadableSource

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLS = "application/vnd.ms-excel"
CSV = "text/csv"
HTML = "text/html"
MARKDOWN = "text/markdown"
TEXT = "text/plain"
JSON = "application/json"
XML = "application/xml"
EMAIL = "message/rfc822"
MBOX = "application/mbox"
MSG = "application/vnd.ms-outlook"
TNEF = "application/vnd.ms-tnef"
PNG = "image/png"
JPEG = "image/jpeg"
TIFF = "image/tiff"
GIF = "image/gif"
BMP = "image/bmp"
WEBP = "image/webp"
PNM = "image/x-portable-anymap"
DOC = "application/msword"
PPT = "application/vnd.ms-powerpoint"
RTF = "application/rtf"
ODT = "application/vnd.oasis.opendocument.text"
ODP = "application/vnd.oasis.opendocument.presentation"
WPD = "application/vnd.wordperfect"

CONVERTED = frozenset({DOC, RTF, ODT, PPT, ODP, WPD})
"""Kinds that become a PDF first (`ingest.converting`), whose pages are then the document's."""

SUPPORTED = "PDF, Word, Excel, PowerPoint, OpenDocument, e-mail, web pages, text and pictures"

_POSING = {
    ".pdf": "a PDF",
    ".docx": "a Word document",
    ".xlsx": "an Excel workbook",
    ".pptx": "a PowerPoint presentation",
    ".odt": "an OpenDocument text",
    ".png": "a picture",
    ".jpg": "a picture",
    ".jpeg": "a picture",
    ".tif": "a picture",
    ".tiff": "a picture",
}
_HEAD_BYTES = 64 * 1024
_PDF_HEADER_BYTES = 1024
"""Readers accept a PDF whose header comes a little late, so a mail gateway's first lines do no harm."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STARTS = (
    (b"{\\rtf", RTF),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", TIFF),
    (b"MM\0+", TIFF),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"\xffWPC", WPD),
    (b"\xdb\xa5-\0", DOC),
    (b"x\x9f\x3e\x22", TNEF),
    (b"\x09\x08\x08\0\0\x05", XLS),
    (b"\x09\x04\x06\0", XLS),
    (b"\x09\x02\x06\0", XLS),
    (b"\x09\0\x04\0", XLS),
)
_REFUSED_STARTS = (
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive; unpack it and add its files"),
    (b"Rar!\x1a\x07", "is a RAR archive; unpack it and add its files"),
    (b"\x1f\x8b", "is a gzip file; unpack it and add what is inside"),
    (b"BZh", "is a bzip2 file; unpack it and add what is inside"),
    (b"\xfd7zXZ\0", "is an xz file; unpack it and add what is inside"),
    (b"MSCF", "is a cabinet archive; unpack it and add its files"),
    (b"!BDN", "is an Outlook data file (.pst); save its messages as .msg or .eml"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "is a JPEG 2000 picture; save it as JPEG or PNG"),
    (b"%!PS", "is a PostScript file; print it to PDF"),
    (b"\0\0\2\0", "is a Lotus 1-2-3 sheet; save it as .xlsx"),
    (b"\0\0\x1a\0", "is a Lotus 1-2-3 sheet; save it as .xlsx"),
    (b"\0\1\0\0Standard ", "is an Access database; save its tables as .xlsx"),
    (b"\xe4R\\{\x8c\xd8\xa7M\xae\xb1Sx\xd0)\x96\xd3", "is a OneNote notebook; print its pages to PDF"),
    (b"\x31\xbe\0\0", "is a Windows Write document; save it as .docx or PDF"),
    (b"L\0\0\0\1\x14\2\0", "is a shortcut; add the file that it points to"),
    (b"-----BEGIN PGP MESSAGE-----", "is encrypted (PGP); decrypt it and add what is inside"),
    (b"-----BEGIN PKCS7-----", "is in a signature envelope (PKCS #7); add what is inside"),
)
_GAP = rb"(?:\s|#[^\n]*\n)"
_PORTABLE_PICTURE = re.compile(rb"P[4-6]%b+\d+%b+\d+\s" % (_GAP, _GAP))
_PORTABLE_NUMBERS = re.compile(rb"P[1-3](?:%b|\d)+\Z" % _GAP)
_PORTABLE_SUFFIXES = frozenset((".pbm", ".pgm", ".ppm", ".pnm"))
_REFUSED_BYTES = (
    (b"AC10", "is an AutoCAD drawing; print it to PDF"),
    (b"ID3", "is a sound recording; add a transcript of it"),
    (b"OggS", "is a recording; add a transcript of it"),
    (b"fLaC", "is a sound recording; add a transcript of it"),
    (b"MZ", "is a program; unpack it if it is a self-extracting archive, and add its files"),
)
"""Beginnings that a text may have as well."""
_ENVELOPE = re.compile(rb"\x30[\x80-\x84].{0,4}\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07([\x02\x03])", re.S)
"""A signed (2) or an encrypted (3) message of S/MIME and of signed invoices."""
_MEDIA_FILE = re.compile(rb"RIFF....(?:WAVE|AVI )|....ftyp(?:mp4|M4|isom|iso2|qt|3gp)", re.S)
_PHOTO = re.compile(rb"....ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1|avif|avis)", re.S)
_TAR_BLOCK = 512
_TAR, _TAR_SUM = slice(257, 262), slice(148, 156)
_HTML_START = re.compile(rb"\s*(<\?xml[^>]*\?>|<!--.*?-->|\s)*<(!doctype\s+html|html)[\s>]", re.I | re.S)
_XML_START = re.compile(rb"\s*(<\?xml[\s?]|<!DOCTYPE\s|<[A-Za-z_][\w.:-]*(\s[^<>]*)?/?>)")
_JSON_START = re.compile(rb"\s*(\{\s*[\"}]|\[\s*[\[{\"\]])")
_ANY_TAG = re.compile(rb"<[a-z!][^>]*>", re.I)
_MAIL_HEADER = re.compile(rb"^[A-Za-z][A-Za-z0-9-]*:[ \t]*\S?", re.M)
_MAIL_PROOF = re.compile(rb"^(message-id|mime-version|received|return-path):", re.I | re.M)
_MAIL_FIELD = re.compile(rb"^(from|to|subject|date|message-id|mime-version|received):", re.I | re.M)
_MBOX_START = re.compile(rb"From \S+ .*\d{4}\s*$")


def media_type_of(file: Path, name: str) -> str:
    """The media type of a file that can be read.

    Raises:
        UnreadableSource: the file is empty or of a kind that is not read; the message says which are.
    """
    with file.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if not head:
        raise UnreadableSource(f"{name!r} is empty; add it again once it has content")
    if not head.removeprefix(codecs.BOM_UTF8).strip() and len(head) < _HEAD_BYTES:
        raise UnreadableSource(
            f"{name!r} holds only spaces and line breaks; add it again once it has content"
        )
    if head.startswith(b"%PDF-"):
        return PDF
    if head.startswith((_OLE, b"PK")):
        # Imported here: these two look further into the file, and need this module's names.
        from ingest import containers

        return containers.ole_type(file, name) if head.startswith(_OLE) else containers.zip_type(file, name)
    if found := next((kind for start, kind in _STARTS if head.startswith(start)), None):
        return found
    if head.startswith(b"BM") and head[6:10] == b"\0" * 4:
        return BMP
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    if _is_portable_picture(head, name):
        return PNM
    _refuse_known(head, name)
    if _is_pdf(head):
        return PDF
    if not is_text(head):
        for start, reason in _REFUSED_BYTES:
            if head.startswith(start):
                raise UnreadableSource(f"{name!r} {reason}")
        raise UnreadableSource(f"{name!r} is {_foreign(head)}, which is not read; {SUPPORTED} are")
    kind = _text_type(head, name)
    if kind == TEXT and (claimed := _POSING.get(PurePosixPath(name).suffix.lower())):
        # Read as it is, the person who added it would believe that the real document is here.
        raise UnreadableSource(f"{name!r} is named like {claimed} but holds plain text; save it again")
    return kind


def _is_pdf(head: bytes) -> bool:
    """Asked last of the binary kinds: archives and mail hold whole PDF files that begin early on."""
    at = head[:_PDF_HEADER_BYTES].find(b"%PDF-")
    # A text that only speaks of one has no objects.
    return at > 0 and (b" obj" in head or not is_text(head))


def _is_portable_picture(head: bytes, name: str) -> bool:
    """True for a bitmap, greymap or pixmap (PNM); a text may begin as one does."""
    if _PORTABLE_NUMBERS.match(head):
        return True
    named = PurePosixPath(name).suffix.lower() in _PORTABLE_SUFFIXES
    return bool(_PORTABLE_PICTURE.match(head)) and (named or not is_text(head))


def _refuse_known(head: bytes, name: str) -> None:
    for start, reason in _REFUSED_STARTS:
        if head.startswith(start):
            raise UnreadableSource(f"{name!r} {reason}")
    if _PHOTO.match(head):
        raise UnreadableSource(f"{name!r} is a HEIC or AVIF photo; save it as JPEG or PNG")
    if envelope := _ENVELOPE.match(head):
        reason = (
            "is in a signature envelope (S/MIME), which is not opened; save what is inside without it"
            if envelope[1] == b"\2"
            else "is encrypted (S/MIME); decrypt it and add what is inside"
        )
        raise UnreadableSource(f"{name!r} {reason}")
    if _MEDIA_FILE.match(head):
        raise UnreadableSource(f"{name!r} is a recording; add a transcript of it")
    if not head.strip(b"\0"):
        raise UnreadableSource(f"{name!r} holds nothing but zeros, as after a broken copy; get it again")
    if _is_tar(head):
        raise UnreadableSource(f"{name!r} is a tar archive; unpack it and add its files")


def _is_tar(head: bytes) -> bool:
    """By its mark; old ones have none, and a check sum that fits."""
    block = head[:_TAR_BLOCK]
    if block[_TAR] == b"ustar" or len(block) < _TAR_BLOCK:
        return block[_TAR] == b"ustar"
    written = block[_TAR_SUM].strip(b"\0 ")
    summed = sum(block[: _TAR_SUM.start]) + 8 * ord(" ") + sum(block[_TAR_SUM.stop :])
    return written.isdigit() and not written.strip(b"01234567") and int(written, 8) == summed


def _text_type(head: bytes, name: str) -> str:
    plain = _plain(head)
    suffix = PurePosixPath(name).suffix.lower()
    if _HTML_START.match(plain) or (suffix in (".html", ".htm", ".xhtml") and _ANY_TAG.search(plain)):
        return HTML
    if named := {".md": MARKDOWN, ".markdown": MARKDOWN, ".txt": TEXT, ".csv": CSV, ".tsv": CSV}.get(suffix):
        return named
    if plain.lstrip().startswith(b"<?xml") or (suffix == ".xml" and _XML_START.match(plain)):
        return XML
    if suffix in (".json", ".jsonl", ".ndjson") or _JSON_START.match(plain):
        return JSON
    if suffix == ".xls" and b"\t" in plain:
        # Many programs call a table of text an Excel file.
        return CSV
    return _mail_type(plain, suffix) or TEXT


def _mail_type(plain: bytes, suffix: str) -> str | None:
    lines = plain.replace(b"\r\n", b"\n").lstrip(b"\n")
    first, _, rest = lines.partition(b"\n")
    is_box = bool(_MBOX_START.match(first)) and bool(_MAIL_HEADER.match(rest))
    header, _, _ = (rest if is_box else lines).partition(b"\n\n")
    fields = len({one.lower() for one in _MAIL_FIELD.findall(header)})
    if is_box:
        return MBOX if fields else None
    wanted = 1 if suffix == ".eml" else 3
    if _MAIL_HEADER.match(header) and fields >= wanted and (suffix == ".eml" or _MAIL_PROOF.search(header)):
        return EMAIL
    return None


def _plain(head: bytes) -> bytes:
    """Text in two or four bytes a character as one byte a character, as far as its markup goes."""
    if unmarked_wide(head) or head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
        head = head.replace(b"\0", b"")
    return head.lstrip(b"\xef\xbb\xbf\xff\xfe")


def _foreign(head: bytes) -> str:
    # Imported here: this is for refusals only, and every reading process would wait for the import.
    import puremagic

    try:
        found = puremagic.from_string(head, mime=True)
    except (puremagic.PureError, ValueError):
        found = ""
    return f"of type {found}" if found else "of an unknown binary type"
