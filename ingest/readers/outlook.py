"""What Outlook keeps of a message, by numbered properties, turned into the e-mail that it was.

How the properties are packed is told by `msg` and `tnef`. Messages inside the message become `.eml` files
with their own attachments; where a text is there as RTF only, its words are taken and its layout is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.headerregistry import HeaderRegistry
from email.message import EmailMessage, Message
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Protocol

from compressed_rtf import decompress
from striprtf.striprtf import rtf_to_text

from ingest.encodings import decoded
from ingest.readers.base import storable

SUBJECT, BODY, SENDER_NAME, SENDER_ADDRESS, SENT = 0x0037, 0x1000, 0x0C1A, 0x0C1F, 0x0039
DATA, LONG_NAME = 0x3701, 0x3707
_HTML, _RTF, _SENDER_SMTP, _RECEIVED = 0x1013, 0x1009, 0x5D01, 0x0E06
_DISPLAY = {"To": 0x0E04, "Cc": 0x0E03, "Bcc": 0x0E02}
_NAME, _ADDRESS, _SMTP, _RECIPIENT_KIND = 0x3001, 0x3003, 0x39FE, 0x0C15
_RECIPIENT_KINDS = {1: "To", 2: "Cc", 3: "Bcc"}
_SHORT_NAME, _CONTENT_ID, _MIME = 0x3704, 0x3712, 0x370E
_CODE_PAGE, _TEXT_CODE_PAGE = 0x3FDE, 0x3FFD
_UTF8 = 65001
_SHORT = 0xFFFFFFFF
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_MAX_DEPTH = 10
# Names and addresses are kept as they are: parsed as addresses, odd ones would be mended or refused.
_HEADERS = HeaderRegistry(use_default_map=False)
for _name in ("content-type", "content-disposition", "content-transfer-encoding", "mime-version"):
    _HEADERS.registry[_name] = HeaderRegistry().registry[_name]
_POLICY = EmailPolicy(header_factory=_HEADERS)


class Item(Protocol):
    """A message, a recipient or an attachment: properties by number, None or 0 for what is not there."""

    def text(self, number: int) -> str | None:
        """A property that is text."""

    def binary(self, number: int) -> bytes | None:
        """A property that is bytes."""

    def value(self, number: int) -> int:
        """A property of up to eight bytes; after a short one, anything may stand in the rest of them."""

    def encoding(self) -> str | None:
        """That of its eight-bit texts, where it says so."""

    def recipients(self) -> Iterable[Item]:
        """Whom it was sent to."""

    def attachments(self) -> Iterable[Item]:
        """What was sent with it."""

    def inner(self) -> Item | None:
        """The message that this attachment is."""


def as_email(item: Item, problems: list[str], depth: int = 0) -> EmailMessage:
    """A message as an e-mail. What of it, or of a message inside it, is lost goes into `problems`."""
    message = EmailMessage(_POLICY)
    for name, value in _headers(item):
        if shown := _one_line(value).strip():
            message[name] = shown
    _add_text(item, message, problems)
    for attached in item.attachments():
        _add(attached, message, problems, depth)
    return message


def code_page(item: Item) -> str | None:
    """The encoding that a message names for its eight-bit texts."""
    page = item.value(_CODE_PAGE) & _SHORT or item.value(_TEXT_CODE_PAGE) & _SHORT
    return ("utf-8" if page == _UTF8 else f"cp{page}") if page else None


def _add(item: Item, message: EmailMessage, problems: list[str], depth: int) -> None:
    inner = item.inner() if depth < _MAX_DEPTH else None
    if inner is not None:
        message.add_attachment(as_email(inner, problems, depth + 1))
        return
    name = item.text(LONG_NAME) or item.text(_SHORT_NAME) or item.text(_NAME) or "attachment"
    kind, _, detail = (item.text(_MIME) or "").partition("/")
    picture = kind == "image" and detail.isalnum()
    message.add_attachment(
        # An embedded object (a chart, a picture of Outlook's own) has no file of its own; its place says so.
        item.binary(DATA) or b"",
        maintype="image" if picture else "application",
        subtype=detail if picture else "octet-stream",
        filename=_one_line(name),
    )
    if content_id := item.text(_CONTENT_ID):
        *_, attached = message.iter_parts()
        assert isinstance(attached, Message)
        attached["Content-ID"] = f"<{_one_line(content_id)}>"


def _headers(item: Item) -> Iterator[tuple[str, str]]:
    name = item.text(SENDER_NAME) or ""
    yield "From", _person(name, item.text(_SENDER_SMTP) or item.text(SENDER_ADDRESS) or "")
    people: dict[str, list[str]] = {"To": [], "Cc": [], "Bcc": []}
    for one in item.recipients():
        kind = _RECIPIENT_KINDS.get(one.value(_RECIPIENT_KIND) & _SHORT, "To")
        address = one.text(_SMTP) or one.text(_ADDRESS) or ""
        people[kind].append(_person(one.text(_NAME) or "", address))
    for kind, shown in people.items():
        yield kind, ", ".join(shown) or item.text(_DISPLAY[kind]) or ""
    if moment := _moment(item.value(SENT)) or _moment(item.value(_RECEIVED)):
        yield "Date", format_datetime(moment)
    yield "Subject", item.text(SUBJECT) or ""


def _add_text(item: Item, message: EmailMessage, problems: list[str]) -> None:
    plain = item.text(BODY)
    html = item.binary(_HTML)
    page = decoded(html, item.encoding()).text if html else item.text(_HTML)
    if not (plain or "").strip() and not page and (packed := item.binary(_RTF)):
        plain = _of_rtf(packed, problems)
    # The body is set even when there is none: attachments need something to stand beside.
    message.set_content(storable(plain or "").replace("\r\n", "\n"), cte="base64")
    if page:
        message.add_alternative(storable(page), subtype="html", cte="base64")


def _moment(ticks: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10) if ticks else None
    except OverflowError:
        return None


def _one_line(text: str) -> str:
    # Headers may hold none of the many characters that end a line.
    return " ".join(storable(text).splitlines())


def _person(name: str, address: str) -> str:
    # Addresses inside one Exchange are paths of no use to a reader.
    address = "" if address.startswith("/") else address
    if not name or name == address:
        return address
    return f"{name} <{address}>" if address else name


def _of_rtf(packed: bytes, problems: list[str]) -> str:
    try:
        rich = decompress(packed)
        return str(rtf_to_text(rich.decode("latin-1"), errors="replace"))  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - both libraries trip over damage in any way
        problems.append("has a text that is damaged and was not read; have it sent again")
        return ""
