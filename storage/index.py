"""A matter's vectors in Chroma, in the form that LlamaIndex's `ChromaVectorStore` reads.

It holds ids and vectors, never text: the words of a document have one home, and that is SQL.
It does not know whether what it finds is still live, and it does not notice its own damage:
`storage.room` does both. One process may have a folder open at a time; its threads may search together,
and while one of them adds or removes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import chromadb
from chromadb.config import Settings
from chromadb.errors import ChromaError
from llama_index.vector_stores.chroma import ChromaVectorStore

from storage.allocator import blank_reused_memory
from storage.records import Chunk, Vector, Vectors

_COLLECTION = "chunks"
_DOCUMENT = "document_id"
_BATCH = 1_000
_BREADTH, _BREADTH_FITS = 1_600, 100_000
"""How many chunks a search weighs on its way through the graph, and for how many chunks that is enough."""
_STEPS = 4
"""Of breadth, from a number of chunks to its tenfold."""
_HNSW: Any = {"space": "cosine", "ef_construction": 400, "ef_search": _BREADTH, "max_neighbors": 32}
"""Neighbours are sought among more chunks than one has near copies: else copies lead to copies alone."""
MOST_AT_ONCE = 400
"""No search finds more."""
_TWINS = 8
_SYNCED = 1_000
"""Changes that Chroma gathers before it puts them into the graph's files."""
_FEWEST = 2
"""So few it can be told to gather at the least."""


class ChromaIndex:
    """Nearest chunks by cosine similarity, in one collection of a Chroma client."""

    def __init__(self, client: Any, name: str) -> None:
        """Take the collection of that name; if there is none it is made."""
        self._client: Any = client
        self._collection = client.get_or_create_collection(
            name, configuration={"hnsw": _HNSW}, embedding_function=None
        )
        self._store = ChromaVectorStore(chroma_collection=self._collection)

    def broadened(self) -> bool:
        """Have searches go through the graph as broadly as so many chunks want, from when it is next loaded.

        Whether they did not: a folder loads a graph when its client is opened, a server when it is started.
        """
        wanted = breadth(len(self))
        if self._collection.configuration["hnsw"]["ef_search"] == wanted:
            return False
        self._collection.modify(configuration={"hnsw": {"ef_search": wanted}})
        return True

    def add(self, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        """Hold these chunks; those already held are replaced."""
        self.remove([chunk.id for chunk in chunks])
        for first in range(0, len(chunks), _BATCH):
            some = chunks[first : first + _BATCH]
            # Not through the store, which would keep each node as JSON as well, all that SQL has: half of
            # the time that an index takes to grow. The store reads no more than this.
            self._collection.add(
                ids=[chunk.id for chunk in some],
                embeddings=vectors[first : first + _BATCH],
                metadatas=[{_DOCUMENT: chunk.document_id} for chunk in some],
            )

    def remove(self, chunk_ids: Sequence[str]) -> None:
        """Find these chunks no more; unknown ids are no error. Bytes stay on disk until a rebuild."""
        for first in range(0, len(chunk_ids), _BATCH):
            held = self._collection.get(ids=list(chunk_ids[first : first + _BATCH]), include=[])["ids"]
            if held:
                self._store.delete_nodes(node_ids=held)

    def search(
        self, vector: Vector, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and cosines of the nearest chunks, best first, of these documents alone when given."""
        limit = min(limit, MOST_AT_ONCE)
        if limit <= 0 or document_ids == frozenset():
            return []
        # Not through the store, which makes a node of all that is found: it takes half as long again. Nor is
        # the collection counted first: at 100,000 chunks a count takes longer than the search.
        found = self._collection.query(
            query_embeddings=[vector],
            n_results=limit,
            where=None if document_ids is None else {_DOCUMENT: {"$in": sorted(document_ids)}},
            include=["distances"],
        )
        return [(one, 1 - far) for one, far in zip(found["ids"][0], found["distances"][0], strict=True)]

    def finds(self, samples: Mapping[str, Vector]) -> bool:
        """Whether every sampled chunk is still found by its own vector."""
        for chunk_id, vector in samples.items():
            nearest = dict(self.search(vector, limit=_TWINS))
            # Equal texts have equal vectors: among many twins the chunk itself may be out of sight.
            if chunk_id not in nearest and min(nearest.values(), default=0.0) < 1 - 1e-3:
                return False
        return True

    def vectors(self, chunk_ids: Sequence[str]) -> dict[str, Vector]:
        """The vectors that are held for these chunks; unknown ids are left out."""
        held: dict[str, Vector] = {}
        for first in range(0, len(chunk_ids), _BATCH):
            got = self._collection.get(ids=list(chunk_ids[first : first + _BATCH]), include=["embeddings"])
            held.update(zip(got["ids"], got["embeddings"], strict=True))
        return held

    def ids(self) -> frozenset[str]:
        """Ids of all chunks held."""
        return frozenset(self._collection.get(include=[])["ids"])

    def __len__(self) -> int:
        """How many chunks are held."""
        return int(self._collection.count())

    def close(self) -> None:
        """Nothing to give back: the client is another's."""


class VectorIndex(ChromaIndex):
    """The index in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Open the index in `folder`; an empty or missing folder becomes an empty index."""
        blank_reused_memory()
        self._folder = folder
        self._last: Vector | None = None
        if self._opened_anew():
            self._client.close()
            self._opened_anew()

    def _opened_anew(self) -> bool:
        """Open a client; whether another is wanted, since this one goes on as narrowly as it began."""
        client = _client(self._folder)
        try:
            super().__init__(client, _COLLECTION)
            return self.broadened()
        except BaseException:
            client.close()
            raise

    def add(self, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        """See `VectorStore.add`."""
        super().add(chunks, vectors)
        if len(vectors):
            self._last = vectors[-1]

    def close(self) -> None:
        """Give files and memory back; the folder may then be copied or removed."""
        self._client.close()
        if self._last is not None:
            # Whether the files are whole is looked at when they are opened again.
            with suppress(ChromaError, RuntimeError, ValueError):
                _settle(self._folder, self._last)
            self._last = None


def breadth(chunks: int) -> int:
    """How many chunks a search weighs among so many; three times as many for ten times as many of them.

    Measured on real text cut anew, where each chunk has ten near copies at 100,000 and a hundred at 1,000,000
    (docs/decisions/0048-breadth-of-search.md); `muniment reconcile` measures a matter's own.
    """
    # In steps: an index that grows a little is not to be told anew at each opening.
    steps = max(0, math.ceil(_STEPS * math.log10(max(1, chunks) / _BREADTH_FITS)))
    widened: float = _BREADTH * 3 ** (steps / _STEPS)
    return round(widened)


def _client(folder: Path) -> Any:
    settings = Settings(anonymized_telemetry=False, allow_reset=False)
    return chromadb.PersistentClient(str(folder), settings=settings)


def _settle(folder: Path, vector: Vector) -> None:
    """Have all that was added put into the graph's files: else every opening would do it anew."""
    client = _client(folder)
    try:
        collection = client.get_collection(_COLLECTION, embedding_function=None)
        # Read when the graph is, by the first search.
        collection.modify(configuration={"hnsw": {"sync_threshold": _FEWEST}})
        collection.query(query_embeddings=[vector], n_results=1, include=[])
        collection.modify(configuration={"hnsw": {"sync_threshold": _SYNCED}})
    finally:
        client.close()
