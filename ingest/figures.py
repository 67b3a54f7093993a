"""What the single lines of printed tables look like: figures at the end, periods and units over them.

This module knows nothing of how lines make a table.
"""

from __future__ import annotations

import re
from functools import lru_cache

_LABEL = 100
_LINES_AT_HAND = 512
"""A page's lines: each is asked about several times, from several sides."""
_FIGURE = re.compile(
    r"[$\u20ac\u00a3\u00a5(]*[-\u2013\u2014\u2212]?[$\u20ac\u00a3\u00a5]?(?:\d{1,3}(?:[,'\u2019]\d{3})+|\d+)?"
    r"(?:\.\d+)?[)%x]*(?:\([a-z\d]\))*|[-\u2013\u2014\u2212]+[%)]*|N/?A|NM|N/?M|n/?m"
)
YEAR = re.compile(r"(?:FY)?(?:19|20)\d\d[AE]?")
_PERIOD = re.compile(
    r"(?:months?|quarters?|weeks?|years?|periods?|days)\s+(?:ended|ending)|\b(?:fiscal|year|quarter)\b"
    r"|\bQ[1-4]\b|^(?:as of|at)\b"
    r"|^(?:(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?\s+\d{1,2},?(?:\s+\d{4})?[\s,]*)+$"
    r"|^(?:(?:19|20)\d\d\s*)+$",
    re.IGNORECASE,
)
UNIT = re.compile(
    r"\(?(?:(?:dollars|amounts|figures|shares|[$\u20ac\u00a3]|u\.?s\.?\s?\$|usd|eur|gbp)[\w\s,$]{0,30}?)?\bin\s+"
    r"(?:\w+\s+(?:of\s+)?)?(?:millions|thousands|billions)\b[^()\n:]{0,60}\)?",
    re.IGNORECASE,
)
_NOTE_MARK = re.compile(r"\(\d\)")
_ASIDES = ("(unaudited)", "unaudited", "(audited)", "(continued)")


@lru_cache(_LINES_AT_HAND)
def figures_in(line: str) -> int:
    """How many figures a line ends with: two or more make a row of a printed table."""
    count = 0
    if line[-1:].isalpha() and line[-1] not in "AMmax":
        # Most lines; the rest of the work is only for those that may end with a figure.
        return 0
    for word in reversed(line.split()):
        if not _FIGURE.fullmatch(word):
            break
        if not count and _NOTE_MARK.fullmatch(word):
            # A footnote's mark, or a loss of one: no figure by itself.
            return figures_in(line[: -len(word)].rstrip()) if line.count(" ") else 0
        count += any(one.isdigit() for one in word) or word[0] in "-\u2013\u2014\u2212Nn"
    return count


@lru_cache(_LINES_AT_HAND)
def names_columns(line: str) -> bool:
    """True for a line of periods, dates, years or units: what stands above figures."""
    if len(line) > _LABEL or line.endswith((".", ";")):
        return False
    years = sum(bool(YEAR.fullmatch(word)) for word in line.split())
    return years >= 2 or bool(_PERIOD.search(line)) or bool(UNIT.fullmatch(line)) or line.lower() in _ASIDES
