"""What the Library says about documents: how each was read, what was not, and what can be done about it.

Pure functions over records. Nothing here is escaped: `presenting.escaped` and `presenting.plain` do that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.presenting import NOTHING, visible, when
from engine.counting import count
from ingest import media
from storage.overview import UnreadPage
from storage.records import Document, Family, OcrChoice, Page, ReadBy, Version, VersionState

ACCEPTED = f"{media.SUPPORTED}; zip archives of these"
"""What may be dropped into the Library, in words."""

SURE = 0.97
"""How well a page must be recognised before nobody is asked to look at its picture."""

_STATES = {
    VersionState.RECEIVED: "waiting to be read",
    VersionState.PARSED: "read, being indexed",
    VersionState.EMBEDDED: "read, being indexed",
    VersionState.INDEXED: "read, being indexed",
    VersionState.LIVE: "ready",
    VersionState.SUPERSEDED: "replaced",
    VersionState.FAILED: "could not be read",
}
_TYPES = {
    media.PDF: "PDF",
    media.DOCX: "Word",
    media.DOC: "Word",
    media.RTF: "Rich text",
    media.ODT: "OpenDocument",
    media.ODP: "OpenDocument",
    media.WPD: "WordPerfect",
    media.XLSX: "Excel",
    media.XLS: "Excel",
    media.CSV: "Table",
    media.PPTX: "PowerPoint",
    media.PPT: "PowerPoint",
    media.HTML: "Web page",
    media.MARKDOWN: "Markdown",
    media.TEXT: "Text",
    media.JSON: "JSON",
    media.XML: "XML",
    media.EMAIL: "E-mail",
    media.MSG: "E-mail",
    media.TNEF: "E-mail",
    media.MBOX: "Mailbox",
    **dict.fromkeys(
        (media.PNG, media.JPEG, media.TIFF, media.GIF, media.BMP, media.WEBP, media.PNM), "Picture"
    ),
}
_SHEETS = frozenset({media.XLSX, media.XLS})
_SLIDES = frozenset({media.PPTX})
_READERS = {
    ReadBy.TEXT: "text",
    ReadBy.SECOND_READER: "second reader",
    ReadBy.OCR: "OCR",
    ReadBy.NONE: "not read",
}
_ON_PAGE = re.compile(r"^page \d+ ")
_OF_PAGE = ("is ", "has ", "holds ", "was ", "cannot ")
_CHILD = "\u2003\u2514\u2002"


@dataclass(slots=True)
class Troubles:
    """The documents that a person should look at, by what is wrong; one may stand in several lists."""

    locked: list[Document] = field(default_factory=list)
    failed: list[Document] = field(default_factory=list)
    in_part: list[Document] = field(default_factory=list)
    hiding: list[Document] = field(default_factory=list)

    @property
    def ids(self) -> frozenset[str]:
        """Of all of them."""
        lists = (self.locked, self.failed, self.in_part, self.hiding)
        return frozenset(one.id for listed in lists for one in listed)


def troubles(documents: Iterable[Document]) -> Troubles:
    """Which documents were not read, not in full, or hide something."""
    found = Troubles()
    for one in documents:
        if "password" in one.remedies:
            found.locked.append(one)
        elif one.state is VersionState.FAILED or one.problem:
            found.failed.append(one)
        if one.state is VersionState.LIVE and one.pages_read < one.page_count:
            found.in_part.append(one)
        if "accept_hidden" in one.remedies:
            found.hiding.append(one)
    return found


def report_parts(
    documents: Sequence[Document], found: Troubles, *, unread: Sequence[UnreadPage] = (), refused: int = 0
) -> list[str]:
    """What was not read, most telling first; empty when every page of every document was."""
    ready = [one for one in documents if one.state is VersionState.LIVE]
    pages = sum(one.page_count for one in ready)
    missing = pages - sum(one.pages_read for one in ready)
    in_part = min(missing, sum(one.in_part for one in unread))
    parts = []
    if missing:
        partly = f" ({in_part:,} of them in part)" if in_part else ""
        parts.append(f"{missing:,} of {count(pages, 'page')} could not be read{partly}")
    for listed, one_of, many in (
        (found.locked, "needs a password", "need a password"),
        (found.failed, "could not be read", "could not be read"),
    ):
        if listed:
            verb = one_of if len(listed) == 1 else many
            parts.append(f"{len(listed):,} of {count(len(documents), 'document')} {verb}")
    if refused:
        parts.append(f"{count(refused, 'file')} could not be taken in")
    if found.hiding:
        verb = "hides" if len(found.hiding) == 1 else "hide"
        parts.append(f"{count(len(found.hiding), 'document')} {verb} text, which is left out")
    return parts


def headline(documents: Sequence[Document], parts: Sequence[str], *, busy: bool) -> tuple[str, str]:
    """The report in one line, and how it is marked: `good` only when all is read and nothing is on its way.

    Args:
        documents: all of the matter.
        parts: what was not read, of `report_parts`.
        busy: whether files are still being taken in.
    """
    ready = [one for one in documents if one.state is VersionState.LIVE]
    coming = sum(one.state not in (VersionState.LIVE, VersionState.FAILED) for one in documents)
    told = "; ".join(parts)
    if busy or coming:
        standing = f"{count(len(ready), 'document')} ready"
        return f"Still reading, {standing}. So far {told or 'every page was read'}", (
            "some" if parts else "none"
        )
    pages = count(sum(one.page_count for one in ready), "page")
    return told or f"Every page was read: {pages} of {count(len(ready), 'document')}", (
        "some" if parts else "good"
    )


def unread_lines(pages: Sequence[UnreadPage]) -> list[str]:
    """`page 2 is damaged` or `pages 3, 7-9: each is damaged`, one line for each reason."""
    by_reason: dict[str, list[int]] = {}
    for one in pages:
        by_reason.setdefault(_ON_PAGE.sub("", one.reason), []).append(one.number)
    lines = []
    for reason, numbers in by_reason.items():
        own = reason.startswith(_OF_PAGE)
        if len(numbers) == 1:
            lines.append(f"page {numbers[0]:,}{'' if own else ':'} {reason}")
        else:
            lines.append(f"pages {ranges(numbers)}: {'each ' if own else ''}{reason}")
    return lines


def ranges(numbers: Sequence[int]) -> str:
    """`3, 7-9` (with a proper dash) of numbers in ascending order."""
    runs: list[list[int]] = []
    for one in numbers:
        if runs and one == runs[-1][1] + 1:
            runs[-1][1] = one
        else:
            runs.append([one, one])
    return ", ".join(str(a) if a == b else f"{a}\u2013{b}" for a, b in runs)


def reason_alone(document: Document) -> str:
    """A document's problem without its name in front, which stands beside it already."""
    problem = document.problem or ""
    for name in (repr(document.path), document.path):
        problem = problem.removeprefix(name).lstrip(": ") if problem.startswith(name) else problem
        problem = problem.replace(f": {name} ", ": it ", 1)
    return problem


def document_type(document: Document) -> str:
    """`PDF`, `Word`, or the file's ending where we have no word for it."""
    known = _TYPES.get(document.media_type)
    return known or document.path.rpartition(".")[2].upper()[:8] or "File"


def document_state(document: Document) -> str:
    """How far a document has come, in words; never `ready` while pages are missing."""
    if "password" in document.remedies and document.state is VersionState.FAILED:
        return "needs a password"
    if document.state is VersionState.LIVE and document.pages_read < document.page_count:
        return f"ready, {count(document.page_count - document.pages_read, 'page')} not read"
    return _STATES[document.state]


def pages_read(document: Document) -> str:
    """`212 of 214`; a dash before anything has been counted."""
    if document.page_count == 0:
        return NOTHING
    return f"{document.pages_read:,} of {document.page_count:,}"


def how_read(counted: Mapping[ReadBy, int]) -> str:
    """`text 60, OCR 2`: which reader gave how many pages; no number where one gave all."""
    used = [how for how in ReadBy if counted.get(how)]
    if len(used) == 1:
        return _READERS[used[0]]
    return ", ".join(f"{_READERS[how]} {counted[how]:,}" for how in used) or NOTHING


def how_sure(page: Page) -> str:
    """How a page was read and how far its words can be relied on, as one sentence."""
    if page.how is ReadBy.NONE:
        return "Not read."
    if page.how is ReadBy.TEXT:
        return "Read from the file\u2019s own text."
    if page.how is ReadBy.SECOND_READER:
        return "The file\u2019s text was faulty, so a second reader read it: compare before you quote it."
    if not page.text.strip():
        return "A picture in which no words were found."
    # Never 100 of a hundred: no recogniser is that sure.
    sure = f"Read by OCR, {min(99, round(100 * page.quality))} % sure"
    return f"{sure}: check the words against the picture." if is_doubtful(page) else f"{sure}."


def is_doubtful(page: Page) -> bool:
    """Whether a person should compare a page's words with its picture before relying on them."""
    return bool(page.text.strip()) and (
        page.how is ReadBy.SECOND_READER or (page.how is ReadBy.OCR and page.quality < SURE)
    )


def page_name(document: Document, number: int, label: str | None) -> str:
    """`page 3`, `sheet "P&L"` or `slide 3 "Outlook"`."""
    if document.media_type in _SHEETS:
        return f"sheet \u201c{label}\u201d" if label else f"sheet {number}"
    if document.media_type in _SLIDES:
        return f"slide {number} \u201c{label}\u201d" if label else f"slide {number}"
    return f"page {number:,} \u201c{label}\u201d" if label else f"page {number:,}"


def pages_word(document: Document) -> str:
    """What the pages of a document are called, in the plural."""
    if document.media_type in _SHEETS:
        return "sheets"
    return "slides" if document.media_type in _SLIDES else "pages"


def is_sheet(document: Document) -> bool:
    """Whether its pages are sheets of cells."""
    return document.media_type in _SHEETS


def relatives(families: Iterable[Family], names: Mapping[str, str]) -> dict[str, str]:
    """For each document of a family, what it is nearly the same as."""
    said: dict[str, str] = {}
    for family in families:
        (leader, _), *others = [one for one in family.members if one[0] in names] or [("", 0.0)]
        for document_id, likeness in others:
            said[document_id] = f"{_same(likeness)} as {_file_name(names[leader])}"
        if len(others) == 1:
            said[leader] = f"{_same(others[0][1])} as {_file_name(names[others[0][0]])}"
        elif others:
            said[leader] = f"{count(len(others), 'other')} nearly the same"
    return said


def _same(likeness: float) -> str:
    # Never 100 of a hundred: the same bytes would be the same document.
    return f"{min(99, round(100 * likeness))} % the same"


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]


def in_order(documents: Sequence[Document]) -> list[tuple[Document, str]]:
    """Documents with the names that a table shows: by path, those found inside another right under it."""
    by_id = {one.id: one for one in documents}
    inside: dict[str, list[Document]] = {}
    for one in documents:
        if one.parent_id in by_id and one.path.startswith(f"{by_id[one.parent_id].path}/"):
            inside.setdefault(one.parent_id, []).append(one)
    nested = {one.id for listed in inside.values() for one in listed}
    rows: list[tuple[Document, str]] = []
    waiting = [(one, one.path, 0) for one in reversed(documents) if one.id not in nested]
    while waiting:
        one, name, depth = waiting.pop()
        indent = _CHILD * bool(depth) if depth < 2 else "\u2003" * depth + _CHILD
        rows.append((one, indent + visible(name)))
        children = reversed(inside.get(one.id, ()))
        waiting += [(child, child.path[len(one.path) + 1 :], depth + 1) for child in children]
    return rows


def version_name(versions: Sequence[Version], index: int, zone: str | None) -> str:
    """`now (3 Mar 2026, 09:00)` or `1 Feb 2026, 12:00, replaced on 3 Mar 2026, 09:00`; newest first."""
    one = versions[index]
    name = when(one.received_at, zone)
    options = [words for words in (_OCR_WORDS.get(one.ocr), _hidden_words(one)) if words]
    told = f", read {' and '.join(options)}" if options else ""
    if one.state is VersionState.LIVE:
        return f"now ({name}{told})"
    after = replaced_at(versions, index, zone)
    return f"{name}{told}, replaced on {after}" if after else f"{name}{told}"


_OCR_WORDS: Mapping[OcrChoice, str] = {"always": "with OCR", "never": "without OCR"}


def _hidden_words(one: Version) -> str:
    return "with its hidden text" if one.with_hidden else ""


def replaced_at(versions: Sequence[Version], index: int, zone: str | None) -> str | None:
    """When a version made way for the next; None for the newest that people see."""
    seen = (VersionState.LIVE, VersionState.SUPERSEDED)
    newer = [one for one in versions[:index] if one.state in seen]
    return when(newer[-1].received_at, zone) if newer else None


def readable(versions: Sequence[Version]) -> list[Version]:
    """Those that were shown to people at some time, newest first."""
    return [one for one in versions if one.state in (VersionState.LIVE, VersionState.SUPERSEDED)]


def refused_files(reports: Iterable[Mapping[str, Any]], known: Iterable[str]) -> dict[str, str]:
    """Files of upload reports, newest first, that never became a document: name and reason.

    One that a later upload brought in, or whose name is `known` by now, is not among them.
    """
    settled = set(known)
    refused: dict[str, str] = {}
    for report in reports:
        for one in report["documents"]:
            name = one["document"]
            if name in settled:
                continue
            settled.add(name)
            if one["document_id"] is None and one["problems"]:
                refused[name] = one["problems"][0]["reason"]
    return refused
