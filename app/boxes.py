"""Where a citation stands on its page's picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.answers import Answer, Box, Citation
from ingest.media import PDF
from ingest.pageimages import DRAWN, locate_boxes, placed
from storage.records import Document, ReadBy, Scope

if TYPE_CHECKING:
    from app.wiring import Services


def drawable(services: Services, scope: Scope, document: Document) -> tuple[Path, str] | None:
    """The file that shows a document's pages, and its media type; None when they have no picture."""
    if (rendition := services.library.rendition(scope, document.id)) is not None:
        return rendition, PDF
    if document.media_type in DRAWN:
        return services.library.original(scope, document.id), document.media_type
    return None


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
    found = placed(services.library.places(scope, document.id, number), start, end)
    if services.library.page(scope, document.id, number).how is not ReadBy.OCR:
        path, media_type = file
        found = [*locate_boxes(path, number, start, end, media_type=media_type), *found]
    return [Box(one.x0, one.y0, one.x1, one.y1) for one in found]


def with_boxes(services: Services, scope: Scope, answer: Answer) -> Answer:
    """The answer with every citation's boxes."""
    return answer.with_boxes(lambda citation: boxes_of(services, scope, citation))
