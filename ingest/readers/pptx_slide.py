"""The words of one slide in reading order, and those that nobody who watches would see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingest.readers.base import raised, struck
from ingest.readers.ooxml import Package, Relation, is_on, local
from ingest.readers.ooxml_drawings import alt_text, chart_lines, diagram_lines, paragraphs
from storage.records import Hidden

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_SHAPES = ("sp", "pic", "graphicFrame", "grpSp", "cxnSp", "contentPart")
_TITLES = ("title", "ctrTitle")
_TINY = 150
"""Hundredths of a point."""
_ROW_TOLERANCE = 250_000
"""Shapes whose tops differ by less than this (a quarter inch or so, in EMU) stand side by side."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A shape's words and where it stands."""

    top: float
    left: float
    order: int
    words: str


class Slide:
    """One slide, or a part of the file that is built like one."""

    def __init__(self, package: Package, part: str, root: Any, *, with_hidden: bool) -> None:
        self._package, self._root, self._with_hidden = package, root, with_hidden
        self.relations: dict[str, Relation] = package.relations(part)
        self.hidden: list[Hidden] = []
        self.pictures: list[str] = []
        """Parts that hold the slide's pictures."""
        self.title = next((words for words in map(self._title_of, root.iter()) if words), "")
        self._size = _slide_size(package)

    def blocks(self) -> Iterator[str]:
        """The texts of the shapes: the title, then from top to bottom and left to right."""
        tree = next((one for one in self._root.iter() if local(one) == "spTree"), None)
        if tree is None:
            return
        placed = list(self._shapes(tree, (0.0, 0.0, 1.0, 1.0), self._layout_places()))
        rows: list[list[_Placed]] = []
        for one in sorted(placed, key=lambda one: (one.top, one.order)):
            if rows and one.top - rows[-1][0].top < _ROW_TOLERANCE:
                rows[-1].append(one)
            else:
                rows.append([one])
        for row in rows:
            yield from (one.words for one in sorted(row, key=lambda one: (one.left, one.order)))

    def notes(self) -> Iterator[str]:
        """The speaker's notes, if there are any."""
        for relation in self.relations.values():
            if relation.kind != "notesSlide" or relation.external:
                continue
            root = self._package.xml(relation.target)
            for shape in root.iter() if root is not None else ():
                if local(shape) == "sp" and _placeholder(shape) == "body":
                    words = "\n".join(line for body in _bodies(shape) for line in paragraphs(body))
                    if words.strip():
                        yield f"Notes: {words}"

    @staticmethod
    def _title_of(shape: Any) -> str:
        if local(shape) != "sp" or _placeholder(shape) not in _TITLES:
            return ""
        return " ".join(" ".join(line for body in _bodies(shape) for line in paragraphs(body)).split())

    def _shapes(
        self, tree: Any, frame: tuple[float, float, float, float], inherited: dict[str, tuple[float, ...]]
    ) -> Iterator[_Placed]:
        """All shapes below `tree`; `frame` turns the group's units into the slide's."""
        for order, shape in enumerate(tree):
            name = local(shape)
            if name == "AlternateContent":
                # The first form that is one of ours; the others draw the same.
                choice = next((one for one in shape if any(local(inner) in _SHAPES for inner in one)), None)
                if choice is not None:
                    yield from self._shapes(choice, frame, inherited)
                continue
            if name not in _SHAPES:
                continue
            own = _place(shape) or inherited.get(_placeholder_key(shape)) or (0.0, 0.0, 1.0, 1.0)
            x, y = frame[0] + own[0] * frame[2], frame[1] + own[1] * frame[3]
            width, height = own[2] * frame[2], own[3] * frame[3]
            properties = next((one for one in shape.iter() if local(one) == "cNvPr"), None)
            if name == "grpSp":
                yield from self._shapes(shape, _inside(shape, frame), inherited)
                continue
            words = "\n".join(self._words(shape, name, properties))
            if not words.strip():
                continue
            why = None
            if properties is not None and is_on(properties.get("hidden", "0")):
                why = "in a hidden shape"
            elif self._size and (
                x + width <= 0 or y + height <= 0 or x >= self._size[0] or y >= self._size[1]
            ):
                why = "beside the slide"
            if why:
                self.hidden.append(Hidden(words, why))
                if not self._with_hidden:
                    continue
            # The title comes first wherever it stands.
            top = -1e12 if _placeholder(shape) in _TITLES else y
            yield _Placed(top, x, order, words)

    def _words(self, shape: Any, name: str, properties: Any) -> Iterator[str]:
        if _placeholder(shape) == "sldNum":
            return
        if name == "pic":
            for blip in shape.iter(f"{_A}blip"):
                relation = self.relations.get(blip.get(f"{_R}embed", ""))
                if relation and not relation.external:
                    self.pictures.append(relation.target)
        if name in ("pic", "graphicFrame") and properties is not None and (words := alt_text(properties)):
            yield f"[picture: {words}]"
        for table in shape.iter(f"{_A}tbl"):
            for row in table.iter(f"{_A}tr"):
                cells = [" ".join(" ".join(self._paragraphs(cell)).split()) for cell in row.iter(f"{_A}tc")]
                if any(cells):
                    yield " | ".join(cells)
        for one in shape.iter():
            if local(one) == "chart" and (root := self._part(one.get(f"{_R}id"))) is not None:
                yield from chart_lines(root, with_values=True)
            elif local(one) == "relIds" and (root := self._part(one.get(f"{_R}dm"))) is not None:
                yield from diagram_lines(root)
        for body in _bodies(shape):
            yield from self._paragraphs(body)

    def _paragraphs(self, body: Any) -> Iterator[str]:
        """The paragraphs of a text, without runs that are too small to see."""
        for paragraph in body.iter(f"{_A}p"):
            parts: list[str] = []
            for one in paragraph.iter(f"{_A}t", f"{_A}br"):
                text = "\n" if local(one) == "br" else one.text or ""
                properties = one.getparent().find(f"{_A}rPr")
                size = properties.get("sz", "") if properties is not None else ""
                if text.strip() and size.isdigit() and int(size) <= _TINY:
                    self.hidden.append(Hidden(text, "in letters too small to see"))
                    if not self._with_hidden:
                        continue
                has_line = properties is not None and properties.get("strike", "noStrike") != "noStrike"
                if properties is not None and _number(properties, "baseline") > 0:
                    text = raised("".join(parts), text)
                parts.append(struck(text) if has_line else text)
            if "".join(parts).strip():
                yield "".join(parts)

    def _layout_places(self) -> dict[str, tuple[float, ...]]:
        """Where the layout puts the placeholders that the slide itself does not place."""
        found: dict[str, tuple[float, ...]] = {}
        for relation in self.relations.values():
            if relation.kind == "slideLayout" and not relation.external:
                root = self._package.xml(relation.target)
                for shape in root.iter() if root is not None else ():
                    if local(shape) == "sp" and (key := _placeholder_key(shape)) and (place := _place(shape)):
                        found.setdefault(key, place)
        return found

    def _part(self, identity: str | None) -> Any:
        relation = self.relations.get(identity or "")
        return self._package.xml(relation.target) if relation and not relation.external else None


def _bodies(shape: Any) -> Iterator[Any]:
    return (one for one in shape.iter() if local(one) == "txBody" and local(one.getparent()) != "tc")


def _placeholder(shape: Any) -> str:
    """What kind of placeholder a shape is; empty when it is none."""
    for one in shape:
        if local(one).startswith("nv"):
            for inner in one.iter():
                if local(inner) == "ph":
                    return str(inner.get("type", "body"))
    return ""


def _placeholder_key(shape: Any) -> str:
    for one in shape:
        if local(one).startswith("nv"):
            for inner in one.iter():
                if local(inner) == "ph":
                    kind = inner.get("type", "body")
                    return f"{inner.get('idx', '0')}" if kind not in _TITLES else "title"
    return ""


def _transform(shape: Any) -> Any:
    for one in shape:
        if local(one) == "xfrm":
            return one
        if local(one) in ("spPr", "grpSpPr"):
            return next((inner for inner in one if local(inner) == "xfrm"), None)
    return None


def _place(shape: Any) -> tuple[float, ...] | None:
    """Left, top, width and height in the units of what the shape is in."""
    found = _transform(shape)
    if found is None:
        return None
    offset, extent = found.find(f"{_A}off"), found.find(f"{_A}ext")
    if offset is None or extent is None:
        return None
    return _number(offset, "x"), _number(offset, "y"), _number(extent, "cx"), _number(extent, "cy")


def _inside(group: Any, frame: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """What turns the units inside a group into the slide's."""
    place, found = _place(group), _transform(group)
    if place is None or found is None:
        return frame
    offset, extent = found.find(f"{_A}chOff"), found.find(f"{_A}chExt")
    if offset is None or extent is None:
        return frame
    across = place[2] / (_number(extent, "cx") or place[2] or 1.0)
    down = place[3] / (_number(extent, "cy") or place[3] or 1.0)
    return (
        frame[0] + (place[0] - _number(offset, "x") * across) * frame[2],
        frame[1] + (place[1] - _number(offset, "y") * down) * frame[3],
        frame[2] * across,
        frame[3] * down,
    )


def _slide_size(package: Package) -> tuple[float, float] | None:
    root = package.xml(package.main_part("ppt/presentation.xml"))
    for one in root if root is not None else ():
        if local(one) == "sldSz":
            return _number(one, "cx"), _number(one, "cy")
    return None


def _number(element: Any, name: str) -> float:
    try:
        return float(element.get(name, "0"))
    except ValueError:
        return 0.0
