"""SQL rows as records: how the library's tables are read, in one place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, select

from storage.ids import moment
from storage.records import Chunk, Document, Matter, Page, ReadBy, Scope, Span, Vector, VersionState
from storage.tables import document, page, version

same_document = and_(document.c.matter_id == version.c.matter_id, document.c.id == version.c.document_id)


def versions(connection: Connection, scope: Scope, *wanted: ColumnElement[bool]) -> list[list[Row[Any]]]:
    """The versions of each wanted document, oldest first, with their pages counted; documents by path."""
    counts = (
        select(
            page.c.version_id,
            func.count().label("page_count"),
            func.sum(case((page.c.problem.is_(None), 1), else_=0)).label("pages_read"),
        )
        .join(version, version.c.id == page.c.version_id)
        .join(document, same_document)
        .where(version.c.matter_id == scope.matter.id, *wanted)
        .group_by(page.c.version_id)
        .subquery()
    )
    query = (
        select(version, document.c.path.label("document_path"), document.c.live_version_id)
        .add_columns(document.c.added_at, document.c.added_by)
        .add_columns(
            func.coalesce(counts.c.page_count, 0).label("page_count"),
            func.coalesce(counts.c.pages_read, 0).label("pages_read"),
        )
        .join(document, same_document)
        .outerjoin(counts, counts.c.version_id == version.c.id)
        .where(version.c.matter_id == scope.matter.id, *wanted)
        .order_by(document.c.path, version.c.received_at)
    )
    if scope.document_ids is not None:
        query = query.where(document.c.id.in_(scope.document_ids))
    grouped: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(query):
        grouped.setdefault(row.document_id, []).append(row)
    return list(grouped.values())


def shown(versions: Sequence[Row[Any]]) -> Document:
    """What people see of a document: its live version, or its newest while none is live."""
    live = next((row for row in versions if row.id == row.live_version_id), versions[-1])
    return document_of(live, versions)


def document_of(row: Row[Any], versions: Sequence[Row[Any]]) -> Document:
    """The document as one of its versions; a newer one that could not be read is its problem."""
    problem, newest = row.problem, versions[-1]
    if newest.id != row.id and newest.state == VersionState.FAILED:
        problem = f"a newer version could not be read: {newest.problem}"
    return Document(
        id=row.document_id,
        matter_id=row.matter_id,
        path=row.document_path,
        version_id=row.id,
        state=VersionState(row.state),
        media_type=row.media_type,
        sha256=row.sha256,
        size=row.size,
        title=row.title,
        page_count=row.page_count,
        pages_read=row.pages_read,
        problem=problem,
        added_at=moment(row.added_at),
        added_by=row.added_by,
        flags=tuple(json.loads(row.flags)),
    )


def matter_of(row: Row[Any]) -> Matter:
    """A matter."""
    return Matter(id=row.id, name=row.name, created_at=moment(row.created_at), created_by=row.created_by)


def page_of(row: Row[Any]) -> Page:
    """A page."""
    return Page(row.number, row.text, ReadBy(row.how), row.quality, row.problem)


def chunk_of(row: Row[Any]) -> Chunk:
    """A chunk; the row also holds its version's `document_id`."""
    return Chunk(
        id=row.id,
        document_id=row.document_id,
        version_id=row.version_id,
        ordinal=row.ordinal,
        span=Span(row.page, row.start, row.end),
        heading_path=tuple(json.loads(row.heading_path)),
        text=row.text,
        context=row.context,
    )


def vector_of(row: Row[Any]) -> Vector:
    """A chunk's vector."""
    return np.frombuffer(row.vector, dtype="<f4")
