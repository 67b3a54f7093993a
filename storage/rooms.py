"""One room per matter: its vector index and its keyword index, opened once and trusted only after a check.

Both indexes are derived from SQL. A room that was not closed cleanly, whose files changed since, or that
does not hold exactly what SQL holds is rebuilt from SQL, without embedding anything again, before it
answers. The files are compared before they are opened: a damaged vector file can end the process.
One process may own a data folder; its threads may share rooms.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from chromadb.errors import ChromaError

from storage.chunk_store import in_batches
from storage.embedding import Embedder
from storage.errors import Broken, WrongUse
from storage.ids import sha256_of_file
from storage.index import VectorIndex
from storage.keywords import KeywordIndex
from storage.library import Library
from storage.records import Chunk, Matter, Scope, Vector, Vectors, VersionState

_SCHEMA = 1
_STAMP = "room.json"
_VECTORS = "chroma"
_KEYWORDS = "keywords.db"
_MOST_OPEN = 32
"""An open room costs about 11 file handles and 6 MB; opening one again takes about 0.1 s."""
_PROBES = 8
_DAMAGE = (ChromaError, sqlite3.DatabaseError, OSError, RuntimeError, ValueError, KeyError)
"""What the two indexes raise when their files are not what they were."""

_Result = TypeVar("_Result")


@dataclasses.dataclass(frozen=True, slots=True)
class _Indexes:
    vectors: VectorIndex
    keywords: KeywordIndex

    def close(self) -> None:
        self.vectors.close()
        self.keywords.close()


class Room:
    """A matter's two indexes. Safe to share between threads; opens itself when it is used."""

    def __init__(self, library: Library, embedder: Embedder, scope: Scope) -> None:
        self._library = library
        self._embedder = embedder
        # An index is whole or it is wrong, whatever part of it the asker may see.
        self._whole = dataclasses.replace(scope, document_ids=None)
        self._folder = library.room_folder(scope.matter)
        self._lock = threading.RLock()
        self._indexes: _Indexes | None = None
        self.rebuilt = 0
        """How often this process had to rebuild the room because it was not as it should be."""

    def add(self, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        """Hold these chunks; those already held are replaced. A version's first ones come together, first."""
        if len(chunks) != len(vectors):
            raise ValueError(f"{len(chunks)} chunks but {len(vectors)} vectors")

        def add(indexes: _Indexes) -> None:
            indexes.vectors.add(chunks, vectors)
            indexes.keywords.add(chunks)

        self._do(add)

    def remove(self, chunk_ids: Sequence[str]) -> None:
        """Find these chunks no more. Only `rebuild` takes their bytes from the disk."""

        def remove(indexes: _Indexes) -> None:
            indexes.vectors.remove(chunk_ids)
            indexes.keywords.remove(chunk_ids)

        self._do(remove)

    def dense(
        self, vector: Vector, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and cosines of the nearest chunks, best first."""
        return self._do(lambda i: i.vectors.search(vector, limit=limit, document_ids=document_ids))

    def keyword(
        self, query: str, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and BM25 scores of the chunks that share words with the query, best first."""
        return self._do(lambda i: i.keywords.search(query, limit=limit, document_ids=document_ids))

    def documents(
        self, query: str, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and BM25 scores of documents by the words of their name and beginning, best first."""
        return self._do(lambda i: i.keywords.documents(query, limit=limit, document_ids=document_ids))

    def beyond_name(self, query: str, document_id: str) -> str:
        """The words of a query that a document's name and beginning lack: what is asked about it."""
        return self._do(lambda i: i.keywords.beyond_name(query, document_id))

    def stating(self, phrases: Sequence[str]) -> dict[str, int]:
        """In how many of its chunks each document has one of these phrases; only those that have any."""
        return self._do(lambda i: i.keywords.stating(phrases))

    def beginnings(self) -> dict[str, str]:
        """Each document's name and first characters."""
        return self._do(lambda i: i.keywords.beginnings())

    def frequencies(self, terms: Sequence[str]) -> dict[str, int]:
        """In how many chunks each term stands."""
        return self._do(lambda i: i.keywords.frequencies(terms))

    def holders(self, terms: Sequence[str], chunk_ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """Which of these chunks hold each term."""
        return self._do(lambda i: i.keywords.holders(terms, chunk_ids))

    def __len__(self) -> int:
        """How many chunks the room holds."""
        return self._do(lambda i: len(i.keywords))

    def check(self) -> bool:
        """Whether both indexes hold what SQL holds, and vectors find themselves."""
        with self._lock:
            return self._agrees(self._opened())

    def rebuild(self) -> None:
        """Make both indexes anew from SQL. What was removed before is then gone from the disk as well."""
        with self._lock:
            self._discard()
            self._indexes = self._built()

    def close(self) -> None:
        """Give files and memory back and vouch for the files; the room opens itself again when used."""
        with self._lock:
            if self._indexes is None:
                return
            self._indexes.close()
            self._indexes = None
            self._stamp(clean=True)

    def _do(self, work: Callable[[_Indexes], _Result]) -> _Result:
        with self._lock:
            try:
                return work(self._opened())
            except _DAMAGE:
                # Whatever the files have become, SQL still has it all.
                self.rebuilt += 1
                self.rebuild()
            try:
                return work(self._opened())
            except _DAMAGE as error:
                raise Broken(
                    f"the search index of matter {self._whole.matter.name!r} fails even when made anew; "
                    "check the disk"
                ) from error

    def _opened(self) -> _Indexes:
        if self._indexes is None:
            self._refuse_other_embedder()
            indexes = self._reopened() if self._is_as_left() else None
            if indexes is None:
                if (self._folder / _STAMP).exists():
                    self.rebuilt += 1
                self._discard()
                indexes = self._built()
            self._indexes = indexes
        return self._indexes

    def _reopened(self) -> _Indexes | None:
        self._stamp(clean=False)
        try:
            indexes = self._open_files()
        except _DAMAGE:
            return None
        try:
            if self._agrees(indexes):
                return indexes
        except _DAMAGE:
            pass  # Damage that only shows on reading is damage all the same: the caller rebuilds.
        indexes.close()
        return None

    def _built(self) -> _Indexes:
        self._stamp(clean=False)
        indexes = self._open_files()
        try:
            for chunks, vectors in in_batches(self._held()):
                if vectors.shape[1] != self._embedder.dimensions:
                    raise self._other_embedder()
                indexes.vectors.add(chunks, vectors)
                indexes.keywords.add(chunks)
        except BaseException:
            indexes.close()
            raise
        return indexes

    def _open_files(self) -> _Indexes:
        vectors = VectorIndex(self._folder / _VECTORS)
        try:
            return _Indexes(vectors, KeywordIndex(self._folder / _KEYWORDS))
        except BaseException:
            vectors.close()
            raise

    def _discard(self) -> None:
        if self._indexes is not None:
            self._indexes.close()
            self._indexes = None
        self._stamp(clean=False)
        shutil.rmtree(self._folder / _VECTORS, ignore_errors=True)
        for leftover in self._folder.glob(f"{_KEYWORDS}*"):
            leftover.unlink()

    def _agrees(self, indexes: _Indexes) -> bool:
        live = self._library.live_chunk_ids(self._whole)
        coming = {
            chunk_id: state
            for version, state in self._unfinished()
            for chunk_id in self._library.chunk_ids_of(self._whole, version)
        }
        required = live | {chunk_id for chunk_id, state in coming.items() if state is VersionState.INDEXED}
        for held in (indexes.vectors.ids(), indexes.keywords.ids()):
            if not required <= held <= live | coming.keys():
                return False
        return indexes.vectors.finds(dict(self._samples()))

    def _unfinished(self) -> Iterator[tuple[str, VersionState]]:
        for document in self._library.unfinished(self._whole):
            if document.state in (VersionState.EMBEDDED, VersionState.INDEXED):
                yield document.version_id, document.state

    def _held(self) -> Iterator[tuple[Chunk, Vector]]:
        """What the indexes are to hold, version by version, each in order."""
        yield from self._library.live_chunks(self._whole)
        for version, state in self._unfinished():
            if state is VersionState.INDEXED:
                yield from self._library.chunk_stream(self._whole, version)

    def _samples(self) -> Iterator[tuple[str, Vector]]:
        documents = [one for one in self._library.documents(self._whole) if one.state is VersionState.LIVE]
        step = max(1, len(documents) // _PROBES)
        for place, document in enumerate(documents[::step][:_PROBES]):
            count = self._library.chunk_count(self._whole, document.version_id)
            if count:
                # Not always the first chunk: title pages resemble each other.
                middle = (place * 7919) % count
                stream = self._library.chunk_stream(self._whole, document.version_id, first=middle)
                chunk, vector = next(stream)
                yield chunk.id, vector

    def _is_as_left(self) -> bool:
        stamp = self._read_stamp()
        if stamp.get("schema") != _SCHEMA or not isinstance(stamp.get("files"), dict):
            return False
        return stamp["files"] == self._digests()

    def _refuse_other_embedder(self) -> None:
        if self._read_stamp().get("embedder", self._embedder.identity) != self._embedder.identity:
            raise self._other_embedder()

    def _other_embedder(self) -> Broken:
        return Broken(
            f"matter {self._whole.matter.name!r} was embedded with other weights than are installed now; "
            "install those again, or ingest its documents into a new matter"
        )

    def _read_stamp(self) -> dict[str, object]:
        try:
            stamp = json.loads((self._folder / _STAMP).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return stamp if isinstance(stamp, dict) else {}

    def _stamp(self, *, clean: bool) -> None:
        stamp = {
            "schema": _SCHEMA,
            "embedder": self._embedder.identity,
            # While a room is open nobody can vouch for its files.
            "files": self._digests() if clean else None,
        }
        target = self._folder / _STAMP
        draft = target.with_suffix(".new")
        with draft.open("w", encoding="utf-8") as stream:
            json.dump(stamp, stream, indent=1, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(target)

    def _digests(self) -> dict[str, str]:
        files = [path for path in (self._folder / _VECTORS).rglob("*") if path.is_file()]
        files += self._folder.glob(f"{_KEYWORDS}*")
        return {path.relative_to(self._folder).as_posix(): sha256_of_file(path) for path in sorted(files)}


class Rooms:
    """The rooms of all matters; the least recently used are closed when many are open."""

    def __init__(self, library: Library, embedder: Embedder, *, most_open: int = _MOST_OPEN) -> None:
        """Open nothing yet. `close` must be called at the end, or every room is rebuilt at its next use."""
        if most_open < 1:
            raise WrongUse(f"at least one room must be open at a time, not {most_open}")
        self._library = library
        self._embedder = embedder
        self._most_open = most_open
        self._lock = threading.Lock()
        self._rooms: OrderedDict[str, Room] = OrderedDict()

    def room(self, scope: Scope) -> Room:
        """The room of the scope's matter. Which documents may be found is for the caller to say."""
        with self._lock:
            room = self._rooms.get(scope.matter.id)
            if room is None:
                room = self._rooms[scope.matter.id] = Room(self._library, self._embedder, scope)
            self._rooms.move_to_end(scope.matter.id)
            idle = list(self._rooms.values())[: -self._most_open]
        # Outside the lock: closing digests files. A thread that still holds the room may use it on.
        for one in idle:
            one.close()
        return room

    def delete_document(self, scope: Scope, document_id: str) -> None:
        """Delete a document from SQL and from both indexes; its words are then in no file of the matter."""
        gone = self._library.delete_document(scope, document_id)
        room = self.room(scope)
        # Found no more at once; the rebuild, which takes its bytes from the disk, may take a while.
        room.remove(gone)
        room.rebuild()

    def delete_matter(self, scope: Scope) -> None:
        """Erase a matter from SQL, and its folder with its indexes."""
        self.drop(scope.matter)
        self._library.delete_matter(scope)

    def drop(self, matter: Matter) -> None:
        """Close a matter's room and forget it, so that its folder may be removed."""
        with self._lock:
            room = self._rooms.pop(matter.id, None)
        if room is not None:
            room.close()

    def close(self) -> None:
        """Close all rooms."""
        with self._lock:
            rooms = list(self._rooms.values())
            self._rooms.clear()
        for room in rooms:
            room.close()
