"""The numbers that Word draws in front of paragraphs: `1.`, `1.1`, `(a)`. The text does not hold them.

They are counted in the order of the paragraphs, as Word counts them. Number words are English.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ingest.readers.docx_styles import VAL, Styles, W, value
from ingest.readers.ooxml import is_on

_LEVELS = 9
_LOOPS = 5
_PLACE = re.compile(r"%([1-9])")
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"))
_ROMAN_SMALL = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth"} | {
    "nine": "ninth",
    "twelve": "twelfth",
}


@dataclass(frozen=True, slots=True)
class _Level:
    start: int
    form: str
    text: str
    follow: str
    restart: int | None
    """Counting begins again after a level up to this one; None means after any outer level, 0 never."""
    all_decimal: bool
    style: str


@dataclass(slots=True)
class _Counting:
    """One list as it is being counted; several `w:num` of one kind share it."""

    counts: dict[int, int] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)


class Numbering:
    """Counts a file's numbered paragraphs; call `number` once for each, in order."""

    def __init__(self, root: Any, styles: Styles) -> None:
        self._styles = styles
        self._abstract: dict[str, Any] = {}
        self._lists: dict[str, Any] = {}
        for one in root if root is not None else ():
            if one.tag == f"{W}abstractNum":
                self._abstract[one.get(f"{W}abstractNumId", "")] = one
            elif one.tag == f"{W}num":
                self._lists[one.get(f"{W}numId", "")] = one
        self._levels: dict[str, dict[int, _Level]] = {}
        self._countings: dict[str, _Counting] = {}

    def number(self, properties: Any, paragraph_style: str) -> str:
        """What stands in front of the paragraph with these `w:pPr`, with a space after it; often nothing."""
        direct = properties.find(f"{W}numPr") if properties is not None else None
        identity = value(direct.find(f"{W}numId")) if direct is not None else None
        level_text = value(direct.find(f"{W}ilvl")) if direct is not None else None
        by_style = identity is None
        if by_style:
            identity, style_level = self._styles.numbering(paragraph_style)
            level_text = level_text or style_level
        if identity is None or identity == "0" or identity not in self._lists:
            return ""
        levels = self._levels_of(identity)
        level = int(level_text) if level_text and level_text.isdigit() else 0
        if by_style:
            # A level may say itself which style it belongs to.
            linked = [n for n, one in levels.items() if one.style and one.style == paragraph_style]
            level = linked[0] if linked else level
        return self._count(identity, levels, level) if level in levels else ""

    def _count(self, identity: str, levels: dict[int, _Level], level: int) -> str:
        counting = self._countings.setdefault(self._kind(identity), _Counting())
        if identity not in counting.begun:
            counting.begun.add(identity)
            for override in self._lists[identity].findall(f"{W}lvlOverride"):
                start = value(override.find(f"{W}startOverride"))
                at = override.get(f"{W}ilvl", "")
                if start and start.isdigit() and at.isdigit():
                    counting.counts[int(at)] = int(start) - 1
        for deeper, one in levels.items():
            # Inner levels begin again, unless they say that they do not.
            if deeper > level and one.restart != 0 and (one.restart is None or level < one.restart):
                counting.counts.pop(deeper, None)
        for outer in range(level):
            if outer in levels:
                counting.counts.setdefault(outer, levels[outer].start)
        counting.counts[level] = counting.counts.get(level, levels[level].start - 1) + 1
        return self._drawn(levels, level, counting.counts)

    @staticmethod
    def _drawn(levels: dict[int, _Level], level: int, counts: dict[int, int]) -> str:
        own = levels[level]
        if own.form == "bullet":
            return "\u2022" + own.follow

        def place(found: re.Match[str]) -> str:
            at = int(found[1]) - 1
            if at not in levels:
                return ""
            form = levels[at].form
            if own.all_decimal and form != "none":
                form = "decimal"
            return formatted(counts.get(at, levels[at].start), form)

        text = _PLACE.sub(place, own.text)
        return text + own.follow if text.strip() else ""

    def _kind(self, identity: str) -> str:
        return value(self._lists[identity].find(f"{W}abstractNumId")) or ""

    def _levels_of(self, identity: str) -> dict[int, _Level]:
        if identity not in self._levels:
            found: dict[int, _Level] = {}
            abstract = self._abstract.get(self._kind(identity))
            for _ in range(_LOOPS):
                link = value(abstract.find(f"{W}numStyleLink")) if abstract is not None else None
                other = self._styles.list_of(link) if link else None
                if other not in self._lists:
                    break
                abstract = self._abstract.get(self._kind(other))
            holders = [abstract] if abstract is not None else []
            holders.extend(self._lists[identity].findall(f"{W}lvlOverride"))
            for holder in holders:
                for one in holder.findall(f"{W}lvl"):
                    at = one.get(f"{W}ilvl", "")
                    if at.isdigit() and int(at) < _LEVELS:
                        found[int(at)] = _level(one)
            self._levels[identity] = found
        return self._levels[identity]


def _level(element: Any) -> _Level:
    def number(name: str, otherwise: int | None) -> int | None:
        text = value(element.find(f"{W}{name}"))
        return int(text) if text and text.isdigit() else otherwise

    legal = element.find(f"{W}isLgl")
    return _Level(
        start=number("start", 1) or 0,
        form=value(element.find(f"{W}numFmt")) or "decimal",
        text=value(element.find(f"{W}lvlText")) or "",
        follow="" if value(element.find(f"{W}suff")) == "nothing" else " ",
        restart=number("lvlRestart", None),
        all_decimal=legal is not None and is_on(legal.get(VAL)),
        style=value(element.find(f"{W}pStyle")) or "",
    )


def formatted(number: int, form: str) -> str:
    """A number in one of Word's forms; a form that we don't know comes out as digits."""
    make = _FORMS.get(form)
    return make(number) if make and number > 0 else "" if form == "none" else str(number)


def _roman(number: int) -> str:
    text = ""
    for worth, letters in (*_ROMAN, *_ROMAN_SMALL):
        text += letters * (number // worth)
        number %= worth
    return text


def _letters(number: int) -> str:
    # After z comes aa, then bb.
    repeat, letter = divmod(number - 1, 26)
    return chr(97 + letter) * min(repeat + 1, 40)


def _words(number: int) -> str:
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{_ONES[hundreds]} hundred" + (f" {_words(rest)}" if rest else "")
    return str(number)


def _ordinal_words(number: int) -> str:
    head, mark, last = _words(number).rpartition("-")
    if not mark:
        head, mark, last = _words(number).rpartition(" ")
    last = _ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return head + mark + last


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


_FORMS: dict[str, Callable[[int], str]] = {
    "none": lambda _: "",
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
    "lowerLetter": _letters,
    "upperLetter": lambda number: _letters(number).upper(),
    "decimalZero": lambda number: f"{number:02d}",
    "ordinal": _ordinal,
    "cardinalText": lambda number: _words(number).capitalize(),
    "ordinalText": lambda number: _ordinal_words(number).capitalize(),
}
