"""Shows a number of a workbook as its program shows it: by the cell's format code.

Month and day names are English. A code that stands for the viewer's own form of a date (built-in 14 and
22) gives the form that no one misreads, 2024-03-04; one that stands for the viewer's own currency gives
none, since the file does not say which.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache

_ACCOUNTING = '_(* #,##0{0}_);_(* \\(#,##0{0}\\);_(* "-"??_);_(@_)'
_BRACKETED = "#,##0{0}_);\\(#,##0{0}\\)"
_DATE, _TIME = "yyyy-mm-dd", "h:mm"
BUILT_IN = (
    {0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00"}
    | {12: "# ?/?", 13: "# ??/??", 14: _DATE, 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy"}
    | {18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: _TIME, 21: "h:mm:ss", 22: f"{_DATE} {_TIME}"}
    | {45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@"}
    | dict.fromkeys((5, 6, 37, 38), _BRACKETED.format(""))
    | dict.fromkeys((7, 8, 39, 40), _BRACKETED.format(".00"))
    | dict.fromkeys((41, 42), _ACCOUNTING.format(""))
    | dict.fromkeys((43, 44), _ACCOUNTING.format(".00"))
    | dict.fromkeys((*range(27, 37), *range(50, 59)), _DATE)
)
"""Format codes that a file names by number only."""

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_.|\*.|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<half>AM/PM|A/P)|(?P<general>General)|(?P<exponent>E[+-])"
    r"|(?P<date>y+|m+|d+|h+|s+|b+|g+|e+)|(?P<digit>[0#?])|(?P<mark>[.,%/@])|(?P<literal>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?[\d.]+)")
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
_SHORT_DIGITS = 11
_Tokens = tuple[tuple[str, str], ...]


def display(value: float, code: str, *, epoch_1904: bool = False) -> str:
    """A number as a cell of this format shows it; empty for a format that shows nothing."""
    sections = _sections(code)
    section, value = _choose(value, sections)
    kinds = {kind for kind, _ in section}
    if not section:
        # A code of nothing but separators hides the number; no code at all is General.
        return general(value) if len(sections) == 1 else ""
    if kinds & {"date", "elapsed", "half"}:
        return _moment(value, section, epoch_1904=epoch_1904)
    if "general" in kinds or ("mark", "@") in section:
        shown = general(value)
        return "".join(shown if k == "general" or t == "@" else t if k == "text" else "" for k, t in section)
    return _number(value, section).strip()


def display_text(text: str, code: str) -> str:
    """A text as a cell of this format shows it; empty for a format that hides it."""
    sections = _sections(code)
    section = sections[3] if len(sections) > 3 else sections[-1]
    if len(sections) > 3 and not section:
        return ""
    if ("mark", "@") not in section:
        return text
    return "".join(text if t == "@" else t if k == "text" else "" for k, t in section).strip() or text


def general(value: float) -> str:
    """A number without a format: as many digits as a cell has room for, and whole numbers in full."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    if abs(value) >= 1e15 or abs(value) < 1e-9:
        mantissa, _, exponent = f"{value:.5E}".partition("E")
        mantissa = mantissa.rstrip("0").rstrip(".")
        return f"{mantissa}E{exponent[0]}{exponent[1:].zfill(2)}"
    whole = len(str(int(abs(value))))
    return f"{_rounded(value, max(0, _SHORT_DIGITS - 1 - whole)):f}".rstrip("0").rstrip(".")


@lru_cache(maxsize=512)
def _sections(code: str) -> tuple[_Tokens, ...]:
    found: list[list[tuple[str, str]]] = [[]]
    for match in _TOKEN.finditer(code):
        kind, text = match.lastgroup or "pad", match[0]
        if kind == "literal" and text == ";":
            found.append([])
            continue
        if kind in ("quoted", "escaped"):
            kind, text = "text", match[kind]
        elif kind == "literal":
            kind = "text"
        elif kind == "bracket":
            kind, text = _bracket(match["bracket"])
        if kind != "pad":
            found[-1].append((kind, text))
    return tuple(tuple(one) for one in found)


def _bracket(inside: str) -> tuple[str, str]:
    if inside.startswith("$"):
        # The currency sign stands before the locale's number: [$€-407].
        return "text", inside[1:].partition("-")[0]
    if _ELAPSED.fullmatch(inside):
        return "elapsed", inside.lower()
    return ("condition", inside) if _CONDITION.match(inside) else ("pad", "")


def _choose(value: float, sections: tuple[_Tokens, ...]) -> tuple[_Tokens, float]:
    conditions = [next((text for kind, text in one if kind == "condition"), None) for one in sections[:2]]
    if any(conditions):
        for section, condition in zip(sections, conditions, strict=False):
            if condition is None or _holds(value, condition):
                return section, value
        return sections[min(2, len(sections) - 1)], value
    if len(sections) > 1 and value < 0:
        return sections[1], -value
    if len(sections) > 2 and value == 0:
        return sections[2], value
    return sections[0], value


def _holds(value: float, condition: str) -> bool:
    found = _CONDITION.match(condition)
    assert found is not None
    try:
        limit = float(found[2])
    except ValueError:
        return False
    sign = found[1]
    below, above = value < limit, value > limit
    return ("<" in sign and below) or (">" in sign and above) or ("=" in sign and not below and not above)


def _rounded(value: float, decimals: int) -> Decimal:
    # Fifteen digits are what a cell holds; the ones after them are the machine's, not the author's.
    return Decimal(f"{value:.15g}").quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def _number(value: float, section: _Tokens) -> str:
    digits = [n for n, (kind, _) in enumerate(section) if kind == "digit"]
    if not digits:
        text = "".join("%" if part == "%" else part if kind == "text" else "" for kind, part in section)
        return f"-{text}" if value < 0 and text else text
    if any(kind == "exponent" for kind, _ in section):
        return _scientific(value, section)
    if ("mark", "/") in section:
        return _fraction(value, section)
    value *= 100.0 ** sum(part == "%" for _, part in section)
    point = next((n for n, one in enumerate(section) if one == ("mark", ".")), len(section))
    whole_at = [n for n in digits if n < point]
    last = whole_at[-1] if whole_at else -1
    scale = 0
    while whole_at and last + 1 + scale < len(section) and section[last + 1 + scale] == ("mark", ","):
        scale += 1
    if not scale and digits[-1] > point:
        while digits[-1] + 1 + scale < len(section) and section[digits[-1] + 1 + scale] == ("mark", ","):
            scale += 1
    grouped = any(section[n] == ("mark", ",") for n in range(whole_at[0], last)) if whole_at else False
    decimals = [n for n in digits if n > point]
    number = _rounded(value / 1000.0**scale, len(decimals))
    whole, _, fraction = f"{abs(number):f}".partition(".")
    shown = _whole(whole, section, whole_at, grouped=grouped)
    kept = fraction.rstrip("0") if decimals else ""
    for place, n in enumerate(decimals):
        wanted = place < len(kept) or any(section[later][1] == "0" for later in decimals[place:])
        shown[n] = fraction[place] if wanted else ""
    parts = []
    for n, (kind, part) in enumerate(section):
        if kind == "digit":
            parts.append(shown[n])
        elif part == "." and kind == "mark" and n == point:
            # Without a place before the point Excel still shows what is left of it.
            parts.append((whole if not whole_at and whole != "0" else "") + ".")
        elif kind == "text" or part == "%":
            parts.append(part)
    text = "".join(parts)
    return f"-{text}" if number < 0 else text


def _whole(whole: str, section: _Tokens, places: list[int], *, grouped: bool) -> dict[int, str]:
    """What each place before the point shows; the first takes all digits that are left over."""
    shown: dict[int, str] = {}
    rest = whole if whole != "0" else ""
    count = 0
    for n in reversed(places):
        take = rest if n == places[0] else rest[-1:]
        rest = rest[: len(rest) - len(take)]
        if not take and section[n][1] == "0":
            take = "0"
        out = ""
        for digit in reversed(take):
            if grouped and count and count % 3 == 0:
                out = "," + out
            out = digit + out
            count += 1
        shown[n] = out
    return shown


def _scientific(value: float, section: _Tokens) -> str:
    at = next(n for n, (kind, _) in enumerate(section) if kind == "exponent")
    point = next((n for n, one in enumerate(section[:at]) if one == ("mark", ".")), at)
    decimals = sum(kind == "digit" for kind, _ in section[point:at])
    width = sum(kind == "digit" for kind, _ in section[at:])
    mantissa, _, exponent = f"{value:.{decimals}E}".partition("E")
    sign = "-" if exponent[0] == "-" else "+" if "+" in section[at][1] else ""
    return f"{mantissa}E{sign}{exponent[1:].lstrip('0').zfill(width)}"


def _fraction(value: float, section: _Tokens) -> str:
    slash = section.index(("mark", "/"))
    before = [n for n in range(slash) if section[n][0] == "digit"]
    mixed = any(section[n][0] == "text" for n in range(before[0], before[-1])) if before else False
    fixed = "".join(text for _, text in section[slash + 1 :] if text.isdigit() and text != "0")
    places = sum(kind == "digit" for kind, _ in section[slash:])
    exact = Fraction(abs(value))
    if fixed:
        bottom = int(fixed)
        top = round(exact * bottom)
    else:
        near = exact.limit_denominator(10 ** max(1, places) - 1)
        top, bottom = near.numerator, near.denominator
    sign = "-" if value < 0 else ""
    if not mixed:
        return f"{sign}{top}/{bottom}"
    whole, top = divmod(top, bottom)
    if not top:
        return f"{sign}{whole}"
    return f"{sign}{whole} {top}/{bottom}" if whole else f"{sign}{top}/{bottom}"


def _moment(value: float, section: _Tokens, *, epoch_1904: bool) -> str:
    if not 0 <= value < 2_958_466:
        return general(value)
    fine = max((len(m) for m in re.findall(r"\.(0+)", "".join(text for _, text in section))), default=0)
    seconds = _rounded(value * 86_400, min(fine, 3))
    days, rest = divmod(seconds, 86_400)
    moment = _epoch(int(days), epoch_1904=epoch_1904) + timedelta(milliseconds=int(rest * 1000))
    halves = any(kind == "half" for kind, _ in section)
    parts: list[str] = []
    letters = [(n, text[0].lower()) for n, (kind, text) in enumerate(section) if kind in ("date", "elapsed")]
    for n, (kind, text) in enumerate(section):
        if kind == "date":
            place = letters.index((n, text[0].lower()))
            after_hour = place > 0 and letters[place - 1][1] == "h"
            before_second = place + 1 < len(letters) and letters[place + 1][1] == "s"
            minutes = text[0] in "mM" and len(text) <= 2 and (after_hour or before_second)
            parts.append(_date_part(moment, text.lower(), minutes=minutes, halves=halves))
        elif kind == "elapsed":
            unit = {"h": 3600, "m": 60, "s": 1}[text[0]]
            parts.append(str(int(seconds // unit)).zfill(len(text)))
        elif kind == "half":
            parts.append(("AM", "PM")[moment.hour >= 12][: 1 if len(text) == 3 else 2])
        elif kind == "digit" and fine:
            # The zeros after the point of "ss.00": each shows the next digit of the fraction.
            position = sum(k == "digit" for k, _ in section[:n])
            parts.append(f"{moment.microsecond:06d}"[position : position + 1])
        elif kind == "text" or (kind == "mark" and text in ".,/"):
            parts.append(text)
    return "".join(parts).strip()


def _epoch(days: int, *, epoch_1904: bool) -> datetime:
    # Day 60 is 29 February 1900, which never was; Excel keeps it for older programs' sake.
    first = (1904, 1, 1) if epoch_1904 else (1899, 12, 31 if days < 60 else 30)
    return datetime(*first) + timedelta(days=days)  # noqa: DTZ001 - a sheet's dates have no time zone


def _date_part(moment: datetime, text: str, *, minutes: bool, halves: bool) -> str:
    letter, length = text[0], len(text)
    if minutes:
        return f"{moment.minute:0{length}d}"
    if letter in "yeb":
        return f"{moment.year:04d}" if length > 2 or letter == "e" else f"{moment.year % 100:02d}"
    if letter == "m":
        names = {3: "%b", 4: "%B"}
        if length == 5:
            return moment.strftime("%B")[0]
        return moment.strftime(names[length]) if length in names else f"{moment.month:0{min(length, 2)}d}"
    if letter == "d":
        return moment.strftime("%a" if length == 3 else "%A") if length > 2 else f"{moment.day:0{length}d}"
    if letter == "h":
        hour = (moment.hour % 12 or 12) if halves else moment.hour
        return f"{hour:0{min(length, 2)}d}"
    return f"{moment.second:0{min(length, 2)}d}" if letter == "s" else ""
