"""Whether what draws a PDF's pages unpacks to its end.

PDFium draws a damaged stream as far as it goes and says nothing. The look over the file's bytes is quick and
may be wrong; which pages are hurt is told by the second reader. Known are streams packed by Flate, as nearly
all are.
"""

from __future__ import annotations

import re
import zlib

_STREAM = re.compile(rb">>\s{0,4}stream\r?\n")
_FLATE = re.compile(rb"/Filter\s*\[?\s*/(?:FlateDecode|Fl)\b")
_NOT_DRAWN = re.compile(
    rb"/(?:Image|Length1|ObjStm|XRef|Type1C|CIDFontType0C|OpenType|Metadata|EmbeddedFile)\b"
)
_PAGE = re.compile(rb"/Type\s*/Page\b")
_DICTIONARY_BYTES = 600
_PIECE = 16 * 1024
_MOST_UNPACKED = 64_000_000
"""Bytes of one stream, and of one file: what comes behind is taken for sound."""


def has_damage(file: bytes) -> bool:
    """True if some stream of the file, which may draw a page, seems not to unpack to its end."""
    left = _MOST_UNPACKED
    for found in _STREAM.finditer(file):
        about = file[max(0, found.start() - _DICTIONARY_BYTES) : found.start()]
        about = about[about.rfind(b" obj") + 1 :]
        if not _FLATE.search(about) or _NOT_DRAWN.search(about):
            continue
        sound, unpacked = _unpacked(file, found.end(), left)
        if not sound and not file[found.end() : found.end() + 12].lstrip().startswith(b"endstream"):
            return True
        left -= unpacked
        if left <= 0:
            break
    return False


def is_whole(packed: bytes) -> bool:
    """True if packed bytes unpack to their end; whether their check sum is right is nothing to a reader."""
    return not packed.strip() or _unpacked(packed, 0, _MOST_UNPACKED)[0]


def may_hold_more(file: bytes, pages: int) -> bool:
    """True if the file holds more page objects than `pages`; older versions of a page count as well."""
    return sum(1 for _ in _PAGE.finditer(file)) > pages


def _unpacked(data: bytes, start: int, most: int) -> tuple[bool, int]:
    """Whether the end was reached, or `most` before it; and how many bytes came out."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    count = 0
    try:
        for at in range(start + 2, len(data), _PIECE):
            count += len(unpacker.decompress(data[at : at + _PIECE]))
            if unpacker.eof or count >= most:
                return True, count
    except zlib.error:
        pass
    return False, count
