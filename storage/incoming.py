"""Versions on their way in, from received to live or failed.

Each call is one transaction: a version is live or not in SQL, all at once, and nothing of it is shown to
people before. What its file holds comes through `storage.intake`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Row, and_, case, delete, func, insert, or_, select, update

from storage import rows
from storage.errors import NotFound
from storage.holdings import Holdings, change
from storage.ids import content_id, now, timestamp
from storage.records import Document, OcrChoice, Scope, VersionState
from storage.tables import attachment, chunk, document, page, version

UNFINISHED = (VersionState.RECEIVED, VersionState.PARSED, VersionState.EMBEDDED, VersionState.INDEXED)


@dataclass(frozen=True, slots=True)
class Reception:
    """What became of bytes handed to the library."""

    document_id: str
    version_id: str
    status: Literal["new", "resumed", "duplicate", "unchanged"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """How far a version on its way in has come, and how it is to be read."""

    document_id: str
    version_id: str
    path: str
    media_type: str
    size: int
    state: VersionState
    file: Path
    """Its bytes as kept."""
    rendition: Path | None
    page_count: int
    """As declared when it was opened; 0 before."""
    next_page: int
    """Where to read on, from 1: the last page again when all are stored, for what is inside the file."""
    with_hidden: bool
    ocr: OcrChoice


class Incoming(Holdings):
    """The library's side that takes versions in."""

    def receive(self, scope: Scope, *, path: str, data: Path, media_type: str) -> Reception:
        """Keep the bytes of file `data` and register them as `path`.

        The same bytes are one document in a matter; other bytes under a known path are a new version of it.

        Returns:
            `new` or `resumed` when there is work to do, `duplicate` (known under another path) or
            `unchanged` when there is none.
        """
        matter_id, at = scope.matter.id, timestamp(now())
        size = data.stat().st_size
        sha256 = self._keep(scope.matter, data)
        with self._database.write() as connection:
            known = connection.execute(
                select(version, document.c.path.label("document_path"))
                .join(document, rows.same_document)
                .where(
                    version.c.matter_id == matter_id,
                    version.c.sha256 == sha256,
                    or_(version.c.state != VersionState.SUPERSEDED, document.c.path == path),
                )
                .order_by(
                    case((document.c.path == path, 0), else_=1),
                    case((version.c.state == VersionState.LIVE, 0), else_=1),
                    version.c.reading.desc(),
                )
            ).first()
            if known is not None:
                return _known(connection, known, path)
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
                    received_at=at,
                    received_by=scope.actor.id,
                )
            )
        return Reception(owner, version_id, "new")

    def receive_again(
        self,
        scope: Scope,
        document_id: str,
        *,
        media_type: str | None = None,
        with_hidden: bool | None = None,
        ocr: OcrChoice | None = None,
    ) -> Reception:
        """Have a document's kept bytes read again; None keeps how they were read. What is live stays live.

        An acceptance of hidden text is recorded in the audit log.

        Raises:
            NotFound: there is no such document in scope.
        """
        at = timestamp(now())
        with self._database.write() as connection:
            found = rows.versions(connection, scope, document.c.id == document_id)
            if not found:
                raise NotFound(f"no document {document_id!r} in matter {scope.matter.name!r}")
            newest = found[0][-1]
            options = _options(newest, with_hidden=with_hidden, ocr=ocr)
            if with_hidden and not rows.options_of(newest).with_hidden:
                self._audit.append_in(
                    connection,
                    "document.hidden_accepted",
                    scope.actor,
                    matter_id=scope.matter.id,
                    data={"document": newest.document_path, "document_id": document_id},
                )
            if newest.state != VersionState.LIVE:
                _start_over(connection, newest.id, options=options, media_type=media_type, at=at)
                return Reception(document_id, newest.id, "resumed")
            same_bytes = and_(
                version.c.matter_id == scope.matter.id,
                version.c.document_id == document_id,
                version.c.sha256 == newest.sha256,
            )
            reading = (
                connection.execute(select(func.max(version.c.reading)).where(same_bytes)).scalar_one() + 1
            )
            version_id = content_id("ver", scope.matter.id, document_id, newest.sha256, str(reading))
            connection.execute(
                insert(version).values(
                    id=version_id,
                    matter_id=scope.matter.id,
                    document_id=document_id,
                    path=newest.path,
                    sha256=newest.sha256,
                    size=newest.size,
                    media_type=media_type or newest.media_type,
                    state=VersionState.RECEIVED,
                    received_at=at,
                    received_by=scope.actor.id,
                    reading=reading,
                    options=options,
                )
            )
        return Reception(document_id, version_id, "new")

    def arrival(self, scope: Scope, version_id: str) -> Arrival:
        """How far a version has come, and how to go on with it."""
        with self._database.read() as connection:
            row = self._require_version(connection, scope, version_id)
            last = connection.execute(
                select(func.max(page.c.number)).where(page.c.version_id == version_id)
            ).scalar()
        options = rows.options_of(row)
        return Arrival(
            document_id=row.document_id,
            version_id=row.id,
            path=row.path,
            media_type=row.media_type,
            size=row.size,
            state=VersionState(row.state),
            file=self._kept(scope.matter, row.sha256),
            rendition=self._kept(scope.matter, row.rendition) if row.rendition else None,
            page_count=row.page_count or 0,
            next_page=max(1, min((last or 0) + 1, row.page_count or 1)),
            with_hidden=options.with_hidden,
            ocr=options.ocr,
        )

    def mark_indexed(self, scope: Scope, version_id: str) -> None:
        """Say that both search indexes hold all chunks of the version."""
        with self._database.write() as connection:
            self._require_version(connection, scope, version_id)
            change(connection, version_id, state=VersionState.INDEXED)

    def make_live(self, scope: Scope, version_id: str) -> list[str]:
        """Show the version to everyone, in place of the one before, in one transaction.

        Returns:
            Ids of the versions that it supersedes, whose chunks the indexes may now drop.
        """
        with self._database.write() as connection:
            row = self._require_version(connection, scope, version_id)
            of_document = and_(
                version.c.matter_id == scope.matter.id, version.c.document_id == row.document_id
            )
            old = connection.execute(
                select(version.c.id).where(of_document, version.c.state == VersionState.LIVE)
            ).scalars()
            superseded = [one for one in old if one != version_id]
            connection.execute(
                update(version).where(version.c.id.in_(superseded)).values(state=VersionState.SUPERSEDED)
            )
            change(connection, version_id, state=VersionState.LIVE, problem=None)
            connection.execute(
                update(document)
                .where(document.c.matter_id == scope.matter.id, document.c.id == row.document_id)
                .values(live_version_id=version_id)
            )
        return superseded

    def fail(self, scope: Scope, version_id: str, problem: str, *, needs_password: bool = False) -> None:
        """Say why a version could not be read. What was live before stays live."""
        with self._database.write() as connection:
            self._require_version(connection, scope, version_id)
            change(
                connection,
                version_id,
                state=VersionState.FAILED,
                problem=problem,
                needs_password=needs_password,
            )

    def unfinished(self, scope: Scope) -> list[Document]:
        """Documents with a version that was received but is neither live nor failed, as that version."""
        waiting = select(version.c.document_id).where(
            version.c.matter_id == scope.matter.id, version.c.state.in_(UNFINISHED)
        )
        with self._database.read() as connection:
            return [
                rows.document_of(row, versions)
                for versions in rows.versions(connection, scope, document.c.id.in_(waiting))
                for row in versions
                if row.state in UNFINISHED
            ]


def _known(connection: Connection, known: Row[Any], path: str) -> Reception:
    state, at = VersionState(known.state), timestamp(now())
    if state is VersionState.LIVE:
        return Reception(
            known.document_id, known.id, "unchanged" if known.document_path == path else "duplicate"
        )
    if state is VersionState.FAILED:
        _start_over(connection, known.id, options=known.options, media_type=None, at=at)
    if state is VersionState.SUPERSEDED:
        # Read and embedded once already: only the indexes have dropped it.
        change(connection, known.id, state=VersionState.EMBEDDED, received_at=at)
    return Reception(known.document_id, known.id, "resumed")


def _start_over(
    connection: Connection, version_id: str, *, options: str, media_type: str | None, at: str
) -> None:
    for table in (page, chunk, attachment):
        connection.execute(delete(table).where(table.c.version_id == version_id))
    kind = {} if media_type is None else {"media_type": media_type}
    change(
        connection,
        version_id,
        state=VersionState.RECEIVED,
        problem=None,
        needs_password=False,
        page_count=None,
        rendition=None,
        options=options,
        received_at=at,
        **kind,
    )


def _options(row: Row[Any], *, with_hidden: bool | None, ocr: OcrChoice | None) -> str:
    wanted: dict[str, bool | str] = json.loads(row.options)
    if with_hidden is not None:
        wanted["with_hidden"] = with_hidden
    if ocr is not None:
        wanted["ocr"] = ocr
    return json.dumps(wanted, sort_keys=True)
