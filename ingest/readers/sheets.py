"""The text of a sheet, the same for every kind of workbook.

A row is a line, its cells stand as `B7: $1,234.00` with ` | ` between them, so that a quote of any length
tells where it stands; empty cells are left out, and rows that nothing stands in leave a blank line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ingest.readers.base import storable
from ingest.unseen import MAX_HIDDEN, unseen
from storage.records import Hidden, Page, ReadBy

_MAX_CHARS = 5_000_000
_MAX_CELLS = 1_000_000
ON_HIDDEN_SHEET = "on a hidden sheet"


class SheetText:
    """Gathers one sheet's cells, row by row, and makes its page."""

    def __init__(self, number: int, name: str, *, sheet_hidden: bool, with_hidden: bool) -> None:
        self._number, self._name = number, name
        self._sheet_hidden, self._with_hidden = sheet_hidden, with_hidden
        self._rows: list[tuple[int, list[tuple[int, str]]]] = []
        self._hidden: dict[str, list[tuple[int, int, str]]] = {}
        self._chars = self._cells = 0
        self._cut_after: int | None = None
        self.unsaved = 0
        """Formulas whose result is not in the file."""
        self.missing = 0
        """Cells whose text is not in the file."""

    @property
    def is_full(self) -> bool:
        """True once the sheet has more text than a page may have; what is added then is left out."""
        return self._cut_after is not None

    def add(self, row: int, column: int, text: str, *, why_hidden: str | None = None) -> None:
        """Put in a cell; rows come in order, numbered from 1 as columns are."""
        text = " ".join(text.split())
        if not text or self.is_full:
            return
        if self._chars > _MAX_CHARS or self._cells >= _MAX_CELLS:
            self._cut_after = self._rows[-1][0] if self._rows else row
            return
        self._chars += len(text) + 8
        self._cells += 1
        if why_hidden:
            self._hidden.setdefault(why_hidden, []).append((row, column, text))
            if not self._with_hidden:
                return
        if not self._rows or self._rows[-1][0] != row:
            self._rows.append((row, []))
        self._rows[-1][1].append((column, text))

    def page(
        self,
        *,
        merged: Mapping[tuple[int, int], str] = {},
        notes: Mapping[int, Iterable[str]] = {},
        tail: Iterable[str] = (),
        problem: str | None = None,
    ) -> Page:
        """The sheet's page.

        Args:
            merged: address of the whole range, as in `A1:C1`, by its first cell's row and column.
            notes: lines that belong to a row and follow it.
            tail: lines after the last row.
            problem: why the sheet could not be read to its end.
        """

        def shown(row: int, column: int, text: str) -> str:
            return f"{merged.get((row, column)) or address(row, column)}: {text}"

        lines = [f"Sheet: {self._name}", ""]
        left = {row: list(found) for row, found in notes.items()}
        last = None
        for row, cells in self._rows:
            for earlier in sorted(one for one in left if one < row):
                lines.extend(left.pop(earlier))
            if last is not None and row > last + 1:
                lines.append("")
            lines.append(" | ".join(shown(row, column, text) for column, text in cells))
            lines.extend(left.pop(row, ()))
            last = row
        for found in left.values():
            lines.extend(found)
        if rest := list(tail):
            lines.extend(["", *rest])
        hidden = [
            Hidden(storable(" | ".join(shown(*cell) for cell in cells))[:MAX_HIDDEN], why)
            for why, cells in self._hidden.items()
        ]
        text = storable("\n".join(lines).rstrip("\n"))
        if self._sheet_hidden:
            hidden.insert(0, Hidden(text[:MAX_HIDDEN], ON_HIDDEN_SHEET))
            if not self._with_hidden:
                text = ""
        return Page(
            self._number,
            text,
            ReadBy.TEXT,
            1.0,
            problem=problem or self._problem(),
            label=storable(self._name),
            hidden=(*hidden, *unseen(text)),
        )

    def _problem(self) -> str | None:
        if self._cut_after is not None:
            return (
                f"sheet {self._name!r} is too long for one page: rows after {self._cut_after} are not read; "
                "split the sheet"
            )
        if self.missing:
            return (
                f"sheet {self._name!r} has {self.missing} cells whose text is missing from the file; "
                "get it from its author again"
            )
        if self.unsaved:
            return (
                f"sheet {self._name!r} has {self.unsaved} formulas whose results are not in the file; "
                "open it in Excel and save it again"
            )
        return None


def lost_sheet(number: int, name: str, problem: str) -> Page:
    """A sheet of which nothing could be read."""
    return Page(number, "", ReadBy.NONE, 0.0, problem=problem, label=storable(name))


def hidden_sheets_flag(names: Iterable[str]) -> tuple[str, ...]:
    """A flag that names the hidden sheets, if there are any."""
    found = [f'"{storable(name)}"' for name in names]
    if not found:
        return ()
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return (f"has hidden sheets: {', '.join(found[:5])}{more}",)


def address(row: int, column: int) -> str:
    """A cell's address, as in `B7`, from numbers that begin at 1."""
    letters = ""
    while column > 0:
        column, letter = divmod(column - 1, 26)
        letters = chr(65 + letter) + letters
    return f"{letters}{row}"


def position(text: str) -> tuple[int, int] | None:
    """Row and column of an address; None when it is none."""
    letters = text.rstrip("0123456789")
    digits = text[len(letters) :]
    letters = letters.replace("$", "").upper()
    if not digits or not letters.isascii() or not letters.isalpha() or len(letters) > 3:
        return None
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return int(digits), column
