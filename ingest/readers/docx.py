"""Word documents: paragraphs and tables in order, then headers, footers, notes and comments.

A Word file has no fixed pages. A page ends here where its author put a page break or where Word noted one
at the last save (`w:lastRenderedPageBreak`); a file with neither is one page. Deleted text of tracked
changes is left out, inserted text is kept, and a flag says that there are changes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from docx import Document
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from lxml import etree  # type: ignore[import-untyped]

from ingest.readers.base import DEFAULT, Reading, ReadOptions, Unreadable, storable
from storage.records import Page, ReadBy

_MAX_UNPACKED = 1 << 30
_BREAK = "\f"
_NOTES = ("footnotes", "endnotes", "comments")
_NOT_NOTES = ("separator", "continuationSeparator", "continuationNotice")
_P, _TBL, _TR, _TC = qn("w:p"), qn("w:tbl"), qn("w:tr"), qn("w:tc")
_SKIPPED = frozenset({qn("w:del"), qn("w:moveFrom"), qn("w:instrText"), qn("w:pPr"), qn("w:rPr")})
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_DAMAGED = (
    PackageNotFoundError,
    zipfile.BadZipFile,
    etree.XMLSyntaxError,
    KeyError,
    ValueError,
    AttributeError,
    OSError,
)


class DocxReader:
    """Reads Word documents (.docx)."""

    def read(
        self,
        path: Path,
        options: ReadOptions = DEFAULT,  # noqa: ARG002
        *,
        first_page: int = 1,
    ) -> Reading:
        """See `Reader.read`."""
        try:
            with zipfile.ZipFile(path) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > _MAX_UNPACKED:
                    raise Unreadable("unpacks to more than a gibibyte; save it again without its pictures")
            document = Document(str(path))
            body = _blocks(document.element.body)
            extras = [*_margins(document), *_notes(document)]
        except _DAMAGED as error:
            raise Unreadable("is not a Word document that we can open; save it again as .docx") from error
        texts = _pages(body)
        texts[-1] = "\n\n".join(one for one in (texts[-1], *extras) if one)
        pages = (
            Page(n, storable(text), ReadBy.TEXT, 1.0) for n, text in enumerate(texts, 1) if n >= first_page
        )
        root = document.element
        changed = next(root.iter(qn("w:ins"), qn("w:del"), qn("w:moveTo")), None) is not None
        flags = ("has tracked changes; inserted text is read, deleted text is not",) if changed else ()
        return Reading(len(texts), pages, title=document.core_properties.title or None, flags=flags)


def _pages(blocks: Iterable[str]) -> list[str]:
    pages: list[list[str]] = [[]]
    for block in blocks:
        first, *others = block.split(_BREAK)
        pages[-1].append(first)
        pages.extend([other] for other in others)
    texts = ["\n\n".join(one.strip("\n") for one in page if one.strip()) for page in pages]
    # Word notes a rendered break right after the one that its author made: one page, not two.
    return [text for text in texts if text] or [""]


def _blocks(parent: Any) -> Iterator[str]:
    for child in parent:
        if child.tag == _P:
            yield _paragraph(child)
        elif child.tag == _TBL:
            yield "\n".join(_rows(child))
        elif child.tag not in _SKIPPED and isinstance(child.tag, str):
            # Content controls, custom XML and tracked moves wrap paragraphs.
            yield from _blocks(child)


def _rows(table: Any) -> Iterator[str]:
    for row in table.iter(_TR):
        if next(row.iterancestors(_TBL)) is not table:
            continue
        cells = [
            " ".join(" ".join(block.split()) for block in _blocks(cell) if block.strip())
            for cell in row.iter(_TC)
            if next(cell.iterancestors(_TR)) is row
        ]
        if any(cells):
            yield " | ".join(cell for cell in cells if cell)


def _paragraph(paragraph: Any) -> str:
    return "".join(_runs(paragraph))


def _runs(node: Any) -> Iterator[str]:
    for child in node:
        tag = child.tag
        if tag in _SKIPPED or tag == _FALLBACK or not isinstance(tag, str):
            continue
        if tag == qn("w:t"):
            yield child.text or ""
        elif tag in (qn("w:tab"), qn("w:ptab")):
            yield "\t"
        elif tag == qn("w:br"):
            yield _BREAK if child.get(qn("w:type")) == "page" else "\n"
        elif tag == qn("w:cr"):
            yield "\n"
        elif tag == qn("w:lastRenderedPageBreak"):
            yield _BREAK
        elif tag == qn("w:noBreakHyphen"):
            yield "-"
        elif tag == qn("w:footnoteReference"):
            yield f"[{child.get(qn('w:id'))}]"
        elif tag == qn("w:txbxContent"):
            yield "\n" + "\n".join(_blocks(child)) + "\n"
        else:
            yield from _runs(child)


def _margins(document: Any) -> Iterator[str]:
    """Headers and footers, each text once however many sections repeat it."""
    seen: set[str] = set()
    for section in document.sections:
        for part in (
            section.first_page_header,
            section.header,
            section.even_page_header,
            section.first_page_footer,
            section.footer,
            section.even_page_footer,
        ):
            if part.is_linked_to_previous:
                continue
            text = "\n".join(one for one in _blocks(part._element) if one.strip()).replace(_BREAK, "\n")
            if text and text not in seen:
                seen.add(text)
                yield text


def _notes(document: Any) -> Iterator[str]:
    for relation in document.part.rels.values():
        kind = relation.reltype.rsplit("/", 1)[-1]
        if kind not in _NOTES or relation.is_external:
            continue
        root = etree.fromstring(
            relation.target_part.blob,
            etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False),
        )
        for note in root:
            if note.get(qn("w:type")) in _NOT_NOTES:
                continue
            text = " ".join(" ".join(_blocks(note)).replace(_BREAK, " ").split())
            if text:
                yield f"[{note.get(qn('w:id'))}] {text}" if kind != "comments" else f"Comment: {text}"
