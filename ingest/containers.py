"""What an OLE or a zip file is, by its table of contents: old and new Office files, mail, OpenDocument.

Nothing is unpacked but small lists of parts, and no XML is parsed: a damaged or hostile file gives its kind
or a reason.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path, PurePosixPath

import olefile

from ingest import media
from ingest.errors import UnreadableSource

_TYPES_PART = "[Content_Types].xml"
_TYPES_BYTES = 1 << 20
_MAIN_PARTS = (
    (b"wordprocessingml.document.main+xml", media.DOCX),
    (b"wordprocessingml.template.main+xml", media.DOCX),
    (b"ms-word.document.macroEnabled.main+xml", media.DOCX),
    (b"ms-word.template.macroEnabledTemplate.main+xml", media.DOCX),
    (b"spreadsheetml.sheet.main+xml", media.XLSX),
    (b"spreadsheetml.template.main+xml", media.XLSX),
    (b"ms-excel.sheet.macroEnabled.main+xml", media.XLSX),
    (b"ms-excel.template.macroEnabled.main+xml", media.XLSX),
    (b"ms-excel.addin.macroEnabled.main+xml", media.XLSX),
    (b"presentationml.presentation.main+xml", media.PPTX),
    (b"presentationml.slideshow.main+xml", media.PPTX),
    (b"presentationml.template.main+xml", media.PPTX),
    (b"ms-powerpoint.presentation.macroEnabled.main+xml", media.PPTX),
    (b"ms-powerpoint.slideshow.macroEnabled.main+xml", media.PPTX),
    (b"ms-powerpoint.template.macroEnabled.main+xml", media.PPTX),
)
_FOLDERS = (("word/", media.DOCX), ("xl/", media.XLSX), ("ppt/", media.PPTX))
_OPEN_DOCUMENT = {
    b"application/vnd.oasis.opendocument.text": media.ODT,
    b"application/vnd.oasis.opendocument.text-template": media.ODT,
    b"application/vnd.oasis.opendocument.presentation": media.ODP,
    b"application/vnd.oasis.opendocument.presentation-template": media.ODP,
}
_REFUSED_MIMES = {
    b"application/vnd.oasis.opendocument.spreadsheet": "is an OpenDocument spreadsheet; save it as .xlsx",
    b"application/vnd.oasis.opendocument.spreadsheet-template": "is an OpenDocument spreadsheet; "
    "save it as .xlsx",
    b"application/vnd.oasis.opendocument.graphics": "is an OpenDocument drawing; print it to PDF",
    b"application/epub+zip": "is an e-book (EPUB); print it to PDF",
}
_REFUSED_PARTS = (
    ("xl/workbook.bin", "is a binary Excel workbook (.xlsb); save it as .xlsx"),
    ("visio/document.xml", "is a Visio drawing; print it to PDF"),
    ("FixedDocumentSequence.fdseq", "is an XPS document; print it to PDF"),
    ("Index/Document.iwa", "is a Pages, Numbers or Keynote file; export it as .docx, .xlsx or PDF"),
    ("Index.zip", "is a Pages, Numbers or Keynote file; export it as .docx, .xlsx or PDF"),
    ("index.apxl", "is a Keynote file; export it as PDF"),
    ("index.xml", "is a Pages or Numbers file; export it as .docx, .xlsx or PDF"),
)
_STREAMS = (
    ("__properties_version1.0", media.MSG),
    ("worddocument", media.DOC),
    ("workbook", media.XLS),
    ("book", media.XLS),
    ("powerpoint document", media.PPT),
)
_REFUSED_STREAMS = (
    ("visiodocument", "is a Visio drawing; print it to PDF"),
    ("quill", "is a Publisher file; print it to PDF"),
    ("bodytext", "is a Hangul document (.hwp); save it as .docx or PDF"),
    ("matost", "is a Works document; save it as .docx or PDF"),
    ("   114", "is a Project file; print it to PDF"),
    ("pp40", "is an old PowerPoint presentation (version 4); print it to PDF"),
)
_ENCRYPTED = "encryptedpackage"
_RIGHTS_MANAGED = "drmencrypted"
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    EOFError,
)


def ole_type(file: Path, name: str) -> str:
    """The media type of an OLE compound file.

    Raises:
        UnreadableSource: it is damaged, or of a kind that is not read.
    """
    try:
        with olefile.OleFileIO(str(file)) as opened:
            entries = [[part.lower() for part in entry] for entry in opened.listdir()]
    except (OSError, ValueError, IndexError, TypeError, AttributeError, RecursionError) as error:
        # olefile finds some damage by tripping over it.
        raise UnreadableSource(f"{name!r} is a damaged Office or Outlook file; save it again") from error
    if any(part.startswith(_RIGHTS_MANAGED) for entry in entries for part in entry):
        raise UnreadableSource(
            f"{name!r} is locked by rights management; have its owner save it without that protection"
        )
    top = {entry[0] for entry in entries}
    if _ENCRYPTED in top:
        # Which of the three is known once it is decrypted.
        return {".xlsx": media.XLSX, ".xlsm": media.XLSX, ".pptx": media.PPTX, ".pptm": media.PPTX}.get(
            PurePosixPath(name).suffix.lower(), media.DOCX
        )
    for stream, kind in _STREAMS:
        if stream in top:
            return kind
    reason = next((reason for stream, reason in _REFUSED_STREAMS if stream in top), None)
    raise UnreadableSource(
        f"{name!r} {reason or f'is an old Office file of an unknown kind; {media.SUPPORTED} are read'}"
    )


def zip_type(file: Path, name: str) -> str:
    """The media type of a zip file that is a document.

    Raises:
        UnreadableSource: it is damaged, or of a kind that is not read.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = set(archive.namelist())
            listed = _start_of(archive, _TYPES_PART) if _TYPES_PART in members else b""
            mime = _start_of(archive, "mimetype").strip() if "mimetype" in members else b""
            manifest = _start_of(archive, "META-INF/manifest.xml") if mime in _OPEN_DOCUMENT else b""
    except _ZIP_ERRORS as error:
        raise UnreadableSource(f"{name!r} is {_damaged(file)}; save it again") from error
    if mime in _OPEN_DOCUMENT:
        if b"encryption-data" in manifest:
            raise UnreadableSource(f"{name!r} is encrypted; save it without a password")
        return _OPEN_DOCUMENT[mime]
    for part, reason in (*_REFUSED_PARTS[:3], (None, _REFUSED_MIMES.get(mime))):
        if reason and (part is None or part in members):
            raise UnreadableSource(f"{name!r} {reason}")
    for mark, kind in _MAIN_PARTS:
        if mark in listed.replace(b"\0", b""):
            return kind
    for folder, kind in _FOLDERS:
        if any(one.replace("\\", "/").lower().startswith(folder) for one in members):
            return kind
    for part, reason in _REFUSED_PARTS:
        if part in members:
            raise UnreadableSource(f"{name!r} {reason}")
    raise UnreadableSource(f"{name!r} is a zip file that holds no document; {media.SUPPORTED} are read")


def _start_of(archive: zipfile.ZipFile, member: str) -> bytes:
    """As much of a small member as counts; nothing if it cannot be unpacked."""
    try:
        with archive.open(member) as opened:
            return opened.read(_TYPES_BYTES)
    except _ZIP_ERRORS:
        return b""


def _damaged(file: Path) -> str:
    """What a zip file without a readable table of contents was meant to be, by the parts it begins with."""
    with file.open("rb") as stream:
        head = stream.read(_TYPES_BYTES)
    for folder, word in ((b"word/", "Word document"), (b"xl/", "Excel workbook"), (b"ppt/", "presentation")):
        if folder in head:
            return f"a damaged {word}, cut short or overwritten"
    return "a damaged zip or Office file"
