"""Outlook messages (.msg): read as the e-mail that they were.

The properties are read straight from the file's streams; a damaged one costs what it spoils.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import olefile

from ingest.encodings import decoded
from ingest.readers.base import DEFAULT, Reading, ReadOptions, Unreadable
from ingest.readers.email import mail_reading
from ingest.readers.outlook import as_email, code_page

_UNICODE, _EIGHT_BIT, _BINARY = "001F", "001E", "0102"
_EMBEDDED = "__substg1.0_3701000D"
_OLE_ERRORS = (OSError, ValueError, IndexError, TypeError, AttributeError, RecursionError, struct.error)


class MsgReader:
    """Reads a message saved by Outlook."""

    def read(
        self,
        path: Path,
        options: ReadOptions = DEFAULT,
        *,
        first_page: int = 1,  # noqa: ARG002 - one page
    ) -> Reading:
        """See `Reader.read`."""
        problems: list[str] = []
        try:
            with olefile.OleFileIO(str(path)) as opened:
                message = as_email(_Storage(opened, ()), problems)
        except _OLE_ERRORS as error:
            # olefile finds some damage by tripping over it.
            raise Unreadable("is a damaged Outlook message; save it again") from error
        return mail_reading(message, options, problems=problems)


class _Storage:
    """A message, a recipient or an attachment inside the file (`Item`)."""

    def __init__(self, opened: olefile.OleFileIO, at: tuple[str, ...]) -> None:
        self._opened = opened
        self._at = at
        self._fixed = dict(self._fixed_values())

    def text(self, number: int) -> str | None:
        """A property that is text, in Unicode or in the message's code page."""
        if (data := self._stream(number, _UNICODE)) is not None:
            return data.decode("utf-16-le", errors="replace").rstrip("\0")
        if (data := self._stream(number, _EIGHT_BIT)) is not None:
            return decoded(data.rstrip(b"\0"), self.encoding()).text
        return None

    def binary(self, number: int) -> bytes | None:
        """A property that is bytes."""
        return self._stream(number, _BINARY)

    def value(self, number: int) -> int:
        """A property of up to eight bytes; after a short one, anything may stand in the rest of them."""
        return int.from_bytes(self._fixed.get(number, b""), "little")

    def encoding(self) -> str | None:
        """That of its eight-bit texts: its own or that of the file."""
        return code_page(self) or (code_page(_Storage(self._opened, ())) if self._at else None)

    def recipients(self) -> Iterator[_Storage]:
        """Whom it was sent to."""
        return self._folders("__recip_version1.0_")

    def attachments(self) -> Iterator[_Storage]:
        """What was sent with it."""
        return self._folders("__attach_version1.0_")

    def inner(self) -> _Storage | None:
        """The message that this attachment is."""
        at = (*self._at, _EMBEDDED)
        is_message = self._opened.exists([*at, "__properties_version1.0"])
        return _Storage(self._opened, at) if is_message else None

    def _stream(self, number: int, kind: str) -> bytes | None:
        at = [*self._at, f"__substg1.0_{number:04X}{kind}"]
        if not self._opened.exists(at):
            return None
        with self._opened.openstream(at) as stream:
            return bytes(stream.read())

    def _folders(self, prefix: str) -> Iterator[_Storage]:
        depth = len(self._at)
        entries = self._opened.listdir(streams=False, storages=True)
        names = sorted(
            entry[depth]
            for entry in entries
            if len(entry) == depth + 1
            and tuple(entry[:depth]) == self._at
            and entry[depth].startswith(prefix)
        )
        return (_Storage(self._opened, (*self._at, name)) for name in names)

    def _fixed_values(self) -> Iterator[tuple[int, bytes]]:
        at = [*self._at, "__properties_version1.0"]
        if not self._opened.exists(at):
            return
        with self._opened.openstream(at) as stream:
            data = bytes(stream.read())
        inner = bool(self._at) and self._at[-1] == _EMBEDDED
        header = 32 if not self._at else 24 if inner else 8
        for start in range(header, len(data) - 15, 16):
            yield int.from_bytes(data[start + 2 : start + 4], "little"), data[start + 8 : start + 16]
