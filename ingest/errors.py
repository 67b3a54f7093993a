"""The errors of reading files."""

from __future__ import annotations

from storage.errors import Refused


class UnreadableSource(Refused):
    """A file that cannot be read at all; the message says why and what to do."""


class PasswordNeeded(UnreadableSource):
    """A file that opens with a password only: none was given, or not the right one."""


class ReaderDied(UnreadableSource):
    """The reading process crashed, hung or ran out of memory on a file."""
