"""Outlook messages (.msg): turned into the e-mail that they were, and read as one.

The properties are read straight from the file's streams; a damaged one costs what it spoils. Messages inside
the message become `.eml` files with their own attachments.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.headerregistry import HeaderRegistry
from email.message import EmailMessage, Message
from email.policy import EmailPolicy
from email.utils import format_datetime
from pathlib import Path

import olefile
from compressed_rtf import decompress
from striprtf.striprtf import rtf_to_text

from ingest.encodings import decoded
from ingest.readers.base import DEFAULT, Reading, ReadOptions, Unreadable, storable
from ingest.readers.email import mail_reading

_SUBJECT, _BODY, _HTML, _RTF = 0x0037, 0x1000, 0x1013, 0x1009
_SENDER_NAME, _SENDER_ADDRESS, _SENDER_SMTP = 0x0C1A, 0x0C1F, 0x5D01
_SENT, _RECEIVED = 0x0039, 0x0E06
_DISPLAY = {"To": 0x0E04, "Cc": 0x0E03, "Bcc": 0x0E02}
_NAME, _ADDRESS, _SMTP, _RECIPIENT_KIND = 0x3001, 0x3003, 0x39FE, 0x0C15
_RECIPIENT_KINDS = {1: "To", 2: "Cc", 3: "Bcc"}
_DATA, _LONG_NAME, _SHORT_NAME, _CONTENT_ID, _MIME = 0x3701, 0x3707, 0x3704, 0x3712, 0x370E
_CODE_PAGE, _TEXT_CODE_PAGE = 0x3FDE, 0x3FFD
_UNICODE, _EIGHT_BIT, _BINARY = "001F", "001E", "0102"
_EMBEDDED = "__substg1.0_3701000D"
_UTF8 = 65001
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_LINE_ENDS = re.compile(r"[\r\n]+")
_MAX_DEPTH = 10
# Names and addresses are kept as they are: parsed as addresses, odd ones would be mended or refused.
_HEADERS = HeaderRegistry(use_default_map=False)
for _name in ("content-type", "content-disposition", "content-transfer-encoding", "mime-version"):
    _HEADERS.registry[_name] = HeaderRegistry().registry[_name]
_POLICY = EmailPolicy(header_factory=_HEADERS)
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
        try:
            with olefile.OleFileIO(str(path)) as opened:
                message = _Storage(opened, ()).message()
        except _OLE_ERRORS as error:
            # olefile finds some damage by tripping over it.
            raise Unreadable("is a damaged Outlook message; save it again") from error
        return mail_reading(message, options)


class _Storage:
    """A message, a recipient or an attachment inside the file: its properties by number."""

    def __init__(self, opened: olefile.OleFileIO, at: tuple[str, ...]) -> None:
        self._opened = opened
        self._at = at
        self._fixed = dict(self._fixed_values())

    def message(self, depth: int = 0) -> EmailMessage:
        """The message as an e-mail."""
        message = EmailMessage(_POLICY)
        for name, value in self._headers():
            if shown := _LINE_ENDS.sub(" ", storable(value)).strip():
                message[name] = shown
        self._add_text(message)
        for folder in self._folders("__attach_version1.0_"):
            _Storage(self._opened, (*self._at, folder)).add_to(message, depth)
        return message

    def add_to(self, message: EmailMessage, depth: int) -> None:
        """Attach this attachment."""
        name = self.text(_LONG_NAME) or self.text(_SHORT_NAME) or self.text(_NAME) or "attachment"
        name = _LINE_ENDS.sub(" ", storable(name))
        inner = (*self._at, _EMBEDDED)
        if self._opened.exists([*inner, "__properties_version1.0"]) and depth < _MAX_DEPTH:
            message.add_attachment(_Storage(self._opened, inner).message(depth + 1))
            return
        # An embedded object (a chart, a picture of Outlook's own) has no file of its own; its place says so.
        data = self.binary(_DATA) or b""
        kind, _, detail = (self.text(_MIME) or "").partition("/")
        picture = kind == "image" and detail.isalnum()
        message.add_attachment(
            data,
            maintype="image" if picture else "application",
            subtype=detail if picture else "octet-stream",
            filename=name,
        )
        if content_id := self.text(_CONTENT_ID):
            *_, attached = message.iter_parts()
            assert isinstance(attached, Message)
            attached["Content-ID"] = f"<{_LINE_ENDS.sub(' ', storable(content_id))}>"

    def text(self, number: int) -> str | None:
        """A property that is text, in Unicode or in the message's code page."""
        if (data := self._stream(number, _UNICODE)) is not None:
            return data.decode("utf-16-le", errors="replace").rstrip("\0")
        if (data := self._stream(number, _EIGHT_BIT)) is not None:
            return decoded(data.rstrip(b"\0"), self._encoding()).text
        return None

    def binary(self, number: int) -> bytes | None:
        """A property that is bytes."""
        return self._stream(number, _BINARY)

    def _headers(self) -> Iterator[tuple[str, str]]:
        name = self.text(_SENDER_NAME) or ""
        yield "From", _person(name, self.text(_SENDER_SMTP) or self.text(_SENDER_ADDRESS) or "")
        people: dict[str, list[str]] = {"To": [], "Cc": [], "Bcc": []}
        for folder in self._folders("__recip_version1.0_"):
            one = _Storage(self._opened, (*self._at, folder))
            kind = _RECIPIENT_KINDS.get(one._number(_RECIPIENT_KIND), "To")
            address = one.text(_SMTP) or one.text(_ADDRESS) or ""
            people[kind].append(_person(one.text(_NAME) or "", address))
        for kind, shown in people.items():
            yield kind, ", ".join(shown) or self.text(_DISPLAY[kind]) or ""
        if moment := self._moment(_SENT) or self._moment(_RECEIVED):
            yield "Date", format_datetime(moment)
        yield "Subject", self.text(_SUBJECT) or ""

    def _add_text(self, message: EmailMessage) -> None:
        plain = self.text(_BODY)
        html = self.binary(_HTML)
        page = decoded(html, self._encoding()).text if html else self.text(_HTML)
        if not (plain or "").strip() and not page and (packed := self.binary(_RTF)):
            plain = _of_rtf(packed)
        # The body is set even when there is none: attachments need something to stand beside.
        message.set_content(storable(plain or "").replace("\r\n", "\n"), cte="base64")
        if page:
            message.add_alternative(storable(page), subtype="html", cte="base64")

    def _encoding(self) -> str | None:
        page = self._number(_CODE_PAGE) or self._number(_TEXT_CODE_PAGE)
        top = self if not self._at or page else _Storage(self._opened, ())
        page = page or top._number(_CODE_PAGE) or top._number(_TEXT_CODE_PAGE)
        return ("utf-8" if page == _UTF8 else f"cp{page}") if page else None

    def _stream(self, number: int, kind: str) -> bytes | None:
        at = [*self._at, f"__substg1.0_{number:04X}{kind}"]
        if not self._opened.exists(at):
            return None
        with self._opened.openstream(at) as stream:
            return bytes(stream.read())

    def _folders(self, prefix: str) -> list[str]:
        depth = len(self._at)
        entries = self._opened.listdir(streams=False, storages=True)
        return sorted(
            entry[depth]
            for entry in entries
            if len(entry) == depth + 1
            and tuple(entry[:depth]) == self._at
            and entry[depth].startswith(prefix)
        )

    def _number(self, number: int) -> int:
        return int.from_bytes(self._fixed.get(number, b"")[:4], "little")

    def _moment(self, number: int) -> datetime | None:
        ticks = int.from_bytes(self._fixed.get(number, b""), "little")
        try:
            return _EPOCH + timedelta(microseconds=ticks // 10) if ticks else None
        except OverflowError:
            return None

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


def _person(name: str, address: str) -> str:
    # Addresses inside one Exchange are paths of no use to a reader.
    address = "" if address.startswith("/") else address
    if not name or name == address:
        return address
    return f"{name} <{address}>" if address else name


def _of_rtf(packed: bytes) -> str:
    try:
        rich = decompress(packed)
    except (ValueError, IndexError, struct.error):
        return ""
    return str(rtf_to_text(rich.decode("latin-1"), errors="replace"))  # type: ignore[no-untyped-call]
