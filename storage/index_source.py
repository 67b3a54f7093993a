"""What the search indexes of a matter are to hold, read from SQL: ids, chunks, vectors."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import bindparam, func, select

from storage import rows
from storage.among import among, listed
from storage.cards import CardStore
from storage.intake import in_lists
from storage.prepared import Prepared
from storage.records import Chunk, Scope, Vector, Vectors, VersionState
from storage.tables import chunk, version

_SEARCHED = (VersionState.LIVE, VersionState.INDEXED)
"""An index holds every chunk of these versions, whole."""
_VERSIONS_AT_ONCE = 16
_IDS = Prepared(
    select(chunk.c.id)
    .join(version, version.c.id == chunk.c.version_id)
    .where(version.c.matter_id == bindparam("matter"), among(version.c.state, "states"))
)


class IndexSource(CardStore):
    """The library's side that indexes are compared with and made anew from.

    A scope's documents mean nothing here: an index is whole or it is wrong.
    """

    def read_ahead(self) -> None:
        """Have the texts and vectors fetched that searches are about to read."""
        self._database.read_ahead()

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

    def indexed_count(self, scope: Scope, document_ids: Collection[str] | None = None) -> int:
        """How many chunks an index of the matter must hold, of these documents alone when given."""
        wanted = _in_states(scope, _SEARCHED)
        if document_ids is not None:
            wanted.append(version.c.document_id.in_(document_ids))
        with self._database.read() as connection:
            return connection.execute(
                select(func.count()).select_from(version.join(chunk)).where(*wanted)
            ).scalar_one()

    def indexed_vectors(
        self, scope: Scope, document_ids: Collection[str] | None = None
    ) -> Iterator[tuple[list[str], Vectors]]:
        """Ids and vectors of all that an index of the matter must hold, a few versions at a time."""
        wanted = _in_states(scope, _SEARCHED)
        if document_ids is not None:
            wanted.append(version.c.document_id.in_(document_ids))
        with self._database.read() as connection:
            versions = connection.execute(select(version.c.id).where(*wanted)).scalars().all()
        for first in range(0, len(versions), _VERSIONS_AT_ONCE):
            some = versions[first : first + _VERSIONS_AT_ONCE]
            with self._database.read() as connection:
                of_some = select(chunk.c.id, chunk.c.vector).where(chunk.c.version_id.in_(some))
                held = connection.execute(of_some).all()
            if held:
                packed = np.frombuffer(b"".join(row.vector for row in held), dtype="<f4")
                yield [row.id for row in held], packed.reshape(len(held), -1)

    def _ids_in(self, scope: Scope, states: Sequence[VersionState]) -> frozenset[str]:
        held = self._database.ask(_IDS, matter=scope.matter.id, states=listed(states))
        return frozenset(one for (one,) in held)


def _in_states(scope: Scope, states: Sequence[VersionState]) -> list[Any]:
    return [version.c.matter_id == scope.matter.id, version.c.state.in_(states)]
