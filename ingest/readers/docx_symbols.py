"""What Word draws and the text does not hold: signs of picture fonts, the state of old form fields."""

from __future__ import annotations

from typing import Any

from ingest.readers.docx_styles import VAL, W, value
from ingest.readers.ooxml import is_on

_WINGDINGS = {
    0x6C: "\u25cf",
    0x6E: "\u25a0",
    0x6F: "\u2610",
    0x71: "\u2610",
    0x72: "\u2610",
    0x78: "\u2612",
    0x9F: "\u2022",
    0xA7: "\u25aa",
    0xA8: "\u2610",
    0xD8: "\u27a2",
    0xE0: "\u2192",
    0xFB: "\u2717",
    0xFC: "\u2713",
    0xFD: "\u2612",
    0xFE: "\u2611",
}
_WINGDINGS_2 = {0x4F: "\u2717", 0x50: "\u2713", 0x51: "\u2612", 0x52: "\u2611", 0xA3: "\u2610"}
_SYMBOL_LETTERS = (
    "\u03b1\u03b2\u03c7\u03b4\u03b5\u03c6\u03b3\u03b7\u03b9\u03d5\u03ba\u03bb\u03bc"
    "\u03bd\u03bf\u03c0\u03b8\u03c1\u03c3\u03c4\u03c5\u03d6\u03c9\u03be\u03c8\u03b6"
)
_SYMBOL = {0x61 + n: letter for n, letter in enumerate(_SYMBOL_LETTERS)} | {
    0xA3: "\u2264",
    0xB0: "\u00b0",
    0xB1: "\u00b1",
    0xB3: "\u2265",
    0xB4: "\u00d7",
    0xB7: "\u2022",
    0xB9: "\u2260",
    0xD2: "\u00ae",
    0xD3: "\u00a9",
    0xD4: "\u2122",
    0xE2: "\u00ae",
    0xE3: "\u00a9",
    0xE4: "\u2122",
}
_FONTS = {"wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2, "symbol": _SYMBOL}


def symbol(font: str, code: str) -> str:
    """The sign of a font at a hexadecimal code; U+FFFD for one that we don't know."""
    try:
        number = int(code, 16)
    except ValueError:
        return "\N{REPLACEMENT CHARACTER}"
    table = _FONTS.get(font.lower())
    if table is None:
        return chr(number) if 0x20 <= number < 0xD800 else "\N{REPLACEMENT CHARACTER}"
    low = number & 0xFF
    if table is _SYMBOL and 0x20 <= low < 0x41:
        return chr(low)
    return table.get(low, "\N{REPLACEMENT CHARACTER}")


def form_field(begin: Any) -> str:
    """What an old form field shows that is not in the text: a box's state, a list's choice."""
    box = begin.find(f"{W}ffData/{W}checkBox")
    if box is not None:
        state = box.find(f"{W}checked")
        state = state if state is not None else box.find(f"{W}default")
        return "[x]" if state is not None and is_on(state.get(VAL)) else "[ ]"
    choices = begin.find(f"{W}ffData/{W}ddList")
    if choices is not None:
        entries = [value(one) or "" for one in choices.findall(f"{W}listEntry")]
        chosen = value(choices.find(f"{W}result")) or value(choices.find(f"{W}default")) or "0"
        return entries[int(chosen)] if chosen.isdigit() and int(chosen) < len(entries) else ""
    return ""
