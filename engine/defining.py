"""How exactly a text defines a term: in quotes before `means`, named so in passing, or only in quotes.

What may stand around a term is the same for all terms, so those patterns are made once. For each question's
term only the term itself is looked for; with the rest it would take as long to make as a search may take.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

_NEARLY, _NAMED_SO, _IN_PASSING = 0.95, 0.9, 0.4
"""Less than exact: with more words in or behind the quotes, named without `means`, only in quotes."""
_LONGEST_ASIDE = 120
_LONGEST_OWNER = 120
_OPENING, _CLOSING = r"[\"\u201c'\u2018]", r"[\"\u201d'\u2019]"
_ASIDE = r"\s*(?:\([^)]{0,80}\)\s*)?(?:,[^,\n]{0,80},\s*)?"
_VERB = r"(?:shall\s+)?(?:means?|has\s+the|have\s+the|refers?|is\s+defined|includes?)\b"

_QUOTE = re.compile(_OPENING)
_NAMING = re.compile(rf"\b(?:the|an?|each|such)\s+{_OPENING}\Z", re.IGNORECASE)
_OWNER = re.compile(rf"{_OPENING}(?:[\w.&]+(?:['\u2019]s?)?\s+){{1,2}}\Z", re.IGNORECASE)
"""Whose it is may stand before it: "Company Material Adverse Effect", "Parent's Knowledge"."""
_LINE = re.compile(r"(?:\A|\n)\s*\Z")

_SURE = re.compile(rb"[a-hjl-rt-z0-9]+")
"""What no letters but English ones can stand for: there are a long s and a sign for Kelvin."""
_BEHIND = re.compile(rf"s?{_CLOSING}|:", re.IGNORECASE)
"""What stands behind a term wherever it is defined."""
_CLOSED = re.compile(rf"s?{_CLOSING}", re.IGNORECASE)
_MEANS = re.compile(rf"s?{_CLOSING}{_ASIDE}{_VERB}", re.IGNORECASE)
_MEANS_LATER = re.compile(rf"s?{_CLOSING}[^.;\n]{{0,{_LONGEST_ASIDE}}}?\s{_VERB}", re.IGNORECASE)
"""'"Knowledge" of a person, with respect to any matter, means'."""


def plainly(text: str) -> bytes:
    """A byte for each letter, so that places stay: English ones as small ones, others as a question mark."""
    return text.encode("ascii", errors="replace").lower()


def sure_parts(text: str) -> list[bytes]:
    """The parts of a term that a text has `plainly` which has it in whatever letters."""
    return _SURE.findall(plainly(text))


def surest_part(word: str) -> tuple[bytes, int]:
    """The longest of these parts of a word, and how many letters stand before it."""
    parts = _SURE.finditer(plainly(word))
    one = max(parts, key=lambda each: len(each[0]), default=None)
    return (one[0], one.start()) if one else (b"", 0)


@lru_cache(maxsize=256)
def defined(term: str) -> Callable[[str], float]:
    """Says of a text how exactly it defines the term, from 0 to 1."""
    words = term.split()
    pattern = re.compile(r"\s+".join(map(re.escape, words)), re.IGNORECASE)
    begun, ahead = surest_part(words[0] if words else "")
    return lambda text: max(
        (_exactness(text, start, end) for start, end in _found(pattern, text, begun, ahead)), default=0.0
    )


def _found(pattern: re.Pattern[str], text: str, begun: bytes, ahead: int) -> Iterator[tuple[int, int]]:
    """Where a pattern is found, which has `begun` so many letters from where it begins."""
    if not begun:
        yield from (one.span() for one in pattern.finditer(text))
        return
    # A few small letters are found in a fraction of the time that a pattern takes for letters of any case.
    plain, last = plainly(text), 0
    at = plain.find(begun)
    while at >= 0:
        one = pattern.match(text, at - ahead) if at - ahead >= last else None
        if one:
            yield one.span()
            last = one.end()
        at = plain.find(begun, at + 1)


def _exactness(text: str, start: int, end: int) -> float:
    """How exactly the text defines the term that stands there."""
    if _BEHIND.match(text, end) is None:
        return 0.0
    before = text[max(0, start - _LONGEST_OWNER) : start]
    quoted = start > 0 and _QUOTE.match(text, start - 1) is not None
    if quoted and _MEANS.match(text, end):
        return 1.0
    if (quoted and _MEANS_LATER.match(text, end)) or (_MEANS.match(text, end) and _OWNER.search(before)):
        return _NEARLY
    if quoted and _NAMING.search(before) and _CLOSED.match(text, end):
        return _NAMED_SO
    if text.startswith(":", end) and _LINE.search(before):
        return _NAMED_SO
    return _IN_PASSING if quoted and _CLOSED.match(text, end) else 0.0
