"""Find the running headers and footers of a document: lines that stand at the edge of many of its pages.

Conservative: a line counts only where nothing but other such lines stands between it and the page's edge, and
a number in it may vary only as page numbers do. Column headers that a long table repeats on each page are not
furniture, nor are its sums. Pages are fed one by one and not kept.
This module knows nothing of tokens or chunks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_EDGE_LINES = 6
_FEWEST_PAGES = 3
_SHARE = 0.3
_SHORT_DOCUMENT = 10
_SHORT_SHARE = 0.6
_IN_A_ROW = 8
_STEADY_SHARE = 0.8
_FORGET_AFTER = 200
_LONGEST = 300

_DIGITS = re.compile(r"\d+")
_ROMAN = re.compile(r"\W*[ivxl]{1,7}\W*")
_SEPARATORS = re.compile(r"\||\t|;|,(?! )|\s{3,}")
_VALUE = re.compile(r"(?<![\w.])\(?[-\u2212]?[$\u20ac\u00a3]?\s?\d[\d,.]*\)?%?(?![\w/])")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(slots=True)
class _Seen:
    """What is known of a line that stood at an edge."""

    pages: int
    last_page: int
    in_a_row: int
    longest_row: int
    numbers: tuple[int, ...]
    steps: int = 0
    steady_steps: int = 0
    counted_up: int = 0
    over_a_table: int = 0


class RunningLines:
    """Feed the texts of all pages in order, then ask which lines run through them."""

    def __init__(self) -> None:
        """Nothing is seen yet."""
        self._pages = 0
        self._seen: dict[str, _Seen] = {}

    def feed(self, text: str) -> None:
        """The next page's text; pages without text count for nothing."""
        lines = [line for line in text.splitlines() if line.strip()]
        if not lines:
            return
        self._pages += 1
        met: set[str] = set()
        for near, inward in _edges(lines):
            key = line_key(near)
            if key not in met and len(near) <= _LONGEST:
                met.add(key)
                self._note(key, near, inward)
        if self._pages % _FORGET_AFTER == 0:
            self._forget()

    def found(self) -> frozenset[str]:
        """The lines that run, as `line_key` writes them."""
        return frozenset(key for key, seen in self._seen.items() if self._runs(key, seen))

    def _note(self, key: str, line: str, inward: str) -> None:
        numbers = tuple(int(one) for one in _DIGITS.findall(line) if len(one) < 10)
        seen = self._seen.get(key)
        if seen is None:
            seen = self._seen[key] = _Seen(0, self._pages, 0, 0, numbers)
        if seen.pages:
            passed = self._pages - seen.last_page
            seen.steps += 1
            seen.steady_steps += _steady(seen.numbers, numbers, passed)
            seen.counted_up += any(new - old in (1, passed) for old, new in _pairs(seen.numbers, numbers))
        # Two: left and right pages often have different lines.
        seen.in_a_row = seen.in_a_row + 1 if self._pages - seen.last_page <= 2 else 1
        seen.longest_row = max(seen.longest_row, seen.in_a_row)
        seen.pages += 1
        seen.last_page = self._pages
        seen.numbers = numbers
        seen.over_a_table += _heads_columns(line, inward)

    def _runs(self, key: str, seen: _Seen) -> bool:
        if seen.pages < _FEWEST_PAGES or seen.over_a_table * 2 >= seen.pages:
            return False
        share = _SHORT_SHARE if self._pages < _SHORT_DOCUMENT else _SHARE
        if seen.pages < self._pages * share and seen.longest_row < _IN_A_ROW:
            return False
        if seen.steady_steps < seen.steps * _STEADY_SHARE:
            return False
        # Figures without words name the columns of a table, unless they count pages.
        return bool(_LETTER.search(key)) or "0" not in key or seen.counted_up * 2 >= seen.steps

    def _forget(self) -> None:
        """Lines met once or twice and long ago: what is kept does not grow with the document."""
        old = self._pages - _FORGET_AFTER
        self._seen = {
            key: seen
            for key, seen in self._seen.items()
            if seen.last_page > old or self._runs(key, seen) or seen.pages >= self._pages * _SHARE / 3
        }


def edge_lines(lines: Sequence[str], running: frozenset[str]) -> frozenset[int]:
    """Indices of the running lines among a page's lines that are not blank: from its edges inwards."""
    found: set[int] = set()
    for order in (range(len(lines)), range(len(lines) - 1, -1, -1)):
        for depth, index in enumerate(order):
            if depth >= _EDGE_LINES or index in found or line_key(lines[index]) not in running:
                break
            found.add(index)
    return frozenset(found)


def line_key(line: str) -> str:
    """A line without what changes from page to page."""
    plain = " ".join(line.split())
    return "0" if _ROMAN.fullmatch(plain) else _DIGITS.sub("0", plain)


def _edges(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The lines at the head and the foot, each with the next one towards the middle."""
    for index in range(min(_EDGE_LINES, len(lines))):
        yield lines[index], lines[index + 1] if index + 1 < len(lines) else ""
    for index in range(len(lines) - 1, max(-1, len(lines) - 1 - _EDGE_LINES), -1):
        yield lines[index], ""


def _pairs(old: Sequence[int], new: Sequence[int]) -> Iterator[tuple[int, int]]:
    return zip(old, new, strict=False)


def _steady(old: Sequence[int], new: Sequence[int], passed: int) -> bool:
    """True where every number stayed, counted pages, or began to count anew."""
    if len(old) != len(new):
        return False
    return all(b == a or b - a in (1, passed) or b <= 2 for a, b in _pairs(old, new))


def _heads_columns(line: str, below: str) -> bool:
    """True for a line whose next one is laid out like it, or is a row of figures."""
    if not below.strip():
        return False
    here, under = _SEPARATORS.findall(line.strip()), _SEPARATORS.findall(below.strip())
    if here and [one.strip() for one in here] == [one.strip() for one in under]:
        return True
    return len(_VALUE.findall(below)) >= 2 and not _VALUE.fullmatch(line.strip())
