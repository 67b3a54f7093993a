"""The nearest chunks inside few documents, by exact search: their best may be far down in the whole matter.

Vectors that were read are kept for the next question, by the version that SQL says is live.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from engine.keeping import Kept
from storage.library import Library
from storage.live import LiveDocuments
from storage.records import LiveVersion, Vector, Vectors

_BYTES_KEPT = 64_000_000
"""At MiniLM's size 40,000 vectors; a document that has more of them alone is read anew each time."""


class Inside:
    """Searches single documents; threads may share it."""

    def __init__(self, library: Library) -> None:
        """Nothing is read yet."""
        self._library = library
        self._read: Kept[LiveVersion, _Vectors] = Kept(_BYTES_KEPT, weigh=_Vectors.weight)

    def nearest(
        self,
        live: LiveDocuments,
        document_ids: Collection[str],
        vector: Vector,
        *,
        limit: int,
        among: Collection[str] | None = None,
    ) -> list[tuple[str, float]]:
        """Ids and cosines of the nearest live chunks of these documents (all, or those `among` them)."""
        versions = live.versions(document_ids).values()
        known = self._read.of(versions)
        missing = {one.version_id: one for one in versions if one not in known}
        if missing:
            for version_id, (ids, vectors) in self._library.vectors_of(live.scope, missing).items():
                read = known[missing[version_id]] = _Vectors(ids, vectors)
                self._read.keep(missing[version_id], read)
        found: list[tuple[str, float]] = []
        for _, one in sorted(known.items(), key=lambda pair: pair[0].version_id):
            cosines = one.vectors @ vector
            best = np.argsort(-cosines, kind="stable")
            if among is not None:
                best = np.array([place for place in best if one.ids[place] in among], dtype=best.dtype)
            found += [(one.ids[place], float(cosines[place])) for place in best[:limit]]
        return sorted(found, key=lambda pair: -pair[1])[:limit]


@dataclass(frozen=True, slots=True)
class _Vectors:
    """One document's."""

    ids: list[str]
    vectors: Vectors

    def weight(self) -> int:
        # An id is a string of its own, of some 80 bytes.
        return self.vectors.nbytes + 100 * len(self.ids)
