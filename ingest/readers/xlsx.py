"""Excel workbooks (.xlsx, .xlsm and templates): one page a sheet, in the order of the tabs.

Cells show what Excel showed at the last save: results, not formulas, in the form of the cell's number
format. What hides (sheets, rows, columns, white or tiny letters, formats that show nothing) is kept out of
the text and told apart. Sheets are read as a stream; the shared strings and one sheet's text lie in memory.
Conditional formats, data validations and what pivot tables keep to themselves are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.readers.base import DEFAULT, Reading, ReadOptions, Unreadable, raised, struck
from ingest.readers.number_format import display
from ingest.readers.office_crypto import open_office
from ingest.readers.ooxml import Package, Relation, file_flags, is_on, local
from ingest.readers.ooxml_drawings import embedded
from ingest.readers.sheets import SheetText, hidden_sheets_flag, lost_sheet, position
from ingest.readers.xlsx_extras import comments, drawing_lines, margin_lines, tables
from ingest.readers.xlsx_styles import Styles, has_line, is_raised
from storage.records import Page

_REL_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_REL_ID_STRICT = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
_MAX_STRINGS = 5_000_000
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_NO_RESULT = "[no saved result of the formula{0}]"


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    part: str
    """Empty when the file does not hold it."""
    hidden: bool


@dataclass(slots=True)
class _Marks:
    """What stands around the rows of a sheet, and which row was read last."""

    row: int = 0
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    merged: dict[tuple[int, int], str] = field(default_factory=dict)
    tail: list[str] = field(default_factory=list)


class XlsxReader:
    """Reads Excel workbooks."""

    def read(self, path: Path, options: ReadOptions = DEFAULT, *, first_page: int = 1) -> Reading:
        """See `Reader.read`."""
        workbook = _Workbook(Package(open_office(path, options), what="an Excel workbook"))
        pages = (
            workbook.page(n, sheet, with_hidden=options.with_hidden)
            for n, sheet in enumerate(workbook.sheets, 1)
            if n >= first_page
        )
        return Reading(
            len(workbook.sheets),
            pages,
            title=workbook.package.title(),
            flags=workbook.flags(),
            attachments=embedded(workbook.package),
        )


class _Workbook:
    def __init__(self, package: Package) -> None:
        self.package = package
        main = package.main_part("xl/workbook.xml")
        root = package.xml(main)
        if root is None or local(root) != "workbook":
            raise Unreadable("is not an Excel workbook that we can open; save it again as .xlsx")
        self._relations = package.relations(main)
        self.sheets = list(self._sheets(root))
        if not self.sheets:
            raise Unreadable("has no sheets")
        one = {local(child): child for child in root}
        properties = one.get("workbookPr")
        self._epoch_1904 = properties is not None and is_on(properties.get("date1904", "0"))
        calculation = one.get("calcPr")
        self._on_demand = calculation is not None and calculation.get("calcMode") == "manual"
        self._styles = Styles(package.xml(self._first("styles")))
        self._strings = list(self._shared_strings())

    def flags(self) -> tuple[str, ...]:
        """What a person should know of the workbook."""
        pictures = sum(name.startswith("xl/media/") for name in self.package.names)
        others = sum(one.kind == "externalLink" for one in self._relations.values())
        return (
            *hidden_sheets_flag(sheet.name for sheet in self.sheets if sheet.hidden),
            *file_flags(self.package),
            *([f"has {pictures} pictures, whose text is not read"] if pictures else []),
            *(
                [f"takes figures from {others} other workbooks, as they were at the last save"]
                if others
                else []
            ),
            *(
                ["calculates on demand only: figures may be older than their inputs"]
                if self._on_demand
                else []
            ),
        )

    def page(self, number: int, sheet: _Sheet, *, with_hidden: bool) -> Page:
        """One sheet's page; a sheet that the file does not hold says so."""
        if not sheet.part or not self.package.size(sheet.part):
            return lost_sheet(
                number,
                sheet.name,
                f"sheet {sheet.name!r} is missing from the file; get it from its author again",
            )
        text = SheetText(number, sheet.name, sheet_hidden=sheet.hidden, with_hidden=with_hidden)
        relations = self.package.relations(sheet.part)
        marks = _Marks()
        painted = [area for _, area in tables(self.package, relations)]
        for element in self.package.elements(
            sheet.part, "row", "col", "mergeCell", "headerFooter", "drawing"
        ):
            kind = local(element)
            if kind == "row":
                self._row(element, text, marks, painted)
                if text.is_full:
                    # What is left could take minutes, and none of it would be kept.
                    break
            elif kind == "col" and (is_on(element.get("hidden", "0")) or element.get("width") == "0"):
                marks.hidden_columns.append((_int(element.get("min")), _int(element.get("max"))))
            elif kind == "mergeCell" and (start := position(element.get("ref", "").partition(":")[0])):
                marks.merged[start] = element.get("ref", "").replace("$", "")
            elif kind == "headerFooter":
                marks.tail.extend(margin_lines(element))
            elif kind == "drawing":
                relation = relations.get(element.get(_REL_ID) or element.get(_REL_ID_STRICT) or "")
                if relation is not None:
                    is_chart = sheet.part.lower().find("chartsheet") >= 0
                    marks.tail.extend(drawing_lines(self.package, relation.target, with_values=is_chart))
        damaged = {sheet.part, self._first("sharedStrings")} & self.package.damaged
        return text.page(
            merged=marks.merged,
            notes=comments(self.package, relations, self._relations),
            tail=marks.tail,
            problem=f"sheet {sheet.name!r} is damaged: what stands behind the damage is not read; "
            "open it in Excel and save it again"
            if damaged
            else None,
        )

    def _row(
        self, element: Any, text: SheetText, marks: _Marks, painted: list[tuple[int, int, int, int]]
    ) -> None:
        row = marks.row = _int(element.get("r")) or marks.row + 1
        row_hidden = is_on(element.get("hidden", "0")) or element.get("ht") == "0"
        column = 0
        for cell in element:
            if local(cell) != "c":
                continue
            column += 1
            if not len(cell):
                # Formatted and empty, as whole columns often are.
                continue
            if found := position(cell.get("r") or ""):
                column = found[1]
            shown, why = self._shown(cell, text)
            if not shown:
                continue
            if why is None and any(low <= column <= high for low, high in marks.hidden_columns):
                why = "in hidden columns"
            if row_hidden:
                why = "in hidden rows"
            in_table = any(a <= row <= b and c <= column <= d for a, c, b, d in painted)
            if why is None and (style := self._styles.hides(_int(cell.get("s")), painted=in_table)):
                why = style
            if self._styles.is_struck(_int(cell.get("s"))):
                shown = struck(shown)
            text.add(row, column, shown, why_hidden=why)

    def _shown(self, cell: Any, text: SheetText) -> tuple[str, str | None]:
        """What a cell shows, and why that is nothing although it holds something."""
        kind = cell.get("t", "n")
        raw = formula = None
        inline = ""
        for child in cell:
            name = local(child)
            if name == "v":
                raw = child.text
            elif name == "f":
                formula = child.text or ""
            elif name == "is":
                inline = _string(child)
        if inline:
            return inline, None
        if formula is not None and not raw and kind != "str":
            text.unsaved += 1
            return _NO_RESULT.format(f" ={formula}" if formula else ""), None
        if raw is None:
            return "", None
        code = self._styles.code(_int(cell.get("s")))
        if kind == "s":
            index = _int(raw)
            if index < len(self._strings):
                return self._strings[index], None
            text.missing += 1
            return "[text missing from the file]", None
        if kind == "b":
            return ("TRUE" if raw.strip() in ("1", "true") else "FALSE"), None
        if kind != "n":
            return _unescaped(raw), None
        try:
            shown = display(float(raw), code, epoch_1904=self._epoch_1904)
        except (ValueError, OverflowError, ArithmeticError):
            return raw, None
        return (shown, None) if shown else (raw, "in a format that shows nothing")

    def _sheets(self, root: Any) -> Iterator[_Sheet]:
        for one in root.iter():
            if local(one) != "sheet" or local(one.getparent()) != "sheets":
                continue
            relation = self._relations.get(one.get(_REL_ID) or "")
            part = relation.target if relation and not relation.external else ""
            yield _Sheet(one.get("name", ""), part, one.get("state", "visible") != "visible")

    def _first(self, kind: str) -> str:
        found: Relation | None = next((one for one in self._relations.values() if one.kind == kind), None)
        return found.target if found else ""

    def _shared_strings(self) -> Iterator[str]:
        for count, item in enumerate(self.package.elements(self._first("sharedStrings"), "si")):
            if count >= _MAX_STRINGS:
                raise Unreadable("holds more than five million texts; split the workbook")
            yield _string(item)


def _string(item: Any) -> str:
    """A rich text's words; what only helps to pronounce them is left out."""
    words = ""
    for one in item.iter():
        if local(one) == "t" and local(holder := one.getparent()) != "rPh":
            drawn = [part for part in holder if local(part) == "rPr"]
            text = raised(words, one.text or "") if any(map(is_raised, drawn)) else one.text or ""
            words += struck(text) if any(map(has_line, drawn)) else text
    return _unescaped(words)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _int(text: str | None) -> int:
    try:
        return max(0, int(text or 0))
    except ValueError:
        return 0
