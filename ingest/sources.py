"""Files, folders and zip archives become a list of sources, each with its path as people know it.

A folder's files are named relative to that folder; an archive's members get the archive's own name
(without `.zip`) in front when it lies in a folder, and none when it was named itself. Nothing is followed
out of a folder and nothing is written outside the workspace; an entry that is refused is a source with a
problem, and the others go on. What a file contains is not looked at here, but for archives.
"""

from __future__ import annotations

import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ingest.limits import MEBIBYTE, MEGABYTE, IngestLimits
from ingest.names import is_junk, name_problem
from storage.errors import WrongUse

_PIECE = 1 << 20
_MIME_BYTES = 64
_ZIP_ERRORS = (
    zlib.error,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    EOFError,
)
_ENCRYPTED_FLAG = 0x1
_UTF8_FLAG = 0x800


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be read, or an entry that was refused."""

    path: str
    """Relative, with forward slashes: the document's name."""
    file: Path | None
    """Where the bytes are; None for a refused entry."""
    size: int = 0
    """Bytes."""
    problem: str | None = None
    """Why the entry was refused, one line."""


@contextmanager
def gathered(
    paths: Sequence[Path], limits: IngestLimits | None = None, *, workspace: Path | None = None
) -> Iterator[list[Source]]:
    """The sources in files, folders and zip archives; unpacked members last as long as the block.

    They lie in a folder of their own in `workspace`, which a kill may leave; None is the system's.

    Raises:
        WrongUse: a path is not there.
    """
    limits = limits or IngestLimits()
    with tempfile.TemporaryDirectory(prefix="muniment-", dir=workspace) as unpacked:
        found: list[Source] = []
        for path in paths:
            if not path.exists():
                raise WrongUse(f"there is no file or folder {str(path)!r}; check the spelling")
            found.extend(_of_path(path, Path(unpacked), limits))
        yield _named_once(found)


@contextmanager
def uploaded(
    files: Sequence[tuple[str, Path]],
    limits: IngestLimits | None = None,
    *,
    workspace: Path | None = None,
) -> Iterator[list[Source]]:
    """The sources in files that a browser sent, each with the path that it claims inside its folder.

    `workspace` is as for `gathered`.
    """
    limits = limits or IngestLimits()
    with tempfile.TemporaryDirectory(prefix="muniment-", dir=workspace) as unpacked:
        found: list[Source] = []
        for name, file in files:
            if is_junk(name):
                continue
            if is_archive(file) and not name_problem(name):
                prefix = "" if len(files) == 1 else f"{PurePosixPath(name).with_suffix('').as_posix()}/"
                found.extend(_Archive(Path(unpacked), limits).members(file, prefix=prefix, depth=1))
            else:
                found.append(_of_file(file, name, limits))
        yield _named_once(found)


def _of_path(path: Path, workspace: Path, limits: IngestLimits) -> Iterator[Source]:
    if path.is_dir():
        yield from _of_folder(path, workspace, limits)
    elif is_archive(path):
        yield from _Archive(workspace, limits).members(path, prefix="", depth=1)
    else:
        yield _of_file(path, path.name, limits)


def _of_folder(folder: Path, workspace: Path, limits: IngestLimits) -> Iterator[Source]:
    refused: list[OSError] = []
    walked = os.walk(folder, onerror=refused.append)
    found = [Path(at) / name for at, folders, files in walked for name in (*folders, *files)]
    for error in refused:
        # Passed over, it would leave no trace of what is in it.
        at = Path(error.filename or folder)
        name = _shown(at.relative_to(folder).as_posix() if at != folder else folder.name)
        reason = error.strerror or "it cannot be opened"
        if not is_junk(f"{name}/any"):
            yield Source(
                name, None, problem=f"folder {name!r} cannot be read ({reason}); check its permissions"
            )
    for file in sorted(found):
        name = file.relative_to(folder).as_posix()
        if is_junk(name):
            continue
        if file.is_symlink():
            yield Source(
                name, None, problem=f"{name!r} is a symbolic link, which is not followed; add its target"
            )
        elif file.is_file():
            if is_archive(file):
                prefix = f"{PurePosixPath(name).with_suffix('').as_posix()}/"
                yield from _Archive(workspace, limits).members(file, prefix=prefix, depth=1)
            else:
                yield _of_file(file, name, limits)


def _of_file(file: Path, name: str, limits: IngestLimits) -> Source:
    if problem := name_problem(name):
        return Source(_shown(name), None, problem=f"{_shown(name)!r} {problem}; rename it")
    try:
        size = file.stat().st_size
        with file.open("rb"):
            pass
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        return Source(name, None, problem=f"{name!r} cannot be read ({reason}); check its permissions")
    if size > limits.max_file_bytes:
        return Source(name, None, size, _too_large(name, limits))
    return Source(name, file, size)


def is_archive(file: Path) -> bool:
    """True for a zip archive that is not an Office or OpenDocument file."""
    try:
        if not zipfile.is_zipfile(file):
            return False
        with file.open("rb") as stream:
            if stream.read(2) != b"PK":
                return False
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
            if "mimetype" in names:
                with archive.open("mimetype") as said:
                    return not said.read(_MIME_BYTES).lstrip().startswith(b"application/")
    except (*_ZIP_ERRORS, OSError, KeyError):
        return False
    return "[Content_Types].xml" not in names


class _Archive:
    """Unpacks one archive, and those inside it, under one allowance of members and bytes."""

    def __init__(self, workspace: Path, limits: IngestLimits) -> None:
        self._workspace = workspace
        self._limits = limits
        self._members_left = limits.archive_members
        self._bytes_left = limits.archive_bytes

    def members(self, file: Path, *, prefix: str, depth: int) -> Iterator[Source]:
        is_empty = True
        try:
            with zipfile.ZipFile(file) as archive:
                for entry in archive.infolist():
                    if entry.is_dir() or is_junk(entry.filename):
                        continue
                    is_empty = False
                    self._members_left -= 1
                    if self._members_left < 0:
                        count = self._limits.archive_members
                        name = f"{prefix}{_shown(entry.filename)}"
                        yield Source(
                            name,
                            None,
                            problem=f"{name!r} and what follows it were left out: "
                            f"the archive has more than {count} files; split it",
                        )
                        return
                    yield from self._member(archive, entry, prefix, depth)
        except (*_ZIP_ERRORS, OSError) as error:
            name = prefix.rstrip("/") or file.name
            yield Source(
                name, None, problem=f"{name!r} is a damaged archive ({type(error).__name__}); make it again"
            )
        else:
            if is_empty:
                name = prefix.rstrip("/") or file.name
                yield Source(name, None, problem=f"{name!r} is an archive without files; make it again")

    def _member(
        self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, prefix: str, depth: int
    ) -> Iterator[Source]:
        # The name as stored: zipfile mends separators and cuts at NUL, which would hide what was meant.
        stored = _stored_name(entry)
        shown = f"{prefix}{_shown(stored)}"
        if problem := name_problem(stored) or self._entry_problem(entry):
            yield Source(shown, None, entry.file_size, f"{shown!r} {problem}")
            return
        name = prefix + stored.replace("\\", "/")
        descriptor, unpacked = tempfile.mkstemp(dir=self._workspace)
        os.close(descriptor)
        target = Path(unpacked)
        try:
            size = self._unpack(archive, entry, target)
        except (*_ZIP_ERRORS, _TooMuch) as error:
            target.unlink(missing_ok=True)
            reason = (
                str(error) if isinstance(error, _TooMuch) else "is damaged inside the archive; pack it again"
            )
            yield Source(name, None, entry.file_size, f"{name!r} {reason}")
            return
        if not is_archive(target):
            yield Source(name, target, size)
        elif depth >= self._limits.archive_depth:
            yield Source(name, None, size, f"{name!r} is an archive too deep inside others; unpack it first")
        else:
            inner = f"{PurePosixPath(name).with_suffix('').as_posix()}/"
            yield from self.members(target, prefix=inner, depth=depth + 1)

    def _entry_problem(self, entry: zipfile.ZipInfo) -> str | None:
        limits = self._limits
        if stat.S_ISLNK(entry.external_attr >> 16):
            return "is a symbolic link, which is not followed; add its target"
        if entry.flag_bits & _ENCRYPTED_FLAG:
            return "is encrypted in the archive; unpack it and add the file"
        if entry.file_size > limits.max_file_bytes:
            return f"is larger than {limits.max_file_bytes // MEGABYTE} MB; split it"
        if entry.file_size > MEBIBYTE and entry.file_size > entry.compress_size * limits.archive_ratio:
            return f"unpacks to more than {limits.archive_ratio} times its size; unpack it and add the file"
        return None

    def _unpack(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> int:
        # Counted while unpacking: the sizes that an archive declares may lie.
        written = 0
        with archive.open(entry) as packed, target.open("wb") as out:
            while piece := packed.read(_PIECE):
                written += len(piece)
                self._bytes_left -= len(piece)
                if written > self._limits.max_file_bytes or self._bytes_left < 0:
                    raise _TooMuch(
                        "unpacks to more than the limits allow; unpack it and add fewer files at once"
                    )
                out.write(piece)
        return written


def _stored_name(entry: zipfile.ZipInfo) -> str:
    """A member's name in the encoding that it was written in: UTF-8 without saying so, or Japanese."""
    name = entry.orig_filename
    if entry.flag_bits & _UTF8_FLAG or name.isascii():
        return name
    raw = name.encode("cp437")
    for encoding in ("utf-8", "cp932"):
        with suppress(UnicodeDecodeError):
            found = raw.decode(encoding)
            # Any bytes pass for half-width Japanese; real names are in full width.
            if encoding == "utf-8" or all(one.isascii() or "\u3000" <= one <= "\u9fff" for one in found):
                return found
    return name


class _TooMuch(Exception):
    """An archive's allowance of bytes is used up."""


def _named_once(sources: list[Source]) -> list[Source]:
    """Two sources of one name would replace each other: the later one gets a number."""
    seen: set[str] = set()
    result = []
    for source in sources:
        pure, path, count = PurePosixPath(source.path), source.path, 1
        while path in seen:
            count += 1
            path = pure.with_name(f"{pure.stem} ({count}){pure.suffix}").as_posix()
        seen.add(path)
        result.append(
            source if path == source.path else Source(path, source.file, source.size, source.problem)
        )
    return result


def _too_large(name: str, limits: IngestLimits) -> str:
    return f"{name!r} is larger than {limits.max_file_bytes // MEGABYTE} MB; split it"


def _shown(name: str) -> str:
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in name)[:300]
