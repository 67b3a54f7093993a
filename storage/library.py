"""Matters, documents, versions, pages and chunks: the truth that search indexes are rebuilt from.

Each change is one transaction; a version is live or not in SQL, all at once. Bytes as uploaded lie in the
matter's own folder, named by their SHA-256. This module knows no file format, no index and no model.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sqlalchemy import Connection, Row, and_, case, delete, insert, or_, select, update

from storage import rows
from storage.access import admit_creator
from storage.audit import AuditLog
from storage.database import Database
from storage.errors import NotFound, WrongUse
from storage.ids import content_id, now, random_id, sha256_of_file, timestamp
from storage.records import Actor, Chunk, Document, Matter, Page, Scope, Vector, Vectors, VersionState
from storage.tables import chunk, document, matter, page, version

_MAX_MATTER_NAME = 120
_UNFINISHED = (VersionState.RECEIVED, VersionState.PARSED, VersionState.EMBEDDED, VersionState.INDEXED)
_SQL_VARIABLES = 500
"""Ids per IN list: far below the engines' limits on bound values."""


@dataclass(frozen=True, slots=True)
class Reception:
    """What became of bytes handed to the library."""

    document_id: str
    version_id: str
    status: Literal["new", "resumed", "duplicate", "unchanged"]


class Library:
    """All that is kept of the documents. Every method on a matter's content takes a Scope."""

    def __init__(self, database: Database, home: Path, audit: AuditLog) -> None:
        self._database = database
        self.home = home
        """The data folder."""
        self._audit = audit

    # Matters

    def create_matter(self, name: str, actor: Actor) -> Matter:
        """A new, empty matter, with its creator as the first member.

        Raises:
            WrongUse: the name is empty, too long, or taken.
        """
        name = " ".join(name.split())
        if not name or len(name) > _MAX_MATTER_NAME:
            raise WrongUse(f"a matter's name has 1 to {_MAX_MATTER_NAME} characters; choose another")
        made = Matter(id=random_id("matter"), name=name, created_at=now(), created_by=actor.id)
        with self._database.write() as connection:
            if connection.execute(select(matter.c.id).where(matter.c.name == name)).first():
                raise WrongUse(f"a matter named {name!r} cannot be created; choose another name")
            connection.execute(
                insert(matter).values(
                    id=made.id, name=name, created_at=timestamp(made.created_at), created_by=actor.id
                )
            )
            self._audit.append_in(connection, "matter.created", actor, matter_id=made.id, data={"name": name})
            admit_creator(connection, self._audit, made, actor)
        return made

    def matters(self) -> list[Matter]:
        """All matters by name. For the system's own work; people are shown `Access.matters_of`."""
        with self._database.read() as connection:
            return [rows.matter_of(row) for row in connection.execute(select(matter).order_by(matter.c.name))]

    def matter(self, name: str) -> Matter:
        """The matter of that name.

        Raises:
            NotFound: there is none.
        """
        with self._database.read() as connection:
            row = connection.execute(select(matter).where(matter.c.name == name)).first()
        if row is None:
            raise NotFound(f"no matter is named {name!r}; `muniment matter list` shows them")
        return rows.matter_of(row)

    def room_folder(self, of: Matter) -> Path:
        """The matter's own directory, readable to the owner of the process alone."""
        folder = self.home / "matters" / of.id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def delete_matter(self, scope: Scope) -> None:
        """Erase a matter: its rows in one transaction, then its directory. Close its room first."""
        gone = scope.matter
        with self._database.write() as connection:
            self._audit.append_in(
                connection, "matter.deleted", scope.actor, matter_id=gone.id, data={"name": gone.name}
            )
            connection.execute(delete(matter).where(matter.c.id == gone.id))
        shutil.rmtree(self.room_folder(gone))

    def sweep(self) -> None:
        """Remove directories of matters that are gone: a kill can come between rows and files."""
        folder = self.home / "matters"
        if not folder.is_dir():
            return
        kept = {of.id for of in self.matters()}
        for child in folder.iterdir():
            if child.name not in kept:
                shutil.rmtree(child)

    # Versions on their way in

    def receive(self, scope: Scope, *, path: str, data: Path, media_type: str) -> Reception:
        """Keep the bytes of file `data` and register them as `path`.

        The same bytes are one document in a matter; other bytes under a known path are a new version of it.

        Returns:
            `new` or `resumed` when there is work to do, `duplicate` (known under another path) or
            `unchanged` when there is none.
        """
        sha256, size = sha256_of_file(data), data.stat().st_size
        matter_id, at = scope.matter.id, timestamp(now())
        self._keep_original(scope.matter, data, sha256)
        with self._database.write() as connection:
            known = connection.execute(
                select(version, document.c.path.label("document_path"))
                .join(document, rows.same_document)
                .where(
                    version.c.matter_id == matter_id,
                    version.c.sha256 == sha256,
                    or_(version.c.state != VersionState.SUPERSEDED, document.c.path == path),
                )
                .order_by(case((document.c.path == path, 0), else_=1))
            ).first()
            if known is not None:
                return self._known(connection, known, path)
            owner = connection.execute(
                select(document.c.id).where(document.c.matter_id == matter_id, document.c.path == path)
            ).scalar()
            if owner is None:
                owner = content_id("doc", sha256)
                if connection.execute(
                    select(document.c.id).where(document.c.matter_id == matter_id, document.c.id == owner)
                ).first():
                    # Those first bytes began a document that has since moved on to other content.
                    owner = content_id("doc", sha256, path)
                connection.execute(
                    insert(document).values(
                        matter_id=matter_id, id=owner, path=path, added_at=at, added_by=scope.actor.id
                    )
                )
            version_id = content_id("ver", matter_id, owner, sha256)
            connection.execute(
                insert(version).values(
                    id=version_id,
                    matter_id=matter_id,
                    document_id=owner,
                    path=path,
                    sha256=sha256,
                    size=size,
                    media_type=media_type,
                    state=VersionState.RECEIVED,
                    flags="[]",
                    received_at=at,
                    received_by=scope.actor.id,
                )
            )
        return Reception(owner, version_id, "new")

    def _known(self, connection: Connection, known: Row[Any], path: str) -> Reception:
        state = VersionState(known.state)
        if state is VersionState.LIVE:
            return Reception(
                known.document_id, known.id, "unchanged" if known.document_path == path else "duplicate"
            )
        if state in (VersionState.FAILED, VersionState.SUPERSEDED):
            connection.execute(
                update(version)
                .where(version.c.id == known.id)
                .values(state=VersionState.RECEIVED, problem=None, received_at=timestamp(now()))
            )
        return Reception(known.document_id, known.id, "resumed")

    def _keep_original(self, of: Matter, data: Path, sha256: str) -> None:
        folder = self.room_folder(of) / "originals"
        folder.mkdir(mode=0o700, exist_ok=True)
        target = folder / sha256
        if target.exists():
            return
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=".incoming-")
        try:
            with os.fdopen(descriptor, "wb") as out, data.open("rb") as source:
                shutil.copyfileobj(source, out, 1 << 20)
                out.flush()
                os.fsync(out.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def save_pages(
        self,
        scope: Scope,
        version_id: str,
        pages: Sequence[Page],
        *,
        title: str | None,
        flags: Sequence[str] = (),
    ) -> None:
        """Store what was read of a version; it is then PARSED."""
        values = [
            {
                "version_id": version_id,
                "number": one.number,
                "text": one.text,
                "how": one.how,
                "quality": one.quality,
                "problem": one.problem,
            }
            for one in pages
        ]
        with self._database.write() as connection:
            self._require_version(connection, scope, version_id)
            connection.execute(delete(page).where(page.c.version_id == version_id))
            if values:
                connection.execute(insert(page), values)
            self._move(
                connection, version_id, VersionState.PARSED, title=title, flags=json.dumps(list(flags))
            )

    def save_chunks(self, scope: Scope, version_id: str, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        """Store a version's chunks and their vectors, shape (len(chunks), dimensions): it is EMBEDDED."""
        if len(chunks) != len(vectors):
            raise ValueError(f"{len(chunks)} chunks but {len(vectors)} vectors")
        values = [
            {
                "id": one.id,
                "version_id": version_id,
                "ordinal": one.ordinal,
                "page": one.span.page,
                "start": one.span.start,
                "end": one.span.end,
                "heading_path": json.dumps(one.heading_path, ensure_ascii=False),
                "text": one.text,
                "context": one.context,
                "vector": np.asarray(vector, dtype="<f4").tobytes(),
            }
            for one, vector in zip(chunks, vectors, strict=True)
        ]
        with self._database.write() as connection:
            self._require_version(connection, scope, version_id)
            connection.execute(delete(chunk).where(chunk.c.version_id == version_id))
            if values:
                connection.execute(insert(chunk), values)
            self._move(connection, version_id, VersionState.EMBEDDED)

    def mark_indexed(self, scope: Scope, version_id: str) -> None:
        """Say that both search indexes hold all chunks of the version."""
        with self._database.write() as connection:
            self._require_version(connection, scope, version_id)
            self._move(connection, version_id, VersionState.INDEXED)

    def make_live(self, scope: Scope, version_id: str) -> list[str]:
        """Show the version to everyone, in place of the one before, in one transaction.

        Returns:
            Ids of the versions that it supersedes, whose chunks the indexes may now drop.
        """
        with self._database.write() as connection:
            row = self._require_version(connection, scope, version_id)
            same_document = and_(
                version.c.matter_id == scope.matter.id, version.c.document_id == row.document_id
            )
            old = connection.execute(
                select(version.c.id).where(same_document, version.c.state == VersionState.LIVE)
            ).scalars()
            superseded = [one for one in old if one != version_id]
            connection.execute(
                update(version).where(version.c.id.in_(superseded)).values(state=VersionState.SUPERSEDED)
            )
            self._move(connection, version_id, VersionState.LIVE)
            connection.execute(
                update(document)
                .where(document.c.matter_id == scope.matter.id, document.c.id == row.document_id)
                .values(live_version_id=version_id)
            )
        return superseded

    def fail(self, scope: Scope, version_id: str, problem: str) -> None:
        """Say why a version could not be read. What was live before stays live."""
        with self._database.write() as connection:
            self._require_version(connection, scope, version_id)
            self._move(connection, version_id, VersionState.FAILED, problem=problem)

    def _require_version(self, connection: Connection, scope: Scope, version_id: str) -> Row[Any]:
        row = connection.execute(
            select(version).where(version.c.id == version_id, version.c.matter_id == scope.matter.id)
        ).first()
        if row is None:
            raise NotFound(f"no version {version_id} in this matter; it may have been deleted meanwhile")
        return row

    @staticmethod
    def _move(connection: Connection, version_id: str, state: VersionState, **values: str | None) -> None:
        connection.execute(update(version).where(version.c.id == version_id).values(state=state, **values))

    # What people see

    def documents(self, scope: Scope) -> list[Document]:
        """The documents in scope by path, those on their way in and those that failed included."""
        with self._database.read() as connection:
            return [rows.shown(versions) for versions in rows.versions(connection, scope)]

    def document(self, scope: Scope, key: str) -> Document:
        """One document by id or by path.

        Raises:
            NotFound: there is none in scope.
        """
        with self._database.read() as connection:
            found = rows.versions(connection, scope, or_(document.c.id == key, document.c.path == key))
        if found:
            return rows.shown(found[0])
        raise NotFound(f"no document {key!r} in matter {scope.matter.name!r}; the Library lists them")

    def unfinished(self, scope: Scope) -> list[Document]:
        """Documents with a version that was received but is neither live nor failed, as that version."""
        waiting = select(version.c.document_id).where(
            version.c.matter_id == scope.matter.id, version.c.state.in_(_UNFINISHED)
        )
        with self._database.read() as connection:
            return [
                rows.document_of(row, versions)
                for versions in rows.versions(connection, scope, document.c.id.in_(waiting))
                for row in versions
                if row.state in _UNFINISHED
            ]

    def original(self, scope: Scope, document_id: str) -> Path:
        """The file with the bytes of a document's live (else newest) version."""
        return self.room_folder(scope.matter) / "originals" / self.document(scope, document_id).sha256

    def pages(self, scope: Scope, document_id: str) -> list[Page]:
        """All pages of a document in order, those that could not be read included."""
        shown = self.document(scope, document_id)
        with self._database.read() as connection:
            found = connection.execute(
                select(page).where(page.c.version_id == shown.version_id).order_by(page.c.number)
            )
            return [rows.page_of(row) for row in found]

    def page(self, scope: Scope, document_id: str, number: int) -> Page:
        """One page of a document.

        Raises:
            NotFound: the document has no such page.
        """
        shown = self.document(scope, document_id)
        with self._database.read() as connection:
            row = connection.execute(
                select(page).where(page.c.version_id == shown.version_id, page.c.number == number)
            ).first()
        if row is None:
            raise NotFound(f"{shown.path!r} has no page {number}; it has {shown.page_count}")
        return rows.page_of(row)

    # Chunks

    def chunks(self, scope: Scope, ids: Sequence[str]) -> list[Chunk]:
        """Live chunks in scope, in the order asked; ids that are not live or not in scope are left out."""
        found: dict[str, Chunk] = {}
        with self._database.read() as connection:
            for first in range(0, len(ids), _SQL_VARIABLES):
                wanted = ids[first : first + _SQL_VARIABLES]
                of_wanted = connection.execute(self._live(scope).where(chunk.c.id.in_(wanted)))
                found.update((row.id, rows.chunk_of(row)) for row in of_wanted)
        return [found[one] for one in ids if one in found]

    def live_chunks(self, scope: Scope) -> Iterator[tuple[Chunk, Vector]]:
        """Every live chunk of the scope with its vector."""
        with self._database.read() as connection:
            found = connection.execute(self._live(scope).order_by(chunk.c.version_id, chunk.c.ordinal))
            for row in found.yield_per(_SQL_VARIABLES):
                yield rows.chunk_of(row), rows.vector_of(row)

    def live_chunk_ids(self, scope: Scope) -> frozenset[str]:
        """Ids of all live chunks of the scope."""
        with self._database.read() as connection:
            return frozenset(connection.execute(self._live(scope).with_only_columns(chunk.c.id)).scalars())

    def chunks_of(self, scope: Scope, version_id: str) -> tuple[list[Chunk], Vectors]:
        """The chunks of one version, live or not, in order, and their vectors, shape (count, dimensions)."""
        with self._database.read() as connection:
            row = self._require_version(connection, scope, version_id)
            found = connection.execute(
                select(chunk, version.c.document_id)
                .join(version, version.c.id == chunk.c.version_id)
                .where(chunk.c.version_id == row.id)
                .order_by(chunk.c.ordinal)
            ).all()
        vectors = [rows.vector_of(one) for one in found]
        stacked = np.stack(vectors) if vectors else np.zeros((0, 0), dtype=np.float32)
        return [rows.chunk_of(one) for one in found], stacked

    @staticmethod
    def _live(scope: Scope) -> Any:
        query = (
            select(chunk, version.c.document_id)
            .join(version, version.c.id == chunk.c.version_id)
            .where(version.c.matter_id == scope.matter.id, version.c.state == VersionState.LIVE)
        )
        if scope.document_ids is not None:
            query = query.where(version.c.document_id.in_(scope.document_ids))
        return query

    def delete_document(self, scope: Scope, document_id: str) -> list[str]:
        """Remove a document with all its versions, pages, chunks and bytes.

        Returns:
            Ids of the chunks that were removed, for the indexes to drop.
        """
        gone = self.document(scope, document_id)
        of_document = and_(version.c.matter_id == scope.matter.id, version.c.document_id == gone.id)
        with self._database.write() as connection:
            self._audit.append_in(
                connection,
                "document.deleted",
                scope.actor,
                matter_id=scope.matter.id,
                data={"document_id": gone.id, "document": gone.path, "sha256": gone.sha256},
            )
            versions = connection.execute(select(version.c.id, version.c.sha256).where(of_document)).all()
            chunk_ids = connection.execute(
                select(chunk.c.id).where(chunk.c.version_id.in_([one.id for one in versions]))
            ).scalars()
            removed = list(chunk_ids)
            connection.execute(delete(version).where(of_document))
            connection.execute(
                delete(document).where(document.c.matter_id == scope.matter.id, document.c.id == gone.id)
            )
            still_used = set(
                connection.execute(
                    select(version.c.sha256).where(version.c.matter_id == scope.matter.id)
                ).scalars()
            )
        for one in versions:
            if one.sha256 not in still_used:
                (self.room_folder(scope.matter) / "originals" / one.sha256).unlink(missing_ok=True)
        return removed
