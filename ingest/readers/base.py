"""What a reader owes: pages one by one, numbered from 1, each with its text or the reason why it has none.

Readers run in a process of their own (`ingest.reading_child`), import no more than they need, and give the
text exactly as they found it but for `storable`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from storage.records import Page

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Unreadable(Exception):
    """The whole file cannot be read: the text follows its name, as in `is encrypted; remove the password`."""


class NeedsPassword(Unreadable):
    """The file opens with a password only: none was given, or not the right one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How a person wants a file read."""

    password: str | None = None
    with_hidden: bool = False
    """Hidden text was looked at and accepted: it becomes part of the pages' text."""
    ocr: Literal["auto", "always", "never"] = "auto"
    """`auto` reads those pictures of pages that have no text layer, or a bad one."""


DEFAULT = ReadOptions()
STRUCK = "struck through"
"""What stands in front of words with a line through them, so that they are not taken for words in force."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside a file: an enclosure of a message, a part of a PDF portfolio."""

    name: str
    """As the outer file calls it, not to be trusted as a path."""
    data: bytes | None
    problem: str | None = None
    """Why its bytes could not be had; then `data` is None."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file being read."""

    page_count: int
    pages: Iterator[Page]
    """From the asked first page on; reading happens as they are taken."""
    title: str | None = None
    flags: tuple[str, ...] = ()
    """What a person should know of the file, such as `carries scripts, which are never run`."""
    attachments: Iterable[Attachment] = ()
    """Taken after the last page; each is read as a document of its own."""
    rendition: bytes | None = None
    """A PDF that shows the same pages without a password; None when the file itself can be drawn."""


class Reader(Protocol):
    """Reads one format."""

    def read(self, path: Path, options: ReadOptions = DEFAULT, *, first_page: int = 1) -> Reading:
        """Open a file and read it from a page on.

        Raises:
            Unreadable: there is nothing to be had from it.
            NeedsPassword: it opens with a password only.
        """


RAISED = "^"
"""What stands between a figure and raised digits behind it, as in `10^6`: a power, or the mark of a note."""


def raised(before: str, text: str) -> str:
    """A raised text that follows another one; a digit behind a digit would change the figure."""
    return RAISED + text if before[-1:].isdigit() and text[:1].isdigit() else text


def struck(text: str) -> str:
    """A text with a line through it; spaces at its ends stay outside."""
    body = text.strip()
    return text.replace(body, f"[{STRUCK}: {body}]", 1) if body else text


def storable(text: str) -> str:
    """NUL and lone surrogates become U+FFFD, one for one: no database and no UTF-8 file takes them."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
