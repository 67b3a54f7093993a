"""Which documents of a scope are live, and where they lie, as one search sees them.

SQL is asked once for each document, at the first need, so that all parts of a search speak of one state.
What a search gives in the end is held against SQL again (`ChunkStore.chunks_with_vectors`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import and_, bindparam, func, null, select

from storage.among import among, listed
from storage.database import Database
from storage.prepared import Prepared
from storage.records import LiveVersion, Scope, VersionState
from storage.tables import document, version

_COUNT = select(func.count(document.c.live_version_id)).where(document.c.matter_id == bindparam("matter"))
_ALL = Prepared(_COUNT)
_LIVE = (
    select(version.c.document_id, version.c.id, version.c.received_at, document.c.path)
    .join(document, and_(document.c.matter_id == version.c.matter_id, document.c.id == version.c.document_id))
    .where(
        version.c.matter_id == bindparam("matter"),
        version.c.state == VersionState.LIVE,
        among(version.c.document_id, "wanted"),
    )
)
_FIRST = Prepared(_LIVE.add_columns(_COUNT.scalar_subquery()))
_FURTHER = Prepared(_LIVE.add_columns(null()))
"""Without the count: it goes through all documents of the matter."""


class _Live(NamedTuple):
    version: LiveVersion
    path: str


class LiveDocuments:
    """The live documents of a scope; for one search, in one thread."""

    def __init__(self, database: Database, scope: Scope) -> None:
        """Nothing is read yet."""
        self.scope = scope
        self._database = database
        self._known: dict[str, _Live] = {}
        self._total: int | None = None

    def versions(self, document_ids: Collection[str]) -> dict[str, LiveVersion]:
        """Which version is live of each of these documents in scope; those without one are left out."""
        return {one: live.version for one, live in self._of(document_ids).items()}

    def paths(self, document_ids: Collection[str]) -> dict[str, str]:
        """Where these documents lie; those not in scope and those without a live version are left out."""
        return {one: live.path for one, live in self._of(document_ids).items()}

    def total(self) -> int:
        """How many documents of the matter can be searched, whatever part of it the scope is."""
        if self._total is None:
            ((self._total,),) = self._database.ask(_ALL, matter=self.scope.matter.id)
        return self._total

    def _of(self, document_ids: Collection[str]) -> dict[str, _Live]:
        if self.scope.document_ids is not None:
            document_ids = self.scope.document_ids.intersection(document_ids)
        missing = [one for one in document_ids if one not in self._known]
        if missing:
            asked = _FIRST if self._total is None else _FURTHER
            found = self._database.ask(asked, matter=self.scope.matter.id, wanted=listed(missing))
            for document_id, version_id, received_at, path, total in found:
                self._known[document_id] = _Live(LiveVersion(version_id, received_at), path)
                if self._total is None:
                    self._total = total
        # By id, since what is added up over documents must not depend on who asked first.
        return {one: self._known[one] for one in sorted(document_ids) if one in self._known}
