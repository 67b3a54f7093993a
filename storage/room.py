"""One matter's room: its vector index and its keyword index, opened when used and trusted only after a check.

Both are derived from SQL. One that changed and was not closed, whose files are not as they were left, or that
does not hold exactly what SQL holds is rebuilt from SQL, without embedding anything again, before it answers.
Files are compared before they are opened: a damaged vector file can end the process. An index on a server has
no files here; its ids are compared at each opening. What a room finds may be dead: SQL says what is live.
"""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic
from typing import TypeVar

import numpy as np
from chromadb.errors import ChromaError

from storage.chunk_store import in_batches
from storage.embedding import Embedder
from storage.engines import Engines, Indexes
from storage.errors import Broken
from storage.index import MOST_AT_ONCE
from storage.inspecting import Inspection, inspect, nearest, required
from storage.library import Library
from storage.records import Chunk, Scope, Vector, Vectors
from storage.sharing import SharedLock
from storage.stamp import Seen, Stamp, fingerprint, is_stamped, read_stamp, write_stamp
from storage.stores import KeywordStore

_PROBES = 8
_FEW = 2_000
"""So many vectors are compared one by one sooner than a graph of 100,000 is walked with a filter."""
_DAMAGE = (ChromaError, sqlite3.DatabaseError, OSError, RuntimeError, ValueError, KeyError)
"""What the two indexes raise when their files are not what they were."""

_NOT_READ: tuple[object, Mapping[str, str]] = (None, {})

_Result = TypeVar("_Result")


class Room:
    """A matter's two indexes; opens itself when it is used.

    Threads may share it: searches by meaning run side by side, those by words one at a time; changes come
    one after another; only opening, closing and rebuilding make everybody wait.
    """

    def __init__(self, library: Library, embedder: Embedder, scope: Scope, engines: Engines) -> None:
        self._library = library
        self._embedder = embedder
        # An index is whole or it is wrong, whatever part of it the asker may see.
        self._whole = dataclasses.replace(scope, document_ids=None)
        self._engines = engines
        self._folder = library.room_folder(scope.matter)
        self._use = SharedLock()
        self._changing = threading.RLock()
        self._reading_words = threading.Lock()
        self._indexes: Indexes | None = None
        self._changed = False
        self._used_at = monotonic()
        self.state: object = object()
        """Another one whenever what the room holds may have changed: what was read before is then old."""
        self._begun = _NOT_READ
        self.rebuilt = 0
        """How often this process had to rebuild the room because it was not as it should be."""

    # Changes

    def add(self, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        """Hold these chunks; those already held are replaced. A version's first ones come together, first."""
        if len(chunks) != len(vectors):
            raise ValueError(f"{len(chunks)} chunks but {len(vectors)} vectors")

        def add(indexes: Indexes) -> None:
            with self._change():
                indexes.vectors.add(chunks, vectors)
                with self._reading_words:
                    indexes.keywords.add(chunks)

        self._do(add)

    def remove(self, chunk_ids: Sequence[str]) -> None:
        """Find these chunks no more. Only `rebuild` takes their bytes from the disk."""

        def remove(indexes: Indexes) -> None:
            with self._change():
                indexes.vectors.remove(chunk_ids)
                with self._reading_words:
                    indexes.keywords.remove(chunk_ids)

        self._do(remove)

    # Searches

    def dense(
        self, vector: Vector, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and cosines of the nearest chunks, best first; of few documents exactly those."""

        def search(indexes: Indexes) -> list[tuple[str, float]]:
            source, whole = self._library, self._whole
            few = document_ids is not None and source.indexed_count(whole, document_ids) <= _FEW
            if not few:
                found = indexes.vectors.search(vector, limit=limit, document_ids=document_ids)
                owed = min(limit, MOST_AT_ONCE)
                if len(found) >= owed or len(found) >= source.indexed_count(whole, document_ids):
                    return found
                # Fewer than there are: damage, or a graph that does not lead everywhere.
                if not self._is_whole(indexes):
                    raise RuntimeError("the vector index does not hold what it must")
            return nearest(source.indexed_vectors(whole, document_ids), vector[np.newaxis], limit)[0]

        return self._do(search)

    def keyword(
        self, query: str, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and BM25 scores of the chunks that share words with the query, best first."""
        return self._words(lambda k: k.search(query, limit=limit, document_ids=document_ids))

    def documents(
        self, query: str, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and BM25 scores of documents by the words of their name and beginning, best first."""
        return self._words(lambda k: k.documents(query, limit=limit, document_ids=document_ids))

    def stating(self, phrases: Sequence[str]) -> dict[str, int]:
        """In how many of its chunks each document has one of these phrases; only those that have any."""
        return self._words(lambda k: k.stating(phrases))

    def spread(self, phrases: Sequence[str]) -> dict[str, int]:
        """In how many documents each of these phrases stands."""
        return self._words(lambda k: k.spread(phrases))

    def beginnings(self) -> Mapping[str, str]:
        """Each document's name and first characters; remembered until the room changes, 2 kB a document."""
        state, (known, begun) = self.state, self._begun
        if known is not state:
            begun = self._words(lambda k: k.beginnings())
            self._begun = state, begun
        return begun

    def frequencies(self, terms: Sequence[str]) -> dict[str, int]:
        """In how many chunks each term stands."""
        return self._words(lambda k: k.frequencies(terms))

    def holders(self, terms: Sequence[str], chunk_ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """Which of these chunks hold each term."""
        return self._words(lambda k: k.holders(terms, chunk_ids))

    def __len__(self) -> int:
        """How many chunks the room holds."""
        return self._words(len)

    # Trust

    def check(self) -> bool:
        """Whether both indexes hold what SQL holds, and vectors find themselves."""
        return self._do(self._is_whole)

    def inspect(self) -> Inspection:
        """Compare all that the indexes hold with SQL, and the approximate search with an exact one."""

        def look(indexes: Indexes) -> Inspection:
            with self._changing, self._reading_words:
                return inspect(self._library, self._whole, indexes.vectors, indexes.keywords)

        return self._do(look)

    def rebuild(self, on_progress: Callable[[int], None] = lambda _chunks: None) -> None:
        """Make both indexes anew from SQL. What was removed before is then gone from the disk as well.

        `on_progress` is told how many chunks are held again.
        """
        with self._use.exclusive():
            self._make_anew(on_progress)

    @property
    def idle_s(self) -> float | None:
        """Seconds since the room was used last; None while it is closed."""
        return None if self._indexes is None else monotonic() - self._used_at

    def close(self) -> None:
        """Give files and memory back and vouch for the files; the room opens itself again when used."""
        with self._use.exclusive():
            if self._indexes is None:
                return
            held = self._held(self._indexes) if self._changed else None
            self._indexes.close()
            self._indexes = None
            self._begun = _NOT_READ
            if held is not None:
                self._stamp(held=held)
                self._changed = False

    # How it is done

    def _words(self, work: Callable[[KeywordStore], _Result]) -> _Result:
        def alone(indexes: Indexes) -> _Result:
            with self._reading_words:
                return work(indexes.keywords)

        return self._do(alone)

    def _do(self, work: Callable[[Indexes], _Result]) -> _Result:
        """Work on open indexes; once, when they turn out to be damaged, on indexes made anew."""
        damaged: Indexes | None = None
        while True:
            with self._use.shared():
                indexes = self._indexes
                if indexes is not None and indexes is not damaged:
                    try:
                        return work(indexes)
                    except _DAMAGE as error:
                        if damaged is not None:
                            raise Broken(
                                f"the search index of matter {self._whole.matter.name!r} fails even when "
                                "made anew; check the disk"
                            ) from error
                        damaged = indexes
                    finally:
                        self._used_at = monotonic()
            with self._use.exclusive():
                # Meanwhile another thread may have done it.
                if self._indexes is None:
                    self._open()
                elif self._indexes is damaged:
                    # Whatever the files have become, SQL still has it all.
                    self.rebuilt += 1
                    self._make_anew()

    @contextmanager
    def _change(self) -> Iterator[None]:
        with self._changing:
            if not self._changed:
                # While a room changes nobody can vouch for its files.
                self._stamp(held=None)
                self._changed = True
            try:
                yield
            finally:
                self.state, self._begun = object(), _NOT_READ

    def _open(self) -> None:
        left = read_stamp(self._folder)
        if left is not None and left.embedder != self._embedder.identity:
            raise self._other_embedder()
        self._library.make_cards(self._whole)
        if left is None or not self._reopen(left):
            if is_stamped(self._folder):
                self.rebuilt += 1
            self._make_anew()
        self._library.read_ahead()
        self.state, self._begun = object(), _NOT_READ
        self._used_at = monotonic()

    def _reopen(self, left: Stamp) -> bool:
        """Take the indexes as they were left, if they are as they were left and as SQL wants them."""
        if left.files is None or left.engines != self._engines.names:
            return False
        with ThreadPoolExecutor(1) as aside:
            # Side by side: either takes a good part of the time that opening a large room takes.
            asked = aside.submit(required, self._library, self._whole, samples=_PROBES)
            seen = Seen(self._folder, self._engines.files(self._folder))
        wanted = asked.result()
        if seen.digests != left.files:
            return False
        try:
            indexes = self._engines.open(self._folder)
        except _DAMAGE:
            return False
        try:
            # Files as they were left hold what they held: SQL must still require just that. A server's
            # index may have changed without us.
            known = self._engines.are_local and left.held == wanted.fingerprint
            if (known or self._agrees(indexes, wanted.ids)) and indexes.vectors.finds(wanted.samples):
                held = left.held if known else self._held(indexes)
                # Chroma notes each opening in a file; from here on only a change of ours alters any.
                self._stamp(held=held, seen=seen)
                self._indexes, self._changed = indexes, held is None
                return True
        except _DAMAGE:
            pass  # Damage that only shows on reading is damage all the same: the caller rebuilds.
        indexes.close()
        return False

    def _make_anew(self, on_progress: Callable[[int], None] = lambda _chunks: None) -> None:
        if self._indexes is not None:
            self._indexes.close()
            self._indexes = None
        self._stamp(held=None)
        self._changed = True
        self._engines.discard(self._folder)
        indexes = self._engines.open(self._folder)
        done = 0
        try:
            for chunks, vectors in in_batches(self._library.indexed_chunks(self._whole)):
                if vectors.shape[1] != self._embedder.dimensions:
                    raise self._other_embedder()
                indexes.vectors.add(chunks, vectors)
                indexes.keywords.add(chunks)
                done += len(chunks)
                on_progress(done)
        except BaseException:
            indexes.close()
            raise
        self._indexes = indexes
        self.state, self._begun = object(), _NOT_READ

    def _is_whole(self, indexes: Indexes) -> bool:
        with self._changing, self._reading_words:
            wanted = required(self._library, self._whole, samples=_PROBES)
            return self._agrees(indexes, wanted.ids) and indexes.vectors.finds(wanted.samples)

    def _agrees(self, indexes: Indexes, required: frozenset[str]) -> bool:
        allowed = required | self._library.coming_ids(self._whole)
        return all(required <= store.ids() <= allowed for store in (indexes.vectors, indexes.keywords))

    def _held(self, indexes: Indexes) -> str | None:
        """The fingerprint of what both indexes hold; None where they differ or cannot say."""
        try:
            vectors, keywords = fingerprint(indexes.vectors.ids()), fingerprint(indexes.keywords.ids())
        except _DAMAGE:
            return None
        return vectors if vectors == keywords else None

    def _stamp(self, *, held: str | None, seen: Seen | None = None) -> None:
        """Vouch for the files as they are, or for none when what they hold is not known."""
        files = (
            None
            if held is None
            else Seen(self._folder, self._engines.files(self._folder), before=seen).digests
        )
        stamp = Stamp(self._embedder.identity, self._engines.names, files=files, held=held or "")
        write_stamp(self._folder, stamp)

    def _other_embedder(self) -> Broken:
        return Broken(
            f"matter {self._whole.matter.name!r} was embedded with other weights than are installed now; "
            "install those again, or ingest its documents into a new matter"
        )
