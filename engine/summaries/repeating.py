"""Ask the model once more what it was asked for a summary, section by section.

A section is found again by its version and the place of its chunks, and held against the hash of its words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from threading import Event as CancelEvent

from engine.models.base import Generator
from engine.summaries.combining import Draft
from engine.summaries.records import Call
from engine.summaries.sections import Section
from engine.summaries.templates import Template
from engine.summaries.writing import SectionWriter, section_digest
from storage.errors import MunimentError, NotFound
from storage.library import Library
from storage.records import Page, Scope

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A section as stored, with its pages."""

    call: Call
    section: Section
    document: str
    pages: dict[int, Page]


@dataclass(frozen=True, slots=True)
class Repeated:
    """What asking again gave. Sections are counted from 1."""

    drafts: tuple[Draft, ...]
    other_prompts: tuple[int, ...]
    """Sections whose prompt is not the one on record; nothing after the first was asked."""
    other_replies: tuple[int, ...]


class Stopped(MunimentError):
    """Somebody stopped the replay."""

    exit_code = 1


def rebuilt(library: Library, scope: Scope, calls: Sequence[Call]) -> list[Rebuilt | str]:
    """Each call's section as stored; for one that is gone or changed, what happened to it."""
    return [_rebuilt(library, scope, number, call) for number, call in enumerate(calls, start=1)]


def repeated(
    sections: Sequence[Rebuilt], model: Generator, template: Template, cancel: CancelEvent
) -> Repeated:
    """Ask about every section again. Raises `Stopped` when `cancel` is set."""

    def look() -> None:
        if cancel.is_set():
            raise Stopped("the replay was stopped")

    writer = SectionWriter(model, template, look)
    drafts: list[Draft] = []
    other: list[int] = []
    for number, one in enumerate(sections, start=1):
        look()
        result = writer.write(one.section, document=one.document, pages=one.pages)
        assert result.call is not None, "a writer says what it asked"
        if result.call.prompt_sha256 != one.call.prompt_sha256:
            return Repeated(tuple(drafts), (number,), tuple(other))
        if result.call.reply_sha256 != one.call.reply_sha256:
            other.append(number)
        drafts.append(Draft(one.document, one.section.name, result.sentences, result.citations))
    return Repeated(tuple(drafts), (), tuple(other))


def named(sections: Sequence[int]) -> str:
    """`sections 2, 7 differ`: the first few by number; empty for none."""
    if not sections:
        return ""
    shown = ", ".join(map(str, sections[:_NAMED]))
    more = f" and {len(sections) - _NAMED} more" if len(sections) > _NAMED else ""
    return f"section {shown} differs" if len(sections) == 1 else f"sections {shown}{more} differ"


def _rebuilt(library: Library, scope: Scope, number: int, call: Call) -> Rebuilt | str:
    gone = f"the document of section {number} was deleted"
    try:
        stream = library.chunk_stream(scope, call.version_id, first=call.first)
        chunks = tuple(chunk for chunk, _vector in islice(stream, call.chunks))
        if not chunks or section_digest(chunks) != call.text_sha256:
            return f"section {number} holds other words"
        pages = {page.number: page for page in library.page_stream(scope, call.version_id)}
        path = library.paths(scope, [chunks[0].document_id]).get(chunks[0].document_id)
    except NotFound:
        return gone
    return gone if path is None else Rebuilt(call, Section(chunks), path, pages)
