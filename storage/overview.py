"""What lists of documents show of their pages: counted or picked out in one query for a whole matter.

Only live versions count, unless a version is named. No page's text is given out here but what hides on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, select

from storage import rows
from storage.holdings import Holdings
from storage.intake import in_lists
from storage.records import Page, ReadBy, Scope, VersionState
from storage.tables import page, version


@dataclass(frozen=True, slots=True)
class UnreadPage:
    """A page that was not read, or not in full."""

    document_id: str
    number: int
    reason: str
    in_part: bool
    """Some of its text is there."""


class Overview(Holdings):
    """The library's side that lists of documents ask."""

    def readers(self, scope: Scope) -> Mapping[str, Mapping[ReadBy, int]]:
        """How many pages of each live document each reader gave."""
        query = (
            select(version.c.document_id, page.c.how, func.count().label("pages"))
            .join(version, version.c.id == page.c.version_id)
            .where(*_live(scope))
            .group_by(version.c.document_id, page.c.how)
        )
        counted: dict[str, dict[ReadBy, int]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query):
                counted.setdefault(row.document_id, {})[ReadBy(row.how)] = row.pages
        return counted

    def readers_of(self, scope: Scope, version_id: str) -> Mapping[ReadBy, int]:
        """How many pages of one version, live or not, each reader gave."""
        query = (
            select(page.c.how, func.count().label("pages"))
            .where(page.c.version_id == version_id)
            .group_by(page.c.how)
        )
        with self._database.read() as connection:
            self._require_version(connection, scope, version_id)
            return {ReadBy(row.how): row.pages for row in connection.execute(query)}

    def unread_pages(self, scope: Scope, version_id: str | None = None) -> list[UnreadPage]:
        """The pages with a problem, in order within each document: all live ones, or those of one version."""
        wanted = _live(scope) if version_id is None else [_of(scope, version_id)]
        query = (
            select(
                version.c.document_id, page.c.number, page.c.problem, func.length(page.c.text).label("held")
            )
            .join(version, version.c.id == page.c.version_id)
            .where(*wanted, page.c.problem.is_not(None))
            .order_by(version.c.document_id, page.c.number)
        )
        with self._database.read() as connection:
            return [
                UnreadPage(row.document_id, row.number, row.problem, in_part=row.held > 0)
                for row in connection.execute(query)
            ]

    def hidden_pages(self, scope: Scope, version_id: str, *, limit: int = 200) -> list[Page]:
        """The first pages of a version on which something hides, in order."""
        query = (
            select(*rows.PAGE_COLUMNS)
            .where(page.c.version_id == version_id, page.c.hidden.is_not(None))
            .order_by(page.c.number)
            .limit(limit)
        )
        with self._database.read() as connection:
            self._require_version(connection, scope, version_id)
            return [rows.page_of(row) for row in connection.execute(query)]

    def labels(self, scope: Scope, wanted: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], str]:
        """What people call these live pages, by document id and number; those without a name are left out."""
        asked = set(wanted)
        found: dict[tuple[str, int], str] = {}
        with self._database.read() as connection:
            for ids in in_lists({document_id for document_id, _ in asked}):
                query = (
                    select(version.c.document_id, page.c.number, page.c.label)
                    .join(version, version.c.id == page.c.version_id)
                    .where(
                        *_live(scope),
                        version.c.document_id.in_(ids),
                        page.c.number.in_({number for _, number in asked}),
                        page.c.label.is_not(None),
                    )
                )
                found.update(((row.document_id, row.number), row.label) for row in connection.execute(query))
        return {key: label for key, label in found.items() if key in asked}


def _of(scope: Scope, version_id: str) -> ColumnElement[bool]:
    return and_(version.c.matter_id == scope.matter.id, version.c.id == version_id)


def _live(scope: Scope) -> list[ColumnElement[bool]]:
    mine = and_(version.c.matter_id == scope.matter.id, version.c.state == VersionState.LIVE)
    if scope.document_ids is None:
        return [mine]
    return [mine, version.c.document_id.in_(scope.document_ids)]
