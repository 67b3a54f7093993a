"""How much of a matter was searched for an answer, and what could not be, when the question was asked.

What could not be read is never counted among what was searched. This module knows no questions or models.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.counting import count
from storage.records import Document, JsonValue, VersionState


@dataclass(frozen=True, slots=True)
class Searched:
    """Counts of documents and pages at one moment."""

    documents: int
    """Those of which at least one page could be searched."""
    pages: int
    pages_unread: int
    """Pages of these documents that could not be read."""
    documents_unread: int
    """Documents of which nothing could be read."""
    coming: int
    """Documents that were still being read."""

    def to_json(self) -> dict[str, JsonValue]:
        """The member `searched` of an answer."""
        return asdict(self)


def searched_of(documents: Iterable[Document], wanted: Collection[str] | None) -> Searched:
    """The counts of a matter's documents; `wanted` are the ids in scope, None all."""
    asked = [one for one in documents if wanted is None or one.id in wanted]
    live = [one for one in asked if one.state is VersionState.LIVE]
    failed = sum(one.state is VersionState.FAILED for one in asked)
    read = sum(one.pages_read for one in live)
    return Searched(
        documents=len(live),
        pages=read,
        pages_unread=sum(one.page_count for one in live) - read,
        documents_unread=failed,
        coming=len(asked) - len(live) - failed,
    )


def searched_line(searched: Mapping[str, Any]) -> str:
    """`Searched 84 documents, 1,912 pages; 1 document and 3 pages could not be read`, of the JSON form."""
    line = f"Searched {count(searched['documents'], 'document')}, {count(searched['pages'], 'page')}"
    missing = [
        count(number, noun)
        for number, noun in (
            (searched["documents_unread"], "document"),
            (searched["pages_unread"], "page"),
        )
        if number
    ]
    if missing:
        line += f"; {' and '.join(missing)} could not be read"
    if searched["coming"]:
        line += f"; {count(searched['coming'], 'document')} still being read, not searched"
    return line


def searched_note(searched: Searched) -> str:
    """The same where no answer was found, in whole sentences."""
    one = searched.documents == 1
    lines = [f"{count(searched.documents, 'document')} {'was' if one else 'were'} searched."]
    unsearched = searched.documents_unread + searched.coming
    if unsearched:
        lines.append(f"{count(unsearched, 'document')} could not be.")
    return " ".join(lines)


def can_be_searched_line(searched: Searched) -> str:
    """`13 documents, 22 pages; 2 documents cannot be searched`, before a question is asked."""
    line = f"{count(searched.documents, 'document')}, {count(searched.pages, 'page')}"
    missing = searched.documents_unread + searched.coming
    return f"{line}; {count(missing, 'document')} cannot be searched" if missing else line
