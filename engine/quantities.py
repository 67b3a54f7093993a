"""Read numbers, amounts, percentages and dates out of a text, whatever way they are printed.

"ninety (90) days" holds 90 days; "$2.5 million" is 2,500,000 dollars; "(1,186)" is minus 1,186; "12%" is "12
percent" and "1,200 basis points"; "October 30, 2022" is "30 October 2022" and "2022-10-30".
Figures are read in the English manner (comma for thousands) and slashed dates month first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache


class Kind(StrEnum):
    """What a figure counts."""

    NUMBER = "number"
    MONEY = "money"
    PERCENT = "percent"
    DATE = "date"
    REFERENCE = "reference"
    """A clause number of three parts or more, such as 8.2.1."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One figure. Two are the same when kind, value and currency or date agree."""

    kind: Kind
    value: Decimal
    """Scale and sign applied; for a date YYYYMMDD, with 00 for a part that is not stated."""
    currency: str
    """`USD`, `EUR`, ...; empty for all but money."""
    start: int
    end: int
    text: str
    scaled: bool = False
    """True where a scale word ("million") was part of it."""
    unit: str = ""
    """What it counts (`day`, `share`) or numbers (`section`, `note`), where that is said; empty otherwise."""


SCALES = {
    "hundred": Decimal(100), "thousand": Decimal(1_000), "million": Decimal(10) ** 6,
    "billion": Decimal(10) ** 9, "trillion": Decimal(10) ** 12, "mm": Decimal(10) ** 6,
    "mn": Decimal(10) ** 6, "bn": Decimal(10) ** 9, "m": Decimal(10) ** 6,
    "k": Decimal(1_000), "b": Decimal(10) ** 9,
}  # fmt: skip
_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = {word: value for value, word in enumerate(_UNITS)} | {
    word: (value + 2) * 10 for value, word in enumerate(_TENS)
}
_ORDINALS = {
    "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "fifteenth": 15, "twentieth": 20, "thirtieth": 30,
}  # fmt: skip
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CURRENCIES = {
    "$": "USD", "us$": "USD", "usd": "USD", "dollar": "USD", "dollars": "USD", "\u20ac": "EUR", "eur": "EUR",
    "euro": "EUR", "euros": "EUR", "\u00a3": "GBP", "gbp": "GBP", "pounds": "GBP", "sterling": "GBP",
    "\u00a5": "JPY", "jpy": "JPY", "yen": "JPY", "chf": "CHF", "cad": "CAD", "c$": "CAD", "aud": "AUD",
    "a$": "AUD", "inr": "INR", "rmb": "CNY", "cny": "CNY",
}  # fmt: skip

_MONTH = (
    r"(?P<{0}>jan(?:uary|\.)?|feb(?:ruary|\.)?|mar(?:ch|\.)?|apr(?:il|\.)?|may|june?\.?|july?\.?"
    r"|aug(?:ust|\.)?|sept?(?:ember|\.)?|oct(?:ober|\.)?|nov(?:ember|\.)?|dec(?:ember|\.)?)"
)
_DAY = r"(?P<{0}>[0-3]?\d)(?:st|nd|rd|th)?"
_DATE = re.compile(
    rf"\b(?:{_MONTH.format('m1')}\s+{_DAY.format('d1')}(?:\s*,\s*|\s+)(?P<y1>(?:1[6-9]|20)\d\d)"
    rf"|{_DAY.format('d2')}\s+(?:day\s+of\s+)?{_MONTH.format('m2')}(?:\s*,\s*|\s+)(?P<y2>(?:1[6-9]|20)\d\d)"
    r"|(?P<y3>(?:1[6-9]|20)\d\d)-(?P<n3>[01]\d)-(?P<d3>[0-3]\d)"
    r"|(?P<n4>[01]?\d)/(?P<d4>[0-3]?\d)/(?P<y4>(?:1[6-9]|20)\d\d|\d\d)"
    rf"|{_MONTH.format('m5')}\s*,?\s+(?P<y5>(?:1[6-9]|20)\d\d)"
    rf"|{_MONTH.format('m6')}\s+{_DAY.format('d6')}"
    rf"|{_DAY.format('d7')}\s+{_MONTH.format('m7')})\b(?![,.]?\d)",
    re.IGNORECASE,
)
_FIGURE = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_WORDS = "|".join([*_UNITS, *_TENS])
_SPELLED = rf"(?:{_WORDS})(?:[\s-]+(?:and\s+)?(?:{_WORDS}|hundred|thousand|million|billion))*"
_SCALE = r"hundred|thousand|million|billion|trillion"
_SIGN = r"-|\u2212|\u2013|minus\s|negative\s"
# At most a few spaces between the parts before a figure: with any number of them, a line of nothing but white
# space takes time that grows with the fourth power of its length.
_NUMBER = re.compile(
    rf"(?P<open>\()?\s{{0,3}}(?P<sign>{_SIGN})?\s{{0,3}}"
    r"(?P<before>(?:US|C|A)?\$|[\u20ac\u00a3\u00a5]|\b(?:USD|EUR|GBP|JPY|CHF|CAD|AUD|INR|RMB|CNY)\b)?\s{0,3}"
    rf"(?P<sign2>-|\u2212)?(?P<open2>\()?\s{{0,3}}"
    rf"(?:(?P<figure>(?<![\w.]){_FIGURE})(?![\d])|\b(?P<spelled>{_SPELLED})\b)"
    rf"(?P<scale>[\s-]*\b(?:{_SCALE})\b|\s?\b(?:bn|mm|mn)\b|(?<=\d)(?:bn|mm|mn|m|k|b)\b)?"
    r"(?:\s*(?P<percent>%|\bper\s?cent(?:age\s+points?)?\b|\bbasis\s+points?\b|\bbps?\b))?"
    r"(?P<close>\s*\))?(?:\s*(?P<percent2>%))?(?P<scale2>\s+(?:thousand|million|billion|trillion)\b)?"
    r"(?:\s*(?P<after>\b(?:U\.?S\.?\s+)?(?:dollars?|euros?|pounds|sterling|yen|USD|EUR|GBP|JPY|CHF|CAD|AUD)"
    r"\b))?",
    re.IGNORECASE,
)
_ORDINAL = re.compile(
    rf"\b(?:(?P<word>{'|'.join(_ORDINALS)})|(?P<figure>\d+)(?:st|nd|rd|th))\b", re.IGNORECASE
)
_CITATION_MARK = re.compile(r"\[\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*\]")
# "one" is a pronoun and "second" a measure of time as often as they are figures: wrong alarms, no protection.
_NOT_FIGURES = frozenset({"one", "zero"})
_CLAUSE = re.compile(r"(?<![\w.,])\d{1,3}(?:\.\d{1,3}){2,}(?![\w,]|\.\d)")
LABELS = frozenset({"section", "item", "article", "clause", "exhibit", "schedule", "note", "amendment"})
_LABEL = re.compile(rf"\b({'|'.join(sorted(LABELS))})\s+(?:no\.?\s*)?$", re.IGNORECASE)
_COUNTED = re.compile(
    r"\s*(?:\(\s*[\d.,%$]+\s*\)\s*)?[\s-]*"
    r"(?:(?:calendar|business|working|trading|full|consecutive|additional|fiscal)\s+)?"
    r"(hour|day|week|month|quarter|year|share|employee|unit)(?:s|ly)?\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=8_192)
def extract(text: str) -> tuple[Quantity, ...]:
    """Every quantity of a text in order. Citation markers and the numbers of list items are none."""
    blank = _CITATION_MARK.sub(lambda match: " " * len(match.group()), text)
    found: list[Quantity] = []
    for pattern, make in (
        (_DATE, _date),
        (_CLAUSE, _clause),
        (_ORDINAL, _ordinal),
        (_NUMBER, _number),
    ):
        for match in pattern.finditer(blank):
            quantity = make(match)
            if quantity is not None:
                found.append(quantity)
                # Blanked so that the day of a date is not a number once more.
                blank = (
                    blank[: quantity.start] + " " * (quantity.end - quantity.start) + blank[quantity.end :]
                )
    return tuple(_without_repeats(found, text))


def _date(match: re.Match[str]) -> Quantity | None:
    part = match.groupdict()
    year = next((int(part[name]) for name in ("y1", "y2", "y3", "y4", "y5") if part[name]), 0)
    if 0 < year < 100:
        # Two-digit years of signature lines: none of these documents is from before 1950.
        year += 2_000 if year < 50 else 1_900
    day = next((int(part[name]) for name in ("d1", "d2", "d3", "d4", "d6", "d7") if part[name]), 0)
    name = next((part[name] for name in ("m1", "m2", "m5", "m6", "m7") if part[name]), None)
    month = _MONTHS.index(name[:3].lower()) + 1 if name else int(part["n3"] or part["n4"])
    if part["n4"] and month > 12 >= day:
        month, day = day, month
    if not 1 <= month <= 12 or day > 31:
        return None
    # "may 5" is the verb far more often than the month.
    if name and not year and name == "may":
        return None
    return Quantity(
        Kind.DATE, Decimal(year * 10_000 + month * 100 + day), "", match.start(), match.end(), match.group()
    )


def _clause(match: re.Match[str]) -> Quantity | None:
    value = Decimal("".join(f"{int(part):03d}" for part in match.group().split(".")))
    return Quantity(Kind.REFERENCE, value, "", match.start(), match.end(), match.group())


def _ordinal(match: re.Match[str]) -> Quantity | None:
    if match["word"]:
        if match["word"].lower() == "second":
            return None
        value = _ORDINALS[match["word"].lower()]
    else:
        value = int(match["figure"])
    return Quantity(Kind.NUMBER, Decimal(value), "", match.start(), match.end(), match.group())


def _number(match: re.Match[str]) -> Quantity | None:
    spelled, figure = match["spelled"], match["figure"]
    value = Decimal(figure.replace(",", "")) if figure else spelled_value(spelled)
    money = _currency(match["before"]) or _currency(match["after"])
    percent = (match["percent"] or match["percent2"] or "").lower()
    word = match["scale"] or match["scale2"]
    scale = SCALES[word.strip(" -\n\t").lower()] if word else None
    if spelled and spelled.lower() in _NOT_FIGURES and not (word or percent or money):
        return None
    if scale is not None:
        value *= scale
    if (match["open"] or match["open2"]) and match["close"] and figure and _is_accounting(match):
        value = -value
    if (match["sign"] and _is_sign(match)) or match["sign2"]:
        value = -value
    if percent.startswith("b"):
        value /= 100
    kind = Kind.PERCENT if percent else Kind.MONEY if money else Kind.NUMBER
    start, end = _bounds(match)
    counted = _COUNTED.match(match.string, end) if kind is Kind.NUMBER else None
    return Quantity(
        kind,
        value,
        money,
        start,
        end,
        match.string[start:end],
        scaled=scale is not None,
        unit=(counted.group(1).lower() if counted else "") or _label(match.string, start, kind),
    )


def _label(text: str, start: int, kind: Kind) -> str:
    """The `section` of "Section 6"; a plural ("Sections 6 and 7") labels a list and not one figure."""
    label = _LABEL.search(text, max(0, start - 16), start) if kind is Kind.NUMBER else None
    return label.group(1).lower() if label else ""


def _bounds(match: re.Match[str]) -> tuple[int, int]:
    """The printed figure itself: without a bracket that closes something else, or a dash that joins."""
    first = [name for name in ("before", "sign2", "open2", "figure", "spelled") if match[name]]
    if match["sign"] and _is_sign(match):
        first.append("sign")
    if match["open"] and match["close"]:
        first.append("open")
    last = ("figure", "spelled", "scale", "scale2", "percent", "percent2", "after")
    ends = [match.end(name) for name in last if match[name]]
    if match["close"] and (match["open"] or match["open2"]):
        ends.append(match.end("close"))
    return min(match.start(name) for name in first), max(ends)


def _is_accounting(match: re.Match[str]) -> bool:
    """A figure in brackets is negative, unless they repeat a spelled-out number or number a clause."""
    before = match.string[: match.start()].rstrip()
    if re.search(rf"\b(?:{_WORDS}|hundred|thousand|million|billion|percent|dollars)$", before, re.IGNORECASE):
        return False
    figure = match["figure"]
    plain = not (match["before"] or match["percent"] or match["percent2"] or match["scale"])
    # "(1) the Tenant shall": a small bare figure before a word numbers a clause.
    if plain and "," not in figure and "." not in figure and len(figure) < 3:
        return re.match(r"\s*(?:[\d$(]|$|\n)", match.string[match.end() :]) is not None and bool(before)
    return True


def _is_sign(match: re.Match[str]) -> bool:
    """A dash is a minus sign only where it does not join: "2019-2022" and "5 - 7" have none."""
    if match["sign"].strip().lower() in {"minus", "negative"}:
        return True
    before = match.string[: match.start("sign")]
    behind = match.string[match.end("sign") : match.end("sign") + 1]
    if behind.isspace() or re.search(r"\d\s*$", before):
        return False
    return not before or before[-1] in " \t\n($\u20ac\u00a3\u00a5"


def _currency(text: str | None) -> str:
    if not text:
        return ""
    word = re.sub(r"^u\.?s\.?\s+", "", text.strip().lower())
    return _CURRENCIES.get(word, "")


def spelled_value(text: str) -> Decimal:
    """The value of number words: "two million five hundred thousand" is 2,500,000."""
    total = group = Decimal(0)
    for word in re.split(r"[\s-]+", text.lower()):
        if word in _SMALL:
            group += _SMALL[word]
        elif word == "hundred":
            group = (group or Decimal(1)) * 100
        elif word in SCALES:
            total += (group or Decimal(1)) * SCALES[word]
            group = Decimal(0)
    return total + group


def _without_repeats(found: list[Quantity], text: str) -> Iterator[Quantity]:
    """Leave out "(90)" right behind the "ninety" that it repeats: one statement, one quantity."""
    ordered = sorted(found, key=lambda quantity: quantity.start)
    previous: Quantity | None = None
    for quantity in ordered:
        repeats = (
            previous is not None
            and quantity.text.startswith("(")
            and not text[previous.end : quantity.start].strip()
            and abs(previous.value) == abs(quantity.value)
        )
        if not repeats:
            yield quantity
        previous = quantity
