"""What a reader owes: pages one by one, numbered from 1, each with its text or the reason why it has none.

Readers run in a process of their own (`ingest.reading_child`), import no more than they need, and give the
text exactly as they found it but for `storable`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from storage.records import Page

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Unreadable(Exception):
    """The whole file cannot be read: the text follows its name, as in `is encrypted; remove the password`."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file being read."""

    page_count: int
    pages: Iterator[Page]
    """From the asked first page on; reading happens as they are taken."""
    title: str | None = None
    flags: tuple[str, ...] = ()
    """What a person should know of the file, such as `has 2 attached files that are not read`."""


class Reader(Protocol):
    """Reads one format."""

    def read(self, path: Path, *, first_page: int = 1) -> Reading:
        """Open a file and read it from a page on.

        Raises:
            Unreadable: there is nothing to be had from it.
        """


def storable(text: str) -> str:
    """NUL and lone surrogates become U+FFFD, one for one: no database and no UTF-8 file takes them."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
