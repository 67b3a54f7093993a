"""Find the tables in a page's lines, and what each row must be told: header, unit, period, section, caption.

Three layouts: lines of a printed table whose figures come last, rows with ` | ` between cells as the readers
write them (and Markdown does), and delimited lines. A table goes on over the page's end: rows at the head of
the next page without a header of their own keep the last one.
This module knows nothing of tokens or chunks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ingest.figures import UNIT, YEAR, figures_in, names_columns
from ingest.lines import Line, Told

_LABEL = 100
_WIDE_LABEL = 130
_HEADER_LINES = 14
_LABELS_BETWEEN = 3
_SHORT = 70
_TITLE_ROWS = 6
_CAPTION = 160

_NUMBERED_CAPTION = re.compile(
    r"(?:Table|TABLE|Figure|FIGURE|Exhibit|Chart)\s+[\dIVX]+(?:[.-]\d+)*\b.{0,200}"
)
_LEADS_IN = re.compile(r"\b(?:follow\w*|below|summar\w+|shows?|were|are|is|was)\b", re.IGNORECASE)
_ADDRESS = re.compile(r"[A-Z]{1,3}\d{1,7}: ?")
"""As the readers of sheets write where a cell stands."""
_RULE = re.compile(r"[|\s:+=_-]+")
_TOTAL = re.compile(r"total\b", re.IGNORECASE)
_DELIMITERS = (re.compile(r"\t"), re.compile(r";"), re.compile(r",(?! )"))


@dataclass(frozen=True, slots=True)
class Table:
    """Lines `first` up to and including `last`; its rows begin at `body`, under what names them."""

    first: int
    body: int
    last: int
    header: str = ""
    caption: str = ""
    unit: str = ""
    has_sections: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table."""

    told: tuple[Told, ...]
    joined: bool
    """True where it must not be parted from the line above: a header's line, a label that goes on."""
    opens: int = 0
    """On a table's first line: how many lines it has."""
    in_body: bool = True
    """False for what stands above the first row: a caption may be a heading."""
    begins_section: bool = False


class Tables:
    """Finds tables page by page; knows the last one of the page before."""

    def __init__(self) -> None:
        """No table is open."""
        self._open: tuple[Told, ...] = ()

    def rows(self, lines: Sequence[Line], left_out: Collection[int] = ()) -> dict[int, Row]:
        """What each line of a table is, by its place; `left_out` are running lines."""
        content = [place for place in range(len(lines)) if place not in left_out]
        texts = [lines[place].text for place in content]
        found: dict[int, Row] = {}
        tables = tables_in(texts)
        for table in tables:
            told = _told(table, lines, content)
            if not table.header and table.first <= 1 and self._open:
                told = self._open
            for place, row in _rows_of(table, texts, told, lines, content):
                found[content[place]] = row
        self._open = ()
        if tables and tables[-1].last >= len(texts) - 2:
            last = found[content[tables[-1].last]]
            self._open = tuple(replace(one, at=None) for one in last.told)
        return found


def tables_in(texts: Sequence[str]) -> list[Table]:
    """The tables among lines, in order and apart from each other."""
    found: list[Table] = []
    place = 0
    while place < len(texts):
        floor = found[-1].last + 1 if found else 0
        table = _celled(texts, place, floor) or _delimited(texts, place) or _printed(texts, place, floor)
        if table is None:
            place += 1
            continue
        if found and not table.caption and table.first == floor and not _RULE.fullmatch(texts[floor - 1]):
            # The second half of a table whose columns are named anew.
            table = replace(table, caption=found[-1].caption, unit=table.unit or found[-1].unit)
        found.append(table)
        place = table.last + 1
    return found


def _is_row(line: str) -> bool:
    return len(line) <= 2 * _LABEL and figures_in(line) >= 2 and not _only_years(line)


def _is_weak_row(line: str) -> bool:
    """One figure, with a sign of money or of thousands, or dots that lead to it."""
    if len(line) > _LABEL or figures_in(line) != 1 or names_columns(line):
        return False
    last = line.split()[-1]
    return "," in last or "$" in line[-14:] or "(" in last or "%" in last or "...." in line


def _only_years(line: str) -> bool:
    words = line.split()
    figures = words[len(words) - figures_in(line) :]
    return bool(figures) and all(YEAR.fullmatch(word) for word in figures)


def _is_label(line: str) -> bool:
    if len(line) > _WIDE_LABEL or names_columns(line) or line.endswith(";"):
        return False
    return not line.endswith(".") or len(line) <= _SHORT


def _printed(texts: Sequence[str], place: int, floor: int) -> Table | None:
    """A table whose first row of figures is the line at `place`."""
    if not (_is_row(texts[place]) or _is_weak_row(texts[place])):
        return None
    rows, last, between = 0, place, 0
    for at in range(place, len(texts)):
        if _is_row(texts[at]) or _is_weak_row(texts[at]):
            rows += 1 if _is_weak_row(texts[at]) else 2
            last, between = at, 0
            continue
        between += 1
        if between > _LABELS_BETWEEN or not _is_label(texts[at]) or _NUMBERED_CAPTION.fullmatch(texts[at]):
            break
    if rows < 3:
        return None
    return _with_header(texts, place, last, floor)


def _with_header(texts: Sequence[str], body: int, last: int, floor: int) -> Table:
    """The table with the lines above its first row that name it and its columns."""
    names: list[str] = []
    caption = named_by = ""
    first = at = body
    named = any(names_columns(texts[one]) for one in range(max(floor, body - 4), body))
    while at > floor and body - at < _HEADER_LINES:
        line = texts[at - 1]
        if names_columns(line) or _only_years(line):
            names.insert(0, line)
            named = False
        elif named and len(line) <= _LABEL and not line.endswith("."):
            # Under the periods: the first section of the rows, told as a section.
            pass
        elif at == body and _is_section(line) and at - 1 > floor and _is_label(texts[at - 2]):
            pass
        elif _NUMBERED_CAPTION.fullmatch(line) or line.endswith(":") or _in_capitals(line):
            # Half a sentence names nothing.
            caption, first = "" if line[:1].islower() else line[-_CAPTION:], at - 1
            named_by = line
            break
        elif names and _begins_page_or_part(texts, at - 1):
            caption, first = line, at - 1
            break
        elif (
            len(line) <= _SHORT
            and not line[:1].islower()
            and not line.endswith((".", ","))
            and len(names) < 6
        ):
            names.insert(0, line)
        else:
            break
        at -= 1
        first = at
    unit = next((found[0] for one in (*names, named_by) if (found := UNIT.search(one))), "")
    header = " ".join(one for one in names if one.strip("()").lower() not in _QUIET)
    return Table(first, body, last, header, caption, unit if unit not in header else "")


def _begins_page_or_part(texts: Sequence[str], place: int) -> bool:
    """True for a title over a table, with nothing or the end of a sentence above it."""
    title = len(texts[place]) <= _SHORT and texts[place][:1].isupper() and texts[place][-1:].isalpha()
    return title and (place == 0 or texts[place - 1].endswith("."))


def _is_section(line: str) -> bool:
    return line.endswith(":") and len(line) <= _SHORT and not _LEADS_IN.search(line)


_QUIET = ("unaudited", "audited", "continued")


def _in_capitals(line: str) -> bool:
    letters = [one for one in line if one.isalpha()]
    return len(letters) > 5 and sum(one.isupper() for one in letters) * 10 >= len(letters) * 9


def _cells(line: str) -> list[str]:
    return [_ADDRESS.sub("", cell.strip()) for cell in line.strip().strip("|").split("|")]


def _has_cells(line: str) -> bool:
    return " | " in line or bool(_ADDRESS.match(line)) or (line.startswith("|") and line.count("|") > 1)


def _celled(texts: Sequence[str], place: int, floor: int) -> Table | None:
    if not _has_cells(texts[place]):
        return None
    last = place
    while last + 1 < len(texts) and _has_cells(texts[last + 1]):
        last += 1
    if last == place:
        return None
    above = texts[place - 1] if place > floor else ""
    named = len(above) <= _CAPTION and (_NUMBERED_CAPTION.fullmatch(above) or above.endswith(":"))
    caption = above if named else ""
    first = place - 1 if caption else place
    body = place
    if not any(_is_amount(cell) for cell in _cells(texts[place])):
        body = place + 1
        if _ADDRESS.match(texts[place]):
            body = _first_amounts(texts, place, last)
        elif body < last and (_RULE.fullmatch(texts[body]) or _all_periods(texts[body])):
            body += 1
    header = " ".join(_unruled(texts[place:body]))
    found = UNIT.search(caption)
    return Table(first, body, last, header, caption, found[0] if found else "")


def _first_amounts(texts: Sequence[str], place: int, last: int) -> int:
    """The first row of a sheet with an amount: titles and units stand in rows above it."""
    for at in range(place + 1, min(last, place + _TITLE_ROWS) + 1):
        if any(_is_amount(cell) for cell in _cells(texts[at])):
            return at
    return place + 1


def _unruled(lines: Sequence[str]) -> list[str]:
    return [" | ".join(cell for cell in _cells(one) if cell) for one in lines if not _RULE.fullmatch(one)]


def _is_name(cell: str) -> bool:
    return any(one.isalpha() for one in cell) and not _is_amount(cell)


def _is_amount(cell: str) -> bool:
    return bool(cell) and figures_in(cell) == len(cell.split()) > 0 and not YEAR.fullmatch(cell)


def _all_periods(line: str) -> bool:
    cells = [cell for cell in _cells(line) if cell]
    return bool(cells) and all(names_columns(cell) or YEAR.fullmatch(cell) for cell in cells)


def _delimited(texts: Sequence[str], place: int) -> Table | None:
    if figures_in(texts[place]):
        # The commas of thousands.
        return None
    for delimiter in _DELIMITERS:
        columns = len(delimiter.findall(texts[place]))
        if columns < 2:
            continue
        last = place
        while last + 1 < len(texts) and len(delimiter.findall(texts[last + 1])) == columns:
            last += 1
        if last - place >= 2:
            cells = [cell.strip().strip('"') for cell in delimiter.split(texts[place])]
            named = not any(_is_amount(cell) for cell in cells)
            return Table(place, place + named, last, texts[place] if named else "", has_sections=False)
    return None


def _told(table: Table, lines: Sequence[Line], content: Sequence[int]) -> tuple[Told, ...]:
    at = lines[content[table.first]].start
    unit = "" if table.unit in table.caption else table.unit
    header = " ".join(one for one in (unit, table.header) if one)
    return tuple(Told(text, at, rank) for text, rank in ((table.caption, 2), (header, 0)) if text)


def _rows_of(
    table: Table, texts: Sequence[str], told: tuple[Told, ...], lines: Sequence[Line], content: Sequence[int]
) -> list[tuple[int, Row]]:
    found: list[tuple[int, Row]] = []
    section: Told | None = None
    joined = False
    for place in range(table.first, table.last + 1):
        line = texts[place]
        is_label = place != table.first and table.has_sections and _opens_section(texts, place, table)
        if is_label:
            section = None
        known = told + ((section,) if section else ())
        above = joined or (table.first < place <= table.body and place - table.first < _HEADER_LINES)
        opens = table.last + 1 - table.first if place == table.first else 0
        in_body = line != table.caption
        found.append((place, Row(known, above and place > table.first, opens, in_body, is_label)))
        if is_label:
            whole, begins = _ADDRESS.sub("", line).strip("| "), place
            if line[:1].islower() and place > table.body and not figures_in(texts[place - 1]):
                whole, begins = f"{texts[place - 1]} {whole}", place - 1
            section = Told(whole, lines[content[begins]].start, 1)
        elif _TOTAL.match(line):
            section = None
        # A label goes on in the line below it, and a section stays with its first row.
        joined = place >= table.body and (is_label or (figures_in(line) == 0 and not _has_cells(line)))
    return found


def _opens_section(texts: Sequence[str], place: int, table: Table) -> bool:
    line = texts[place]
    if _has_cells(line):
        cells = _cells(line)
        lone = len(cells) > 1 or bool(_ADDRESS.match(line))
        return place >= table.body and lone and _is_name(cells[0]) and not any(cells[1:])
    if figures_in(line) or place == table.last or names_columns(line) or line == table.caption:
        return False
    if (
        place < table.body
        and not _is_section(line)
        and not any(names_columns(texts[one]) for one in range(table.first, place))
    ):
        return False
    return line.endswith(":") or (
        line[:1].isupper() and texts[place + 1][:1].isupper() and len(line) <= _SHORT
    )
