"""Chunks and their vectors, as searches and the indexes take them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, func, select

from storage import rows
from storage.holdings import Holdings
from storage.intake import in_lists
from storage.records import Chunk, Scope, Vector, Vectors, VersionState
from storage.tables import chunk, document, version

_CHUNKS_AT_ONCE = 512
_BATCH = 512
_FIRST_CHUNKS = 12
"""Enough for any beginning: chunks have some hundred characters."""


class ChunkStore(Holdings):
    """The library's side that gives chunks out."""

    def chunks(self, scope: Scope, ids: Sequence[str]) -> list[Chunk]:
        """Live chunks in scope, in the order asked; ids that are not live or not in scope are left out."""
        return [one for one, _ in self.chunks_with_vectors(scope, ids)]

    def chunks_with_vectors(self, scope: Scope, ids: Sequence[str]) -> list[tuple[Chunk, Vector]]:
        """As `chunks`, each with its vector."""
        found: dict[str, tuple[Chunk, Vector]] = {}
        with self._database.read() as connection:
            for wanted in in_lists(ids):
                # Limited, though it gives no more anyway: otherwise SQLite goes through every chunk of the
                # matter for these few.
                some = select(chunk).where(chunk.c.id.in_(wanted)).limit(len(wanted)).subquery()
                of_wanted = connection.execute(
                    select(some, version.c.document_id)
                    .join(version, version.c.id == some.c.version_id)
                    .where(*_live_in(scope))
                )
                found.update((row.id, (rows.chunk_of(row), rows.vector_of(row))) for row in of_wanted)
        return [found[one] for one in ids if one in found]

    def paths(self, scope: Scope, document_ids: Collection[str]) -> dict[str, str]:
        """Where these documents of the matter lie, by id; unknown ones are left out."""
        found: dict[str, str] = {}
        with self._database.read() as connection:
            for wanted in in_lists(list(document_ids)):
                of_wanted = connection.execute(
                    select(document.c.id, document.c.path).where(
                        document.c.matter_id == scope.matter.id, document.c.id.in_(wanted)
                    )
                )
                found.update((row.id, row.path) for row in of_wanted)
        return found

    def nearest(
        self, scope: Scope, document_ids: Collection[str], vector: Vector, *, limit: int
    ) -> list[tuple[str, float]]:
        """Ids and cosines of the nearest live chunks of these documents, best first, by exact search.

        Reads every vector of them: for few documents, whose best chunks are far down in the whole matter.
        """
        with self._database.read() as connection:
            held = connection.execute(
                _live(scope)
                .with_only_columns(chunk.c.id, chunk.c.vector)
                .where(version.c.document_id.in_(document_ids))
            ).all()
        if not held or limit <= 0:
            return []
        cosines = np.stack([rows.vector_of(one) for one in held]) @ vector
        best = np.argsort(-cosines, kind="stable")[:limit]
        return [(held[place].id, float(cosines[place])) for place in best]

    def beginnings(
        self, scope: Scope, document_ids: Collection[str], *, characters: int
    ) -> dict[str, tuple[str, str]]:
        """What stands above each live document's first chunk, as its name, and its first characters."""
        found: dict[str, tuple[str, str]] = {}
        with self._database.read() as connection:
            for wanted in in_lists(list(document_ids)):
                first = connection.execute(
                    _live(scope)
                    .with_only_columns(version.c.document_id, chunk.c.context, chunk.c.text)
                    .where(version.c.document_id.in_(wanted), chunk.c.ordinal < _FIRST_CHUNKS)
                    .order_by(version.c.document_id, chunk.c.ordinal)
                )
                for document_id, context, text in first:
                    name, before = found.get(document_id, (context, ""))
                    found[document_id] = name, f"{before}{text}\n"[:characters]
        return found

    def live_versions(self, scope: Scope, document_ids: Collection[str]) -> dict[str, str]:
        """The live version of each of these documents of the scope, by document; others are left out."""
        found: dict[str, str] = {}
        with self._database.read() as connection:
            for wanted in in_lists(list(document_ids)):
                of_wanted = select(version.c.document_id, version.c.id).where(
                    *_live_in(scope), version.c.document_id.in_(wanted)
                )
                found.update((row.document_id, row.id) for row in connection.execute(of_wanted))
        return found

    def live_document_count(self, scope: Scope) -> int:
        """How many documents of the scope can be searched."""
        with self._database.read() as connection:
            counted = select(func.count(version.c.document_id.distinct())).where(*_live_in(scope))
            return connection.execute(counted).scalar_one()

    def live_chunks(self, scope: Scope) -> Iterator[tuple[Chunk, Vector]]:
        """Every live chunk of the scope with its vector, version by version, each in order."""
        with self._database.read() as connection:
            of_scope = select(version.c.id).where(*_live_in(scope)).order_by(version.c.id)
            live = connection.execute(of_scope).scalars().all()
        for version_id in live:
            # One that is deleted meanwhile just gives no more.
            yield from self._stream(scope, version_id, 0)

    def live_chunk_ids(self, scope: Scope) -> frozenset[str]:
        """Ids of all live chunks of the scope."""
        with self._database.read() as connection:
            return frozenset(connection.execute(_live(scope).with_only_columns(chunk.c.id)).scalars())

    def chunk_ids_of(self, scope: Scope, version_id: str) -> list[str]:
        """Ids of all chunks of one version, live or not, in order."""
        with self._database.read() as connection:
            self._require_version(connection, scope, version_id)
            query = select(chunk.c.id).where(chunk.c.version_id == version_id).order_by(chunk.c.ordinal)
            return list(connection.execute(query).scalars())

    def chunk_stream(
        self, scope: Scope, version_id: str, *, first: int = 0
    ) -> Iterator[tuple[Chunk, Vector]]:
        """One version's chunks, live or not, from ordinal `first` on; only a few are held at a time."""
        with self._database.read() as connection:
            self._require_version(connection, scope, version_id)
        yield from self._stream(scope, version_id, first)

    def _stream(self, scope: Scope, version_id: str, first: int) -> Iterator[tuple[Chunk, Vector]]:
        while True:
            with self._database.read() as connection:
                found = connection.execute(
                    select(chunk, version.c.document_id)
                    .join(version, version.c.id == chunk.c.version_id)
                    .where(version.c.matter_id == scope.matter.id, chunk.c.version_id == version_id)
                    .where(chunk.c.ordinal >= first)
                    .order_by(chunk.c.ordinal)
                    .limit(_CHUNKS_AT_ONCE)
                ).all()
            for one in found:
                yield rows.chunk_of(one), rows.vector_of(one)
            if len(found) < _CHUNKS_AT_ONCE:
                return
            first = found[-1].ordinal + 1

    def chunk_count(self, scope: Scope, version_id: str) -> int:
        """How many chunks one version has, live or not."""
        with self._database.read() as connection:
            self._require_version(connection, scope, version_id)
            return connection.execute(
                select(func.count()).where(chunk.c.version_id == version_id)
            ).scalar_one()

    def chunks_of(self, scope: Scope, version_id: str) -> tuple[list[Chunk], Vectors]:
        """The chunks of one version, live or not, in order, and their vectors, shape (count, dimensions).

        All at once: for long documents take `chunk_stream`.
        """
        pairs = list(self.chunk_stream(scope, version_id))
        stacked = np.stack([vector for _, vector in pairs]) if pairs else np.zeros((0, 0), dtype=np.float32)
        return [one for one, _ in pairs], stacked


def _live_in(scope: Scope) -> list[ColumnElement[bool]]:
    wanted = [version.c.matter_id == scope.matter.id, version.c.state == VersionState.LIVE]
    if scope.document_ids is not None:
        wanted.append(version.c.document_id.in_(scope.document_ids))
    return wanted


def _live(scope: Scope) -> Any:
    return (
        select(chunk, version.c.document_id)
        .join(version, version.c.id == chunk.c.version_id)
        .where(*_live_in(scope))
    )


def in_batches(pairs: Iterable[tuple[Chunk, Vector]]) -> Iterator[tuple[list[Chunk], Vectors]]:
    """Chunks and vectors in pieces that `Room.add` takes well.

    A version's beginning is never parted: the keyword index makes a document's card from it.
    """
    batch: list[tuple[Chunk, Vector]] = []
    for pair in pairs:
        if len(batch) >= _BATCH and (pair[0].ordinal == 0 or len(batch) >= 2 * _BATCH):
            yield [chunk for chunk, _ in batch], np.stack([vector for _, vector in batch])
            batch = []
        batch.append(pair)
    if batch:
        yield [chunk for chunk, _ in batch], np.stack([vector for _, vector in batch])
