"""What the parts of the library share: the database, the folders, and whether a version is in reach."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select, update

from storage.audit import AuditLog
from storage.database import Database
from storage.errors import NotFound
from storage.ids import sha256_of_file
from storage.records import Matter, Scope
from storage.tables import version

_ORIGINALS = "originals"
_WORK = "work"
_DRAFT = ".incoming-"


class Holdings:
    """A data folder and its database."""

    def __init__(self, database: Database, home: Path, audit: AuditLog) -> None:
        self._database = database
        self.home = home
        """The data folder."""
        self._audit = audit

    def room_folder(self, of: Matter) -> Path:
        """The matter's own directory, readable to the owner of the process alone."""
        folder = self.home / "matters" / of.id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def work_folder(self, of: Matter) -> Path:
        """Where a run may put files that only it needs; `tidy` empties it."""
        folder = self.room_folder(of) / _WORK
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def tidy(self, scope: Scope) -> None:
        """Remove what a killed run left: its work files, and kept bytes that no version names.

        Only while nothing is being received into the matter.
        """
        folder = self.room_folder(scope.matter)
        shutil.rmtree(folder / _WORK, ignore_errors=True)
        originals = folder / _ORIGINALS
        if not originals.is_dir():
            return
        with self._database.read() as connection:
            named = connection.execute(
                select(version.c.sha256, version.c.rendition).where(version.c.matter_id == scope.matter.id)
            )
            kept = {digest for row in named for digest in row}
        for file in originals.iterdir():
            if file.name not in kept:
                file.unlink()

    def _kept(self, of: Matter, sha256: str) -> Path:
        return self.room_folder(of) / _ORIGINALS / sha256

    def _keep(self, of: Matter, data: Path) -> str:
        """Keep the bytes of a file, durably; returns their SHA-256."""
        sha256 = sha256_of_file(data)
        target = self._kept(of, sha256)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        if target.exists():
            return sha256
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=_DRAFT)
        try:
            with os.fdopen(descriptor, "wb") as out, data.open("rb") as source:
                shutil.copyfileobj(source, out, 1 << 20)
                out.flush()
                os.fsync(out.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return sha256

    @staticmethod
    def _require_version(connection: Connection, scope: Scope, version_id: str) -> Row[Any]:
        row = connection.execute(
            select(version).where(version.c.id == version_id, version.c.matter_id == scope.matter.id)
        ).first()
        if row is None:
            raise NotFound(f"no version {version_id} in this matter; it may have been deleted meanwhile")
        return row


def change(connection: Connection, version_id: str, **values: Any) -> None:
    """Set columns of one version."""
    connection.execute(update(version).where(version.c.id == version_id).values(values))
