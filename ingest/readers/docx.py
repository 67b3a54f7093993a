"""Word documents (.docx, .docm and templates): what a reader of the page sees, page by page.

A Word file has no fixed pages. A page ends here where its author put a page or section break and where
Word noted one at the last save; a file with neither is one page. Page headers and footers follow the last
page's text, each once; what large pictures say follows the text of their page. Text that nobody sees is
kept apart. Formatting changes are not told.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from ingest.readers.base import DEFAULT, Attachment, Reading, ReadOptions, storable
from ingest.readers.docx_parts import Parts
from ingest.readers.docx_styles import W
from ingest.readers.docx_text import HARD, HIDDEN, PICTURE, SOFT, WordText
from ingest.readers.office_crypto import open_office
from ingest.readers.office_pictures import Pictures
from ingest.readers.ooxml import Package, file_flags
from ingest.readers.ooxml_drawings import embedded
from ingest.unseen import MAX_HIDDEN, unseen
from storage.records import Hidden, Page, ReadBy

# Word notes a rendered break right after the one that its author made: one page, not two.
_TWICE = re.compile(f"{HARD}((?:{HIDDEN.pattern}|{PICTURE.pattern}|[ \\t\\n])*){SOFT}")
_PAGE = re.compile(f"[{HARD}{SOFT}]")


class DocxReader:
    """Reads Word documents."""

    def read(self, path: Path, options: ReadOptions = DEFAULT, *, first_page: int = 1) -> Reading:
        """See `Reader.read`."""
        package = Package(open_office(path, options), what="a Word document")
        parts = Parts(package)
        text = WordText(parts, with_hidden=options.with_hidden)
        text.drawings.enter(parts.main)
        pages = _split("\n\n".join(one for one in text.blocks(parts.body) if one.strip(" \t\n")))
        extras = [*_margins(parts, text), *text.untold_comments()]
        pages[-1] = "\n\n".join(one for one in (pages[-1], *extras) if one)
        problem = _problem(package, parts.main)
        lost = ", ".join(parts.lost())
        at_end = f"its {lost} are missing or damaged; get the file from its author again" if lost else None
        pictures = Pictures(package, options)
        made = (
            _page(number, page, text, pictures, problem or (at_end if number == len(pages) else None))
            for number, page in enumerate(pages, 1)
            if number >= first_page
        )
        return Reading(
            len(pages),
            made,
            title=package.title(),
            flags=_flags(parts),
            attachments=_attachments(package, text),
        )


def _split(text: str) -> list[str]:
    text = _TWICE.sub(rf"{HARD}\1", text).lstrip(HARD + SOFT + "\n")
    pages = [page.strip("\n") for page in _PAGE.split(text)]
    # After the last break there is often nothing.
    return pages[:-1] if len(pages) > 1 and not pages[-1] else pages


def _page(number: int, text: str, words: WordText, pictures: Pictures, problem: str | None) -> Page:
    found = [words.hidden[int(index)] for index in HIDDEN.findall(text)]
    kept = tuple(Hidden(storable(one.text)[:MAX_HIDDEN], one.why) for one in _joined(found))
    shown = [words.drawings.pictures[int(index)] for index in PICTURE.findall(text)]
    text = re.sub(r"\n{3,}", "\n\n", PICTURE.sub("", HIDDEN.sub("", text))).strip("\n")
    read, unread = pictures.lines(shown)
    by = ReadBy.OCR if read and not text else ReadBy.TEXT
    text = storable("\n\n".join(one for one in (text, *read) if one))
    return Page(number, text, by, 1.0, problem=problem or unread, hidden=(*kept, *unseen(text)))


def _joined(hidden: list[Hidden]) -> Iterator[Hidden]:
    """Hidden texts that follow one another and hide alike, as one."""
    last: Hidden | None = None
    for one in hidden:
        if last is not None and last.why == one.why:
            last = Hidden(f"{last.text} {one.text}", one.why)
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def _margins(parts: Parts, text: WordText) -> Iterator[str]:
    seen: set[str] = set()
    for name, part, shown, root in parts.margins():
        text.drawings.enter(part)
        words = _PAGE.sub("\n", "\n".join(one for one in text.blocks(root) if one.strip()))
        if not HIDDEN.sub("", words).strip() or words in seen:
            continue
        seen.add(words)
        if shown:
            yield f"[page {name}] {words}"
        else:
            text.hidden.append(Hidden(HIDDEN.sub("", words), f"in a page {name} that no page shows"))
            yield f"\0{len(text.hidden) - 1}\0"


def _problem(package: Package, main: str) -> str | None:
    if main not in package.damaged:
        return None
    return "the document is damaged and part of its text may be missing; open it in Word and save it again"


def _flags(parts: Parts) -> tuple[str, ...]:
    root = parts.root
    flags = [*file_flags(parts.package)]
    changed = next(root.iter(f"{W}ins", f"{W}del", f"{W}moveTo", f"{W}moveFrom"), None) is not None
    if changed:
        names = sorted(name for name in parts.authors if name)
        by = f" by {', '.join(names[:5])}" if names else ""
        flags.append(f"has tracked changes{by}; they read [inserted: ...] and [deleted: ...]")
    if parts.comments:
        flags.append(f"has {len(parts.comments)} comments, which are part of the text")
    damaged = {name for name in parts.package.damaged if name != parts.main}
    if damaged:
        flags.append(f"has {len(damaged)} damaged parts, which may be missing here")
    return tuple(flags)


def _attachments(package: Package, text: WordText) -> Iterator[Attachment]:
    for part in dict.fromkeys(text.drawings.parts_of_document):
        data = package.part(part)
        yield Attachment(
            posixpath.basename(part), data, None if data is not None else "is missing from the document"
        )
    yield from embedded(package)
