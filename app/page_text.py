"""A page's text as HTML: sheets as tables of cells, mail under its headers, changes shown as changes.

All of the text is there, in its order, and all of it is escaped; a span of it can be marked. A very long text
comes in parts, so that no page is too heavy for a browser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.presenting import escaped

PART_CHARS = 60_000
_MOST_COLUMNS = 60
_CELL = re.compile(r"([A-Z]{1,3})(\d{1,7})(?::[A-Z]{1,3}\d{1,7})?: ")
_NEXT_CELL = re.compile(r" \| (?=[A-Z]{1,3}\d{1,7}(?::[A-Z]{1,3}\d{1,7})?: )")
_BAR = re.compile(r" \| ")
_FIGURE = re.compile(r"\(?[-+]?[^\w\s]{0,2} ?\d[\d,.' ]*\)?( ?%)?")
_FIRST_HEADER = re.compile(r"(From|To|Date|Subject|Sent): ")
_HEADER = re.compile(r"[A-Z][A-Za-z-]{1,20}: ")
_CHANGE = re.compile(r"\[(inserted|deleted): [^\]]*\]")


@dataclass(frozen=True, slots=True)
class Part:
    """Characters `start` up to `end` of a page's text, cut between lines where that is possible."""

    start: int
    end: int


def parts(text: str) -> list[Part]:
    """The text in parts that a browser shows with ease; at least one, together all of it."""
    found, start = [], 0
    while len(text) - start > PART_CHARS:
        cut = text.rfind("\n", start, start + PART_CHARS) + 1
        end = cut if cut > start else start + PART_CHARS
        found.append(Part(start, end))
        start = end
    return [*found, Part(start, len(text))]


def part_with(divided: list[Part], position: int) -> int:
    """Which part a character is in."""
    return next((n for n, one in enumerate(divided) if one.start <= position < one.end), 0)


def text_html(text: str, part: Part, *, start: int = 0, end: int = 0, sheet: bool = False) -> str:
    """A part of a page's text with the characters `start` up to `end` of the page marked.

    Args:
        text: the page's text, whole.
        part: what of it to show.
        start: where the marked passage begins.
        end: where it ends, itself excluded.
        sheet: the text is a sheet's, with a row on each line and addresses before its cells.
    """
    mark = Part(start, end) if 0 <= start < end <= len(text) else Part(0, 0)
    blocks: list[str] = []
    table: list[tuple[int, str]] = []
    at, in_header = part.start, part.start == 0 and not sheet and _FIRST_HEADER.match(text) is not None
    for line in text[part.start : part.end].split("\n"):
        is_row = bool(_CELL.match(line)) if sheet else " | " in line and not in_header
        if table and not is_row:
            blocks.append(_table(table, mark, sheet=sheet))
            table = []
        in_header = in_header and bool(line)
        if is_row:
            table.append((at, line))
        elif in_header:
            blocks.append(_header(line, at, mark))
        else:
            blocks.append(f"<p>{_marked(line, at, mark)}</p>" if line else '<p class="m-gap"></p>')
        at += len(line) + 1
    if table:
        blocks.append(_table(table, mark, sheet=sheet))
    return "".join(blocks)


def _marked(words: str, at: int, mark: Part) -> str:
    """Words that begin at character `at` of the page, what of them is in the span marked."""
    first, last = (min(max(0, edge - at), len(words)) for edge in (mark.start, mark.end))
    if first >= last:
        return _changes(words)
    inside = f"<mark>{_changes(words[first:last])}</mark>"
    return f"{_changes(words[:first])}{inside}{_changes(words[last:])}"


def _changes(words: str) -> str:
    pieces, at = [], 0
    for found in _CHANGE.finditer(words):
        tag = "ins" if found.group(1) == "inserted" else "del"
        pieces.append(f"{escaped(words[at : found.start()])}<{tag}>{escaped(found.group())}</{tag}>")
        at = found.end()
    return "".join([*pieces, escaped(words[at:])])


def _header(line: str, at: int, mark: Part) -> str:
    if not (named := _HEADER.match(line)):
        return f'<p class="m-mail">{_marked(line, at, mark)}</p>'
    name = _marked(named.group(), at, mark)
    return f'<p class="m-mail"><span>{name}</span>{_marked(line[named.end() :], at + named.end(), mark)}</p>'


def _table(lines: list[tuple[int, str]], mark: Part, *, sheet: bool) -> str:
    made = _grid(lines, mark) if sheet else None
    if made is None:
        rows = [[(at, words) for at, words in _split(line, at, _BAR)] for at, line in lines]
        made = "".join(
            f"<tr>{''.join(f'<td>{_marked(words, at, mark)}</td>' for at, words in row)}</tr>" for row in rows
        )
        made = f"<tbody>{made}</tbody>"
    return f'<div class="m-scroll"><table class="m-table m-cells">{made}</table></div>'


def _grid(lines: list[tuple[int, str]], mark: Part) -> str | None:
    """Rows of a sheet under the letters of their columns; None where they are too many to stand in a grid."""
    rows: list[tuple[str, dict[str, tuple[int, str]]]] = []
    letters: set[str] = set()
    for at, line in lines:
        cells: dict[str, tuple[int, str]] = {}
        number = ""
        for where, words in _split(line, at, _NEXT_CELL):
            address = _CELL.match(words)
            if address is None:
                return None
            number = address.group(2)
            cells[address.group(1)] = (where + address.end(), words[address.end() :])
        letters |= cells.keys()
        rows.append((number, cells))
    columns = sorted(letters, key=lambda one: (len(one), one))
    if len(columns) > _MOST_COLUMNS:
        return None
    head = "".join(f"<th>{one}</th>" for one in columns)
    body = "".join(
        f"<tr><th>{number}</th>{''.join(_cell(cells.get(one), mark) for one in columns)}</tr>"
        for number, cells in rows
    )
    return f"<thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody>"


def _cell(held: tuple[int, str] | None, mark: Part) -> str:
    if held is None:
        return "<td></td>"
    at, words = held
    side = ' class="m-right"' if _FIGURE.fullmatch(words) else ""
    return f"<td{side}>{_marked(words, at, mark)}</td>"


def _split(line: str, at: int, between: re.Pattern[str]) -> list[tuple[int, str]]:
    """What stands between the marks, each with where it begins."""
    found, start = [], 0
    for one in between.finditer(line):
        found.append((at + start, line[start : one.start()]))
        start = one.end()
    return [*found, (at + start, line[start:])]
