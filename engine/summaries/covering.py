"""What became of one document in a summary: its drafts, its cost, and which of its pages were covered.

A page is covered when all its text was in sections that the model read, or when it is truly blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.models.base import Usage
from engine.summaries.combining import Draft
from engine.summaries.records import Call, Coverage, MissingPage
from engine.summaries.sections import Section
from engine.summaries.writing import SectionResult
from storage.records import Document, Page, VersionState


@dataclass(frozen=True, slots=True)
class Written:
    """A document's part in a summary."""

    coverage: Coverage
    drafts: tuple[Draft, ...]
    usage: Usage
    calls: tuple[Call, ...] = ()
    """What the model was asked, section by section."""


def written(
    document: Document, sections: Sequence[Section], results: Sequence[SectionResult], pages: Sequence[Page]
) -> Written:
    """A document whose sections, which hold all its chunks, have these results."""
    both = list(zip(sections, results, strict=True))
    missing = _missing(pages, sections, [section for section, result in both if result.unread])
    drafts = (
        Draft(document.path, section.name, result.sentences, result.citations) for section, result in both
    )
    return Written(
        Coverage(document.path, document.id, len(pages), tuple(missing)),
        tuple(drafts),
        sum((result.usage for result in results), start=Usage()),
        tuple(result.call for result in results if result.call is not None),
    )


def not_ready(document: Document) -> Written:
    """A document that is asked for but cannot be read: all its pages are missing."""
    failed = document.state is VersionState.FAILED
    problem = document.problem or ("it could not be read" if failed else "it was still being read")
    pages = tuple(MissingPage(number, problem) for number in range(1, document.page_count + 1))
    return Written(Coverage(document.path, document.id, document.page_count, pages, problem), (), Usage())


def _missing(
    pages: Sequence[Page], sections: Sequence[Section], unread: Sequence[Section]
) -> list[MissingPage]:
    """A page whose reader reported a problem is missing, even where some of its text was read."""
    reached = {page for section in sections for page in section.pages}
    too_long = {page for section in unread for page in section.pages}
    missing = []
    for page in pages:
        if page.problem is not None:
            missing.append(MissingPage(page.number, page.problem))
        elif page.number in too_long:
            missing.append(MissingPage(page.number, "more text at once than the model can read"))
        elif page.number not in reached and page.text.strip():
            missing.append(MissingPage(page.number, "its text is not in the index"))
    return missing
