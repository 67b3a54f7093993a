"""Outlook's own packing of a message and its files (`winmail.dat`, TNEF): read as the e-mail that it was.

What the packing has for any mail program (sender, subject, file names) and what Outlook adds to it (the text,
long names, messages inside) are laid one over the other, the latter first. A file that breaks off is read as
far as it goes, and says so.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingest.encodings import decoded
from ingest.readers.base import DEFAULT, Reading, ReadOptions, Unreadable
from ingest.readers.email import mail_reading
from ingest.readers.outlook import (
    BODY,
    DATA,
    LONG_NAME,
    SENDER_ADDRESS,
    SENDER_NAME,
    SENT,
    SUBJECT,
    as_email,
    code_page,
)

_SIGNATURE = 0x223E9F78
_FILE_NAME = 0x8010
_TEXTS = {0x8004: SUBJECT, 0x800C: BODY, _FILE_NAME: LONG_NAME}
_FROM, _DATE_SENT, _OEM_PAGE, _FILE_DATA = 0x8000, 0x8005, 0x9007, 0x800F
_PROPERTIES, _RECIPIENTS, _FILE_BEGINS, _FILE_PROPERTIES = 0x9003, 0x9004, 0x9002, 0x9005
_FIXED = {0x02: 2, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 2, 0x14: 8, 0x40: 8, 0x48: 16}
_EIGHT_BIT, _UNICODE, _OBJECT, _BINARY = 0x1E, 0x1F, 0x0D, 0x102
_VARIABLE = (_EIGHT_BIT, _UNICODE, _OBJECT, _BINARY)
_MANY = 0x1000
_NAMED = 0x8000
_INTERFACE_BYTES = 16
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_BROKEN_OFF = "breaks off: what stood after that is missing; have it sent again"
_SPOILED = "does not fit its own check sum, so that some of it may be wrong; have it sent again"


class _Ends(Exception):
    """The bytes end inside a value, or make no sense from there on."""


class TnefReader:
    """Reads a `winmail.dat`."""

    def read(
        self,
        path: Path,
        options: ReadOptions = DEFAULT,
        *,
        first_page: int = 1,  # noqa: ARG002 - one page
    ) -> Reading:
        """See `Reader.read`."""
        packed = _Packed(path.read_bytes())
        if packed.is_empty:
            raise Unreadable("is a damaged Outlook winmail.dat; have the message sent again")
        problems: list[str] = []
        message = as_email(packed, problems)
        return mail_reading(message, options, problems=(*packed.problems, *problems))


class _Bytes:
    """Values taken one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, length: int) -> bytes:
        found = self._data[self._at : self._at + length]
        if len(found) < length:
            raise _Ends
        self._at += length
        return found

    def number(self, width: int = 4) -> int:
        return int.from_bytes(self.take(width), "little")

    def padded(self, length: int) -> bytes:
        found = self.take(length)
        # The last value of all may go without what fills it up.
        self._at = min(self._at + -length % 4, len(self._data))
        return found

    @property
    def left(self) -> int:
        return len(self._data) - self._at


class _Properties:
    """A recipient or an attachment (`Item`)."""

    def __init__(self, message: _Packed | None) -> None:
        self._message = message
        self.values: dict[tuple[int, int], bytes] = {}
        """By number and type."""

    def text(self, number: int) -> str | None:
        """A property that is text, in Unicode or in the message's code page."""
        if (data := self.values.get((number, _UNICODE))) is not None:
            return data.decode("utf-16-le", errors="replace").rstrip("\0")
        if (data := self.values.get((number, _EIGHT_BIT))) is not None:
            return decoded(data.rstrip(b"\0"), self.encoding()).text
        return None

    def binary(self, number: int) -> bytes | None:
        """A property that is bytes; an embedded object's are those of its own file."""
        found = self.values.get((number, _BINARY))
        return found or self.values.get((number, _OBJECT), b"")[_INTERFACE_BYTES:] or None

    def value(self, number: int) -> int:
        """A property of up to eight bytes."""
        found = (data for (one, kind), data in self.values.items() if one == number and kind in _FIXED)
        return int.from_bytes(next(found, b""), "little")

    def encoding(self) -> str | None:
        """That of its eight-bit texts."""
        return self._message.encoding() if self._message else None

    def recipients(self) -> list[_Properties]:
        """None but a message has any."""
        return []

    def attachments(self) -> list[_Properties]:
        """None but a message has any."""
        return []

    def inner(self) -> _Packed | None:
        """The message that this attachment is."""
        packed = self.values.get((DATA, _OBJECT), b"")[_INTERFACE_BYTES:]
        if not packed.startswith(_SIGNATURE.to_bytes(4, "little")):
            return None
        found = _Packed(packed)
        if self._message is not None:
            self._message.problems += found.problems
        return found

    def fill(self, data: bytes) -> None:
        """Add the properties that are written there."""
        self.fill_from(_Bytes(data))

    def fill_from(self, data: _Bytes) -> None:
        """Add the next list of properties."""
        for _ in range(data.number()):
            kind, number = data.number(2), data.number(2)
            if number >= _NAMED:
                data.take(16)
                is_text = data.number() == 1
                length = data.number()
                if is_text:
                    data.padded(length)
            values = list(_values(data, kind))
            if values and number < _NAMED:
                self.values[number, kind & ~_MANY] = values[0]


class _Packed(_Properties):
    """A message (`Item`)."""

    def __init__(self, data: bytes) -> None:
        super().__init__(None)
        self.problems: list[str] = []
        self._page = 0
        self._recipients: list[_Properties] = []
        self._files: list[_Properties] = []
        try:
            self._read(_Bytes(data))
        except _Ends:
            self.problems.append(_BROKEN_OFF)

    @property
    def is_empty(self) -> bool:
        """Whether nothing came out of it."""
        return not self.values and not self._files

    def encoding(self) -> str | None:
        """That of its eight-bit texts: as the message says, or as its packing does."""
        return code_page(self) or (f"cp{self._page}" if self._page else None)

    def recipients(self) -> list[_Properties]:
        """Whom it was sent to."""
        return self._recipients

    def attachments(self) -> list[_Properties]:
        """What was sent with it."""
        return self._files

    def _read(self, data: _Bytes) -> None:
        if data.number() != _SIGNATURE:
            raise _Ends
        data.take(2)
        while data.left > 0:
            if data.number(1) not in (1, 2):
                # Some programs put anything after the end.
                return
            number = data.number() & 0xFFFF
            value = data.take(data.number())
            # The last of all may go without its check sum.
            if data.left and sum(value) & 0xFFFF != data.number(2) and _SPOILED not in self.problems:
                self.problems.append(_SPOILED)
            try:
                self._keep(number, value)
            except _Ends:
                self.problems.append(_BROKEN_OFF)

    def _keep(self, number: int, value: bytes) -> None:
        is_of_file = number in (_FILE_NAME, _FILE_DATA, _FILE_PROPERTIES)
        if number == _FILE_BEGINS or (is_of_file and not self._files):
            self._files.append(_Properties(self))
        if number == _PROPERTIES:
            self.fill(value)
        elif number == _FILE_PROPERTIES:
            self._files[-1].fill(value)
        elif number == _RECIPIENTS:
            rows = _Bytes(value)
            for _ in range(rows.number()):
                one = _Properties(self)
                self._recipients.append(one)
                one.fill_from(rows)
        elif number == _FILE_DATA:
            self._files[-1].values.setdefault((DATA, _BINARY), value)
        elif number in _TEXTS:
            holder = self._files[-1] if is_of_file else self
            holder.values.setdefault((_TEXTS[number], _EIGHT_BIT), value)
        elif number == _OEM_PAGE:
            self._page = int.from_bytes(value[:4], "little")
        elif number == _DATE_SENT:
            self.values.setdefault((SENT, 0x40), _ticks(value))
        elif number == _FROM:
            _, _, name, address = struct.unpack("<4H", _Bytes(value).take(8))
            self.values.setdefault((SENDER_NAME, _EIGHT_BIT), value[8 : 8 + name])
            at = value[8 + name : 8 + name + address].rstrip(b"\0")
            self.values.setdefault((SENDER_ADDRESS, _EIGHT_BIT), at.partition(b":")[2] or at)


def _values(data: _Bytes, kind: int) -> Iterator[bytes]:
    alone = kind & ~_MANY
    if alone in _VARIABLE:
        for _ in range(data.number()):
            yield data.padded(data.number())
    elif alone in _FIXED:
        for _ in range(data.number() if kind & _MANY else 1):
            yield data.padded(_FIXED[alone])
    elif alone not in (0, 1):
        raise _Ends


def _ticks(value: bytes) -> bytes:
    """A date in its parts as the other form of it has it: tenths of microseconds since 1601."""
    try:
        year, month, day, hour, minute, second = struct.unpack("<6H", value[:12])
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except (struct.error, ValueError):
        return bytes(8)
    return (max(0, (moment - _EPOCH) // timedelta(microseconds=1)) * 10).to_bytes(8, "little")
