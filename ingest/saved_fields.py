"""Fields that show the day on which a document is opened: kept as they were saved.

LibreOffice works such a field out anew when it prints, so that an old letter would bear the day on which it
was read. In the copy that it gets, these fields are made others (a quotation, one of no known name) or plain
text: then it prints what was saved. Not found: such fields in the text boxes and notes of a `.doc`, and those
of a document that unpacks to more than 200 MB.
"""

from __future__ import annotations

import re
import shutil
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import olefile

from ingest import media

_RTF_FIELD = re.compile(rb"(\\fldinst[^}A-Z]{0,300}?)(?:DATE|TIME)(?=[\s\\}\"])")
_UNKNOWN = rb"\1XXXX"
"""As long as the word that it replaces: binary parts of the file tell their own length."""
_ODF_FIELD = re.compile(rb"<text:(?:date|time)\b[^>]*?(/?)>")
_ODF_FIELD_END = re.compile(rb"</text:(?:date|time)>")
_ODF_PARTS = ("content.xml", "styles.xml")
_MOST_BYTES = 200_000_000
_TABLE_FLAG_AT, _TABLE_FLAG = 10, 0x0200
_FIELD_LISTS = (0x011A, 0x0122, 0x012A)
"""Where a `.doc` tells where its lists of fields are: of its text, its headers and its footnotes."""
_ZIP_ERRORS = (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError)
_BEGINS, _DATE, _TIME, _QUOTE = 0x13, 31, 32, 35


def copy_with_saved_dates(path: Path, target: Path, media_type: str) -> None:
    """Copy a document so that its dates and times print as they were saved.

    A damaged file is copied as it is: whatever opens it will say so.
    """
    shutil.copyfile(path, target)
    try:
        if media_type == media.RTF:
            data = target.read_bytes()
            if (kept := _RTF_FIELD.sub(_UNKNOWN, data)) != data:
                target.write_bytes(kept)
        elif media_type in (media.ODT, media.ODP):
            _keep_in_open_document(path, target)
        elif media_type == media.DOC and olefile.isOleFile(str(target)):
            _keep_in_word(target)
    except (OSError, ValueError, IndexError, TypeError, AttributeError, struct.error, *_ZIP_ERRORS):
        shutil.copyfile(path, target)


def _keep_in_open_document(path: Path, target: Path) -> None:
    with zipfile.ZipFile(path) as source:
        if sum(entry.file_size for entry in source.infolist()) > _MOST_BYTES:
            return
        if not any(_ODF_FIELD.search(source.read(part)) for part in _parts(source)):
            return
        with zipfile.ZipFile(target, "w") as made:
            for entry in source.infolist():
                data = source.read(entry)
                if entry.filename in _ODF_PARTS:
                    data = _ODF_FIELD.sub(rb"<text:span\1>", data)
                    data = _ODF_FIELD_END.sub(b"</text:span>", data)
                made.writestr(entry, data)


def _parts(source: zipfile.ZipFile) -> list[str]:
    return [one for one in _ODF_PARTS if one in source.namelist()]


def _keep_in_word(target: Path) -> None:
    with olefile.OleFileIO(str(target), write_mode=True) as opened:
        with opened.openstream("WordDocument") as stream:
            head = stream.read(0x0200)
        flags = int.from_bytes(head[_TABLE_FLAG_AT : _TABLE_FLAG_AT + 2], "little")
        name = "1Table" if flags & _TABLE_FLAG else "0Table"
        with opened.openstream(name) as stream:
            table = bytearray(stream.read())
        places = list(_dates(head, table))
        for at in places:
            table[at] = _QUOTE
        if places:
            opened.write_stream(name, bytes(table))


def _dates(head: bytes, table: bytearray) -> Iterator[int]:
    """Where the list of fields says that one is a date or a time."""
    for place in _FIELD_LISTS:
        start, length = struct.unpack_from("<II", head, place)
        # Between places in the text of four bytes each, and one more of those, two bytes tell what is there.
        count = max(0, (min(length, len(table) - start) - 4) // 6)
        first = start + 4 * (count + 1)
        for at in range(first, first + 2 * count, 2):
            if table[at] & 0x1F == _BEGINS and table[at + 1] in (_DATE, _TIME):
                yield at + 1
