"""What a Word file's styles say of a run or a paragraph: is it hidden, how is it numbered."""

from __future__ import annotations

from typing import Any

from ingest.readers.ooxml import is_on, local

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
VAL = f"{W}val"
_TINY_HALF_POINTS = 3
_LOOPS = 20
_WHITE = ("FFFFFF", "FEFEFE", "WHITE")
_PLAIN_TABLES = ("", "TableGrid", "TableNormal")
_LINES_THROUGH = ("strike", "dstrike")
_SEEN = ("vanish", "color", "sz", "shd", "highlight", "vertAlign", *_LINES_THROUGH)


class Styles:
    """The styles of one file; `None` stands for a file without any."""

    def __init__(self, root: Any) -> None:
        self._by_id: dict[str, Any] = {}
        self._default_paragraph = ""
        self._defaults: Any = None
        for style in root.iter(f"{W}style") if root is not None else ():
            identity = style.get(f"{W}styleId", "")
            self._by_id[identity] = style
            if style.get(f"{W}type") == "paragraph" and is_on(style.get(f"{W}default", "0")):
                self._default_paragraph = identity
        if root is not None:
            self._defaults = root.find(f"{W}docDefaults/{W}rPrDefault/{W}rPr")
        self._looks: dict[tuple[str, str], dict[str, Any]] = {}

    def numbering(self, paragraph_style: str) -> tuple[str | None, str | None]:
        """The list and the level that a paragraph style puts its paragraphs in."""
        number = level = None
        for style in self._chain(paragraph_style or self._default_paragraph):
            found = style.find(f"{W}pPr/{W}numPr")
            if found is None:
                continue
            number = number or value(found.find(f"{W}numId"))
            level = level or value(found.find(f"{W}ilvl"))
        return number, level

    def has(self, paragraph_style: str, name: str) -> bool:
        """True if a paragraph style switches a property of paragraphs on."""
        for style in self._chain(paragraph_style or self._default_paragraph):
            if (found := style.find(f"{W}pPr/{W}{name}")) is not None:
                return is_on(found.get(VAL))
        return False

    def is_in_chain(self, paragraph_style: str, wanted: str) -> bool:
        """True if a paragraph style is another one or builds upon it."""
        return any(style.get(f"{W}styleId") == wanted for style in self._chain(paragraph_style))

    def list_of(self, numbering_style: str) -> str | None:
        """The list that a numbering style stands for."""
        style = self._by_id.get(numbering_style)
        return value(style.find(f"{W}pPr/{W}numPr/{W}numId")) if style is not None else None

    def why_hidden(self, run_properties: Any, paragraph: Any, paragraph_style: str) -> str | None:
        """How a run hides from those who look at the page; None when it does not."""
        direct = (
            {name: run_properties.find(f"{W}{name}") for name in _SEEN} if run_properties is not None else {}
        )
        run_style = value(run_properties.find(f"{W}rStyle")) if run_properties is not None else None
        look = self._look(run_style or "", paragraph_style)

        def one(name: str) -> Any:
            found = direct.get(name)
            return found if found is not None else look.get(name)

        vanish = one("vanish")
        if vanish is not None and is_on(vanish.get(VAL)):
            return "marked as hidden text"
        size = value(one("sz"))
        if size and size.isdigit() and int(size) <= _TINY_HALF_POINTS:
            return "in letters too small to see"
        color = value(one("color")) or ""
        if color.upper() in _WHITE and not _is_painted(one("shd")) and one("highlight") is None:
            return None if self._stands_on_color(paragraph, paragraph_style) else "white on white"
        return None

    def is_raised(self, run_properties: Any, paragraph_style: str) -> bool:
        """True if a run stands small and high, as powers and marks of notes do."""
        return value(self._drawn(run_properties, paragraph_style).get("vertAlign")) == "superscript"

    def is_struck(self, run_properties: Any, paragraph_style: str) -> bool:
        """True if a run is drawn with a line through it, which is no tracked change."""
        drawn = self._drawn(run_properties, paragraph_style)
        return any(is_on(drawn[name].get(VAL)) for name in _LINES_THROUGH if name in drawn)

    def _drawn(self, run_properties: Any, paragraph_style: str) -> dict[str, Any]:
        """How a run looks, by what it says itself and by its styles."""
        direct = run_properties if run_properties is not None else ()
        run_style = next((value(one) for one in direct if one.tag == f"{W}rStyle"), None)
        return {**self._look(run_style or "", paragraph_style), **{local(one): one for one in direct}}

    def _look(self, run_style: str, paragraph_style: str) -> dict[str, Any]:
        key = (run_style, paragraph_style)
        if key not in self._looks:
            look: dict[str, Any] = {}
            holders = [
                *(style.find(f"{W}rPr") for style in self._chain(run_style)),
                *(style.find(f"{W}rPr") for style in self._chain(paragraph_style or self._default_paragraph)),
                self._defaults,
            ]
            for holder in holders:
                for name in _SEEN if holder is not None else ():
                    if name not in look and (found := holder.find(f"{W}{name}")) is not None:
                        look[name] = found
            self._looks[key] = look
        return self._looks[key]

    def _stands_on_color(self, paragraph: Any, paragraph_style: str) -> bool:
        """True if something behind a paragraph may be of another color than the paper."""
        holders = [paragraph, *(style for style in self._chain(paragraph_style))]
        if any(_is_painted(one.find(f"{W}pPr/{W}shd")) for one in holders):
            return True
        for above in paragraph.iterancestors():
            if above.tag == f"{W}tc" and _is_painted(above.find(f"{W}tcPr/{W}shd")):
                return True
            if above.tag == f"{W}tbl":
                style = value(above.find(f"{W}tblPr/{W}tblStyle")) or ""
                if style not in _PLAIN_TABLES or _is_painted(above.find(f"{W}tblPr/{W}shd")):
                    return True
            if above.tag == f"{W}txbxContent":
                return True
        root = paragraph.getroottree().getroot()
        return root.find(f"{W}background") is not None

    def _chain(self, identity: str) -> list[Any]:
        found: list[Any] = []
        while identity in self._by_id and len(found) < _LOOPS:
            found.append(self._by_id[identity])
            identity = value(found[-1].find(f"{W}basedOn")) or ""
        return found


def value(element: Any) -> str | None:
    """An element's `w:val`."""
    found: str | None = element.get(VAL) if element is not None else None
    return found


def _is_painted(shading: Any) -> bool:
    if shading is None:
        return False
    if shading.get(f"{W}themeFill") not in (None, "background1"):
        return True
    if value(shading) not in (None, "clear", "nil"):
        return True
    return (shading.get(f"{W}fill") or "auto").upper() not in ("AUTO", *_WHITE)
