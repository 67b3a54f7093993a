"""What a line is part of: a list under its lead-in, a definition, a footnote under its mark.

The words that it hangs on are told to a chunk that does not hold them itself. Lists and definitions go on
over the page's end. This module knows nothing of tokens or chunks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ingest.lines import Line, Told
from ingest.structure import PLAIN, Mark, Strength, defined_term

_LEAD = 160
_PARAGRAPH = 200
_LEAD_LINES = 3

_MARKER = re.compile(r"\(?([a-z]{1,2}|[ivxl]{1,6}|\d{1,2}|[A-Z])[.)]\s")
_BULLET = re.compile(r"(?:[-*\u2022\u25cf\u25aa\u2013]|o)\s")
_FIRST = ("a", "i", "1", "A", "")
_ROMAN = re.compile(r"[ivxl]+")
_SENTENCE = re.compile(r"(?<=[.;])\s+(?=[A-Z(\"\u201c])")
_FOOTNOTE = re.compile(r"(\(\d{1,2}\)|\[\d{1,2}\]|\*{1,3}|\u2020|\u2021|\d{1,2})\s*(?=[A-Z\u201c\"(])")
_NOTE_MARK = "[note "
_FIGURES = re.compile(r"(?:\s+[$(\u20ac\u00a3]?\s?[\d,.\u2014-]+[)%]*)+$")


@dataclass(frozen=True, slots=True)
class _List:
    kind: str
    """`a`, `i`, `1`, `A` or `-`."""
    last: str
    lead: Told | None


class Leads:
    """Follows lists and definitions from line to line and page to page."""

    def __init__(self) -> None:
        """Nothing is open."""
        self._lists: list[_List] = []
        self._definition: Told | None = None

    def told(
        self, lines: Sequence[Line], marks: Sequence[Mark], tables: Collection[int]
    ) -> list[tuple[Told, ...]]:
        """What each line hangs on; `tables` holds the places of lines that are parts of tables."""
        self._lists = [
            replace(one, lead=replace(one.lead, at=None) if one.lead else None) for one in self._lists
        ]
        self._definition = replace(self._definition, at=None) if self._definition else None
        notes = _footnotes(lines, tables)
        found: list[tuple[Told, ...]] = []
        for place, line in enumerate(lines):
            if place in tables:
                found.append(())
                continue
            if (note := notes.get(place)) is not None:
                found.append((note,))
                continue
            self._enter(lines, place, marks[place])
            leads = [one.lead for one in self._lists if one.lead]
            # The innermost lead-in first where there is little room.
            ranked = [replace(lead, rank=len(leads) - n) for n, lead in enumerate(leads)]
            found.append((*((self._definition,) if self._definition else ()), *ranked))
            if not self._definition and (term := defined_term(line.text)) and marks[place] != PLAIN:
                self._definition = Told(f"definition of \u201c{term}\u201d", line.start)
        return found

    def _enter(self, lines: Sequence[Line], place: int, mark: Mark) -> None:
        line = lines[place]
        before = lines[place - 1].text if place else ""
        kind, sign = _marker(line.text, self._lists)
        if mark.level is not None or (not kind and _is_new(line, before)):
            self._lists = []
            self._definition = None
        if defined_term(line.text) and mark.strength >= Strength.CLAUSE:
            self._definition = None
            if not kind:
                self._lists = []
        if not kind or mark.strength < Strength.CLAUSE or mark.level is not None:
            return
        for depth, open_list in enumerate(self._lists):
            if open_list.kind == kind:
                self._lists = [*self._lists[:depth], replace(open_list, last=sign)]
                return
        if sign not in _FIRST:
            # The next item of a list that was there before the definition.
            self._definition = None
        self._lists.append(_List(kind, sign, _lead_in(lines, place)))


def keeps_to(line: str) -> bool:
    """True for a line that must stay with the one above it: a note set right after its paragraph."""
    return line.startswith(_NOTE_MARK)


def _is_new(line: Line, before: str) -> bool:
    """True for a paragraph that goes on with nothing above it."""
    apart = line.gap or len(before) > _PARAGRAPH
    return apart and _ends(before) and not line.text[:1].islower()


def _ends(line: str) -> bool:
    worded = any(one.isalpha() for one in line)
    return not worded or line.rstrip("\"'\u201d\u2019)").endswith((".", "!", "?", ":"))


def _marker(line: str, lists: Sequence[_List]) -> tuple[str, str]:
    """The kind of list that a line is an item of, and its sign."""
    if _BULLET.match(line):
        return "-", ""
    found = _MARKER.match(line)
    if found is None:
        return "", ""
    sign = found[1]
    if sign.isdigit():
        return "1", sign
    if sign.isupper():
        return "A", sign
    if _ROMAN.fullmatch(sign):
        follows = any(one.kind == "a" and one.last and ord(sign[0]) - ord(one.last[0]) == 1 for one in lists)
        alone = len(sign) == 1 and sign != "i" and not any(one.kind == "i" for one in lists)
        return ("a", sign) if len(sign) == 1 and (follows or alone) else ("i", sign)
    return "a", sign


def _lead_in(lines: Sequence[Line], place: int) -> Told | None:
    """The sentence above a list's first item that the items finish."""
    if not place or not lines[place - 1].text.endswith((":", "\u2014", "\u2013", "-")):
        return None
    first = place - 1
    while first > 0 and place - first < _LEAD_LINES and not lines[first].gap:
        if _ends(lines[first - 1].text):
            break
        first -= 1
    whole = " ".join(line.text for line in lines[first:place])
    sentence = _SENTENCE.split(whole)[-1]
    if len(sentence) > _LEAD:
        sentence = sentence[-_LEAD:].split(" ", 1)[-1]
    return Told(sentence, lines[first].start)


def _footnotes(lines: Sequence[Line], tables: Collection[int]) -> dict[int, Told]:
    """Footnotes by their place, with the line that carries their mark; lines that run on belong to them."""
    found: dict[int, Told] = {}
    note: Told | None = None
    for place, line in enumerate(lines):
        begins = _FOOTNOTE.match(line.text)
        if begins and place not in tables:
            note = _bearer(lines[:place], begins[1], tables)
        elif place in tables or line.gap or _ends(lines[place - 1].text):
            note = None
        if note is not None:
            found[place] = note
    return found


def _bearer(above: Sequence[Line], mark: str, tables: Collection[int]) -> Told | None:
    glued = re.escape(mark) if not mark.isdigit() else rf"(?<=[a-z.,)\u201d]){mark}"
    carried = re.compile(rf"(?<=\S)\s?{glued}(?:\s*\(\d+\))*(?:[\s,]*[-$(\d\u2014.,)%]+)*$")
    for place in range(len(above) - 1, -1, -1):
        line = above[place]
        if (place in tables or not mark.isdigit()) and carried.search(line.text):
            return Told(_FIGURES.sub("", line.text)[-_LEAD:], line.start)
    return None
