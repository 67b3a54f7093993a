"""Three questions that a matter can answer, for the page that has none yet.

The sample matter comes with its own; others get theirs from the headings of their documents.
"""

from __future__ import annotations

import re
from itertools import zip_longest

from app import samples
from storage.library import Library
from storage.records import Document, Scope, VersionState

_HOW_MANY = 3
_HEADING = re.compile(r"[A-Z][A-Za-z' -]{4,58}[A-Za-z]")
_NOT_A_SUBJECT = frozenset(
    {"background", "parties", "contents", "table of contents", "signatures", "definitions"}
)
_LEADING_NUMBER = re.compile(
    r"^[\s\d.()§]+|^(?:article|section|clause|part)\s+[\divxlc]+[.:\s-]*", re.IGNORECASE
)


def questions(library: Library, scope: Scope) -> list[str]:
    """Up to three questions; none while no document is ready."""
    ready = [one for one in library.documents(scope) if one.state is VersionState.LIVE]
    if not ready:
        return []
    if scope.matter.name == samples.MATTER:
        return samples.questions()[:_HOW_MANY]
    of_each = [_from(library, scope, one) for one in ready[:_HOW_MANY]]
    # The first question of every document before the second of any.
    in_turn = [question for turn in zip_longest(*of_each) for question in turn if question]
    return in_turn[:_HOW_MANY]


def _from(library: Library, scope: Scope, document: Document) -> list[str]:
    name = document.path.rpartition("/")[2].rpartition(".")[0] or document.path
    chunks, _ = library.chunks_of(scope, document.version_id)
    headings = list(dict.fromkeys(one.heading_path[-1] for one in chunks if one.heading_path))
    usable = [
        heading.lower()
        for heading in map(_bare, headings)
        if _HEADING.fullmatch(heading) and heading.lower() not in _NOT_A_SUBJECT
    ]
    if not usable:
        return [f"What is {name} about?"]
    return [f"What does {name} say about {heading}?" for heading in usable[:_HOW_MANY]]


def _bare(heading: str) -> str:
    return _LEADING_NUMBER.sub("", heading).strip(" .:")
