"""Files that come out of a file being read: enclosures, parts of a portfolio, a PDF of the same pages.

They are written as they come, under names of ours, and within the limits of an archive.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from ingest.limits import IngestLimits


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file that was inside another one."""

    name: str
    """As the outer file calls it, not to be trusted as a path."""
    file: Path | None
    """In the reading's workspace."""
    problem: str | None = None
    """Why it could not be had; follows its name. Then `file` is None."""


class Inbox:
    """Files that come out of a file, piece by piece, within what an archive may hold."""

    def __init__(self, workspace: Path, limits: IngestLimits) -> None:
        self.attachments: list[AttachedFile] = []
        self._workspace = workspace
        self._limits = limits
        self._names = count(1)
        self._coming: Path | None = None
        self._size = 0
        self._total = 0

    def take(self, piece: str) -> None:
        """Add to the file that is coming; past a limit it is dropped, and what closes it says so."""
        data = base64.b64decode(piece, validate=True)
        self._size += len(data)
        self._total += len(data)
        if self._over() is not None:
            if self._coming is not None:
                self._coming.unlink()
                self._coming = None
            return
        if self._coming is None:
            self._coming = self._new()
        with self._coming.open("ab") as out:
            out.write(data)

    def attach(self, name: str, problem: str | None) -> None:
        """The file that came is an attachment of that name, or there is none and `problem` says why."""
        problem = problem or self._over()
        if problem is None and self._coming is None:
            self._coming = self._new()
            self._coming.touch()
        file, self._coming = (self._coming, None) if problem is None else (None, self._coming)
        # Some have no name.
        shown = name or f"attached file {len(self.attachments) + 1}"
        self.attachments.append(AttachedFile(shown, file, problem))
        self.drop()

    def give_up(self, problem: str) -> None:
        """No further attachments are taken, if there are any."""
        self.drop()
        self.attachments.append(AttachedFile("further attached files", None, problem))

    def rendition(self) -> Path | None:
        """The file that came shows the pages."""
        file, self._coming = self._coming, None
        self._size = 0
        return file

    def drop(self) -> None:
        """Forget the file that was coming."""
        if self._coming is not None:
            self._coming.unlink()
        self._coming = None
        self._size = 0

    @property
    def full(self) -> bool:
        """True when no more may come out of this file."""
        over = len(self.attachments) >= self._limits.archive_members
        return over or self._total > self._limits.archive_bytes

    def _new(self) -> Path:
        self._workspace.mkdir(parents=True, exist_ok=True)
        # Never the name it had: that one is hostile.
        return self._workspace / f"part-{next(self._names):05}"

    def _over(self) -> str | None:
        for size, most in (
            (self._size, self._limits.max_file_bytes),
            (self._total, self._limits.archive_bytes),
        ):
            if size > most:
                return f"was not taken out: more than {most // 1_000_000:,} MB; save it and add it on its own"
        return None
