"""What a room asks of the two indexes that it keeps, and of the engines that give it them.

Two engines of a kind differ in where the index lies, never in what it finds: one contract suite runs on each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from storage.records import Chunk, Vector, Vectors


class Store(Protocol):
    """Chunks that are held until they are removed."""

    def remove(self, chunk_ids: Sequence[str]) -> None:
        """Find these chunks no more; unknown ids are no error."""

    def ids(self) -> frozenset[str]:
        """Ids of all chunks held."""

    def __len__(self) -> int:
        """How many chunks are held."""

    def close(self) -> None:
        """Give files, memory and connections back; what is held stays."""


class VectorStore(Store, Protocol):
    """Nearest chunks by cosine similarity. Threads may search it together."""

    def add(self, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        """Hold these chunks; those already held are replaced."""

    def search(
        self, vector: Vector, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and cosines of the nearest chunks, best first, of these documents alone when given."""

    def finds(self, samples: Mapping[str, Vector]) -> bool:
        """Whether every sampled chunk is still found by its own vector."""

    def vectors(self, chunk_ids: Sequence[str]) -> dict[str, Vector]:
        """The vectors that are held for these chunks; unknown ids are left out."""


class KeywordStore(Store, Protocol):
    """Chunks and documents by the words they share with a query. One thread may use it at a time."""

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Hold these chunks, and the beginning of each version whose first chunk is among them."""

    def search(
        self, query: str, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and BM25 scores (above zero, higher is better) of chunks, best first."""

    def documents(
        self, query: str, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and scores of documents whose name or beginning shares words with the query, best first."""

    def stating(self, phrases: Sequence[str]) -> dict[str, int]:
        """In how many of its chunks each document has one of these phrases; only those that have any."""

    def spread(self, phrases: Iterable[str]) -> dict[str, int]:
        """In how many documents each of these phrases stands: as many as `stating` names."""

    def beginnings(self) -> dict[str, str]:
        """Each document's name and beginning."""

    def frequencies(self, terms: Iterable[str]) -> dict[str, int]:
        """In how many chunks each term stands."""

    def holders(self, terms: Iterable[str], chunk_ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """Which of these chunks hold each term."""


Kept = TypeVar("Kept", bound=Store, covariant=True)


class Engine(Protocol[Kept]):
    """Where the indexes of one kind lie: one for each matter, apart from all others.

    `folder` is the matter's own, and its name is the matter's id: a server's index takes that name.
    """

    @property
    def name(self) -> str:
        """Names the engine and the form of its indexes; an index of another name is made anew."""

    @property
    def is_local(self) -> bool:
        """Whether all that an index holds lies in its matter's folder, and in no other's reach."""

    def open(self, folder: Path) -> Kept:
        """The matter's index, empty if there is none."""

    def files(self, folder: Path) -> list[Path]:
        """The files in the room's folder that are the index; none where it lies on a server."""

    def discard(self, folder: Path) -> None:
        """Remove the matter's index with all that it held; no error if there is none. Close it first."""

    def close(self) -> None:
        """Give connections back."""
