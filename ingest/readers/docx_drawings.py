"""What drawings in a Word file say: text boxes, charts, diagrams, watermarks, pictures' descriptions."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import Any

from ingest.readers.ooxml import Package, Relation, local
from ingest.readers.ooxml_drawings import alt_text, chart_lines, diagram_lines, paragraphs

_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


class Drawings:
    """Reads the drawings of the part that `enter` named last."""

    def __init__(self, package: Package, words_of: Callable[[Any], str]) -> None:
        self._package, self._words_of = package, words_of
        self._relations: dict[str, Relation] = {}
        self.pictures: list[str] = []
        """Parts that hold the pictures met so far, in order."""
        self.parts_of_document: list[str] = []
        """Files that the document shows as part of its own text."""

    def enter(self, part: str) -> None:
        """From now on drawings belong to this part."""
        self._relations = self._package.relations(part)

    def part_of_document(self, element: Any) -> str:
        """A line for a file that stands in the place of text."""
        target = self._target(element.get(f"{_R}id"))
        if not target:
            return ""
        self.parts_of_document.append(target)
        return f"[here stands the file {posixpath.basename(target)}, read as a document of its own]"

    def words(self, node: Any) -> tuple[str, list[str]]:
        """What a drawing says in its line, and its text boxes, charts and diagrams."""
        inline: list[str] = []
        boxes: list[str] = []
        self._walk(node, inline, boxes)
        return "".join(inline), [box for box in boxes if box.strip()]

    def _walk(self, node: Any, inline: list[str], boxes: list[str]) -> None:
        name = local(node)
        if name == "AlternateContent":
            self._alternatives(node, inline, boxes)
            return
        if name == "txbxContent":
            boxes.append(self._words_of(node))
            return
        if name == "txBody":
            boxes.append("\n".join(paragraphs(node)))
            return
        if name == "t":
            # What stands in for a sign that older programs don't know.
            inline.append(node.text or "")
        elif name == "docPr" and (words := alt_text(node)):
            inline.append(f"[picture: {words}]")
        elif name == "textpath" and (words := " ".join(node.get("string", "").split())):
            boxes.append(f"[watermark: {words}]")
        elif name in ("blip", "imagedata"):
            if target := self._target(node.get(f"{_R}embed") or node.get(f"{_R}id")):
                self.pictures.append(target)
            elif node.get(f"{_R}link"):
                inline.append("[a picture that is kept outside the file]")
        elif name == "OLEObject" and (target := self._target(node.get(f"{_R}id"))):
            inline.append(f"[embedded file {posixpath.basename(target)}]")
        elif name == "chart" and (root := self._part(node.get(f"{_R}id"))) is not None:
            boxes.append("\n".join(chart_lines(root, with_values=True)))
        elif name == "relIds" and (root := self._part(node.get(f"{_R}dm"))) is not None:
            boxes.append("\n".join(diagram_lines(root)))
        for child in node:
            self._walk(child, inline, boxes)

    def _alternatives(self, node: Any, inline: list[str], boxes: list[str]) -> None:
        """The first form that says something: all of them draw the same."""
        for choice in node:
            said: tuple[list[str], list[str]] = ([], [])
            pictures = len(self.pictures)
            for child in choice:
                self._walk(child, *said)
            if any(said) or len(self.pictures) > pictures:
                inline.extend(said[0])
                boxes.extend(said[1])
                return

    def _target(self, identity: str | None) -> str:
        relation = self._relations.get(identity or "")
        return relation.target if relation and not relation.external else ""

    def _part(self, identity: str | None) -> Any:
        target = self._target(identity)
        return self._package.xml(target) if target else None
