"""Read which reporting period a question is about, and in what words documents state it.

A quarter of a fiscal year is known only by the words that documents use for it ("third quarter of fiscal year
2023"): whose fiscal year ends when is for the documents to say. A quarter without that word is also known by
the last day of the calendar quarter. A year alone is no period here: it stands in too many documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

_ORDINALS = ("first", "second", "third", "fourth")
_LAST_DAYS = ("March 31", "June 30", "September 30", "December 31")
MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATE = re.compile(rf"\b({MONTHS})\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+((?:19|20)\d\d)\b", re.IGNORECASE)
_YEAR = r"(?P<fiscal>fiscal\s+(?:year\s+)?|FY\s?)?(?P<year>(?:19|20)\d\d)"
_QUARTERS = (
    re.compile(
        r"\b(?:the\s+)?(?:(?P<word>first|second|third|fourth)\s+(?P<middle>fiscal\s+)?quarter|Q(?P<digit>[1-4])"
        r"|(?P<digit2>[1-4])Q)[\s,]*(?:(?:of|in|for)\s+)?(?:the\s+)?" + _YEAR + r"\b",
        re.IGNORECASE,
    ),
    re.compile(r"\b" + _YEAR + r"[\s,]*Q(?P<digit>[1-4])\b", re.IGNORECASE),
)
_YEARS = re.compile(r"\b(?:19|20)\d\d\b(?![,.]\d)")
_LATEST = re.compile(
    r"\b(?:most\s+recent|latest)\s+(?:reported\s+|quarterly\s+|annual\s+|fiscal\s+)?"
    r"(?:quarter|year|period|reports?|filings?|10-?[QK])\b",
    re.IGNORECASE,
)
_ENDED = re.compile(rf"\bended:?\s+((?:{MONTHS})\s+\d{{1,2}},?\s+(?:19|20)\d\d)\b", re.IGNORECASE)
_TEXTS_KEPT = 8_192
"""The beginnings of so many documents are read once; they take some 40 MB at most."""


@dataclass(frozen=True, slots=True)
class Period:
    """A period that a question names."""

    phrases: tuple[str, ...]
    """How documents may state it, most exact manner only; plain lower-case words."""
    otherwise: tuple[str, ...]
    """How they may state it when nothing has one of `phrases`."""
    said: str
    """The question's own words for it."""
    year: str

    def may_be_of(self, text: str) -> bool:
        """False when a text names years, and this period's is not among them."""
        years = years_in(text)
        return not years or self.year in years


def years_in(text: str) -> frozenset[str]:
    """The years that a text names."""
    return frozenset(_YEARS.findall(text))


def period_of(question: str) -> Period | None:
    """The first quarter or last day that a question names; None when it names none."""
    question = re.sub(r"\bFY\s?'?(\d\d)\b", r"FY20\1", question, flags=re.IGNORECASE)
    for pattern in _QUARTERS:
        if match := pattern.search(question):
            return _quarter(match)
    if match := _DATE.search(question):
        day = plain(f"{match[1]} {match[2]} {match[3]}")
        return Period((f"ended {day}",), (day,), match[0], match[3])
    return None


def asks_latest(question: str) -> bool:
    """Whether a question is about the newest of several reports."""
    return _LATEST.search(question) is not None


@lru_cache(maxsize=_TEXTS_KEPT)
def last_day(beginning: str) -> str | None:
    """The last day of the period that a document's first words say it is about, as `october 30 2022`."""
    match = _ENDED.search(beginning)
    return plain(match[1]) if match else None


def sortable(day: str) -> tuple[int, int, int]:
    """Year, month and day of a day as `last_day` gives it."""
    month, number, year = day.split()
    return int(year), MONTHS.lower().split("|").index(month), int(number)


def a_year_on(phrases: Iterable[str]) -> tuple[str, ...]:
    """The same phrases for the year after."""
    return tuple(
        re.sub(r"(?<!\d)(?:19|20)\d\d\b|(?<=fy)\d{4}|(?<=\dq)\d\d\b", _next, phrase) for phrase in phrases
    )


def plain(text: str) -> str:
    """Lower-case words with single blanks between: what phrases are compared in."""
    return " ".join(re.findall(r"\w+", text.lower()))


def states(text: str, phrases: Iterable[str], day: str | None = None) -> bool:
    """Whether a text has one of the phrases, or all parts of `day`.

    A table's head prints "October 30," in one line and the years in the next.
    """
    words = _between_blanks(text)
    if any(f" {phrase} " in words for phrase in phrases):
        return True
    if day is None:
        return False
    date, _, year = day.rpartition(" ")
    return f" {date} " in words and f" {year} " in words


@lru_cache(maxsize=_TEXTS_KEPT)
def _between_blanks(text: str) -> str:
    return f" {plain(text)} "


def _next(year: re.Match[str]) -> str:
    digits = len(year[0])
    return f"{(int(year[0]) + 1) % 10**digits:0{digits}}"


def _quarter(match: re.Match[str]) -> Period:
    part = match.groupdict()
    digit = part.get("digit") or part.get("digit2")
    at = int(digit) - 1 if digit else _ORDINALS.index(part["word"].lower())
    word, number, year = _ORDINALS[at], at + 1, part["year"]
    fiscal = (
        f"{word} quarter of fiscal year {year}",
        f"{word} quarter of fiscal {year}",
        f"{word} quarter fiscal {year}",
        f"{word} fiscal quarter of {year}",
        f"q{number} fiscal {year}",
        f"q{number} fy{year}",
    )
    calendar = (
        f"{word} quarter of {year}",
        f"{word} quarter {year}",
        f"q{number} {year}",
        f"{year} q{number}",
        f"ended {_LAST_DAYS[at].lower()} {year}",
        f"{number}q {year}",
        f"{number}q{year[2:]}",
    )
    exact, other = (fiscal, calendar) if part["fiscal"] or part.get("middle") else (calendar, fiscal)
    return Period(exact, other, match[0], year)
