"""What the search indexes of a matter are to hold, read from SQL: ids, chunks, vectors."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import select

from storage import rows
from storage.chunk_store import ChunkStore
from storage.intake import in_lists
from storage.records import Chunk, Scope, Vector, Vectors, VersionState
from storage.tables import chunk, version

_SEARCHED = (VersionState.LIVE, VersionState.INDEXED)
"""An index holds every chunk of these versions, whole."""
_VECTORS_AT_ONCE = 4_096


class IndexSource(ChunkStore):
    """The library's side that indexes are compared with and made anew from.

    A scope's documents mean nothing here: an index is whole or it is wrong.
    """

    def indexed_ids(self, scope: Scope) -> frozenset[str]:
        """Ids of all chunks that an index of the matter must hold."""
        return self._ids_in(scope, _SEARCHED)

    def coming_ids(self, scope: Scope) -> frozenset[str]:
        """Ids of chunks that an index of the matter may hold already: those of versions on their way in."""
        return self._ids_in(scope, (VersionState.EMBEDDED,))

    def indexed_chunks(self, scope: Scope) -> Iterator[tuple[Chunk, Vector]]:
        """All that an index of the matter must hold, version by version, each in order."""
        with self._database.read() as connection:
            of_matter = connection.execute(
                select(version.c.id).where(*_in_states(scope, _SEARCHED)).order_by(version.c.id)
            )
            versions = of_matter.scalars().all()
        for version_id in versions:
            yield from self.chunk_stream(scope, version_id)

    def vectors(self, scope: Scope, ids: Sequence[str]) -> dict[str, Vector]:
        """The vectors of these chunks of the matter, by id; unknown ids are left out."""
        found: dict[str, Vector] = {}
        with self._database.read() as connection:
            for wanted in in_lists(ids):
                of_wanted = connection.execute(
                    select(chunk.c.id, chunk.c.vector)
                    .join(version, version.c.id == chunk.c.version_id)
                    .where(version.c.matter_id == scope.matter.id, chunk.c.id.in_(wanted))
                )
                found.update((row.id, rows.vector_of(row)) for row in of_wanted)
        return found

    def indexed_vectors(self, scope: Scope) -> Iterator[tuple[list[str], Vectors]]:
        """Ids and vectors of all that an index of the matter must hold, some thousands at a time."""
        ids = iter(sorted(self.indexed_ids(scope)))
        while some := list(itertools.islice(ids, _VECTORS_AT_ONCE)):
            # What is deleted meanwhile is simply no longer there.
            held = self.vectors(scope, some)
            if held:
                yield list(held), np.stack(list(held.values()))

    def _ids_in(self, scope: Scope, states: Sequence[VersionState]) -> frozenset[str]:
        with self._database.read() as connection:
            of_matter = connection.execute(
                select(chunk.c.id)
                .join(version, version.c.id == chunk.c.version_id)
                .where(*_in_states(scope, states))
            )
            return frozenset(of_matter.scalars())


def _in_states(scope: Scope, states: Sequence[VersionState]) -> list[Any]:
    return [version.c.matter_id == scope.matter.id, version.c.state.in_(states)]
