"""The words of Windows drawings (EMF and WMF, packed or not), such as a table that was pasted as a picture.

A drawing is a list of records; those that write a text say what and where. Words come in the order in which
they are drawn, a line for each height. Letters that are drawn as outlines say nothing.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

_MOST_BYTES = 64_000_000
_MOST_RECORDS = 1_000_000
_EMF_HEADER, _EMF_MARK = b"\x01\0\0\0", b" EMF"
_PLACEABLE = b"\xd7\xcd\xc6\x9a"
_WMF_STARTS = (b"\x01\0\x09\0", b"\x02\0\x09\0")
_EMF_TEXT_WIDE, _EMF_TEXT_NARROW, _EMF_END = 84, 83, 14
_EMF_PICTURES = {76: 100, 77: 100, 80: 40, 81: 48, 114: 100}
"""Records that draw a bitmap, and where those say how large its head is and where that stands."""
_WMF_TEXT, _WMF_LONG_TEXT, _WMF_PICTURES = 0x0521, 0x0A32, (0x0F43, 0x0B41, 0x0940)
_CLIPPED = 0x0002 | 0x0004
_LEAST_WIDTH, _LEAST_HEIGHT = 400, 150
"""Dots of a bitmap that can hold lines of text; an icon is smaller."""
_WORD_GAP = 0.15
"""Of the height of letters, from which pieces of text side by side are words apart."""


@dataclass(frozen=True, slots=True)
class Metafile:
    """What a drawing says."""

    text: str
    holds_picture: bool
    """A bitmap large enough to hold text is part of it."""


def read_metafile(data: bytes) -> Metafile | None:
    """The words of a drawing; None if it is none, or broken from its beginning on."""
    if data.startswith(b"\x1f\x8b"):
        try:
            data = zlib.decompressobj(31).decompress(data, _MOST_BYTES)
        except zlib.error:
            return None
    if data.startswith(_EMF_HEADER) and data[40:44] == _EMF_MARK:
        return _gathered(_emf(data))
    if data.startswith(_PLACEABLE):
        data = data[22:]
    return _gathered(_wmf(data)) if data.startswith(_WMF_STARTS) else None


@dataclass(frozen=True, slots=True)
class _Piece:
    """Words that are written at once."""

    height: int
    text: str
    box: tuple[int, int, int, int] = (0, 0, -1, -1)
    """Left, top, right and bottom as drawn; the right before the left where that is not known."""

    def follows(self, other: _Piece) -> bool:
        """Whether a piece on the same line goes on where another ended, inside a word."""
        left, top, right, bottom = self.box
        known = right >= left and other.box[2] >= other.box[0]
        return known and left - other.box[0] >= 0 and left - other.box[2] < _WORD_GAP * (bottom - top)


_Said = _Piece | None
"""None stands for a bitmap."""


def _gathered(said: Iterator[_Said]) -> Metafile:
    lines: list[str] = []
    last: _Piece | None = None
    holds_picture = False
    for one in said:
        if one is None:
            holds_picture = True
            continue
        if last is None or last.height != one.height:
            lines.append(one.text)
        else:
            lines[-1] += one.text if one.follows(last) else f" {one.text}"
        last = one
    words = (" ".join(line.replace("\0", " ").split()) for line in lines)
    return Metafile("\n".join(line for line in words if line), holds_picture)


def _emf(data: bytes) -> Iterator[_Said]:
    at = 0
    for _ in range(_MOST_RECORDS):
        if at + 8 > len(data):
            return
        kind, size = struct.unpack_from("<II", data, at)
        record = data[at : at + size]
        if kind == _EMF_END or size < 8 or len(record) < size:
            return
        if kind in (_EMF_TEXT_WIDE, _EMF_TEXT_NARROW) and size >= 76:
            height, count, start = struct.unpack_from("<iII", record, 40)
            width = 2 if kind == _EMF_TEXT_WIDE else 1
            text = record[start : start + count * width]
            box = struct.unpack_from("<4i", record, 8)
            yield _Piece(height, text.decode("utf-16-le" if width == 2 else "cp1252", errors="replace"), box)
        elif (where := _EMF_PICTURES.get(kind)) and size >= where + 8:
            # Some of these records only fill with a colour, and have no bitmap.
            (head,) = struct.unpack_from("<I", record, where)
            if 0 < head <= size - 12 and _is_large(record[head : head + 12]):
                yield None
        at += size


def _wmf(data: bytes) -> Iterator[_Said]:
    at = 18
    for _ in range(_MOST_RECORDS):
        if at + 6 > len(data):
            return
        words, kind = struct.unpack_from("<IH", data, at)
        record = data[at + 6 : at + words * 2]
        if kind == 0 or words < 3:
            return
        if kind == _WMF_TEXT and len(record) >= 6:
            (count,) = struct.unpack_from("<H", record, 0)
            after = 2 + count + count % 2
            height = struct.unpack_from("<h", record, after)[0] if after + 2 <= len(record) else 0
            yield _Piece(height, record[2 : 2 + count].decode("cp1252", errors="replace"))
        elif kind == _WMF_LONG_TEXT and len(record) >= 8:
            height, _, count, options = struct.unpack_from("<hhHH", record, 0)
            start = 16 if options & _CLIPPED else 8
            yield _Piece(height, record[start : start + count].decode("cp1252", errors="replace"))
        elif kind in _WMF_PICTURES and len(record) > 60:
            head = record.find(b"\x28\0\0\0")
            if head >= 0 and _is_large(record[head : head + 12]):
                yield None
        at += words * 2


def _is_large(head: bytes) -> bool:
    if len(head) < 12:
        return False
    width, height = struct.unpack_from("<ii", head, 4)
    return bool(abs(width) >= _LEAST_WIDTH and abs(height) >= _LEAST_HEIGHT)
