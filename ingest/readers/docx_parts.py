"""The parts of a Word file beside its text: styles, lists, notes, comments, page headers and footers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.readers.base import Unreadable
from ingest.readers.docx_styles import VAL, Styles, W
from ingest.readers.ooxml import Package, is_on, local

_REL_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_NOT_NOTES = ("separator", "continuationSeparator", "continuationNotice")
_WITH_TEXT = {
    "comments": "comments",
    "endnotes": "endnotes",
    "footnotes": "footnotes",
    "footer": "page footers",
    "header": "page headers",
    "chart": "charts",
    "diagramData": "diagrams",
}
_NOT_WORD = "is not a Word document that we can open; save it again as .docx"


class Parts:
    """What a Word file consists of.

    Raises:
        Unreadable: it has no text that we can find.
    """

    def __init__(self, package: Package) -> None:
        self.package = package
        self.main = package.main_part("word/document.xml")
        self.root = package.xml(self.main)
        body = self.root.find(f"{W}body") if self.root is not None else None
        if body is None:
            raise Unreadable(_NOT_WORD)
        self.body = body
        self._relations = package.relations(self.main)
        self.styles = Styles(self._first("styles"))
        self.numbering = self._first("numbering")
        self.footnotes = self._by_id("footnotes")
        self.endnotes = self._by_id("endnotes")
        self.comments = self._by_id("comments")
        self.authors = {
            one.get(f"{W}author", "")
            for root in (self.root, self._first("footnotes"), self._first("endnotes"))
            if root is not None
            for one in root.iter(
                *(f"{W}{name}" for name in ("ins", "del", "moveFrom", "moveTo", "cellIns", "cellDel"))
            )
        }
        """Of tracked changes."""

    def lost(self) -> list[str]:
        """Parts with text that the document names and the file does not hold, or not whole; as people say."""
        named = {one.target: one.kind for one in self._relations.values() if not one.external}
        return sorted(
            {
                _WITH_TEXT[kind]
                for target, kind in named.items()
                if kind in _WITH_TEXT and (not self.package.size(target) or target in self.package.damaged)
            }
        )

    def margins(self) -> Iterator[tuple[str, str, bool, Any]]:
        """Headers and footers: `header` or `footer`, the part's name, if any page shows it, its root."""
        settings = self._first("settings")
        even = settings.find(f"{W}evenAndOddHeaders") if settings is not None else None
        has_even = even is not None and is_on(even.get(VAL))
        seen: set[str] = set()
        for section in self.root.iter(f"{W}sectPr"):
            first = section.find(f"{W}titlePg")
            has_first = first is not None and is_on(first.get(VAL))
            for reference in section:
                name = local(reference).removesuffix("Reference")
                relation = self._relations.get(reference.get(_REL_ID, ""))
                if name not in ("header", "footer") or relation is None or relation.target in seen:
                    continue
                kind = reference.get(f"{W}type", "default")
                shown = (kind != "first" or has_first) and (kind != "even" or has_even)
                root = self.package.xml(relation.target)
                if root is not None:
                    seen.add(relation.target)
                    yield name, relation.target, shown, root

    def _first(self, kind: str) -> Any:
        for relation in self._relations.values():
            if relation.kind == kind and not relation.external:
                return self.package.xml(relation.target)
        return None

    def _by_id(self, kind: str) -> dict[str, Any]:
        root = self._first(kind)
        if root is None:
            return {}
        return {
            one.get(f"{W}id", ""): one
            for one in root
            if isinstance(one.tag, str) and one.get(f"{W}type") not in _NOT_NOTES
        }
