"""A page of a version, the file that shows it, and where on its picture a citation stands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.answers import Answer, Box, Citation
from ingest.media import PDF
from ingest.pageimages import DRAWN, locate_boxes, placed
from storage.errors import NotFound
from storage.records import Document, Page, ReadBy, Scope

if TYPE_CHECKING:
    from app.wiring import Services


def drawable(services: Services, scope: Scope, document: Document) -> tuple[Path, str] | None:
    """The file that shows the pages of a document's version, and its media type; None without a picture."""
    kept = services.library.arrival(scope, document.version_id)
    if kept.rendition is not None:
        return kept.rendition, PDF
    return (kept.file, kept.media_type) if kept.media_type in DRAWN else None


def page_of(services: Services, scope: Scope, document: Document, number: int) -> Page:
    """A page of a document's version.

    Raises:
        NotFound: it has no such page.
    """
    page = next(services.library.page_stream(scope, document.version_id, first_page=number), None)
    if page is None or page.number != number:
        raise NotFound(f"{document.path!r} has no page {number}; it has {document.page_count}")
    return page


def as_version(services: Services, scope: Scope, document: Document, version_id: str | None) -> Document:
    """The document as one of its versions; None is the one that people see.

    Raises:
        NotFound: it has no such version.
    """
    if version_id in (None, document.version_id):
        return document
    for one in services.library.versions(scope, document.id):
        if one.id == version_id:
            return replace(
                document,
                version_id=one.id,
                state=one.state,
                media_type=one.media_type,
                sha256=one.sha256,
                size=one.size,
                page_count=one.page_count,
                pages_read=one.pages_read,
                problem=one.problem,
                flags=one.flags,
                remedies=(),
            )
    raise NotFound(f"{document.path!r} has no such version; the Library lists them")


def boxes_of(services: Services, scope: Scope, citation: Citation) -> list[Box]:
    """The boxes of a citation on its page's image; none for a document that has no pictures of pages."""
    document = services.library.document(scope, citation.document_id)
    span = citation.span
    return boxes_on(services, scope, document, span.page, span.start, span.end)


def boxes_on(
    services: Services, scope: Scope, document: Document, number: int, start: int, end: int
) -> list[Box]:
    """The boxes of a page's characters `start` up to `end` on its image."""
    file = drawable(services, scope, document)
    if file is None:
        return []
    shown = services.library.document(scope, document.id).version_id == document.version_id
    # Places are kept with every version, and given out for the one that people see.
    found = placed(services.library.places(scope, document.id, number), start, end) if shown else []
    if page_of(services, scope, document, number).how is not ReadBy.OCR:
        path, media_type = file
        versions = services.library.versions(scope, document.id)
        with_hidden = any(one.with_hidden for one in versions if one.id == document.version_id)
        of_text = locate_boxes(path, number, start, end, media_type=media_type, with_hidden=with_hidden)
        found = [*of_text, *found]
    return [Box(one.x0, one.y0, one.x1, one.y1) for one in found]


def with_boxes(services: Services, scope: Scope, answer: Answer) -> Answer:
    """The answer with every citation's boxes."""
    return answer.with_boxes(lambda citation: boxes_of(services, scope, citation))
