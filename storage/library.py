"""Matters, documents, versions, pages and chunks: the truth that search indexes are rebuilt from.

Each change is one transaction; a version is live or not in SQL, all at once. Bytes as uploaded lie in the
matter's own folder, named by their SHA-256. This module knows no file format, no index and no model.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import and_, delete, func, insert, or_, select, update

from storage import rows
from storage.access import admit_creator
from storage.errors import NotFound, WrongUse
from storage.families import families
from storage.ids import now, random_id, timestamp
from storage.incoming import Arrival, Incoming, Reception
from storage.index_source import IndexSource
from storage.intake import Intake
from storage.overview import Overview
from storage.records import (
    Actor,
    Attached,
    Document,
    Family,
    Matter,
    Page,
    Place,
    ReadBy,
    Scope,
    Version,
    VersionState,
)
from storage.tables import attachment, chunk, document, matter, page, version

__all__ = ["Arrival", "Library", "Outcome", "Reception"]

_MAX_MATTER_NAME = 120
_PAGES_AT_ONCE = 64
_UNPACKING = "unpacking"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was read of a version, counted."""

    pages: int
    pages_read: int
    ocr_pages: int
    chunks: int
    flags: tuple[str, ...]
    problems: tuple[tuple[int, str], ...]
    """Page number and reason of each page that was not read."""
    hidden_pages: int
    with_hidden: bool


class Library(Incoming, Intake, Overview, IndexSource):
    """All that is kept of the documents. Every method on a matter's content takes a Scope."""

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

    def delete_matter(self, scope: Scope) -> None:
        """Erase a matter: its rows in one transaction, then its directory. Close its room first."""
        gone = scope.matter
        with self._database.write() as connection:
            self._audit.append_in(
                connection, "matter.deleted", scope.actor, matter_id=gone.id, data={"name": gone.name}
            )
            connection.execute(delete(matter).where(matter.c.id == gone.id))
        shutil.rmtree(self.room_folder(gone))

    def unpacking_folder(self) -> Path:
        """Where archives are unpacked before their files are received; `sweep` empties it."""
        folder = self.home / _UNPACKING
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def sweep(self) -> None:
        """Remove what a killed process left: directories of matters that are gone, and unpacked archives."""
        shutil.rmtree(self.home / _UNPACKING, ignore_errors=True)
        folder = self.home / "matters"
        if not folder.is_dir():
            return
        kept = {of.id for of in self.matters()}
        for child in folder.iterdir():
            if child.name not in kept:
                shutil.rmtree(child)

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

    def versions(self, scope: Scope, document_id: str) -> list[Version]:
        """All readings of all contents that a document has had, newest first.

        Raises:
            NotFound: there is no such document in scope.
        """
        with self._database.read() as connection:
            found = rows.versions(connection, scope, document.c.id == document_id)
        if not found:
            raise NotFound(f"no document {document_id!r} in matter {scope.matter.name!r}")
        return [rows.version_of(row) for row in reversed(found[0])]

    def attachments(self, scope: Scope, document_id: str) -> list[Attached]:
        """The files inside a document's shown version, in order, the refused ones included."""
        return self.attached(scope, self.document(scope, document_id).version_id)

    def attached(self, scope: Scope, version_id: str) -> list[Attached]:
        """The files inside a version, live or not, in order, the refused ones included."""
        with self._database.read() as connection:
            self._require_version(connection, scope, version_id)
            found = connection.execute(
                select(attachment).where(attachment.c.version_id == version_id).order_by(attachment.c.ordinal)
            )
            return [Attached(row.name, row.document_id, row.problem) for row in found]

    def parents(self, scope: Scope, document_id: str) -> list[str]:
        """Ids of all documents inside which this one was found."""
        with self._database.read() as connection:
            found = connection.execute(
                select(version.c.document_id)
                .join(attachment, attachment.c.version_id == version.c.id)
                .where(version.c.matter_id == scope.matter.id, attachment.c.document_id == document_id)
                .distinct()
                .order_by(version.c.document_id)
            )
            return list(found.scalars())

    def families(self, scope: Scope) -> list[Family]:
        """Live documents in scope that have nearly the same words, in groups of two or more."""
        lengths = (
            select(page.c.version_id, func.sum(func.length(page.c.text)).label("characters"))
            .group_by(page.c.version_id)
            .subquery()
        )
        query = (
            select(version.c.document_id, version.c.signature)
            .join(lengths, lengths.c.version_id == version.c.id)
            .where(
                version.c.matter_id == scope.matter.id,
                version.c.state == VersionState.LIVE,
                version.c.signature.is_not(None),
            )
            .order_by(lengths.c.characters.desc(), version.c.document_id)
        )
        if scope.document_ids is not None:
            query = query.where(version.c.document_id.in_(scope.document_ids))
        with self._database.read() as connection:
            return families([(row.document_id, row.signature) for row in connection.execute(query)])

    def original(self, scope: Scope, document_id: str) -> Path:
        """The file with the bytes of a document's live (else newest) version."""
        return self._kept(scope.matter, self.document(scope, document_id).sha256)

    def rendition(self, scope: Scope, document_id: str) -> Path | None:
        """A PDF of the same pages as a document's shown version, where the file itself cannot be drawn."""
        shown = self.document(scope, document_id)
        with self._database.read() as connection:
            row = self._require_version(connection, scope, shown.version_id)
        return self._kept(scope.matter, row.rendition) if row.rendition else None

    def outcome(self, scope: Scope, version_id: str) -> Outcome:
        """What was read of a version, live or not."""
        of_version = page.c.version_id == version_id
        with self._database.read() as connection:
            row = self._require_version(connection, scope, version_id)
            held, unread = connection.execute(
                select(func.count(), func.count(page.c.problem)).where(of_version)
            ).one()
            ocr = connection.execute(
                select(func.count()).where(of_version, page.c.how == ReadBy.OCR)
            ).scalar_one()
            problems = connection.execute(
                select(page.c.number, page.c.problem)
                .where(of_version, page.c.problem.is_not(None))
                .order_by(page.c.number)
            ).all()
            chunks = connection.execute(
                select(func.count()).where(chunk.c.version_id == version_id)
            ).scalar_one()
        shown = rows.options_of(row)
        return Outcome(
            pages=held if row.page_count is None else row.page_count,
            pages_read=held - unread,
            ocr_pages=ocr,
            chunks=chunks,
            flags=rows.flags_of(row),
            problems=tuple((one.number, one.problem) for one in problems),
            hidden_pages=row.hidden_pages,
            with_hidden=shown.with_hidden,
        )

    def pages(self, scope: Scope, document_id: str, version_id: str | None = None) -> list[Page]:
        """All pages of a document in order, those that could not be read included.

        Without `version_id` those of the version that people see. For long documents take `page_stream`.
        """
        shown = self.document(scope, document_id)
        if version_id is not None and all(one.id != version_id for one in self.versions(scope, shown.id)):
            raise NotFound(f"{shown.path!r} has no version {version_id}")
        return list(self.page_stream(scope, version_id or shown.version_id))

    def page_stream(self, scope: Scope, version_id: str, *, first_page: int = 1) -> Iterator[Page]:
        """The pages of a version, live or not, in order; only a few are held at a time."""
        following = first_page
        while True:
            with self._database.read() as connection:
                self._require_version(connection, scope, version_id)
                found = connection.execute(
                    select(*rows.PAGE_COLUMNS)
                    .where(page.c.version_id == version_id, page.c.number >= following)
                    .order_by(page.c.number)
                    .limit(_PAGES_AT_ONCE)
                ).all()
            yield from (rows.page_of(row) for row in found)
            if len(found) < _PAGES_AT_ONCE:
                return
            following = found[-1].number + 1

    def page(self, scope: Scope, document_id: str, number: int) -> Page:
        """One page of a document.

        Raises:
            NotFound: the document has no such page.
        """
        shown = self.document(scope, document_id)
        with self._database.read() as connection:
            row = connection.execute(
                select(*rows.PAGE_COLUMNS).where(
                    page.c.version_id == shown.version_id, page.c.number == number
                )
            ).first()
        if row is None:
            raise NotFound(f"{shown.path!r} has no page {number}; it has {shown.page_count}")
        return rows.page_of(row)

    def places(self, scope: Scope, document_id: str, number: int) -> tuple[Place, ...]:
        """Where the text of a page stands, for text that the file itself cannot place; else empty."""
        shown = self.document(scope, document_id)
        with self._database.read() as connection:
            packed = connection.execute(
                select(page.c.places).where(page.c.version_id == shown.version_id, page.c.number == number)
            ).scalar()
        return rows.places_of(packed)

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
            versions = connection.execute(
                select(version.c.id, version.c.sha256, version.c.rendition).where(of_document)
            ).all()
            chunk_ids = connection.execute(
                select(chunk.c.id).where(chunk.c.version_id.in_([one.id for one in versions]))
            ).scalars()
            removed = list(chunk_ids)
            connection.execute(delete(version).where(of_document))
            connection.execute(
                delete(document).where(document.c.matter_id == scope.matter.id, document.c.id == gone.id)
            )
            of_matter = select(version.c.id).where(version.c.matter_id == scope.matter.id)
            connection.execute(
                update(attachment)
                .where(attachment.c.document_id == gone.id, attachment.c.version_id.in_(of_matter))
                .values(document_id=None, problem="was deleted from the matter")
            )
            named = connection.execute(
                select(version.c.sha256, version.c.rendition).where(version.c.matter_id == scope.matter.id)
            )
            still_used = {digest for row in named for digest in row}
        for digest in {digest for one in versions for digest in (one.sha256, one.rendition)}:
            if digest is not None and digest not in still_used:
                self._kept(scope.matter, digest).unlink(missing_ok=True)
        return removed
