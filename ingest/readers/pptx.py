"""Presentations (.pptx, .pptm, shows and templates): one page a slide, in the order of the show.

Texts stand from top to bottom and left to right, charts with their values, the speaker's notes last. Text
that a slide only inherits from its master is not repeated. Hidden slides keep their number, and their text
is kept apart. Animations, sound and video are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.readers.base import DEFAULT, Reading, ReadOptions, Unreadable, storable
from ingest.readers.office_crypto import open_office
from ingest.readers.office_pictures import Pictures
from ingest.readers.ooxml import Package, file_flags, is_on, local
from ingest.readers.ooxml_drawings import embedded
from ingest.readers.pptx_slide import Slide
from ingest.unseen import MAX_HIDDEN, unseen
from storage.records import Hidden, Page, ReadBy

_REL_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_MAX_LABEL = 120
_ON_HIDDEN_SLIDE = "on a hidden slide"


@dataclass(frozen=True, slots=True)
class _Listed:
    part: str
    hidden: bool


class PptxReader:
    """Reads PowerPoint presentations."""

    def read(self, path: Path, options: ReadOptions = DEFAULT, *, first_page: int = 1) -> Reading:
        """See `Reader.read`."""
        package = Package(open_office(path, options), what="a presentation")
        main = package.main_part("ppt/presentation.xml")
        root = package.xml(main)
        if root is None or local(root) != "presentation":
            raise Unreadable("is not a presentation that we can open; save it again as .pptx")
        slides = list(_slides(package, main, root))
        if not slides:
            raise Unreadable("has no slides")
        authors = _authors(package, main)
        pictures = Pictures(package, options)
        pages = (
            _page(package, number, slide, authors, pictures, with_hidden=options.with_hidden)
            for number, slide in enumerate(slides, 1)
            if number >= first_page
        )
        hidden = [str(number) for number, slide in enumerate(slides, 1) if slide.hidden]
        flags = [*file_flags(package)]
        if hidden:
            flags.append(f"has hidden slides: {', '.join(hidden[:20])}{' ...' if len(hidden) > 20 else ''}")
        return Reading(
            len(slides), pages, title=package.title(), flags=tuple(flags), attachments=embedded(package)
        )


def _slides(package: Package, main: str, root: Any) -> Iterator[_Listed]:
    relations = package.relations(main)
    listed = [one.get(_REL_ID, "") for one in root.iter() if local(one) == "sldId"]
    if not listed:
        # A damaged list of slides does not make the slides themselves unreadable.
        listed = [key for key, one in relations.items() if one.kind == "slide"]
    for identity in listed:
        relation = relations.get(identity)
        part = relation.target if relation and not relation.external else ""
        slide = package.xml(part) if part else None
        yield _Listed(part, slide is not None and not is_on(slide.get("show", "1")))


def _page(
    package: Package,
    number: int,
    listed: _Listed,
    authors: dict[str, str],
    pictures: Pictures,
    *,
    with_hidden: bool,
) -> Page:
    root = package.xml(listed.part) if listed.part else None
    if root is None:
        reason = f"slide {number} is missing from the file or damaged; get it again from its author"
        return Page(number, "", ReadBy.NONE, 0.0, problem=reason)
    slide = Slide(package, listed.part, root, with_hidden=with_hidden)
    blocks = [*slide.blocks(), *slide.notes(), *_comments(package, slide, authors)]
    text = "\n\n".join(blocks)
    read, unread = pictures.lines(slide.pictures)
    by = ReadBy.OCR if read and not text else ReadBy.TEXT
    text = storable("\n\n".join((*([text] if text else []), *read)))
    hidden = [Hidden(storable(one.text)[:MAX_HIDDEN], one.why) for one in slide.hidden]
    if listed.hidden and text:
        hidden.insert(0, Hidden(text[:MAX_HIDDEN], _ON_HIDDEN_SLIDE))
        text = text if with_hidden else ""
    problem = unread
    if listed.part in package.damaged:
        problem = f"slide {number} is damaged and part of it may be missing; save it again in PowerPoint"
    label = storable(slide.title[:_MAX_LABEL]) or None
    return Page(number, text, by, 1.0, problem=problem, label=label, hidden=(*hidden, *unseen(text)))


def _authors(package: Package, main: str) -> dict[str, str]:
    found = {}
    for relation in package.relations(main).values():
        if relation.kind in ("commentAuthors", "authors") and not relation.external:
            root = package.xml(relation.target)
            for one in root.iter() if root is not None else ():
                if one.get("id") is not None and one.get("name"):
                    found[one.get("id")] = one.get("name")
    return found


def _comments(package: Package, slide: Slide, authors: dict[str, str]) -> Iterator[str]:
    for relation in slide.relations.values():
        if relation.kind != "comments" or relation.external:
            continue
        root = package.xml(relation.target)
        for one in root.iter() if root is not None else ():
            if local(one) not in ("cm", "reply"):
                continue
            # A newer comment holds its replies, which come by themselves.
            own = (child for child in one if local(child) in ("text", "txBody"))
            words = " ".join(" ".join("".join(child.itertext()) for child in own).split())
            if words:
                author = authors.get(one.get("authorId", ""), "")
                by = f" by {author}" if author else ""
                yield f"[comment{by}] {words}"
