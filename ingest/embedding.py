"""From stored pages to live: chunks are embedded in windows across documents, stored, indexed, shown.

What is stored already is not embedded again, nor is a text that the matter has a vector for. Two windows are
embedded at a time, on threads of their own, so that no core waits for the end of one; meanwhile the next is
split and the one before is stored and shown. No more than these are held, however long a document is; many
small documents share one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from llama_index.core.schema import Document as PageDocument

from ingest.errors import UnreadableSource
from ingest.nodes import PageSplitter, chunk_of
from ingest.progress import Tally
from ingest.report import FileState
from ingest.running_lines import RunningLines
from ingest.telling import Teller
from ingest.work import Ended, Stopped, Work
from storage.chunk_store import in_batches
from storage.embedding import Embedder, searched_text
from storage.errors import Broken
from storage.ids import content_id
from storage.library import Library
from storage.records import Chunk, Scope, Vector, VersionState
from storage.rooms import Rooms

_WINDOW = 256
"""Chunks: enough to find many of like length, and few enough that seconds are lost in a kill."""
_AT_ONCE = 2
"""Windows that are being embedded."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """A chunk that waits for its vector."""

    work: Work
    chunk: Chunk
    key: str
    """Names the searched text and the embedder: equal keys have equal vectors."""


@dataclass(frozen=True, slots=True)
class _Embedded:
    """Those of a window's chunks that are not stored yet, and a vector for each key."""

    missing: list[_Cut]
    vectors: dict[str, Vector]


@dataclass(slots=True)
class _Window:
    cuts: list[_Cut] = field(default_factory=list)
    whole: list[tuple[Work, int]] = field(default_factory=list)
    """Versions with all their chunks in this window or before it, and how many chunks they have."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A window that is being embedded."""

    window: _Window
    keys: frozenset[str]
    vectors: Future[_Embedded]


class Embedding:
    """Takes parsed versions to live. For one thread; call `close` at the end."""

    def __init__(
        self,
        library: Library,
        rooms: Rooms,
        embedder: Embedder,
        splitter: PageSplitter,
        teller: Teller,
        scope: Scope,
        tally: Tally,
        *,
        pause: Callable[[], None],
        on_embedded: Callable[[], None],
    ) -> None:
        """Nothing is begun.

        Args:
            library: where chunks and vectors go.
            rooms: the matters' indexes.
            embedder: makes the vectors.
            splitter: makes the chunks.
            teller: tells of what ended.
            scope: the matter.
            tally: told of each step.
            pause: called between batches; it may wait, and raises `Stopped` to end the run.
            on_embedded: called from a thread of its own when there is work for `settle`.
        """
        self._library = library
        self._rooms = rooms
        self._embedder = embedder
        self._splitter = splitter
        self._teller = teller
        self._scope = scope
        self._tally = tally
        self._pause = pause
        self._on_embedded = on_embedded
        self._window = _Window()
        self._sent: deque[_Sent] = deque()
        self._beside = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="embedding")
        self._failed: set[str] = set()

    def take(self, work: Work) -> Iterator[Ended]:
        """Begin with a version that is PARSED, EMBEDDED or INDEXED; gives what ended meanwhile."""
        try:
            if work.state is not VersionState.PARSED:
                count = self._library.chunk_count(self._scope, work.version_id)
                self._window.whole.append((work, count))
                return
            self._refuse_unread(work)
            count = 0
            for chunk in self._chunks(work):
                count = chunk.ordinal + 1
                key = content_id("text", self._embedder.identity, searched_text(chunk))
                self._window.cuts.append(_Cut(work, chunk, key))
                if len(self._window.cuts) >= _WINDOW:
                    yield from self.send()
                    if self._has_failed(work):
                        return
            self._window.whole.append((work, count))
        except Exception as error:  # noqa: BLE001 - `Teller.failed` raises again what is not the file's fault
            yield self._fail(work, error)

    def send(self) -> Iterator[Ended]:
        """Begin to embed what waits, and store and show what is embedded."""
        if self._window.cuts or self._window.whole:
            self._pause()
            if len(self._sent) >= _AT_ONCE:
                wait([self._sent[0].vectors])
            window, self._window = self._window, _Window()
            vectors = self._beside.submit(self._embedded, window.cuts, list(self._sent))
            self._sent.append(_Sent(window, frozenset(one.key for one in window.cuts), vectors))
            vectors.add_done_callback(lambda _: self._on_embedded())
        yield from self.settle()

    def settle(self) -> Iterator[Ended]:
        """Store the windows that are embedded, and show what is complete."""
        while self._sent and self._sent[0].vectors.done():
            sent = self._sent.popleft()
            yield from self._settled(sent)
            yield from self._shown([one for one in sent.window.whole if not self._has_failed(one[0])])

    def close(self) -> None:
        """End the threads; what they were at is begun again by the next run."""
        self._beside.shutdown(cancel_futures=True)

    def _settled(self, sent: _Sent) -> Iterator[Ended]:
        cuts = [one for one in sent.window.cuts if not self._has_failed(one.work)]
        try:
            self._store(cuts, sent.vectors.result())
        except (Broken, Stopped):
            raise
        except Exception:  # noqa: BLE001 - one of them is to blame: each is tried alone
            for work in dict.fromkeys(one.work for one in cuts):
                mine = [one for one in cuts if one.work is work]
                try:
                    self._store(mine, self._beside.submit(self._embedded, mine, ()).result())
                except Exception as error:  # noqa: BLE001 - as above
                    yield self._fail(work, error)

    def _has_failed(self, work: Work) -> bool:
        return work.version_id in self._failed

    def _refuse_unread(self, work: Work) -> None:
        outcome = self._library.outcome(self._scope, work.version_id)
        # A page that was read in part has a problem and text: the text is worth having.
        if outcome.pages_read or any(
            page.text.strip() for page in self._library.page_stream(self._scope, work.version_id)
        ):
            return
        why = outcome.problems[0][1] if outcome.problems else "it has no pages"
        raise UnreadableSource(f"{work.path!r} has no page that can be read: {why}")

    def _chunks(self, work: Work) -> Iterator[Chunk]:
        library, scope = self._library, self._scope
        running = work.running
        if running is None:
            lines = RunningLines()
            for page in library.page_stream(scope, work.version_id):
                lines.feed(page.text)
            running = lines.found()
        pages = (
            PageDocument(
                text=page.text,
                metadata={
                    "document_id": work.document_id,
                    "version_id": work.version_id,
                    "document": work.path,
                    "page": page.number,
                },
            )
            for page in library.page_stream(scope, work.version_id)
        )
        for node in self._splitter.stream(pages, running=running):
            yield chunk_of(node)

    def _embedded(self, cuts: Sequence[_Cut], ahead: Sequence[_Sent]) -> _Embedded:
        """Vectors for a window; those that a window `ahead` of it makes are taken from there."""
        missing: list[_Cut] = []
        for version_id, mine in _by_version(cuts).items():
            held = self._library.chunk_keys(self._scope, version_id, [one.chunk.id for one in mine])
            missing += [one for one in mine if held.get(one.chunk.id) != one.key]
        texts = {one.key: searched_text(one.chunk) for one in missing}
        vectors = self._library.vectors_for(self._scope, texts)
        awaited = {key: one for one in ahead for key in one.keys & texts.keys() - vectors.keys()}
        new = [key for key in texts if key not in vectors and key not in awaited]
        if new:
            vectors.update(zip(new, self._embedder.embed([texts[key] for key in new]), strict=True))
        vectors.update((key, one.vectors.result().vectors[key]) for key, one in awaited.items())
        return _Embedded(missing, vectors)

    def _store(self, cuts: Sequence[_Cut], embedded: _Embedded) -> None:
        wanted = _by_version(embedded.missing)
        for version_id, mine in _by_version(cuts).items():
            new = wanted.get(version_id, [])
            self._library.add_chunks(
                self._scope,
                version_id,
                [one.chunk for one in new],
                [embedded.vectors[one.key] for one in new],
                keys=[one.key for one in new],
            )
            pages = self._library.arrival(self._scope, version_id).page_count
            self._tally.working(mine[0].work.path, FileState.EMBEDDING, mine[-1].chunk.span.page, pages)

    def _shown(self, whole: Sequence[tuple[Work, int]]) -> Iterator[Ended]:
        """Index and show versions whose chunks are all stored."""
        ready: list[Work] = []
        for work, count in whole:
            try:
                if work.state is VersionState.PARSED:
                    self._library.finish_chunks(self._scope, work.version_id, count=count)
                ready.append(work)
            except Exception as error:  # noqa: BLE001 - as above
                yield self._fail(work, error)
        try:
            self._index(ready)
        except (Broken, Stopped):
            raise
        except Exception:  # noqa: BLE001 - one of them is to blame: each is tried alone
            for work in ready:
                yield from self._live(work, index=True)
        else:
            for work in ready:
                yield from self._live(work, index=False)

    def _index(self, works: Sequence[Work]) -> None:
        room = self._rooms.room(self._scope)
        streams = (
            pair
            for work in works
            if work.state is not VersionState.INDEXED
            for pair in self._library.chunk_stream(self._scope, work.version_id)
        )
        for chunks, vectors in in_batches(streams):
            room.add(chunks, vectors)

    def _live(self, work: Work, *, index: bool) -> Iterator[Ended]:
        library, scope, version_id = self._library, self._scope, work.version_id
        self._pause()
        try:
            if index:
                self._index([work])
            library.mark_indexed(scope, version_id)
            # Recorded first: nothing is shown to people unrecorded.
            count = library.chunk_count(scope, version_id)
            self._teller.record(
                "document.live", work.path, work.document_id, version_id=version_id, chunks=count
            )
            for old in library.make_live(scope, version_id):
                self._rooms.room(scope).remove(library.chunk_ids_of(scope, old))
            if work.running is None:
                yield from self._teller.inside(work)
            yield self._teller.live(work)
        except Exception as error:  # noqa: BLE001 - as above
            yield self._fail(work, error)

    def _fail(self, work: Work, error: Exception) -> Ended:
        ended = self._teller.failed(work, error)
        self._failed.add(work.version_id)
        # Whatever of it an index may hold: nothing of a failed version is searched.
        self._rooms.room(self._scope).remove(self._library.chunk_ids_of(self._scope, work.version_id))
        return ended


def _by_version(cuts: Sequence[_Cut]) -> dict[str, list[_Cut]]:
    found: dict[str, list[_Cut]] = {}
    for one in cuts:
        found.setdefault(one.work.version_id, []).append(one)
    return found
