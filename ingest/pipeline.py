"""Take files into a matter: receive, read, split, embed, index, make live.

Each step is durable before the next begins, so that a run that was killed goes on where it stopped. A file
that cannot be read fails alone; a full disk or a broken store stops the run, and what is unfinished says so.
One thread receives, several read, each with a process of its own, and the caller's thread embeds: what is
between them lies in SQL, not in memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue

from ingest.embedding import Embedding
from ingest.limits import IngestLimits
from ingest.media import media_type_of
from ingest.nodes import PageSplitter
from ingest.parsing import FileReader
from ingest.progress import OnProgress, Order, Tally
from ingest.reading import Reading
from ingest.receiving import Receiving
from ingest.report import IngestReport, IngestStatus
from ingest.sources import Source
from ingest.telling import Teller
from ingest.work import Cancelled, Crash, Ended, Event, Stopped, Twin, Work
from storage.audit import AuditLog
from storage.embedding import Embedder
from storage.errors import Refused
from storage.library import Library
from storage.records import OcrChoice, Scope, VersionState
from storage.rooms import Rooms

__all__ = ["Cancelled", "Importer"]


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
        wait_turn: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing is started yet.

        Args:
            library: where everything goes.
            rooms: the matters' indexes.
            embedder: makes the vectors.
            audit: the log of what was done.
            limits: how much of the machine a run may take.
            open_reader: makes the reader of one reading thread.
            wait_turn: called between batches; it may hold the work up while somebody is asking.
        """
        self._library = library
        self._rooms = rooms
        self._embedder = embedder
        self._audit = audit
        self._limits = limits or IngestLimits()
        self._open_reader = open_reader
        self._wait_turn = wait_turn
        self._turn = threading.Lock()
        self._splitter = PageSplitter(
            embedder.count_tokens, max_tokens=embedder.max_tokens, token_offsets=embedder.token_offsets
        )

    def run(
        self,
        scope: Scope,
        sources: Sequence[Source],
        *,
        passwords: Sequence[str] = (),
        since: datetime | None = None,
        on_progress: OnProgress | None = None,
        cancelled: Cancelled | None = None,
    ) -> IngestReport:
        """Take sources into the scope's matter; each is live, failed or left for `resume` when this returns.

        Args:
            scope: the matter.
            sources: the files.
            passwords: tried on files that need one, and kept nowhere.
            since: when this work began, if an earlier run of it was killed: what that run took in is
                reported as this one's.
            on_progress: told of each step, from several threads but never from two at once.
            cancelled: asked between steps; once it says yes, the rest is left for `resume`.

        Raises:
            Broken: the disk is full or a store is damaged; what is not live yet is left for `resume`.
        """

        def accepted(run: _Run) -> Iterator[Event]:
            for number, source in enumerate(sources):
                yield from run.receiving.accept(source, (number,))[0]

        tally = Tally(len(sources), on_progress)
        with self._begun(scope, tally, cancelled, passwords=passwords, since=since) as run:
            return run.finish(accepted(run))

    def resume(
        self, scope: Scope, *, on_progress: OnProgress | None = None, cancelled: Cancelled | None = None
    ) -> IngestReport:
        """Finish what earlier runs left, from the bytes that the library keeps.

        Raises:
            Broken: as for `run`.
        """
        left = self._library.unfinished(scope)
        tally = Tally(len(left), on_progress)
        with self._begun(scope, tally, cancelled) as run:
            works = [run.receiving.left(document, (number,)) for number, document in enumerate(left)]
            return run.finish(works)

    def reread(
        self,
        scope: Scope,
        document_id: str,
        *,
        password: str | None = None,
        with_hidden: bool | None = None,
        ocr: OcrChoice | None = None,
        on_progress: OnProgress | None = None,
        cancelled: Cancelled | None = None,
    ) -> IngestReport:
        """Read a document's kept file again; what is live of it stays live until the new text is.

        Args:
            scope: the matter.
            document_id: the document.
            password: opens the file, and is kept nowhere.
            with_hidden: True lets text in that nobody who looks at a page would see; it is recorded who
                accepted it. None keeps what was chosen before.
            ocr: whether pages are read as pictures; None keeps what was chosen before.
            on_progress: as for `run`.
            cancelled: as for `run`.

        Raises:
            NotFound: there is no such document in scope.
            Broken: as for `run`.
        """
        document = self._library.document(scope, document_id)
        kept = self._library.original(scope, document_id)
        try:
            # What it is may be known by now, if this release reads more than the one before.
            media_type = media_type_of(kept, document.path)
        except Refused:
            media_type = None
        passwords = () if password is None else (password,)
        with self._begun(scope, Tally(1, on_progress), cancelled, passwords=passwords) as run:
            got = self._library.receive_again(
                scope, document_id, media_type=media_type, with_hidden=with_hidden, ocr=ocr
            )
            return run.finish([run.receiving.again(got, (0,))])

    @contextmanager
    def _begun(
        self,
        scope: Scope,
        tally: Tally,
        cancelled: Cancelled | None,
        *,
        passwords: Sequence[str] = (),
        since: datetime | None = None,
    ) -> Iterator[_Run]:
        stopping = threading.Event()

        def pause() -> None:
            if stopping.is_set() or (cancelled is not None and cancelled()):
                raise Stopped
            self._wait_turn()

        # One run at a time: two that meet the same bytes would both take them in.
        with self._turn:
            self._library.tidy(scope)
            teller = Teller(self._library, self._audit, scope, since=since)
            receiving = Receiving(self._library, teller, scope, self._limits)
            reading = Reading(
                self._library, teller, receiving, scope, tally, passwords=passwords, pause=pause
            )
            events: SimpleQueue[Event | object] = SimpleQueue()
            embedding = Embedding(
                self._library,
                self._rooms,
                self._embedder,
                self._splitter,
                teller,
                scope,
                tally,
                pause=pause,
                on_embedded=lambda: events.put(_EMBEDDED),
            )
            run = _Run(
                events=events,
                matter=scope.matter.name,
                tally=tally,
                teller=teller,
                receiving=receiving,
                reading=reading,
                embedding=embedding,
                pause=pause,
                stopping=stopping,
            )
            run.start(self._limits.readers, lambda: self._open_reader(self._limits))
            try:
                yield run
            finally:
                run.end()


_RECEIVED = object()
"""Told when all files of a run are received."""
_EMBEDDED = object()
"""Told when a window is embedded."""


@dataclass(slots=True, kw_only=True)
class _Run:
    """One run: its threads, and the queues between them."""

    events: SimpleQueue[Event | object]
    matter: str
    tally: Tally
    teller: Teller
    receiving: Receiving
    reading: Reading
    embedding: Embedding
    pause: Callable[[], None]
    stopping: threading.Event
    _to_read: SimpleQueue[Work | None] = field(default_factory=SimpleQueue)
    _threads: list[threading.Thread] = field(default_factory=list)
    _twins: list[Twin] = field(default_factory=list)
    _on_their_way: set[Order] = field(default_factory=set)
    """Files that were received and have not ended. For the caller's thread alone."""

    def start(self, readers: int, open_reader: Callable[[], FileReader]) -> None:
        """Start the reading threads; each starts its process with its first file."""
        for number in range(max(1, readers)):
            thread = threading.Thread(target=self._read_all, args=(open_reader,), name=f"reading-{number}")
            self._threads.append(thread)
            thread.start()

    def finish(self, accepted: Iterable[Event]) -> IngestReport:
        """Take everything to its end, or stop when asked."""
        receiver = threading.Thread(target=self._receive_all, args=(accepted,), name="receiving")
        self._threads.append(receiver)
        receiver.start()
        stopped = False
        try:
            self._take_all()
            for twin in self._twins:
                self._ended(
                    self.teller.known(twin.order, twin.path, twin.document_id, IngestStatus.DUPLICATE)
                )
        except Stopped:
            stopped = True
        return self.tally.report(self.matter, cancelled=stopped)

    def end(self) -> None:
        """End the threads; what they were at is left as it stands in SQL."""
        self.stopping.set()
        for _ in self._threads:
            self._to_read.put(None)
        for thread in self._threads:
            thread.join()
        self.embedding.close()

    def _take_all(self) -> None:
        """Embed what the readers finish, until nothing is on its way."""
        receiving = True
        while receiving or self._on_their_way:
            event = self._next()
            if event is _RECEIVED:
                receiving = False
            elif event is _EMBEDDED:
                self._end_all(self.embedding.settle())
            elif isinstance(event, Crash):
                raise event.error
            elif isinstance(event, Twin):
                self._twins.append(event)
            elif isinstance(event, Ended):
                self._ended(event)
            elif isinstance(event, Work):
                self._forward(event)

    def _next(self) -> Event | object:
        try:
            return self.events.get_nowait()
        except Empty:
            # Nothing more is ready: what waits for a full window has waited long enough.
            self._end_all(self.embedding.send())
            return self.events.get()

    def _forward(self, work: Work) -> None:
        """Hand a version to its next step."""
        self._on_their_way.add(work.order)
        if work.state is VersionState.RECEIVED:
            self.tally.received(work.path)
            self._to_read.put(work)
        else:
            self.pause()
            self._end_all(self.embedding.take(work))

    def _end_all(self, ended: Iterable[Ended]) -> None:
        for one in ended:
            self._ended(one)

    def _ended(self, one: Ended) -> None:
        self._on_their_way.discard(one.order)
        self.tally.add(one.order, one.report)

    def _receive_all(self, accepted: Iterable[Event]) -> None:
        try:
            for event in accepted:
                self.pause()
                self.events.put(event)
            self.events.put(_RECEIVED)
        except BaseException as error:  # noqa: BLE001 - raised again where the run was called
            self.events.put(Crash(error))

    def _read_all(self, open_reader: Callable[[], FileReader]) -> None:
        try:
            with open_reader() as reader:
                while (work := self._to_read.get()) is not None and not self.stopping.is_set():
                    for event in self._read(work, reader):
                        self.events.put(event)
        except BaseException as error:  # noqa: BLE001 - raised again where the run was called
            self.events.put(Crash(error))

    def _read(self, work: Work, reader: FileReader) -> list[Event]:
        try:
            return self.reading.read(work, reader)
        except Exception as error:  # noqa: BLE001 - `Teller.failed` raises again what is not the file's fault
            return [self.teller.failed(work, error)]
