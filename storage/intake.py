"""What a version's file holds, stored as it comes: pages as they are read, chunks as they are embedded.

Each call is one transaction, and what it stored survives any kill: the next run asks what is there and goes
on behind it. However long a file is, no call needs more of it than it is given.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import delete, exists, func, insert, select

from storage import rows
from storage.cards import keep_cards
from storage.holdings import Holdings, change
from storage.records import Attached, Chunk, Page, Scope, Vector, Vectors, VersionState
from storage.tables import attachment, chunk, page, version

_SQL_VARIABLES = 500
"""Values per IN list: far below the engines' limits on bound values."""


class Intake(Holdings):
    """The library's side that takes pages and chunks in."""

    # Pages

    def begin_pages(
        self,
        scope: Scope,
        version_id: str,
        *,
        page_count: int,
        title: str | None = None,
        flags: Sequence[str] = (),
        rendition: Path | None = None,
    ) -> None:
        """Say how many pages a version declares; `rendition` is a PDF of the same pages, kept from now on."""
        kept = None if rendition is None else self._keep(scope.matter, rendition)
        with self._database.write() as connection:
            self._require_version(connection, scope, version_id)
            change(
                connection,
                version_id,
                page_count=page_count,
                title=title,
                flags=json.dumps(list(flags), ensure_ascii=False),
                rendition=func.coalesce(kept, version.c.rendition),
            )

    def add_pages(self, scope: Scope, version_id: str, pages: Sequence[Page]) -> None:
        """Store pages of a version as they are read; those of the same number are replaced."""
        if not pages:
            return
        with self._database.write() as connection:
            self._require_version(connection, scope, version_id)
            numbers = [one.number for one in pages]
            connection.execute(
                delete(page).where(
                    page.c.version_id == version_id, page.c.number.between(min(numbers), max(numbers))
                )
            )
            connection.execute(insert(page), [rows.page_values(version_id, one) for one in pages])

    def finish_pages(
        self,
        scope: Scope,
        version_id: str,
        *,
        page_count: int | None = None,
        flags: Sequence[str] = (),
        attachments: Sequence[Attached] = (),
        hidden_pages: int = 0,
        signature: bytes | None = None,
    ) -> None:
        """All pages are stored and all files inside are received: the version is PARSED.

        Args:
            scope: the matter.
            version_id: the version.
            page_count: how many pages there were, where fewer or more came than were declared.
            flags: further ones than `begin_pages` gave.
            attachments: the files inside, in order.
            hidden_pages: on how many pages text was left out because nobody sees it.
            signature: MinHash of its words, for `families`; see `storage.families`.
        """
        with self._database.write() as connection:
            row = self._require_version(connection, scope, version_id)
            connection.execute(delete(attachment).where(attachment.c.version_id == version_id))
            if attachments:
                connection.execute(
                    insert(attachment),
                    [
                        {
                            "version_id": version_id,
                            "ordinal": ordinal,
                            "name": one.name,
                            "document_id": one.document_id,
                            "problem": one.problem,
                        }
                        for ordinal, one in enumerate(attachments)
                    ],
                )
            told = list(dict.fromkeys([*json.loads(row.flags), *flags]))
            change(
                connection,
                version_id,
                state=VersionState.PARSED,
                page_count=row.page_count if page_count is None else page_count,
                flags=json.dumps(told, ensure_ascii=False),
                hidden_pages=hidden_pages,
                signature=signature,
            )

    def save_pages(
        self,
        scope: Scope,
        version_id: str,
        pages: Sequence[Page],
        *,
        title: str | None,
        flags: Sequence[str] = (),
    ) -> None:
        """Store a short version's pages, all at once and in place of any before; it is then PARSED."""
        with self._database.write() as connection:
            self._require_version(connection, scope, version_id)
            connection.execute(delete(page).where(page.c.version_id == version_id))
        self.begin_pages(scope, version_id, page_count=len(pages), title=title, flags=flags)
        self.add_pages(scope, version_id, pages)
        self.finish_pages(scope, version_id)

    # Chunks

    def chunk_keys(self, scope: Scope, version_id: str, ids: Collection[str]) -> dict[str, str | None]:
        """Which of these chunks are stored, and as what they were embedded."""
        found: dict[str, str | None] = {}
        with self._database.read() as connection:
            self._require_version(connection, scope, version_id)
            for some in in_lists(ids):
                query = select(chunk.c.id, chunk.c.embedded_as).where(chunk.c.id.in_(some))
                found.update({row.id: row.embedded_as for row in connection.execute(query)})
        return found

    def vectors_for(self, scope: Scope, keys: Collection[str]) -> dict[str, Vector]:
        """Vectors that the matter has already, by what was embedded."""
        found: dict[str, Vector] = {}
        with self._database.read() as connection:
            for some in in_lists(keys):
                # Not a join: SQLite would begin with the matter's versions and go through all their chunks.
                in_matter = exists().where(
                    version.c.id == chunk.c.version_id, version.c.matter_id == scope.matter.id
                )
                query = select(chunk.c.embedded_as, chunk.c.vector).where(
                    chunk.c.embedded_as.in_(some), in_matter
                )
                found.update({row.embedded_as: rows.vector_of(row) for row in connection.execute(query)})
        return found

    def add_chunks(
        self,
        scope: Scope,
        version_id: str,
        chunks: Sequence[Chunk],
        vectors: Vectors | Sequence[Vector],
        *,
        keys: Sequence[str] | None = None,
    ) -> None:
        """Store chunks of a version and their vectors; those at the same places in it are replaced.

        `keys` says for each chunk what was embedded by what, so that `vectors_for` finds it.
        """
        if len(chunks) != len(vectors):
            raise ValueError(f"{len(chunks)} chunks but {len(vectors)} vectors")
        if not chunks:
            return
        embedded_as: Sequence[str | None] = keys or [None] * len(chunks)
        values = [
            rows.chunk_values(version_id, one, np.asarray(vector, dtype="<f4"), key)
            for one, vector, key in zip(chunks, vectors, embedded_as, strict=True)
        ]
        with self._database.write() as connection:
            self._require_version(connection, scope, version_id)
            for some in in_lists([one.ordinal for one in chunks]):
                connection.execute(
                    delete(chunk).where(chunk.c.version_id == version_id, chunk.c.ordinal.in_(some))
                )
            connection.execute(insert(chunk), values)

    def finish_chunks(self, scope: Scope, version_id: str, *, count: int) -> None:
        """All `count` chunks are stored: the version is EMBEDDED and has its card.

        Any beyond are of an older splitting.
        """
        with self._database.write() as connection:
            self._require_version(connection, scope, version_id)
            connection.execute(
                delete(chunk).where(chunk.c.version_id == version_id, chunk.c.ordinal >= count)
            )
            keep_cards(connection, [version_id])
            change(connection, version_id, state=VersionState.EMBEDDED)

    def save_chunks(self, scope: Scope, version_id: str, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        """Store a short version's chunks and vectors, shape (len(chunks), dimensions): it is EMBEDDED."""
        self.add_chunks(scope, version_id, chunks, vectors)
        self.finish_chunks(scope, version_id, count=len(chunks))


def in_lists(values: Iterable[Any]) -> Iterable[Sequence[Any]]:
    """Values in lists that every engine takes."""
    listed = list(values)
    return (listed[n : n + _SQL_VARIABLES] for n in range(0, len(listed), _SQL_VARIABLES))
