"""From stored pages to live: chunks are embedded in windows across documents, stored, indexed, shown.

What is stored already is not embedded again, nor is a text that the matter has a vector for. One window of
chunks is held at a time, however long a document is; many small documents share one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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

_WINDOW = 512
_EMBED_AT_ONCE = 128


@dataclass(frozen=True, slots=True)
class _Cut:
    """A chunk that waits for its vector."""

    work: Work
    chunk: Chunk
    key: str
    """Names the searched text and the embedder: equal keys have equal vectors."""


@dataclass(slots=True)
class _Window:
    cuts: list[_Cut] = field(default_factory=list)
    whole: list[tuple[Work, int]] = field(default_factory=list)
    """Versions with all their chunks in this window or before it, and how many chunks they have."""


class Embedding:
    """Takes parsed versions to live. For one thread."""

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
    ) -> None:
        """`pause` is called between batches; it may wait, and raises `Stopped` to end the run."""
        self._library = library
        self._rooms = rooms
        self._embedder = embedder
        self._splitter = splitter
        self._teller = teller
        self._scope = scope
        self._tally = tally
        self._pause = pause
        self._window = _Window()
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
                    yield from self.flush()
                    if work.version_id in self._failed:
                        return
            self._window.whole.append((work, count))
        except Exception as error:  # noqa: BLE001 - `Teller.failed` raises again what is not the file's fault
            yield self._fail(work, error)

    def flush(self) -> Iterator[Ended]:
        """Embed and store what waits, and bring to live what is complete with it."""
        window, self._window = self._window, _Window()
        try:
            self._store(window.cuts)
        except (Broken, Stopped):
            raise
        except Exception:  # noqa: BLE001 - one of them is to blame: each is tried alone
            for work in dict.fromkeys(one.work for one in window.cuts):
                try:
                    self._store([one for one in window.cuts if one.work is work])
                except Exception as error:  # noqa: BLE001 - as above
                    yield self._fail(work, error)
        whole = [(work, count) for work, count in window.whole if work.version_id not in self._failed]
        yield from self._shown(whole)

    def _refuse_unread(self, work: Work) -> None:
        outcome = self._library.outcome(self._scope, work.version_id)
        if outcome.pages_read:
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

    def _store(self, cuts: Sequence[_Cut]) -> None:
        """Give each chunk its vector and store those that are not stored yet."""
        by_work: dict[str, list[_Cut]] = {}
        for one in cuts:
            by_work.setdefault(one.work.version_id, []).append(one)
        missing: list[_Cut] = []
        for version_id, mine in by_work.items():
            held = self._library.chunk_keys(self._scope, version_id, [one.chunk.id for one in mine])
            missing += [one for one in mine if held.get(one.chunk.id) != one.key]
        vectors = self._vectors(missing)
        for version_id, mine in by_work.items():
            wanted = [one for one in missing if one.work.version_id == version_id]
            self._library.add_chunks(
                self._scope,
                version_id,
                [one.chunk for one in wanted],
                [vectors[one.key] for one in wanted],
                keys=[one.key for one in wanted],
            )
            pages = self._library.arrival(self._scope, version_id).page_count
            self._tally.working(mine[0].work.path, FileState.EMBEDDING, mine[-1].chunk.span.page, pages)

    def _vectors(self, cuts: Sequence[_Cut]) -> dict[str, Vector]:
        texts = {one.key: searched_text(one.chunk) for one in cuts}
        vectors = self._library.vectors_for(self._scope, texts)
        # Neighbours of like length waste the least on padding.
        new = sorted((key for key in texts if key not in vectors), key=lambda key: len(texts[key]))
        for first in range(0, len(new), _EMBED_AT_ONCE):
            self._pause()
            keys = new[first : first + _EMBED_AT_ONCE]
            vectors.update(zip(keys, self._embedder.embed([texts[key] for key in keys]), strict=True))
        return vectors

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
