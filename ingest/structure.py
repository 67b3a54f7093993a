"""Which lines of a text are headings or begin a clause, and how deep.

Rules for what contracts, filings and Markdown notes look like; a line that no rule knows is plain text.
This module knows nothing of tokens or chunks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from ingest.lines import Line

_MAX_HEADING = 120
_MAX_RUN_IN = 70
_SHOWN_HEADING = 80
_PROSE_LINE = 60
_AROUND = 3
_LONGEST_ROW = 250
_LINES_AT_HAND = 512
"""A page's lines: each is asked about several times."""

_MARKDOWN = re.compile(r"(#{1,6})\s+(\S.*?)\s*#*$")
_PART = re.compile(
    r"(?:ARTICLE|Article|PART|Part|CHAPTER|Chapter|SCHEDULE|Schedule|EXHIBIT|Exhibit|ANNEX|Annex|APPENDIX|Appendix)"
    r"\s+(?:[IVXLC]+|\d{1,3}(?:\.\d+)*|[A-Z])\b[-.:\u2013\u2014 ]*(.*)"
)
_NOTE = re.compile(r"(?:NOTE|Note)\s+\d{1,2}\s*[-.:\u2013\u2014]\s*(.*)")
_ITEM = re.compile(r"(?:ITEM|Item)\s+\d{1,2}[A-C]?\.\s*(.*)")
_SECTION = re.compile(
    r"(?:SECTION|Section|\u00a7)\s*(\d{1,3}(?:\.\d{1,3})*)\.?(?:\([a-z0-9]{1,4}\))*[.:]?\s+(.*)"
)
_NUMBERED = re.compile(
    r"(\d{1,3}(?:\.\d{1,3}){1,4}\.?|\d{1,3}[.)])((?:\([A-Za-z0-9]{1,4}\))*)\s+([A-Z\"\u201c\u2018(\[].*)"
)
_LETTERED = re.compile(r"\((?:[a-z]{1,2}|[ivxl]{1,6}|\d{1,2}|[A-Z])\)\s+\S")
_BULLET = re.compile(r"(?:[-*\u2022\u25cf\u25aa\u2013]|o)\s+\S")
_NUMBER = re.compile(r"(?<![A-Za-z])\(?[$\u20ac\u00a3]?\d[\d,]*(?:\.\d+)?\)?%?")
_TRAILING_PAGE = re.compile(r"(?:\.\s?){3,}|\s(?:\d{1,3}|-[ivxl\d]{1,5}-)\s*$")
_GOES_ON = frozenset(
    ("A", "AN", "AND", "AS", "AT", "BY", "FOR", "FROM", "IN", "OF", "ON", "OR", "THE", "TO", "WITH")
)
_CONTENTS_TITLE = re.compile(r"(?:(?:table of )?contents|index)(?: \(continued\))?", re.IGNORECASE)
_PAGE_NUMBER = re.compile(r"\.*(?:[A-Z]{1,2}-)?(?:\d{1,3}|[ivxl]{1,5})")
_DEFINITION = re.compile(
    r"(?:\(?[a-z0-9]{1,4}[.)]\s*)?[\"\u201c]([^\"\u201d]{2,80})[\"\u201d][^.;:\"\u201c]{0,90}?\s*,?\s*(?:shall\s+)?"
    r"(?:means?|refers? to|has the (?:meaning|respective)|have the (?:meaning|respective))\b"
)
_YEARS = re.compile(r"(?:19|20)\d\d\s+(?:19|20)\d\d\b")
_SENTENCE = re.compile(r"(.+?)[.:]\s+\S")


class Strength(IntEnum):
    """How good a place a line's beginning is to cut at."""

    JOINED = 0
    """Only where there is no other place."""
    LINE = 1
    SENTENCE = 2
    PARAGRAPH = 3
    CLAUSE = 4
    HEADING = 5


@dataclass(frozen=True, slots=True)
class Mark:
    """What a line begins. `level` is 1 for the outermost; None does not change the heading path."""

    strength: Strength
    level: int | None = None
    heading: str = ""


PLAIN = Mark(Strength.LINE)


def marks_of(lines: Sequence[Line], plain: Collection[int] = ()) -> list[Mark]:
    """What each line of a page begins; lines in `plain` are known to be no headings."""
    listed = _contents(lines)
    marks = []
    for place, line in enumerate(lines):
        before = "" if line.gap else lines[place - 1].text
        if place in plain or (before and runs_on(before) and not line.text.startswith("#")):
            marks.append(PLAIN)
            continue
        below = lines[place + 1] if place + 1 < len(lines) else None
        alone = place > 0 and line.gap and below is not None and below.gap
        # A sentence that goes on from the page before does not begin with a short title.
        above = before if any(one not in plain for one in range(place)) else "."
        mark = mark_of(line.text, alone=alone or stands_out(above, below.text if below else ""))
        # A contents list names the headings before they come; the text after it is not theirs.
        marks.append(Mark(min(mark.strength, Strength.SENTENCE)) if place in listed else mark)
    return marks


def _contents(lines: Sequence[Line]) -> frozenset[int]:
    """Places of the lines of contents lists: most lines around them end with a page's number."""
    entries = [_is_entry(line.text) for line in lines]
    listed = {place for place, line in enumerate(lines) if _CONTENTS_TITLE.fullmatch(line.text)}
    if sum(entries) < _AROUND:
        return frozenset(listed)
    for place, line in enumerate(lines):
        around = entries[max(0, place - _AROUND) : place + _AROUND + 1]
        if sum(around) >= _AROUND and len(line.text) <= _MAX_HEADING:
            listed.add(place)
    return frozenset(listed)


def _is_entry(line: str) -> bool:
    """True for a title with a page's number after it."""
    title, _, last = line.rpartition(" ")
    return bool(title and _PAGE_NUMBER.fullmatch(last)) and len(line) <= _MAX_HEADING and not is_row(line)


def mark_of(line: str, *, alone: bool = False) -> Mark:
    """What a line begins; `alone` says that it stands apart from the text around it."""
    line = line.strip().lstrip("\ufeff")
    if not line:
        return PLAIN
    if found := _MARKDOWN.fullmatch(line):
        return _heading(len(found[1]), found[2])
    return (
        _named(line, alone=alone)
        or _numbered(line, alone=alone)
        or _lettered(line)
        or _unnumbered(line, alone=alone)
    )


def _named(line: str, *, alone: bool) -> Mark | None:
    # A contents list names the headings before they come; the text after such a line is not theirs.
    if len(line) <= _MAX_HEADING and not is_row(line):
        if (found := _PART.fullmatch(line)) and _is_title(found[1]) and not _TRAILING_PAGE.search(found[1]):
            return _heading(1, line)
        if (found := _ITEM.fullmatch(line)) and not _TRAILING_PAGE.search(found[1]):
            return _heading(2, line)
        if (found := _NOTE.fullmatch(line)) and _is_title(found[1]):
            return _heading(3, line)
    if found := _SECTION.fullmatch(line):
        return _clause(found[1].count(".") + 2, line[: found.start(2)].strip(), found[2], alone=alone)
    return None


def _numbered(line: str, *, alone: bool) -> Mark | None:
    if not (found := _NUMBERED.fullmatch(line)) or is_row(line):
        return None
    number, letters, rest = found.groups()
    depth = number.rstrip(".)").count(".") + 1 + letters.count("(")
    return _clause(depth + 1, number + letters, rest, alone=alone)


def _lettered(line: str) -> Mark | None:
    begins = _LETTERED.match(line) or _BULLET.match(line) or _DEFINITION.match(line)
    return Mark(Strength.CLAUSE) if begins else None


def _unnumbered(line: str, *, alone: bool) -> Mark:
    if len(line) > _MAX_HEADING or is_row(line) or _TRAILING_PAGE.search(line):
        return PLAIN
    letters = [one for one in line if one.isalpha()]
    if len(letters) >= 5 and all(one.isupper() for one in letters) and line[-1] not in ",;:":
        digits = sum(one.isdigit() for one in line)
        if digits * 3 <= len(letters) and line.split()[-1] not in _GOES_ON:
            return _heading(2, line)
    if alone and len(line) <= 80 and len(letters) >= 4 and line[0].isupper() and _is_title(line):
        return PLAIN if line[-1] in ".:!?|" else _heading(6, line)
    return PLAIN


def _clause(level: int, number: str, rest: str, *, alone: bool) -> Mark:
    """A numbered clause: its heading is its number and, where there is one, its title."""
    # Apart from other lines it is no entry of a contents list, as in "2. Phase 2".
    if (
        not alone
        and _TRAILING_PAGE.search(rest)
        and len(rest) < _MAX_HEADING
        and not rest.rstrip().endswith(".")
    ):
        return Mark(Strength.CLAUSE)
    title = rest
    if run_in := _SENTENCE.match(rest):
        title = run_in[1]
    title = title.rstrip(".: ")
    if len(title) <= _MAX_RUN_IN and _is_title(title):
        strength = Strength.CLAUSE if run_in else Strength.HEADING
        return Mark(strength, level, _short(f"{number} {title}"))
    return Mark(Strength.CLAUSE, level, number)


def _is_title(text: str) -> bool:
    """True for words that name something rather than state it."""
    if not text:
        return True
    if text[-1] in ",;":
        return False
    words = [word for word in text.split() if word[0].isalpha() and len(word) > 3]
    return sum(word[0].isupper() for word in words) * 3 >= len(words) * 2 and len(text.split()) <= 14


def _heading(level: int, text: str) -> Mark:
    return Mark(Strength.HEADING, level, _short(text))


def _short(text: str) -> str:
    text = " ".join(text.split()).rstrip(".: ")
    return text if len(text) <= _SHOWN_HEADING else text[:_SHOWN_HEADING].rsplit(" ", 1)[0]


def stands_out(before: str, after: str) -> bool:
    """True between a sentence's end and a full line that begins one, or a table: the place of a title."""
    begins = len(after) >= _PROSE_LINE and after[:1].isupper()
    return before.rstrip().endswith((".", ".\u201d")) and (begins or bool(_YEARS.match(after)))


def runs_on(before: str) -> bool:
    """True for a full line of prose whose sentence goes on: a number after it refers and does not begin."""
    before = before.rstrip()
    return len(before) >= _PROSE_LINE and before[-1] not in '.;:!?)"\u201d|' and not is_row(before)


def defined_term(line: str) -> str | None:
    """The term that a line begins to define."""
    found = _DEFINITION.match(line)
    return found[1].strip(" ,") if found else None


@lru_cache(_LINES_AT_HAND)
def is_row(line: str) -> bool:
    """True for what looks like a row of a table."""
    if line.count("|") >= 2:
        return True
    # A paragraph on one line holds as many figures and is no row.
    return len(line) < _LONGEST_ROW and (" | " in line or len(_NUMBER.findall(line)) >= 3)
