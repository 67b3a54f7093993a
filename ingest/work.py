"""What the steps of an ingestion hand to each other."""

from __future__ import annotations

import errno
import logging
import shutil
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from ingest.progress import Order
from ingest.report import DocumentReport
from storage.errors import Broken, MunimentError
from storage.records import VersionState

_log = logging.getLogger(__name__)

Cancelled = Callable[[], bool]
_NO_ROOM_BYTES = 1_000_000
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class Stopped(Exception):
    """Somebody asked the run to stop."""


class Allowance:
    """How many more files may come out of one file and those inside it."""

    def __init__(self, files: int) -> None:
        self._left = files
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Whether one more may."""
        with self._lock:
            self._left -= 1
            return self._left >= 0


@dataclass(frozen=True, slots=True)
class Work:
    """A version on its way in."""

    order: Order
    path: str
    document_id: str
    version_id: str
    state: VersionState
    depth: int
    """How many files it lies inside."""
    allowance: Allowance
    running: frozenset[str] | None = None
    """The lines that run through its pages; None when this run did not read them."""
    refused: tuple[tuple[str, str], ...] = field(default=())
    """Files inside it that were refused: path and reason."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A file that needs no further step."""

    order: Order
    report: DocumentReport


@dataclass(frozen=True, slots=True)
class Twin:
    """A file whose bytes are on their way in under another path, in the same run."""

    order: Order
    path: str
    document_id: str


@dataclass(frozen=True, slots=True)
class Crash:
    """What ends the whole run: a full disk, a damaged store."""

    error: BaseException


Event: TypeAlias = Work | Ended | Twin | Crash


def reason_for(error: Exception, path: str, home: Path) -> str:
    """Why one file cannot be taken in.

    Raises:
        Broken: it is not the file's fault: the disk is full or a store is damaged.
        Stopped: nor is this.
    """
    if isinstance(error, Broken | Stopped):
        raise error
    if isinstance(error, MunimentError):
        return str(error)
    if isinstance(error, OSError):
        if error.errno in _DISK_FULL:
            raise disk_full() from error
        return f"{path!r} cannot be taken in ({error.strerror}); check it and add it again"
    if shutil.disk_usage(home).free < _NO_ROOM_BYTES:
        # Not every library says so in words.
        raise disk_full() from error
    # Our own frames, and no message: it may hold words of the document.
    frames = [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_tb(error.__traceback__)]
    _log.error("a defect kept a file out: %s at %s", type(error).__name__, " < ".join(reversed(frames)))
    return (
        f"{path!r} was not taken in because of a defect in Muniment ({type(error).__name__}); "
        "the server's log has what to report"
    )


def disk_full() -> Broken:
    """The error for a disk without room."""
    return Broken("the disk that holds the data folder is full; free some space and add the files again")
