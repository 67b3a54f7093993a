"""Take files into a matter: receive, read, split, embed, index, make live.

Each step is durable before the next begins, so that a run that was killed goes on where it stopped. A file
that cannot be read fails alone; a full disk or a broken store stops the run, and what is unfinished says so.
While one file is embedded, the next one is already being read in its own process.
"""

from __future__ import annotations

import errno
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from llama_index.core.schema import Document as PageDocument

from ingest.limits import IngestLimits
from ingest.media import media_type_of
from ingest.nodes import PageSplitter, chunk_of
from ingest.parsing import FileReader, ReadResult
from ingest.progress import OnProgress, Tally
from ingest.report import DocumentReport, IngestReport, IngestStatus, Problem, Stage, facts_of, report_of
from ingest.sources import Source
from storage.audit import AuditLog
from storage.embedding import Embedder, searched_text
from storage.errors import Broken, MunimentError, NotFound
from storage.library import Library
from storage.records import Chunk, Document, JsonValue, Page, Scope, Vectors, VersionState
from storage.rooms import Rooms

_READ_AHEAD = 2
_EMBED_AT_ONCE = 256
_NO_ROOM_BYTES = 1_000_000
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

Cancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class _Work:
    """A version on its way in."""

    path: str
    document_id: str
    version_id: str
    state: VersionState
    size: int
    read: Future[ReadResult] | None = None
    """Set when the file still has to be read."""


@dataclass(frozen=True, slots=True)
class _Twin:
    """A file whose bytes are already on their way in under another path, in the same run."""

    path: str
    document_id: str


_Item: TypeAlias = _Work | _Twin | DocumentReport


class _Stopped(Exception):
    """Somebody asked the run to stop."""


class Importer:
    """Brings files into matters."""

    def __init__(
        self,
        library: Library,
        rooms: Rooms,
        embedder: Embedder,
        audit: AuditLog,
        *,
        limits: IngestLimits | None = None,
        open_reader: Callable[[IngestLimits], FileReader] = FileReader,
    ) -> None:
        """Nothing is started yet; `open_reader` makes the reading process of a run."""
        self._library = library
        self._rooms = rooms
        self._embedder = embedder
        self._audit = audit
        self._limits = limits or IngestLimits()
        self._open_reader = open_reader
        self._turn = threading.Lock()
        self._splitter = PageSplitter(
            embedder.count_tokens, max_tokens=embedder.max_tokens, token_offsets=embedder.token_offsets
        )

    def run(
        self,
        scope: Scope,
        sources: Sequence[Source],
        *,
        on_progress: OnProgress | None = None,
        cancelled: Cancelled | None = None,
    ) -> IngestReport:
        """Take sources into the scope's matter; each is live, failed or left for `resume` when this returns.

        Raises:
            Broken: the disk is full or a store is damaged; what is not live yet is left for `resume`.
        """
        tally = Tally(len(sources), sum(source.size for source in sources), on_progress)
        taken: set[str] = set()
        with self._reading() as (reader, pool):
            accepted = (self._accept(scope, source, taken, reader, pool) for source in sources)
            return self._finish_all(scope, accepted, tally, cancelled)

    def resume(
        self, scope: Scope, *, on_progress: OnProgress | None = None, cancelled: Cancelled | None = None
    ) -> IngestReport:
        """Finish what earlier runs left, from the bytes that the library keeps.

        Raises:
            Broken: as for `run`.
        """
        originals = self._library.room_folder(scope.matter) / "originals"
        with self._reading() as (reader, pool):
            left = self._library.unfinished(scope)
            tally = Tally(len(left), sum(document.size for document in left), on_progress)
            accepted = (
                self._left(scope, document, originals / document.sha256, reader, pool) for document in left
            )
            return self._finish_all(scope, accepted, tally, cancelled)

    @contextmanager
    def _reading(self) -> Iterator[tuple[FileReader, ThreadPoolExecutor]]:
        # One run at a time: two that meet the same bytes would both take them in.
        with self._turn, self._open_reader(self._limits) as reader:
            pool = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
            try:
                yield reader, pool
            finally:
                pool.shutdown(cancel_futures=True)

    def _finish_all(
        self,
        scope: Scope,
        accepted: Iterator[_Item],
        tally: Tally,
        cancelled: Cancelled | None,
    ) -> IngestReport:
        stop = cancelled or (lambda: False)
        waiting: deque[_Item] = deque()
        stopped = False
        try:
            for one in accepted:
                waiting.append(one)
                if len(waiting) > _READ_AHEAD:
                    self._finish(scope, waiting.popleft(), tally, stop)
            while waiting:
                self._finish(scope, waiting.popleft(), tally, stop)
        except _Stopped:
            stopped = True
        return tally.report(scope.matter.name, cancelled=stopped)

    def _accept(
        self, scope: Scope, source: Source, taken: set[str], reader: FileReader, pool: ThreadPoolExecutor
    ) -> _Item:
        """Receive a source and begin to read it; `taken` holds the versions that this run received."""
        if source.file is None:
            reason = source.problem or f"{source.path!r} cannot be read"
            return self._refused(scope, source.path, "gather", reason)
        try:
            media_type = media_type_of(source.file, source.path)
            got = self._library.receive(scope, path=source.path, data=source.file, media_type=media_type)
        except Broken:
            raise
        except MunimentError as error:
            return self._refused(scope, source.path, "receive", str(error))
        except OSError as error:
            if error.errno in _DISK_FULL:
                raise _disk_full() from error
            reason = f"{source.path!r} cannot be read ({error.strerror}); check it and add it again"
            return self._refused(scope, source.path, "receive", reason)
        if got.status in ("duplicate", "unchanged"):
            return self._known(scope, source.path, got.document_id, IngestStatus(got.status))
        if got.version_id in taken:
            return _Twin(source.path, got.document_id)
        taken.add(got.version_id)
        if got.status == "resumed":
            for left in self._library.unfinished(scope):
                if left.version_id == got.version_id:
                    return self._left(scope, left, source.file, reader, pool)
        read = pool.submit(reader.read, source.file, media_type, name=source.path)
        work = _Work(source.path, got.document_id, got.version_id, VersionState.RECEIVED, source.size, read)
        self._record("document.received", scope, work, version_id=got.version_id, size=source.size)
        return work

    def _left(
        self, scope: Scope, left: Document, file: Path, reader: FileReader, pool: ThreadPoolExecutor
    ) -> _Work:
        """Go on with a version that an earlier run left."""
        state, read = left.state, None
        if state is VersionState.PARSED and self._shown_version(scope, left) != left.version_id:
            # Its pages hide behind those of the live version: reading again is simpler than a second door.
            state = VersionState.RECEIVED
        if state is VersionState.RECEIVED:
            read = pool.submit(reader.read, file, left.media_type, name=left.path)
        return _Work(left.path, left.id, left.version_id, state, left.size, read)

    def _finish(self, scope: Scope, item: _Item, tally: Tally, stop: Cancelled) -> None:
        """Take one version from where it stands to live, or to failed."""
        if stop():
            raise _Stopped
        if isinstance(item, _Twin):
            item = self._known(scope, item.path, item.document_id, IngestStatus.DUPLICATE)
        if isinstance(item, DocumentReport):
            tally.add(item, 0)
            return
        tally.working_on(item.path)
        try:
            done = self._to_live(scope, item, stop)
        except (_Stopped, Broken):
            raise
        except MunimentError as error:
            done = self._failed(scope, item, str(error))
        except OSError as error:
            if error.errno in _DISK_FULL:
                raise _disk_full() from error
            done = self._failed(
                scope, item, f"{item.path!r} cannot be taken in ({error.strerror}); try again"
            )
        except Exception as error:
            if shutil.disk_usage(self._library.home).free < _NO_ROOM_BYTES:
                # Not every library says so in words.
                raise _disk_full() from error
            reason = f"{item.path!r} cannot be taken in ({type(error).__name__}); save it again"
            done = self._failed(scope, item, reason)
        tally.add(done, item.size)

    def _to_live(self, scope: Scope, work: _Work, stop: Cancelled) -> DocumentReport:
        library, version_id, state = self._library, work.version_id, work.state
        pages: Sequence[Page] | None = None
        flags: tuple[str, ...] = ()
        if work.read is not None:
            result = work.read.result()
            library.save_pages(scope, version_id, result.pages, title=result.title, flags=result.flags)
            self._record("document.parsed", scope, work, pages=len(result.pages))
            pages, flags = result.pages, result.flags
            if facts_of(pages)[1] == 0:
                first = next(page.problem for page in pages if page.problem)
                return self._failed(
                    scope, work, f"{work.path!r} has no page that can be read: {first}", pages
                )
            state = VersionState.PARSED
        if state is VersionState.PARSED:
            if pages is None:
                pages = library.pages(scope, work.document_id)
            chunks = self._chunks(work, pages)
            vectors = self._vectors(chunks, stop)
            library.save_chunks(scope, version_id, chunks, vectors)
            state = VersionState.EMBEDDED
        else:
            chunks, vectors = library.chunks_of(scope, version_id)
        room = self._rooms.room(scope)
        if state is VersionState.EMBEDDED:
            if chunks:
                room.add(chunks, vectors)
            library.mark_indexed(scope, version_id)
        # Recorded first: nothing is shown to people unrecorded.
        self._record("document.live", scope, work, version_id=version_id, chunks=len(chunks))
        for old in library.make_live(scope, version_id):
            room.remove([chunk.id for chunk in library.chunks_of(scope, old)[0]])
        if work.read is None:
            pages, flags = (
                library.pages(scope, work.document_id),
                library.document(scope, work.document_id).flags,
            )
        return report_of(work.path, work.document_id, pages or (), chunks=len(chunks), flags=flags)

    def _chunks(self, work: _Work, pages: Sequence[Page]) -> list[Chunk]:
        documents = [
            PageDocument(
                text=page.text,
                metadata={
                    "document_id": work.document_id,
                    "version_id": work.version_id,
                    "document": work.path,
                    "page": page.number,
                },
            )
            for page in pages
        ]
        return [chunk_of(node) for node in self._splitter.get_nodes_from_documents(documents)]

    def _vectors(self, chunks: Sequence[Chunk], stop: Cancelled) -> Vectors:
        texts = [searched_text(chunk) for chunk in chunks]
        # Neighbours of like length waste the least on padding.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        vectors = np.zeros((len(texts), self._embedder.dimensions), dtype=np.float32)
        for first in range(0, len(order), _EMBED_AT_ONCE):
            if stop():
                raise _Stopped
            rows = order[first : first + _EMBED_AT_ONCE]
            vectors[rows] = self._embedder.embed([texts[i] for i in rows])
        return vectors

    def _shown_version(self, scope: Scope, incoming: Document) -> str:
        return self._library.document(scope, incoming.id).version_id

    def _known(self, scope: Scope, path: str, document_id: str, status: IngestStatus) -> DocumentReport:
        """The report of a document that the library has already."""
        stored = self._library.document(scope, document_id)
        chunks = len(self._library.chunks_of(scope, stored.version_id)[0])
        same = () if stored.path == path else (f"has the same content as {stored.path!r}",)
        pages = self._library.pages(scope, document_id)
        return report_of(path, document_id, pages, known=status, chunks=chunks, flags=stored.flags + same)

    def _refused(self, scope: Scope, path: str, stage: Stage, reason: str) -> DocumentReport:
        data: dict[str, JsonValue] = {"document": path, "document_id": None, "reason": reason}
        self._audit.append("document.failed", scope.actor, matter_id=scope.matter.id, data=data)
        return DocumentReport(document=path, problems=(Problem(None, stage, reason),))

    def _failed(self, scope: Scope, work: _Work, reason: str, pages: Sequence[Page] = ()) -> DocumentReport:
        # It may have been deleted while it was on its way in.
        with suppress(NotFound):
            self._library.fail(scope, work.version_id, reason)
        self._record("document.failed", scope, work, reason=reason)
        return report_of(work.path, work.document_id, pages, problem=Problem(None, "parse", reason))

    def _record(self, kind: str, scope: Scope, work: _Work, **data: JsonValue) -> None:
        entry: dict[str, JsonValue] = {"document": work.path, "document_id": work.document_id, **data}
        self._audit.append(kind, scope.actor, matter_id=scope.matter.id, data=entry)


def _disk_full() -> Broken:
    return Broken("the disk that holds the data folder is full; free some space and add the files again")
