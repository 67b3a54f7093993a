"""HTML: the visible text of one page, blocks apart by a blank line, table rows on lines of their own.

Scripts, styles, comments and bars of links are dropped. What a browser would not show goes to the page's
hidden text (`ingest.readers.html_hidden`). Nothing outside the file is ever fetched, and no entity is
resolved that is not in HTML itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from ingest.encodings import Decoded, decoded, replaced
from ingest.readers.base import DEFAULT, STRUCK, Reading, ReadOptions, Unreadable, raised, storable
from ingest.readers.html_hidden import Concealment, Look, hidden_because, look_of
from ingest.readers.html_lists import ListNumbers
from ingest.readers.text import quality
from ingest.unseen import MAX_HIDDEN, unseen
from storage.records import Hidden, Page, ReadBy

_DROPPED = frozenset(
    [
        "script", "style", "noscript", "template", "head", "iframe", "object", "embed", "applet",
        "datalist", "defs"
    ]
)  # fmt: skip
_BLOCKS = frozenset(
    [
        "address", "article", "aside", "blockquote", "body", "caption", "center", "details", "dialog",
        "div", "dl", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4",
        "h5", "h6", "header", "hr", "html", "legend", "main", "nav", "ol", "p", "pre", "section", "summary",
        "svg", "table", "ul"
    ]
)  # fmt: skip
_SILENT_INPUTS = frozenset(
    [
        "hidden", "button", "submit", "reset", "image", "checkbox", "radio", "file", "password"
    ]
)  # fmt: skip
_STRUCK = f"[{STRUCK}: "
_DELETED = "[deleted: "
_CHANGES = {"del": _DELETED, "ins": "[inserted: ", "s": _STRUCK, "strike": _STRUCK}
_SWALLOWING = ("title", "script", "style", "textarea", "noscript", "template")
"""Elements that take in what follows as long as they are not closed."""
_LINES = frozenset(["li", "option", "text", "dd", "dt"])
_INDENT = re.compile(r"(?<=\n)[ \t]+")
_INDENTED = "\x1f"
"""Stands for a space that begins a preformatted line until the others are tidied away."""
_SPACES = re.compile(r"[ \t\r\n\f]+")
_NEWLINES = re.compile(r"[ \t]*\n[ \t]*")
_GAPS = re.compile(r"\n{3,}")
_DECLARED = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([A-Za-z0-9._:-]+)", re.I)
_DECLARED_WITHIN = 4_096
_GLUED_BEFORE = frozenset(("$", "\u20ac", "\u00a3", "\u00a5", "(", "($", "(\u20ac", "(\u00a3"))
_GLUED_AFTER = frozenset((")", "%", ")%", "%)"))
_MAX_ENTRIES = 200
_MOST_FRAMES = 5


@dataclass(frozen=True, slots=True)
class HtmlText:
    """What a browser would show of HTML, and what it would not."""

    text: str
    title: str | None
    hidden: tuple[Hidden, ...]


class HtmlReader:
    """Reads saved web pages and HTML filings."""

    def read(
        self,
        path: Path,
        options: ReadOptions = DEFAULT,
        *,
        first_page: int = 1,  # noqa: ARG002 - one page
    ) -> Reading:
        """See `Reader.read`."""
        found = markup(path.read_bytes())
        html = html_text(found.text, with_hidden=options.with_hidden)
        hidden = (*html.hidden, *unseen(html.text))
        problem = replaced(html.text) or _swallowed(found.text)
        page = Page(1, html.text, ReadBy.TEXT, quality(found), problem, hidden=hidden)
        return Reading(1, iter([page]), title=html.title, flags=found.flags)


def markup(data: bytes, declared: str | None = None) -> Decoded:
    """HTML as characters: `declared` (a mail says it outside) goes before what the file says of itself."""
    if not declared and (found := _DECLARED.search(data[:_DECLARED_WITHIN])):
        declared = found[1].decode("ascii")
    return decoded(data, declared)


def _swallowed(source: str) -> str | None:
    """A problem in words if part of the source can be shown by no browser, or lies in other files."""
    lower = source.lower()
    for tag in _SWALLOWING:
        opened = [found for found in re.finditer(rf"<{tag}(?=[\s>])[^>]*>", lower) if found[0][-2] != "/"]
        if opened and lower.find(f"</{tag}", opened[-1].end()) < 0:
            return f"its <{tag}> is never closed: what follows is not shown or read; ask for another copy"
    if lower.rfind("<!--") > max(lower.rfind("-->"), lower.rfind("</script"), lower.rfind("</style")):
        return "a comment in it is never closed: what follows is not shown or read; ask for another copy"
    if re.search(r"<frame\s[^>]*src", lower):
        return "it shows other files in frames, which are not part of it; add those"
    return None


def html_text(source: str, *, with_hidden: bool = False) -> HtmlText:
    """The visible text of HTML; `with_hidden` keeps the hidden text at its place too.

    Raises:
        Unreadable: its elements are nested deeper than the parser goes.
    """
    # Depth is refused by the parser itself; without `huge_tree` it would stop at 256 and keep silent.
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, no_network=True)
    data = storable(source).lstrip("\ufeff").replace(_INDENTED, " ").encode()
    try:
        root = etree.fromstring(data, parser) if data.strip() else None
    except (etree.ParserError, etree.XMLSyntaxError):
        root = None
    if any(
        error.type_name == "ERR_DOCUMENT_TOO_DEEP" or "depth" in error.message for error in parser.error_log
    ):
        raise Unreadable("nests its elements too deeply; print it to PDF")
    if root is None:
        return HtmlText("", None, ())
    walk = _Walk(root, with_hidden=with_hidden)
    title = root.find(".//title")
    shown = " ".join("".join(title.itertext()).split()) if title is not None else ""
    return HtmlText(_tidied(walk.run()).replace(_INDENTED, " "), shown or None, tuple(walk.hidden))


class _Walk:
    """Goes through a tree once, element by element, with a stack of its own for what encloses it."""

    def __init__(self, root: etree._Element, *, with_hidden: bool) -> None:
        self._root = root
        self._with_hidden = with_hidden
        self._concealment = Concealment(root)
        self._looks = [Look()]
        self._lines = _Lines()
        self.hidden: list[Hidden] = []

    def run(self) -> str:
        left_out: etree._Element | None = None
        for event, element in etree.iterwalk(self._root, events=("start", "end", "comment", "pi")):
            if left_out is not None:
                if event == "end" and element is left_out:
                    left_out = None
                    self._take(element.tail, element.getparent())
            elif event in ("comment", "pi"):
                self._take(element.tail, element.getparent())
            elif event == "end":
                self._looks.pop()
                self._lines.close(element)
                self._take(element.tail, element.getparent())
            else:
                style = self._concealment.style(element)
                if self._is_left_out(element, style):
                    left_out = element
                    continue
                self._looks.append(look_of(element, style, self._looks[-1]))
                self._lines.open(element, style)
                self._take(_value(element), element)
        return self._lines.text

    def _take(self, text: str | None, parent: etree._Element | None) -> None:
        if not text:
            return
        why = self._looks[-1].why
        if why and text.strip():
            self._hide(text, why)
            if not self._with_hidden:
                return
        self._lines.add(text, parent)

    def _is_left_out(self, element: etree._Element, style: Mapping[str, str]) -> bool:
        is_dropped = element.tag in _DROPPED and not element.get("srcdoc")
        if is_dropped or (element.tag == "nav" and _only_links(element)):
            return True
        if not (why := hidden_because(element, style)):
            return False
        self._hide(" ".join(_words_of(element)), why)
        return not self._with_hidden

    def _hide(self, text: str, why: str) -> None:
        text = " ".join(text.split())
        if text and self.hidden and self.hidden[-1].why == why and len(self.hidden) >= _MAX_ENTRIES:
            text = f"{self.hidden.pop().text} {text}"
        if text and len(self.hidden) < _MAX_ENTRIES:
            self.hidden.append(Hidden(text[:MAX_HIDDEN], why))


class _Lines:
    """Text as it grows: blocks apart, rows on lines, cells between bars."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._cells: list[list[str]] = []
        self._starts: list[int] = []
        self._preformatted = 0
        self._marks: list[str] = []
        self._lists: list[ListNumbers] = []

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def add(self, text: str | None, parent: etree._Element | None) -> None:
        if text and (parent is None or parent.tag not in ("tr", "tbody", "thead", "tfoot", "table")):
            self._pieces.append(_kept(text) if self._preformatted else _SPACES.sub(" ", text))
        elif text and text.strip():
            # Misplaced, but text.
            self._pieces.append(_SPACES.sub(" ", text))

    def open(self, element: etree._Element, style: Mapping[str, str]) -> None:
        tag = element.tag
        if tag == "br":
            self._pieces.append("\n")
        elif tag == "tr":
            self._new_line()
            self._cells.append([])
        elif tag in ("td", "th") and self._cells:
            self._starts.append(len(self._pieces))
        elif tag in _LINES:
            self._new_line()
        elif tag in _BLOCKS:
            self._pieces.append("\n\n")
            self._preformatted += tag == "pre"
        if tag in ("ol", "ul"):
            self._lists.append(ListNumbers.of(element, style))
        elif tag == "li" and self._lists:
            self._pieces.append(self._lists[-1].next(element, style))
        if tag == "sup" or style.get("vertical-align") in ("super", "text-top"):
            self._pieces.append(raised(self._last, "".join(_words_of(element)).strip()[:1])[:-1])
        mark = _CHANGES.get(tag) or (_STRUCK if _has_line(style) else "")
        if mark == _STRUCK and not {_STRUCK, _DELETED}.isdisjoint(self._marks):
            mark = ""
        self._marks.append(mark)
        if mark:
            self._pieces.append(mark)

    @property
    def _last(self) -> str:
        return next((one for one in reversed(self._pieces) if one.strip(" ")), "\n")

    def _new_line(self) -> None:
        if not self._last.endswith("\n"):
            self._pieces.append("\n")

    def close(self, element: etree._Element) -> None:
        tag = element.tag
        if tag == "tr" and self._cells:
            # Before its mark: only now do its cells have a text.
            self._pieces.append(_row(self._cells.pop()) + "\n")
        if mark := self._marks.pop():
            self._close_change(mark)
        if tag in ("ol", "ul") and self._lists:
            self._lists.pop()
        if tag in ("td", "th") and self._cells and self._starts:
            start = self._starts.pop()
            self._cells[-1].append("".join(self._pieces[start:]))
            del self._pieces[start:]
        elif tag in _LINES:
            self._new_line()
        elif tag in _BLOCKS:
            self._pieces.append("\n\n")
            self._preformatted -= tag == "pre"

    def _close_change(self, begin: str) -> None:
        at = len(self._pieces) - 1 - self._pieces[::-1].index(begin)
        changed = "".join(self._pieces[at + 1 :])
        space = changed[len(changed.rstrip()) :]
        self._pieces[at:] = [f"{begin}{changed.strip()}]{space}"] if changed.strip() else [changed]


def _has_line(style: Mapping[str, str]) -> bool:
    lines = style.get("text-decoration", "") + style.get("text-decoration-line", "")
    return "line-through" in lines


def _row(cells: list[str]) -> str:
    # A table may hold a table (layouts do); such a cell keeps its lines.
    tidy = [_tidied(cell) for cell in cells]
    filled = [cell if "\n\n" in cell else _SPACES.sub(" ", cell) for cell in tidy if cell]
    row = ""
    for cell in filled:
        # Filings put the sign of a figure into a cell of its own.
        glued = not row or row.rpartition(" | ")[2] in _GLUED_BEFORE or cell in _GLUED_AFTER
        row += cell if glued else f" | {cell}"
    return row


def _kept(text: str) -> str:
    return _INDENT.sub(lambda found: _INDENTED * len(found[0].expandtabs()), text.replace("\r\n", "\n"))


def _tidied(text: str) -> str:
    return _GAPS.sub("\n\n", _NEWLINES.sub("\n", text)).strip()


def _value(element: etree._Element) -> str:
    """What an element shows at its beginning: its text, or what is filled into a form's field."""
    if element.tag == "input" and element.get("type", "text").lower() not in _SILENT_INPUTS:
        return f" {element.get('value', '')} "
    if element.tag == "iframe" and (frame := element.get("srcdoc")):
        # A frame may hold frames; those of a page have none.
        deep = frame.count("srcdoc") > _MOST_FRAMES
        return " [a frame that was not read] " if deep else f" {html_text(frame).text} "
    if element.tag == "input" and element.get("type", "").lower() in ("checkbox", "radio"):
        return "[x] " if element.get("checked") is not None else "[ ] "
    return str(element.text or "")


def _only_links(element: etree._Element) -> bool:
    """True for a bar of links that lead away: not for a table of contents."""
    links = [one for one in element.iter("a") if not one.get("href", "#").startswith("#")]
    inside = sum(len("".join(_words_of(one)).strip()) for one in links)
    return bool(links) and inside >= len("".join("".join(_words_of(element)).split()))


def _words_of(element: etree._Element) -> Iterator[str]:
    for one in element.iter():
        if one.tag in _DROPPED or not isinstance(one.tag, str):
            continue
        if one.text:
            yield one.text
        if one is not element and one.tail:
            yield one.tail
