"""E-mail (RFC 5322) and mailboxes of it: one page of the main headers, a blank line, and the message's text.

Quoted mail stays where it stands. The plain text is taken, and the HTML where the plain one is missing or
says less. Attachments, messages inside the message too, are handed on as files.
"""

from __future__ import annotations

import mailbox
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from email.message import Message
from pathlib import Path

from ingest.encodings import replaced
from ingest.readers.base import DEFAULT, STRUCK, Attachment, Reading, ReadOptions, Unreadable, storable
from ingest.readers.html import html_text
from ingest.readers.mail_parts import Parts, attachment, header, parsed, taken_apart
from ingest.unseen import unseen
from storage.records import Hidden, Page, ReadBy

_SHOWN = ("From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Date", "Subject")
_MARKED = re.compile(rf"\[(?:{STRUCK}|deleted): ")
_WORD = re.compile(r"\w+")
_LINK = re.compile(r"https?://\S+")
_SAYS_LESS = 0.5
"""A plain text with less than this share of the HTML's words is a stub, as in `view this in your browser`."""


class EmailReader:
    """Reads a saved e-mail, or a web page saved as one file (MHTML), which has the same form."""

    def read(
        self,
        path: Path,
        options: ReadOptions = DEFAULT,
        *,
        first_page: int = 1,  # noqa: ARG002 - one page
    ) -> Reading:
        """See `Reader.read`."""
        return mail_reading(parsed(path.read_bytes()), options)


class MailboxReader:
    """Reads an mbox file: a page that lists its messages, each of which is a file of its own."""

    def read(
        self,
        path: Path,
        options: ReadOptions = DEFAULT,  # noqa: ARG002
        *,
        first_page: int = 1,  # noqa: ARG002 - one page
    ) -> Reading:
        """See `Reader.read`."""
        box = mailbox.mbox(path, create=False)
        lines = [f"{number}. {_line_of(box.get_message(key))}" for number, key in _numbered(box)]
        if not lines:
            raise Unreadable("is a mailbox without messages; save it again")
        text = storable("\n".join(lines))
        page = Page(1, text, ReadBy.TEXT, 1.0, replaced(text), hidden=unseen(text))
        flags = (f"is a mailbox of {len(lines)} messages, each of which is a document of its own",)
        return Reading(1, iter([page]), flags=flags, attachments=_messages(box))


def mail_reading(message: Message, options: ReadOptions, *, problems: Sequence[str] = ()) -> Reading:
    """A message as a reading of one page. `problems`: what was lost before it came here.

    Raises:
        Unreadable: it has neither headers nor text nor attachments.
    """
    parts = taken_apart(message)
    parts.problems += problems
    headers = [f"{name}: {value}" for name in _shown(message) if (value := header(message, name))]
    body, hidden, flags = _body(parts, options)
    if not headers and not body.strip() and not parts.files and not parts.problems:
        raise Unreadable("is an e-mail without headers or text; save it again")
    text = storable("\n".join(headers) + "\n\n" + body)
    lost = replaced(text)
    problems = [f"the message {one}" for one in dict.fromkeys(parts.problems)] + ([lost] if lost else [])
    how = ReadBy.NONE if parts.problems and not body.strip() and not headers else ReadBy.TEXT
    page = Page(1, text, how, 1.0, "; ".join(problems) or None, hidden=(*hidden, *unseen(text)))
    return Reading(
        1,
        iter([page]),
        title=header(message, "Subject"),
        flags=tuple(dict.fromkeys(flags)),
        attachments=(attachment(part, number) for number, part in enumerate(parts.files, start=1)),
    )


def _shown(message: Message) -> Iterator[str]:
    for name in _SHOWN:
        # Mostly the same as From, and then no more than noise.
        if name not in ("Sender", "Reply-To") or header(message, name) != header(message, "From"):
            yield name


def _body(parts: Parts, options: ReadOptions) -> tuple[str, list[Hidden], list[str]]:
    pieces: list[str] = []
    hidden: list[Hidden] = []
    flags = list(parts.flags)
    for plain, html in parts.texts:
        if html is None:
            pieces.append(plain)
            continue
        shown = html_text(html, with_hidden=options.with_hidden)
        # Plain text has no lines through words: what was struck would read as if it stood.
        if plain.strip() and not _MARKED.search(shown.text) and _share(shown.text, plain) >= _SAYS_LESS:
            pieces.append(plain)
            continue
        if plain.strip() and _share(plain, shown.text) < _SAYS_LESS:
            flags.append("has a plain text that says something else than its HTML, which was read")
        pieces.append(shown.text)
        hidden += shown.hidden
    if parts.logos:
        flags.append(f"shows {parts.logos} small pictures in its text: taken for logos and not read")
    return "\n\n".join(one for one in pieces if one), hidden, flags


def _share(said: str, said_too: str) -> float:
    """How much of one text's words another has as well."""
    words = Counter(_WORD.findall(_LINK.sub(" ", said).lower()))
    common = words & Counter(_WORD.findall(said_too.lower()))
    return common.total() / words.total() if words else 1.0


def _line_of(message: Message) -> str:
    return " | ".join(header(message, name) or "(none)" for name in ("Date", "From", "Subject"))


def _messages(box: mailbox.mbox) -> Iterator[Attachment]:
    for number, key in _numbered(box):
        subject = header(box.get_message(key), "Subject") or "no subject"
        yield Attachment(f"{number:05} {subject[:100]}.eml", box.get_bytes(key))


def _numbered(box: mailbox.mbox) -> Iterator[tuple[int, str]]:
    return enumerate(box.iterkeys(), start=1)
