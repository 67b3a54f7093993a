"""Chunks and their vectors, as searches and the indexes take them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, func, select

from storage import rows
from storage.among import among, listed
from storage.holdings import Holdings
from storage.live import LiveDocuments
from storage.prepared import Prepared
from storage.records import Chunk, LiveVersion, Scope, Vector, Vectors, VersionState
from storage.tables import chunk, document, version

_CHUNKS_AT_ONCE = 512
_BATCH = 512
BEGINNING_CHUNKS = 12
"""Chunks have some hundred characters: enough of them for any beginning."""
_FIRST_CHUNKS = (4, BEGINNING_CHUNKS)
"""Few are read first, then as many as may be needed."""

_OF_MATTER: BindParameter[str] = bindparam("matter")
# Joined to nothing, the matter is no index: SQLite would go through all its versions to find a few by id.
_IS_LIVE = and_(version.c.matter_id.concat("") == _OF_MATTER, version.c.state == VersionState.LIVE)
_WANTED = and_(_IS_LIVE, among(version.c.id, "wanted"))
_PATHS = Prepared(
    select(document.c.id, document.c.path).where(
        document.c.matter_id == _OF_MATTER, among(document.c.id, "wanted")
    )
)
_LIVE_CHUNKS = Prepared(
    select(chunk.c.vector, *rows.CHUNK_COLUMNS, version.c.document_id)
    .join(version, version.c.id == chunk.c.version_id)
    .where(_IS_LIVE, among(chunk.c.id, "wanted"))
)
_FIRST = Prepared(
    select(version.c.id, chunk.c.context, chunk.c.text, version.c.document_id)
    .join(chunk, chunk.c.version_id == version.c.id)
    .where(_WANTED, chunk.c.ordinal < bindparam("most"))
    .order_by(version.c.id, chunk.c.ordinal)
)
_CONTENTS = Prepared(
    select(
        chunk.c.vector,
        chunk.c.id,
        chunk.c.heading_path,
        func.substr(chunk.c.text, 1, bindparam("characters")),
        version.c.id,
        version.c.document_id,
    )
    .join(chunk, chunk.c.version_id == version.c.id)
    .where(_WANTED)
    .order_by(version.c.id, chunk.c.ordinal)
)
_SIGNATURES = Prepared(
    select(version.c.id, version.c.signature, version.c.document_id).where(
        _WANTED, version.c.signature.is_not(None)
    )
)


class Headings(NamedTuple):
    """Under what a chunk stands."""

    chunk_id: str
    path: tuple[str, ...]
    begun: str
    """The text's first characters, which may be a heading of its own."""


class ChunkStore(Holdings):
    """The library's side that gives chunks out."""

    def chunks_with_vectors(self, scope: Scope, ids: Sequence[str]) -> list[tuple[Chunk, Vector]]:
        """Live chunks in scope and their vectors, in the order asked; ids of others are left out."""
        if not ids:
            return []
        held = self._database.ask(_LIVE_CHUNKS, matter=scope.matter.id, wanted=listed(ids))
        reach = scope.document_ids
        seen = held if reach is None else [row for row in held if row[-1] in reach]
        vectors = rows.vectors_of([row[0] for row in seen])
        chunks = [rows.chunk_of(row[1:]) for row in seen]
        found = {one.id: (one, vector) for one, vector in zip(chunks, vectors, strict=True)}
        return [found[one] for one in ids if one in found]

    def paths(self, scope: Scope, document_ids: Collection[str]) -> dict[str, str]:
        """Where these documents of the matter lie, by id; unknown ones are left out."""
        found = self._database.ask(_PATHS, matter=scope.matter.id, wanted=listed(document_ids))
        return dict(found)

    def contents_of(
        self, scope: Scope, version_ids: Collection[str], *, characters: int
    ) -> dict[str, tuple[list[Headings], Vectors]]:
        """What stands in each live version in scope, chunk by chunk, and their vectors.

        Of each text the first characters; unknown versions are left out.
        """
        found: dict[str, tuple[list[Headings], Vectors]] = {}
        wanted = listed(version_ids)
        held = self._database.ask(_CONTENTS, matter=scope.matter.id, wanted=wanted, characters=characters)
        for (version_id, owner), of_version in groupby(held, key=itemgetter(4, 5)):
            if scope.document_ids is None or owner in scope.document_ids:
                vectors, ids, paths, texts, *_ = zip(*of_version, strict=True)
                # Many chunks stand under the same headings.
                read = {one: tuple(json.loads(one)) for one in set(paths)}
                headings = list(map(Headings, ids, map(read.__getitem__, paths), texts))
                found[version_id] = headings, rows.vectors_of(vectors)
        return found

    def signatures(self, scope: Scope, version_ids: Collection[str]) -> dict[str, bytes]:
        """Of these live versions in scope those that have one; `storage.families` tells how alike two are."""
        held = self._database.ask(_SIGNATURES, matter=scope.matter.id, wanted=listed(version_ids))
        reach = scope.document_ids
        return {one: signature for one, signature, owner in held if reach is None or owner in reach}

    def live(self, scope: Scope) -> LiveDocuments:
        """The live documents of a scope, for one search."""
        return LiveDocuments(self._database, scope)

    def live_versions(self, scope: Scope, document_ids: Collection[str]) -> dict[str, LiveVersion]:
        """Which version is live of each of these documents in scope; those without one are left out."""
        return self.live(scope).versions(document_ids)

    def beginnings(
        self, scope: Scope, version_ids: Collection[str], *, characters: int
    ) -> dict[str, tuple[str, str]]:
        """What stands above each live version's first chunk, as its name, and its first characters."""
        found: dict[str, tuple[str, str]] = {}
        short: Collection[str] = version_ids
        for most in _FIRST_CHUNKS:
            held = self._database.ask(_FIRST, matter=scope.matter.id, wanted=listed(short), most=most)
            short = []
            for version_id, of_version in groupby(held, key=itemgetter(0)):
                _, contexts, texts, owners = zip(*of_version, strict=True)
                if scope.document_ids is not None and owners[0] not in scope.document_ids:
                    continue
                begun = "".join(f"{text}\n" for text in texts)
                found[version_id] = contexts[0], begun[:characters]
                if len(begun) < characters and len(texts) == most:
                    short.append(version_id)
            if not short:
                break
        return found

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

    def kept_chunk(self, scope: Scope, chunk_id: str) -> Chunk | None:
        """One chunk of any version in scope, live or not; None when it is gone."""
        query = (
            select(chunk, version.c.document_id)
            .join(version, version.c.id == chunk.c.version_id)
            .where(version.c.matter_id == scope.matter.id, chunk.c.id == chunk_id)
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        seen = row is not None and (scope.document_ids is None or row.document_id in scope.document_ids)
        return rows.chunk_of(row) if row is not None and seen else None

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
