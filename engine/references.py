"""What a question names exactly (a section by number, a defined term, a figure), and what passages are that.

A section is found where it begins, not where it is only referred to or listed in a table of contents; a term
where it is defined; a figure where it is printed. Numbers of sections mean nothing outside a document, so
they are looked for in the documents that the question points to, where it points to any.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import accumulate

from engine.defining import defined, plainly, sure_parts, surest_part
from engine.rounded import Rounded, rounded
from storage.rooms import Room

_NUMBER = r"\d{1,3}(?:\.\d{1,3})+|\d{1,3}"
_LABELS = (
    r"(?:sections?|sec\.|s\.|ss\.|articles?|art\.|clauses?|cl\.|paragraphs?|paras?\.?|items?|notes?|\u00a7+)"
)
_SECTION = re.compile(rf"{_LABELS}\s*(?P<number>{_NUMBER})(?![\d,%])", re.IGNORECASE)
# Without a label a number with a point may be a section's, unless it is an amount or a share.
_BARE_SECTION = re.compile(
    r"(?<![\d$\u20ac\u00a3.,\u00a7])\b(?P<number>\d{1,2}(?:\.\d{1,2}){1,3})\b(?![\d,%]|\s*(?:%|per\s?cent|million|billion))"
)
_QUOTED = re.compile(
    r"[\"\u201c\u201f]([^\"\u201c\u201d]{2,80})[\"\u201d]|(?<!\w)['\u2018]([^'\u2019]{3,80})['\u2019](?!\w)"
)
_DEFINING = (
    re.compile(
        r"\b(?:definition|meaning)\s+of\s+(?:the\s+|an?\s+)?(?:term\s+)?(?P<term>[\w' -]{3,60})", re.I
    ),
    re.compile(r"\bdefine[sd]?\s+(?:the\s+|an?\s+)?(?:term\s+)?(?P<term>[\w' -]{3,60})", re.I),
    re.compile(
        r"\b(?:what|who|when|how)\s+(?:is|are|does|do)\s+(?:meant\s+by\s+)?(?:the\s+|an?\s+)?(?:term\s+)?"
        r"(?P<term>[\w' -]{3,60}?)(?:\s+(?:mean|means|refer|defined|cover|under|in|worked)\b|[?.:,]|$)",
        re.I,
    ),
    re.compile(r"^(?:what\s+counts\s+as\s+)(?:the\s+|an?\s+)?(?P<term>[\w' -]{3,60})", re.I),
    re.compile(
        r"^(?!(?:what|who|when|how|where|which|does|is|are)\b)"
        r"(?P<term>[\w' -]{3,60}?)(?::|\s+-|,)?\s+(?:means?\b|meaning|definition|as\s+defined|where\s)",
        re.I,
    ),
)
_MOST_TERM_WORDS = 6
_NO_TERM = re.compile(rf"(?:with|by|to|it|there|they|this|that|{_LABELS})(?:\s|$)", re.IGNORECASE)
_FIGURE = re.compile(
    r"(?P<money>(?:US|USD|EUR|GBP|CHF|C|A)?\s?[$\u20ac\u00a3]\s?|\b(?:USD|EUR|GBP|CHF)\s?)?"
    r"(?<![\w.,])(?P<figure>\d{1,3}(?:[,.]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?![\d%])"
    r"(?:\s?(?P<scale>thousand|million|billion|bn|mn|m|k)\b)?",
    re.IGNORECASE,
)
_SCALES = {
    "thousand": 1_000,
    "k": 1_000,
    "million": 10**6,
    "mn": 10**6,
    "m": 10**6,
    "billion": 10**9,
    "bn": 10**9,
}
_TITLE_AHEAD = r"(?=\s*[.:)]?(?:\s+|\s*[\u2013-]\s*)[\"\u201c(]?[A-Z])"
_LISTED = re.compile(rf"(?:^|\s)(?:{_NUMBER})\.?\s+[A-Z][^\n]{{3,90}}?[\s.]\d{{1,3}}(?=\s|$)")
_MOST_LISTED = 2
"""More numbered titles than this with a page number behind them are a table of contents."""
_LISTED_SHARE, _INSIDE = 0.25, 0.8
"""Less than exact: in a table of contents, in the middle of a line."""


_UNLIKE_I = "\u0130\u0131"
_BEHIND = frozenset(b"\"':?")
"""What may stand behind a defined term, or one letter further; `?` where it is no English character."""
_Fit = Callable[[str], float]


@dataclass(frozen=True)
class References:
    """The exact things that a question names."""

    sections: tuple[str, ...] = ()
    """Numbers, as in `8.2`."""
    terms: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    """As printed, thousands parted by commas."""
    amounts: tuple[Rounded, ...] = ()
    """Those of the figures that a table may print in another unit."""

    def __bool__(self) -> bool:
        """Whether it names any."""
        return bool(self.sections or self.terms or self.figures)

    def candidates(
        self, room: Room, *, limit: int, document_ids: frozenset[str] | None, meant: frozenset[str]
    ) -> Iterator[str]:
        """Ids of chunks that may be what is named; `meant` are the documents that the question points to."""
        for words, wanted in (
            *((one, meant or document_ids) for one in self.sections),
            *((f"{one} means defined", document_ids) for one in self.terms),
            *((one, document_ids) for one in self.figures),
            *((one.words, meant or document_ids) for one in self.amounts if one.words),
        ):
            for chunk_id, _ in room.keyword(words, limit=limit, document_ids=wanted):
                yield chunk_id

    def may_fit(self, texts: Sequence[str]) -> Collection[int]:
        """Which of many texts may be what is named, by their places: the others fit nothing; quickly."""
        if self.amounts:
            return range(len(texts))
        found = {which for one, _ in self._numbers for which, text in enumerate(texts) if one in text}
        if self.terms and texts:
            ends = list(accumulate(len(one) + 1 for one in texts))
            # As one, since most texts hold nothing of a term.
            joined = plainly("\n".join(texts))
            for (parts, _), (last, behind) in zip(self._parts, self._last_parts, strict=True):
                longest = max(parts, key=len, default=b"")
                at = joined.find(longest)
                while at >= 0:
                    which = bisect_right(ends, at)
                    if _may_end(joined, last, behind, ends[which - 1] if which else 0, ends[which]):
                        found.add(which)
                    at = joined.find(longest, ends[which])
        return found

    def fit(self, text: str, above: str = "") -> float:
        """How exactly a passage is what is named, from 0 to 1; `above` is what it stands under."""
        best = 0.0
        # Looked for as they are first: patterns take longest to make, and where there is nothing to find.
        for one, made in self._numbers:
            if one in text:
                best = max(best, made(one)(text))
        plain = plainly(text) if self.terms else b""
        for parts, one in self._parts:
            for part in parts:
                if part not in plain:
                    break
            else:
                exactness = defined(one)(text)
                if exactness > best and _holds(text, one):
                    best = exactness
        if best and self.sections and lists_sections(text):
            return best * _LISTED_SHARE
        for amount in self.amounts:
            best = max(best, amount.fit(text, above))
        return best

    @cached_property
    def _numbers(self) -> tuple[tuple[str, Callable[[str], _Fit]], ...]:
        """The numbers that are named, and what finds each."""
        return (*((one, _begun) for one in self.sections), *((one, _figure_in) for one in self.figures))

    @cached_property
    def _parts(self) -> tuple[tuple[list[bytes], str], ...]:
        """The terms, each behind what a text must hold that has it, whatever its letters' case."""
        return tuple((sure_parts(one), one) for one in self.terms)

    @cached_property
    def _last_parts(self) -> tuple[tuple[bytes, int], ...]:
        """What the last word of each term must hold, and how many letters from there it ends."""
        words = [(term.split() or [""])[-1] for term in self.terms]
        parts = [(word, *surest_part(word)) for word in words]
        return tuple((part, len(word) - at) for word, part, at in parts)


def _may_end(joined: bytes, last: bytes, behind: int, start: int, end: int) -> bool:
    """Whether behind a term's last word in this part of many texts something may stand that defines it."""
    at = joined.find(last, start, end) if last else -1
    while at >= 0:
        if not _BEHIND.isdisjoint(joined[at + behind : at + behind + 2]):
            return True
        at = joined.find(last, at + 1, end)
    return not last


def _holds(text: str, term: str) -> bool:
    """Whether a text has a term that is found in it: patterns take an `i` without its dot for one with it."""
    if not any(one in text or one in term for one in _UNLIKE_I):
        return True
    folded = text.casefold()
    return all(word in folded for word in term.casefold().split())


def lists_sections(text: str) -> bool:
    """Whether a text is a table of contents."""
    return len(_LISTED.findall(text)) > _MOST_LISTED


@lru_cache(maxsize=256)
def _figure_in(figure: str) -> _Fit:
    pattern = re.compile(rf"(?<![\d.,]){re.escape(figure)}(?:\.0+)?(?!\d|[,.]\d)")
    return lambda text: 1.0 if pattern.search(text) else 0.0


@lru_cache(maxsize=256)
def _begun(section: str) -> _Fit:
    number = rf"(?:(?i:{_LABELS})\s*)?(?<![\d.]){re.escape(section)}(?!\d|\.\d){_TITLE_AHEAD}"
    on_its_line, inside = re.compile(rf"(?:^|\n)\s*{number}"), re.compile(rf"\s{number}")
    return lambda text: 1.0 if on_its_line.search(text) else _INSIDE if inside.search(text) else 0.0


@lru_cache(maxsize=256)
def references_of(question: str) -> References:
    """What a question names exactly; none of it is certain to be there."""
    sections = list(dict.fromkeys(one["number"] for one in _SECTION.finditer(question)))
    sections += [one["number"] for one in _BARE_SECTION.finditer(question) if one["number"] not in sections]
    return References(
        tuple(sections),
        tuple(dict.fromkeys(_terms(question))),
        tuple(dict.fromkeys(_figures(question, sections))),
        tuple(dict.fromkeys(_amounts(question, sections))),
    )


def _terms(question: str) -> Iterator[str]:
    for one in _QUOTED.finditer(question):
        yield " ".join((one[1] or one[2]).strip(" .,?").split())
    for pattern in _DEFINING:
        if found := pattern.search(question):
            yield from _short(found["term"])


def _short(term: str) -> Iterator[str]:
    # What follows the term says where: "... in the lease", "... under the agreement".
    term = re.split(r"\s+(?:in|under|of\s+the|by|from|for|according|mean|and\s+as)\b", term.strip(" '-"))[0]
    words = term.split()
    if 0 < len(words) <= _MOST_TERM_WORDS and len(term) > 2 and not _NO_TERM.match(term):
        yield " ".join(words)


def _figures(question: str, sections: list[str]) -> Iterator[str]:
    for one in _FIGURE.finditer(question):
        figure, money = one["figure"], bool(one["money"])
        if figure in sections:
            continue
        plain = figure.replace(",", "")
        if plain.count(".") > 1:
            yield figure
            continue
        value = Decimal(plain)
        is_year = plain.isdigit() and 1_900 <= value <= 2_100 and "," not in figure
        if not money and not one["scale"] and (value < 1_000 or is_year):
            continue
        yield _printed(plain)
        if one["scale"]:
            yield f"{value * _SCALES[one['scale'].lower()]:,.0f}"


def _amounts(question: str, sections: list[str]) -> Iterator[Rounded]:
    for one in _FIGURE.finditer(question):
        plain = one["figure"].replace(",", "")
        if one["scale"] and plain.count(".") <= 1 and one["figure"] not in sections:
            amount = rounded(plain, _SCALES[one["scale"].lower()])
            if amount is not None:
                yield amount


def _printed(plain: str) -> str:
    whole, _, part = plain.partition(".")
    return f"{int(whole):,}" + (f".{part}" if part.strip("0") else "")
