"""What a workbook's cell styles say of how a cell shows: its number format, and whether its letters hide."""

from __future__ import annotations

from typing import Any

from ingest.readers.number_format import BUILT_IN
from ingest.readers.ooxml import is_on, local

_WHITE_INDEXES = ("1", "9")
_TINY_POINTS = 1.5


class Styles:
    """A workbook's cell formats, by the index that cells name them with."""

    def __init__(self, root: Any) -> None:
        lists = {local(child): list(child) for child in root} if root is not None else {}
        codes: dict[str, str] = {
            one.get("numFmtId", ""): one.get("formatCode", "") for one in lists.get("numFmts", [])
        }
        fonts = [_font_hides(one) for one in lists.get("fonts", [])]
        filled = [_is_filled(one) for one in lists.get("fills", [])]
        self._codes: list[str] = []
        self._hides: list[str | None] = []
        self._struck: list[bool] = []
        crossed = [has_line(one) for one in lists.get("fonts", [])]
        for xf in lists.get("cellXfs", []):
            number: str = xf.get("numFmtId", "0")
            built_in = BUILT_IN.get(int(number), "General") if number.isdigit() else "General"
            self._codes.append(codes.get(number) or built_in)
            self._struck.append(bool(_at(crossed, xf.get("fontId"))))
            why: str | None = _at(fonts, xf.get("fontId"))
            self._hides.append(None if why == "white on white" and _at(filled, xf.get("fillId")) else why)

    def code(self, index: int) -> str:
        """The number format of a cell."""
        return self._codes[index] if index < len(self._codes) else "General"

    def is_struck(self, index: int) -> bool:
        """Whether a cell's letters have a line through them."""
        return index < len(self._struck) and self._struck[index]

    def hides(self, index: int, *, painted: bool) -> str | None:
        """Why nobody sees the letters of a cell; None when they are seen.

        `painted` cells get a background from elsewhere, as tables give one to their head.
        """
        why = self._hides[index] if index < len(self._hides) else None
        return None if painted and why == "white on white" else why


def has_line(font: Any) -> bool:
    """Whether a font, or the properties of a part of a text, puts a line through letters."""
    return any(local(child) == "strike" and is_on(child.get("val")) for child in font)


def is_raised(font: Any) -> bool:
    """Whether the properties of a part of a text make it small and high."""
    return any(local(child) == "vertAlign" and child.get("val") == "superscript" for child in font)


def _font_hides(font: Any) -> str | None:
    for child in font:
        name = local(child)
        if name == "sz" and 0 < _float(child.get("val")) <= _TINY_POINTS:
            return "in letters too small to see"
        if name == "color" and (
            child.get("rgb", "").upper()[-6:] == "FFFFFF"
            or (child.get("theme") == "0" and not _float(child.get("tint")))
            or child.get("indexed") in _WHITE_INDEXES
        ):
            return "white on white"
    return None


def _is_filled(fill: Any) -> bool:
    for child in fill:
        if local(child) == "patternFill":
            kind = child.get("patternType", "none")
            colors = [one for one in child if local(one) == "fgColor"]
            white = bool(colors) and colors[0].get("rgb", "").upper()[-6:] == "FFFFFF"
            return kind != "none" and not (kind == "solid" and white)
        return local(child) == "gradientFill"
    return False


def _at(items: list[Any], index: str | None) -> Any:
    number = int(index) if index and index.isdigit() else -1
    return items[number] if 0 <= number < len(items) else None


def _float(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
