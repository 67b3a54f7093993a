"""What one search found and SQL has live, with its vectors; each chunk is read once.

An index may still hold what is dead or replaced: what SQL does not give is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from storage.library import Library
from storage.records import Chunk, Scope, Vector


class Held:
    """Chunks that one search found, and those that it read because it may find them; for one thread."""

    def __init__(self, library: Library, scope: Scope) -> None:
        self.chunks: list[tuple[Chunk, Vector]] = []
        self._library = library
        self._scope = scope
        self._read: dict[str, tuple[Chunk, Vector]] = {}
        self._found: set[str] = set()
        self._seen = 0

    def read(self, chunk_ids: Iterable[str]) -> None:
        """Have these, too; what is no more is left out."""
        new = [one for one in dict.fromkeys(chunk_ids) if one not in self._found]
        self._found.update(new)
        self.ahead(new)
        self.chunks += [self._read[one] for one in new if one in self._read]

    def ahead(self, chunk_ids: Sequence[str]) -> None:
        """Read what may be found."""
        missing = [one for one in chunk_ids if one not in self._read]
        pairs = self._library.chunks_with_vectors(self._scope, missing)
        self._read.update((pair[0].id, pair) for pair in pairs)

    def new(self) -> list[Chunk]:
        """Those read since the last time, found or not yet."""
        seen, self._seen = self._seen, len(self._read)
        return [chunk for chunk, _ in islice(self._read.values(), seen, None)]

    def of(self, chunk_ids: Iterable[str]) -> list[Chunk]:
        """Those of these that were read."""
        return [self._read[one][0] for one in chunk_ids if one in self._read]

    def among(self, scores: Mapping[str, float]) -> dict[str, float]:
        """The scores of those that were found."""
        return {one: score for one, score in scores.items() if one in self._found}
