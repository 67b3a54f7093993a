"""HTML: the visible text of one page, blocks apart by a blank line, table rows on lines of their own.

Scripts, styles and comments are dropped. Nothing outside the file is ever fetched: the parser builds a
tree and resolves no entity that is not in HTML itself.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup, UnicodeDammit, XMLParsedAsHTMLWarning
from bs4.element import Comment, Declaration, Doctype, NavigableString, PreformattedString, Tag

from ingest.readers.base import DEFAULT, Reading, ReadOptions, Unreadable, storable
from ingest.readers.text import guessed_encoding
from storage.records import Page, ReadBy

_DROPPED = frozenset({"script", "style", "noscript", "template", "head", "svg", "iframe", "object", "select"})
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "ul",
    ]
)
_SPACES = re.compile(r"[ \t\r\n\f]+")
_NEWLINES = re.compile(r"[ \t]*\n[ \t]*")
_GAPS = re.compile(r"\n{3,}")
_DECLARED = re.compile(rb"charset\s*=", re.I)


class HtmlReader:
    """Reads saved web pages and HTML filings."""

    def read(
        self,
        path: Path,
        options: ReadOptions = DEFAULT,  # noqa: ARG002
        *,
        first_page: int = 1,  # noqa: ARG002 - one page
    ) -> Reading:
        """See `Reader.read`."""
        text, title = html_text(path.read_bytes())
        return Reading(1, iter([Page(1, storable(text), ReadBy.TEXT, 1.0)]), title=title)


def html_text(data: bytes | str) -> tuple[str, str | None]:
    """The visible text of HTML, and its title."""
    with warnings.catch_warnings():
        # XHTML reads well enough as HTML, and the XML parser would be the one that resolves entities.
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        try:
            soup = BeautifulSoup(data if isinstance(data, str) else _decoded(data), "lxml")
            text = "".join(_pieces(soup))
        except RecursionError as error:
            raise Unreadable("nests its elements too deeply; print it to PDF") from error
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    return _GAPS.sub("\n\n", _NEWLINES.sub("\n", text)).strip(), title or None


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        known = [] if _DECLARED.search(data[:4096]) else [guessed_encoding(data)]
    markup = UnicodeDammit(data, known_definite_encodings=known, is_html=True).unicode_markup
    return markup if markup is not None else data.decode("utf-8", errors="replace")


def _pieces(node: Tag) -> Iterator[str]:
    for child in node.children:
        if isinstance(child, Tag):
            yield from _element(child)
        elif isinstance(child, NavigableString) and not isinstance(
            child, (Comment, Declaration, Doctype, PreformattedString)
        ):
            yield str(child) if node.name == "pre" else _SPACES.sub(" ", str(child))


def _element(tag: Tag) -> Iterator[str]:
    if tag.name in _DROPPED:
        return
    if tag.name == "br":
        yield "\n"
    elif tag.name == "tr":
        yield "\n" + _row(tag) + "\n"
    elif tag.name in _BLOCKS:
        gap = "\n" if tag.name == "li" else "\n\n"
        yield gap
        yield from _pieces(tag)
        yield gap
    else:
        yield from _pieces(tag)


def _row(row: Tag) -> str:
    # A table may hold a table (layouts do); such a cell keeps its lines.
    cells = ["".join(_pieces(cell)).strip() for cell in row.find_all(["td", "th"], recursive=False)]
    if not cells:
        return "".join(_pieces(row)).strip()
    filled = [cell for cell in cells if cell]
    return " | ".join(_SPACES.sub(" ", cell) if "\n\n" not in cell else cell for cell in filled)
