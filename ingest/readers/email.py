"""E-mail (RFC 5322): one page of the main headers, a blank line, and the text of the message.

The plain part is taken; the HTML part where there is no plain one. Attachments are named, not read.
"""

from __future__ import annotations

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from ingest.readers.base import DEFAULT, Reading, ReadOptions, Unreadable, storable
from ingest.readers.html import html_text
from ingest.readers.text import decode
from storage.records import Page, ReadBy

_SHOWN = ("From", "To", "Cc", "Date", "Subject")


class EmailReader:
    """Reads a saved e-mail."""

    def read(
        self,
        path: Path,
        options: ReadOptions = DEFAULT,  # noqa: ARG002
        *,
        first_page: int = 1,  # noqa: ARG002 - one page
    ) -> Reading:
        """See `Reader.read`."""
        message = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
        assert isinstance(message, EmailMessage)
        headers = [f"{name}: {value}" for name in _SHOWN if (value := _header(message, name))]
        body = _body(message)
        if not headers and not body.strip():
            raise Unreadable("is an e-mail without headers or text; save it again")
        attached = sum(1 for _ in message.iter_attachments()) if message.is_multipart() else 0
        flags = (
            (f"has {attached} attached files that are not read; add them on their own",) if attached else ()
        )
        text = storable("\n".join(headers) + "\n\n" + body)
        return Reading(
            1, iter([Page(1, text, ReadBy.TEXT, 1.0)]), title=_header(message, "Subject"), flags=flags
        )


def _header(message: EmailMessage, name: str) -> str | None:
    try:
        values = message.get_all(name, [])
    except (ValueError, IndexError, AttributeError, TypeError):
        # The standard library's header parser trips over some malformed headers; the raw one is still text.
        values = [value for key, value in message.raw_items() if key.lower() == name.lower()]
    return " ".join(" ".join(str(value).split()) for value in values) or None


def _body(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain", "html")) if message.is_multipart() else message
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    if part.get_content_type() == "text/html":
        return html_text(payload)[0]
    try:
        text = payload.decode(part.get_content_charset() or "utf-8")
    except (LookupError, UnicodeDecodeError):
        text, _ = decode(payload)
    return text.replace("\r\n", "\n")
