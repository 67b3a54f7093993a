"""Take files' bytes into the library, durably, before anything is read of them.

Whatever comes out of a file is received before that file counts as read, so that no kill can lose it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

from ingest.limits import IngestLimits
from ingest.media import media_type_of
from ingest.names import is_junk
from ingest.parsing import AttachedFile
from ingest.progress import Order
from ingest.report import IngestStatus
from ingest.sources import Source, is_archive, uploaded
from ingest.telling import Teller
from ingest.work import Allowance, Event, Twin, Work, reason_for
from storage.library import Library, Reception
from storage.records import Attached, Document, Scope, VersionState

_LONGEST_NAME = 120
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029/\\:]+")


class Receiving:
    """Takes in each version once per run, whatever paths it comes by. Safe to share between threads."""

    def __init__(self, library: Library, teller: Teller, scope: Scope, limits: IngestLimits) -> None:
        self._library = library
        self._teller = teller
        self._scope = scope
        self._limits = limits
        self._lock = threading.Lock()
        self._taken: dict[str, str] = {}

    def accept(
        self, source: Source, order: Order, *, depth: int = 0, allowance: Allowance | None = None
    ) -> tuple[list[Event], Attached]:
        """Receive a source: what is to be done with it now, and what the file around it should remember."""
        path = source.path
        if source.file is None:
            reason = source.problem or f"{path!r} cannot be read"
            return [self._teller.refused(order, path, "gather", reason)], Attached(path, None, reason)
        try:
            media_type = media_type_of(source.file, path)
            with self._lock:
                got = self._library.receive(self._scope, path=path, data=source.file, media_type=media_type)
                first = self._taken.setdefault(got.version_id, path)
                mine = first is path
        except Exception as error:  # noqa: BLE001 - `reason_for` raises again what is not the file's fault
            reason = reason_for(error, path, self._library.home)
            return [self._teller.refused(order, path, "receive", reason)], Attached(path, None, reason)
        attached = Attached(path, got.document_id)
        if got.status in ("duplicate", "unchanged"):
            status = IngestStatus(got.status)
            return [self._teller.known(order, path, got.document_id, status)], attached
        if not mine:
            # The same file again, as when its mail is read once more, needs no word.
            twin = Twin(order, path, got.document_id)
            return ([] if first == path else [twin]), attached
        work = self._work(got, order, depth, allowance)
        if got.status == "new":
            self._teller.record(
                "document.received", path, got.document_id, version_id=got.version_id, size=source.size
            )
        events: list[Event] = [work]
        if work.path != path:
            events.append(Twin(order, path, got.document_id))
        return events, attached

    def again(self, got: Reception, order: Order) -> Work:
        """A version that the library was asked to have read again."""
        self._taken[got.version_id] = ""
        return self._work(got, order, 0, None)

    def left(self, document: Document, order: Order) -> Work:
        """A version that an earlier run left on its way."""
        with self._lock:
            self._taken[document.version_id] = document.path
        return Work(
            order=order,
            path=document.path,
            document_id=document.id,
            version_id=document.version_id,
            state=document.state,
            depth=self._depth(document),
            allowance=Allowance(self._limits.archive_members),
        )

    def inside(self, work: Work, files: Sequence[AttachedFile]) -> tuple[list[Event], list[Attached]]:
        """Receive what was inside a file, under its path."""
        events: list[Event] = []
        attached: list[Attached] = []
        with ExitStack() as unpacked:
            sources = self._named(work, files, unpacked)
            for number, source in enumerate(sources, 1):
                order = (*work.order, number)
                told, kept = self.accept(source, order, depth=work.depth + 1, allowance=work.allowance)
                events.extend(told)
                attached.append(kept)
        return events, attached

    def _named(self, work: Work, files: Sequence[AttachedFile], unpacked: ExitStack) -> list[Source]:
        sources: list[Source] = []
        seen: set[str] = set()
        for file in files:
            name = f"{work.path}/{_once(_safe(file.name), seen)}"
            if file.file is None:
                sources.append(Source(name, None, problem=f"{name!r} {file.problem or 'cannot be had'}"))
            elif is_junk(file.name):
                continue
            elif work.depth >= self._limits.archive_depth:
                problem = f"{name!r} lies too deep inside other files; save it and add it on its own"
                sources.append(Source(name, None, problem=problem))
            elif is_archive(file.file):
                folder = PurePosixPath(name).with_suffix("").as_posix()
                members = unpacked.enter_context(
                    uploaded([(_safe(file.name), file.file)], self._limits, workspace=file.file.parent)
                )
                sources.extend(_under(folder, member) for member in members)
            else:
                sources.append(self._single(name, file.file))
        return [one if work.allowance.take() else self._too_many(one) for one in sources]

    def _single(self, name: str, file: Path) -> Source:
        size = file.stat().st_size
        if size > self._limits.max_file_bytes:
            return Source(name, None, size, f"{name!r} is too large; save it and add it in parts")
        return Source(name, file, size)

    def _too_many(self, source: Source) -> Source:
        most = self._limits.archive_members
        problem = f"{source.path!r} was left out: more than {most:,} files lie inside; add it on its own"
        return Source(source.path, None, source.size, problem)

    def _work(self, got: Reception, order: Order, depth: int, allowance: Allowance | None) -> Work:
        arrival = self._library.arrival(self._scope, got.version_id)
        return Work(
            order=order,
            path=arrival.path,
            document_id=got.document_id,
            version_id=got.version_id,
            state=VersionState(arrival.state),
            depth=depth,
            allowance=allowance or Allowance(self._limits.archive_members),
        )

    def _depth(self, document: Document) -> int:
        depth, parent = 0, document.parent_id
        while parent is not None and depth < self._limits.archive_depth:
            depth += 1
            parent = self._library.document(self._scope, parent).parent_id
        return depth


def _safe(name: str) -> str:
    """An untrusted name as one usable part of a path, its ending kept."""
    plain = _UNSAFE.sub("_", name).strip(" ._") or "attachment"
    pure = PurePosixPath(plain)
    return f"{pure.stem[:_LONGEST_NAME]}{pure.suffix[:20]}"


def _once(name: str, seen: set[str]) -> str:
    pure, free, count = PurePosixPath(name), name, 1
    while free.lower() in seen:
        count += 1
        free = f"{pure.stem} ({count}){pure.suffix}"
    seen.add(free.lower())
    return free


def _under(folder: str, member: Source) -> Source:
    path = f"{folder}/{member.path}"
    problem = None if member.problem is None else member.problem.replace(repr(member.path), repr(path), 1)
    return Source(path, member.file, member.size, problem)
