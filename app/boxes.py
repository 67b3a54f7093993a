"""Where a citation stands on its page's picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.answers import Answer, Box, Citation
from ingest.media import PDF
from ingest.pageimages import locate_boxes
from storage.records import Scope

if TYPE_CHECKING:
    from app.wiring import Services


def boxes_of(services: Services, scope: Scope, citation: Citation) -> list[Box]:
    """The boxes of a citation on its page's image; none for a document that has no pictures of pages."""
    document = services.library.document(scope, citation.document_id)
    if document.media_type != PDF:
        return []
    file = services.library.original(scope, document.id)
    span = citation.span
    found = locate_boxes(file, span.page, span.start, span.end)
    return [Box(one.x0, one.y0, one.x1, one.y1) for one in found]


def with_boxes(services: Services, scope: Scope, answer: Answer) -> Answer:
    """The answer with every citation's boxes."""
    return answer.with_boxes(lambda citation: boxes_of(services, scope, citation))
