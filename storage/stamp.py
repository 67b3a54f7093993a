"""What a room's indexes were when they were left: engines, embedder, ids held, and every file's SHA-256.

A file whose bytes are as they were left holds what it held then, so the ids need not be asked again. A stamp
without files vouches for nothing. It guards against damage, not against whoever can write the data folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from storage.ids import sha256_of_file

_NAME = "room.json"
_SCHEMA = 2
_READERS = 4
_TICK_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Stamp:
    """One room as it was left."""

    embedder: str
    engines: tuple[str, ...]
    files: Mapping[str, str] | None = None
    """SHA-256 by relative path; None while the room changes."""
    held: str = ""
    """The `fingerprint` of the ids in each index."""


def read_stamp(folder: Path) -> Stamp | None:
    """The stamp of a room's folder; None where there is none that can be read."""
    try:
        found = json.loads((folder / _NAME).read_text(encoding="utf-8"))
        if found["schema"] != _SCHEMA:
            return Stamp(str(found["embedder"]), ())
        files = found["files"]
        return Stamp(
            str(found["embedder"]),
            tuple(found["engines"]),
            None if files is None else dict(files),
            str(found["held"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_stamped(folder: Path) -> bool:
    """Whether a room was ever in this folder, readable stamp or not."""
    return (folder / _NAME).exists()


def write_stamp(folder: Path, stamp: Stamp) -> None:
    """Put the stamp into a room's folder, durably and all at once."""
    value = {
        "schema": _SCHEMA,
        "embedder": stamp.embedder,
        "engines": list(stamp.engines),
        "files": None if stamp.files is None else dict(stamp.files),
        "held": stamp.held,
    }
    target = folder / _NAME
    draft = target.with_suffix(".new")
    with draft.open("w", encoding="utf-8") as stream:
        json.dump(value, stream, indent=1, sort_keys=True)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(target)


class Seen:
    """The digests of files in a folder, several read at a time.

    Those that were seen `before` and were not written since are not read again.
    """

    def __init__(self, folder: Path, files: Iterable[Path], *, before: Seen | None = None) -> None:
        paths = {path.relative_to(folder).as_posix(): path for path in sorted(files)}
        # Taken before the files are read: what is written meanwhile shows as a change.
        self._marks = {name: _mark(path) for name, path in paths.items()}
        kept = {} if before is None else {name: before.digests[name] for name in self._same_as(before)}
        with ThreadPoolExecutor(_READERS) as readers:
            rest = [name for name in paths if name not in kept]
            read = readers.map(sha256_of_file, [paths[name] for name in rest])
            self.digests: Mapping[str, str] = {**kept, **dict(zip(rest, read, strict=True))}
        """SHA-256 by relative path."""

    def _same_as(self, before: Seen) -> list[str]:
        # A file written again within a tick of the clock would look the same.
        settled = time.time_ns() - _TICK_NS
        return [
            name
            for name, mark in self._marks.items()
            if before._marks.get(name) == mark and max(mark.written, mark.changed) < settled
        ]


class _Mark(NamedTuple):
    size: int
    written: int
    changed: int
    inode: int


def _mark(path: Path) -> _Mark:
    found = path.stat()
    return _Mark(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def fingerprint(ids: Iterable[str]) -> str:
    """One value for a set of ids: equal for equal sets alone."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()
