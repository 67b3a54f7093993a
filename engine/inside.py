"""What a search looks at inside few documents: their nearest chunks, and which of them are reports.

By exact search, since the best of a document may be far down in the whole matter. What was read is kept for
the next question, by the version that SQL says is live; vectors and headings lie side by side and are read
at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from engine.keeping import Kept
from engine.report_sections import BEGINNING_CHARACTERS, Headed
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
        self._read: Kept[LiveVersion, _Contents] = Kept(_BYTES_KEPT, weigh=_Contents.weight)

    def opened(self, live: LiveDocuments, document_ids: Collection[str]) -> Opened:
        """Those of these documents that are in scope, as they are now."""
        versions = live.versions(document_ids)
        known = self._contents(live, versions.values())
        # By version, since what is equally near stands in this order.
        there = sorted(versions.items(), key=lambda one: one[1].version_id)
        return Opened({one: known[version] for one, version in there if version in known})

    def _contents(
        self, live: LiveDocuments, versions: Collection[LiveVersion]
    ) -> dict[LiveVersion, _Contents]:
        known = self._read.of(versions)
        missing = {one.version_id: one for one in versions if one not in known}
        if missing:
            read = self._library.contents_of(live.scope, missing, characters=BEGINNING_CHARACTERS)
            for version_id, (chunks, vectors) in read.items():
                one = _Contents([each.chunk_id for each in chunks], vectors, Headed.of(chunks))
                known[missing[version_id]] = one
                self._read.keep(missing[version_id], one)
        return known


@dataclass(frozen=True, slots=True)
class Opened:
    """Few documents, as one search sees them."""

    _contents: Mapping[str, _Contents]

    def nearest(
        self, vector: Vector, *, limit: int, among: Collection[str] | None = None
    ) -> list[tuple[str, float]]:
        """Ids and cosines of the nearest chunks of all these documents, or of those `among` them."""
        found: list[tuple[str, float]] = []
        for one in self._contents.values():
            cosines = one.vectors @ vector
            best = np.argsort(-cosines, kind="stable")
            if among is not None:
                best = np.array([place for place in best if one.ids[place] in among], dtype=best.dtype)
            found += [(one.ids[place], float(cosines[place])) for place in best[:limit]]
        return sorted(found, key=lambda pair: -pair[1])[:limit]

    def reports(self) -> dict[str, Headed]:
        """Those of them that are reports, by id."""
        return {one: held.headed for one, held in self._contents.items() if held.headed.is_report}


@dataclass(frozen=True, slots=True)
class _Contents:
    """One document's."""

    ids: list[str]
    vectors: Vectors
    headed: Headed

    def weight(self) -> int:
        # An id is a string of its own, of some 80 bytes; a chunk under a topic has two sets of some 220 each.
        return self.vectors.nbytes + 100 * len(self.ids) + 600 * len(self.headed.topics)
