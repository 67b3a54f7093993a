"""Old Excel workbooks (.xls): one page a sheet, in the order of the tabs, shown as `XlsxReader` shows them.

Charts, text boxes, headers and footers of these files are not read; sheets that are nothing but a chart
are named in a flag.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ingest.readers.base import DEFAULT, NeedsPassword, Reading, ReadOptions, Unreadable, struck
from ingest.readers.number_format import display, display_text
from ingest.readers.office_crypto import open_office
from ingest.readers.ooxml_drawings import embedded_in_old
from ingest.readers.sheets import SheetText, address, hidden_sheets_flag, lost_sheet
from storage.records import Page

_IGNORED = re.compile(r"Ignoring non-worksheet data named '?(.*?)'? \(type (0x\w+)")
_WHITE = (1, 9)
_TINY_TWIPS = 30
_SOLID = 0


class XlsReader:
    """Reads old Excel workbooks."""

    def read(self, path: Path, options: ReadOptions = DEFAULT, *, first_page: int = 1) -> Reading:
        """See `Reader.read`."""
        import xlrd

        log = io.StringIO()
        with open_office(path, options) as stream:
            data = stream.read()
        try:
            # Formats are not kept for the oldest files; the library then says so by this error.
            try:
                book = xlrd.open_workbook(
                    file_contents=data, formatting_info=True, on_demand=True, logfile=log
                )
            except NotImplementedError:
                book = xlrd.open_workbook(file_contents=data, on_demand=True, logfile=log)
        except xlrd.XLRDError as error:
            if "encrypted" in str(error):
                raise NeedsPassword("is encrypted; give its password") from error
            raise Unreadable("is not an Excel workbook that we can open; save it again as .xlsx") from error
        except Exception as error:  # the library raises anything on a damaged file
            raise Unreadable("is a damaged Excel workbook; open it in Excel and save it as .xlsx") from error
        names = book.sheet_names()
        if not names:
            raise Unreadable("has no sheets that hold cells")
        hidden = {n: name for n, name in enumerate(names) if book._sheet_visibility[n]}
        pages = (
            _page(book, n, name, sheet_hidden=n in hidden, with_hidden=options.with_hidden)
            for n, name in enumerate(names)
            if n + 1 >= first_page
        )
        flags = (*hidden_sheets_flag(hidden.values()), *_ignored(log.getvalue()))
        return Reading(len(names), pages, flags=flags, attachments=embedded_in_old(data))


def _ignored(log: str) -> tuple[str, ...]:
    found = _IGNORED.findall(log)
    charts = [name for name, kind in found if kind == "0x02"]
    others = len(found) - len(charts)
    return (
        *([f"has sheets that are charts, which are not read: {', '.join(charts[:5])}"] if charts else []),
        *(["carries macros, which are never run"] if others else []),
    )


def _page(book: Any, index: int, name: str, *, sheet_hidden: bool, with_hidden: bool) -> Page:
    try:
        sheet = book.sheet_by_index(index)
    except Exception:  # noqa: BLE001 - the library raises anything on a damaged sheet
        return lost_sheet(
            index + 1, name, f"sheet {name!r} is damaged; open the workbook in Excel and save it as .xlsx"
        )
    text = SheetText(index + 1, name, sheet_hidden=sheet_hidden, with_hidden=with_hidden)
    narrow = {n for n, info in sheet.colinfo_map.items() if info.hidden or not info.width}
    for row in range(sheet.nrows):
        info = sheet.rowinfo_map.get(row)
        row_hidden = info is not None and bool(info.hidden)
        for column in range(sheet.row_len(row)):
            cell = sheet.cell(row, column)
            shown, why = _shown(book, cell)
            if not shown:
                continue
            if why is None and column in narrow:
                why = "in hidden columns"
            runs = sheet.rich_text_runlist_map.get((row, column), ())
            shown = _with_lines(book, cell, shown, runs)
            text.add(row + 1, column + 1, shown, why_hidden="in hidden rows" if row_hidden else why)
        if text.is_full:
            break
    merged = {
        (top + 1, left + 1): f"{address(top + 1, left + 1)}:{address(bottom, right)}"
        for top, bottom, left, right in sheet.merged_cells
    }
    notes: dict[int, list[str]] = {}
    for (row, column), note in sorted(sheet.cell_note_map.items()):
        words = " ".join(note.text.split())
        if words:
            author = (note.author or "").strip()
            by = f" by {author}" if author else ""
            words = words.removeprefix(f"{author}: ")
            notes.setdefault(row + 1, []).append(f"[comment on {address(row + 1, column + 1)}{by}] {words}")
    page = text.page(merged=merged, notes=notes)
    book.unload_sheet(index)
    return page


def _shown(book: Any, cell: Any) -> tuple[str, str | None]:
    """What a cell shows, and why that is nothing although it holds something."""
    import xlrd

    code, why = _style(book, cell.xf_index)
    if cell.ctype == xlrd.XL_CELL_TEXT:
        shown = display_text(cell.value, code)
        return (shown, why) if shown else (cell.value, "in a format that shows nothing")
    if cell.ctype in (xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE):
        try:
            shown = display(cell.value, code, epoch_1904=bool(book.datemode))
        except (ValueError, OverflowError, ArithmeticError):
            return str(cell.value), why
        return (shown, why) if shown else (str(cell.value), "in a format that shows nothing")
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return ("TRUE" if cell.value else "FALSE"), why
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(cell.value, "#ERROR!"), why
    return "", None


def _with_lines(book: Any, cell: Any, shown: str, runs: Sequence[tuple[int, int]]) -> str:
    """What a cell shows with the letters marked that have a line through them.

    `runs` are the places of a text from which another font holds, and that font's number.
    """
    fonts = book.font_list
    whole = book.xf_list[cell.xf_index].font_index if cell.xf_index in range(len(book.xf_list)) else -1
    if not runs or shown != cell.value:
        return struck(shown) if whole in range(len(fonts)) and fonts[whole].struck_out else shown
    parts = zip([(0, whole), *runs], [*(start for start, _ in runs), len(shown)], strict=True)
    return "".join(
        struck(shown[start:end]) if font in range(len(fonts)) and fonts[font].struck_out else shown[start:end]
        for (start, font), end in parts
    )


def _style(book: Any, index: int | None) -> tuple[str, str | None]:
    """A cell's number format, and why its letters cannot be seen."""
    if index is None or index >= len(book.xf_list):
        return "General", None
    xf = book.xf_list[index]
    found = book.format_map.get(xf.format_key)
    code = found.format_str if found else "General"
    font = book.font_list[xf.font_index] if xf.font_index < len(book.font_list) else None
    if font is None:
        return code, None
    if 0 < font.height <= _TINY_TWIPS:
        return code, "in letters too small to see"
    painted = xf.background is not None and xf.background.fill_pattern != _SOLID
    return code, "white on white" if font.colour_index in _WHITE and not painted else None
