"""How browsers number the entries of lists in HTML: clauses are referred to by these numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lxml import etree

from ingest.readers.docx_numbering import formatted

_LIST_KINDS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_LIST_STYLES = {
    "decimal": "decimal",
    "lower-alpha": "lowerLetter",
    "lower-latin": "lowerLetter",
    "upper-alpha": "upperLetter",
    "upper-latin": "upperLetter",
    "lower-roman": "lowerRoman",
    "upper-roman": "upperRoman",
}


class ListNumbers:
    """The numbers of one list, as browsers draw them; empty for bullets."""

    def __init__(self, kind: str, first: int, step: int) -> None:
        self._kind, self._next, self._step = kind, first, step

    @classmethod
    def of(cls, element: etree._Element, style: Mapping[str, str]) -> ListNumbers:
        """Those of an `ol` or `ul`."""
        kind = _LIST_KINDS.get(element.get("type", ""), "decimal") if element.tag == "ol" else ""
        backwards = element.get("reversed") is not None
        count = sum(child.tag == "li" for child in element)
        first = _whole(element.get("start"), count if backwards else 1)
        return cls(_drawn_kind(style, kind), first, -1 if backwards else 1)

    def next(self, element: etree._Element, style: Mapping[str, str]) -> str:
        """What stands before the next entry, which is `element`."""
        number = _whole(element.get("value"), self._next)
        self._next = number + self._step
        kind = _drawn_kind(style, self._kind)
        return f"{formatted(number, kind)}. " if kind else ""


def _drawn_kind(style: Mapping[str, str], kind: str) -> str:
    """How a list is numbered, given how it would be without its style."""
    said = f"{style.get('list-style-type', '')} {style.get('list-style', '')}".split()
    if not said or not kind:
        return kind
    return next((_LIST_STYLES[one] for one in said if one in _LIST_STYLES), "")


def _whole(text: str | None, otherwise: int) -> int:
    return int(text) if text and re.fullmatch(r"\s*-?\d{1,5}\s*", text) else otherwise
