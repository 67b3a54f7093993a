"""SQL rows as records: how the library's tables are read, in one place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, select

from storage.ids import moment
from storage.records import (
    Chunk,
    Document,
    Hidden,
    Matter,
    OcrChoice,
    Page,
    Place,
    ReadBy,
    Remedy,
    Scope,
    Span,
    Vector,
    Vectors,
    Version,
    VersionState,
)
from storage.tables import attachment, chunk, document, page, version

_PLACE_STEPS = 10_000
"""Places are kept in ten-thousandths of a page: finer than a picture's points."""
_DRAWN = frozenset({"application/pdf", "image/png", "image/jpeg", "image/tiff"})
"""Kinds of file whose pages are pictures, or may be."""
PAGE_COLUMNS = tuple(one for one in page.c if one is not page.c.places)
"""What `page_of` needs: places are long, and few who read a page want them."""
CHUNK_COLUMNS = tuple(
    chunk.c[one]
    for one in "id version_id ordinal page start end heading_path text context".split()  # noqa: SIM905
)
"""What `chunk_of` needs, in its order."""
_OF_CHUNK = len(CHUNK_COLUMNS)
_NONE = "[]"

same_document = and_(document.c.matter_id == version.c.matter_id, document.c.id == version.c.document_id)


def versions(connection: Connection, scope: Scope, *wanted: ColumnElement[bool]) -> list[list[Row[Any]]]:
    """The versions of each wanted document, oldest first, with their pages counted; documents by path."""
    counts = (
        select(
            page.c.version_id,
            func.count().label("pages_held"),
            func.sum(case((page.c.problem.is_(None), 1), else_=0)).label("pages_read"),
        )
        .join(version, version.c.id == page.c.version_id)
        .join(document, same_document)
        .where(version.c.matter_id == scope.matter.id, *wanted)
        .group_by(page.c.version_id)
        .subquery()
    )
    outer = version.alias("outer_version")
    parents = (
        select(attachment.c.document_id, func.min(outer.c.document_id).label("parent_id"))
        .join(outer, outer.c.id == attachment.c.version_id)
        .where(outer.c.matter_id == scope.matter.id, attachment.c.document_id.is_not(None))
        .group_by(attachment.c.document_id)
        .subquery()
    )
    query = (
        select(
            *(one for one in version.c if one is not version.c.page_count and one is not version.c.signature),
            document.c.path.label("document_path"),
            document.c.live_version_id,
            document.c.added_at,
            document.c.added_by,
            func.coalesce(version.c.page_count, counts.c.pages_held, 0).label("page_count"),
            func.coalesce(counts.c.pages_read, 0).label("pages_read"),
            parents.c.parent_id,
        )
        .join(document, same_document)
        .outerjoin(counts, counts.c.version_id == version.c.id)
        .outerjoin(parents, parents.c.document_id == version.c.document_id)
        .where(version.c.matter_id == scope.matter.id, *wanted)
        .order_by(document.c.path, version.c.received_at)
    )
    if scope.document_ids is not None:
        query = query.where(document.c.id.in_(scope.document_ids))
    grouped: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(cast("Select[Any]", query)):
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
        flags=flags_of(row),
        parent_id=row.parent_id,
        remedies=_remedies(row, newest),
        has_rendition=row.rendition is not None,
    )


@dataclass(frozen=True, slots=True)
class Options:
    """How a version was asked to be read. Never a password."""

    with_hidden: bool
    ocr: OcrChoice


def options_of(row: Row[Any]) -> Options:
    """How a version was asked to be read."""
    kept = json.loads(row.options)
    return Options(bool(kept.get("with_hidden", False)), kept.get("ocr", "auto"))


def flags_of(row: Row[Any]) -> tuple[str, ...]:
    """What people should know of a version."""
    return tuple(json.loads(row.flags))


def version_of(row: Row[Any]) -> Version:
    """One version of a document."""
    options = options_of(row)
    return Version(
        id=row.id,
        document_id=row.document_id,
        state=VersionState(row.state),
        sha256=row.sha256,
        size=row.size,
        media_type=row.media_type,
        received_at=moment(row.received_at),
        received_by=row.received_by,
        page_count=row.page_count,
        pages_read=row.pages_read,
        problem=row.problem,
        flags=flags_of(row),
        with_hidden=options.with_hidden,
        ocr=options.ocr,
    )


def _remedies(row: Row[Any], newest: Row[Any]) -> tuple[Remedy, ...]:
    """What can be done about what was not read; `newest` may be a later version that failed."""
    options, failed = options_of(row), newest.state == VersionState.FAILED
    unread = row.state == VersionState.LIVE and row.pages_read < row.page_count
    possible: dict[Remedy, bool] = {
        "password": failed and bool(newest.needs_password),
        "ocr": unread and row.media_type in _DRAWN and options.ocr != "always",
        "accept_hidden": row.hidden_pages > 0 and not options.with_hidden,
        "retry": unread or (failed and not newest.needs_password),
    }
    return tuple(remedy for remedy, offered in possible.items() if offered)


def matter_of(row: Row[Any]) -> Matter:
    """A matter."""
    return Matter(id=row.id, name=row.name, created_at=moment(row.created_at), created_by=row.created_by)


def page_of(row: Row[Any]) -> Page:
    """A page."""
    hidden = tuple(Hidden(text, why) for why, text in json.loads(row.hidden or "[]"))
    return Page(
        row.number, row.text, ReadBy(row.how), row.quality, row.problem, label=row.label, hidden=hidden
    )


def places_of(packed: str | None) -> tuple[Place, ...]:
    """Where a page's characters stand; the inverse of what `page_values` packs."""
    numbers = json.loads(packed or "[]")
    return tuple(
        Place(start, end, *(one / _PLACE_STEPS for one in box))
        for start, end, *box in zip(*[iter(numbers)] * 6, strict=True)
    )


def page_values(version_id: str, of: Page) -> dict[str, Any]:
    """A page as its row."""
    places = [
        number
        for one in of.places
        for number in (
            one.start,
            one.end,
            *(round(edge * _PLACE_STEPS) for edge in (one.x0, one.y0, one.x1, one.y1)),
        )
    ]
    hidden = [[one.why, one.text] for one in of.hidden]
    return {
        "version_id": version_id,
        "number": of.number,
        "text": of.text,
        "how": of.how,
        "quality": of.quality,
        "problem": of.problem,
        "label": of.label,
        "places": json.dumps(places, separators=(",", ":")) if places else None,
        "hidden": json.dumps(hidden, ensure_ascii=False) if hidden else None,
    }


def chunk_of(row: Sequence[Any]) -> Chunk:
    """A chunk; the row begins with `CHUNK_COLUMNS` and ends with its version's `document_id`."""
    chunk_id, version_id, ordinal, number, start, end, headings, text, context = row[:_OF_CHUNK]
    headed = () if headings == _NONE else tuple(json.loads(headings))
    # By place: a search makes some hundred, and names take as long again as all the rest.
    return Chunk(chunk_id, row[-1], version_id, ordinal, Span(number, start, end), headed, text, context)


def chunk_values(version_id: str, of: Chunk, vector: Vector, embedded_as: str | None) -> dict[str, Any]:
    """A chunk as its row."""
    return {
        "id": of.id,
        "version_id": version_id,
        "ordinal": of.ordinal,
        "page": of.span.page,
        "start": of.span.start,
        "end": of.span.end,
        "heading_path": json.dumps(of.heading_path, ensure_ascii=False),
        "text": of.text,
        "context": of.context,
        "vector": vector.tobytes(),
        "embedded_as": embedded_as,
    }


def vector_of(row: Any) -> Vector:
    """A chunk's vector."""
    return np.frombuffer(row.vector, dtype="<f4")


def vectors_of(kept: Sequence[bytes]) -> Vectors:
    """The vectors of several chunks as they are kept, one in each row."""
    if not kept:
        return np.zeros((0, 0), dtype=np.float32)
    packed: Vectors = np.frombuffer(b"".join(kept), dtype="<f4").reshape(len(kept), -1)
    return packed
