"""Find the row or sentence of a passage that states the figure a question asks for.

A row states a figure when its label, the words before its first figure, says what was asked and little
else: "Total revenue $ 5,931" answers "total revenue", "Deferred revenue $ 572" hardly. Lines of financial
statements are known by all their usual names (`engine.statement_lines`), other synonyms are not; a measure
that no row need print, such as the gross margin, is also stated by the rows that it is computed from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from engine.figure_rows import FigureRow, Label, figure_rows, label_of
from engine.instructions import without_instructions
from engine.invisible import visible
from engine.periods import Period, period_of, states, years_in
from engine.statement_lines import (
    LINES,
    Statement,
    beginnings,
    components,
    lines_in,
    statements_headed,
    terms,
)
from engine.words import words

_ASKS = re.compile(r"\b(?:how\s+much|how\s+many|how\s+(?:large|big|high)|what|which)\b", re.IGNORECASE)
# These ask for an account in words, whatever figures it holds.
_EXPLAINS = re.compile(
    r"\b(?:why|how\s+(?:do|does|did|has|have|is|are|was|were|can|could|might)"
    r"|compar(?!ed\s+(?:to|with|against)\b)\w+|relate(?=\s+to\s*\?|\s*\?)|relation\w*|explain\w*|descri\w+|summar\w+"
    r"|discuss\w*|analy[sz]\w+|correlat\w+"
    r"|definitions?|define[sd]?(?!\s+(?:benefit|contribution))|meaning|meant|happens?"
    r"|under\s+(?:what|which)\s+(?:conditions?|circumstances))\b",
    re.IGNORECASE,
)
_OWNER = re.compile(r"\b(?:[A-Z][\w.&-]*,?\s+)*[A-Z][\w.&-]*['\u2019]s?(?=\s)")
# "The value of" says in what manner a line is asked for; a fair value is a line.
_MANNER = re.compile(
    r"(?<!fair )(?<!carrying )(?<!par )(?<!face )(?<!book )"
    r"\b(?:values?|amounts?|balances?|numbers?|levels?|sums?|figures?)\s+(?:of|for)\b",
    re.IGNORECASE,
)
# What is to be done with lines once they are found: no row says so, and much else does.
_CALCULATION = re.compile(
    r"\b(?:(?:average|mean|percentage|percent|net|total|absolute|annual|year[- ]over[- ]year)\s+)*"
    r"(?:changes?|increases?|decreases?|differences?|growth(?:\s+rate)?|variations?|movements?|trends?)\s+"
    r"(?:in|of|between)\b|(?<!weighted )(?<!weighted-)\baverage\b"
    r"|\b(?:percentage|percent|proportion|portion|share|fraction|ratio)\s+(?:constitution\s+)?of\b"
    r"|\b(?:expressed\s+)?as\s+a\s+(?:percentage|percent|proportion|share|fraction)\s+of\b|\brespective(?:ly)?\b"
    r"|\b(?:more|less|greater|higher|lower|larger|smaller)\s+than\b|\bexceed(?:s|ed|ing)?\b",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_WEAK = frozenset(terms("total totals net overall consolidated aggregate attributable"))
_OTHER = re.compile(r"\bother\b", re.IGNORECASE)
_SHARES = re.compile(
    r"\b(?:percent\w*|rates?|margins?|growth|grow|share|ratio|proportion|yield)\b|%", re.IGNORECASE
)
# "three instalments of $46" and "$46 per month" say what a part comes to.
_PART = re.compile(r"\b(?:instal?lments?|each|per|monthly|weekly|daily|hourly|apiece)\b", re.IGNORECASE)
_OF_A_PART = 0.6
_SAID_IN_WORDS = 1.25
"""A sentence that names the period itself needs no table head: it is the best statement there is."""
OTHER_PERIOD = 0.6
"""What a figure counts for that is of another period than was asked about, or may be."""
_BY_WORDS = 0.8
"""What a label counts for that shares words with a line's name and is not that line."""
_COMPONENT = 0.8
_ABOVE = 0.5
"""What a word of the question counts for that the table's head has, and the row has not."""
_ELSEWHERE = 0.9
"""What a row counts for outside the statements that its line is reported in."""
_HEAD_CHARACTERS = 300
_ALMOST = 1 - 1e-9


@dataclass(frozen=True)
class Wanted:
    """What a question asks to be measured."""

    stems: frozenset[str]
    """Its words."""
    line: frozenset[str]
    """The same with lines of statements under one name each."""
    parts: tuple[frozenset[str], ...]
    """Lines that it is computed from."""
    statements: frozenset[Statement]
    """Where its lines are reported."""
    period: Period | None
    years: frozenset[str]
    names: tuple[tuple[str, ...], ...]
    """All names of its lines, in terms."""
    search_words: str
    """The words that its rows may have: all names of its lines, and its other words."""
    share: bool
    """Whether a percentage may answer."""
    part: bool
    """Whether a part of the whole is asked for."""

    def may_be_stated(self, text: str) -> bool:
        """False when no row of a text can be more than half a fit, as far as its words tell; quickly."""
        plain, held = text.lower(), 0.0
        for begun, weight in self._weighed:
            if begun in plain:
                held += weight
                if 3 * held > self._all:
                    break
        else:
            if not any(all(begun in plain for begun in name) for name in self._names_begun):
                return False
        return _DIGIT.search(plain) is not None or any(map(str.isdigit, plain))

    def may_label(self, text: str) -> bool:
        """False when no row whose label is taken from a text says anything of what is asked; quickly."""
        plain = _plain(text)
        return any(begun in plain for begun in self._telling)

    def may_fit(self, label: str, above: tuple[str, ...], least: float) -> bool:
        """False when no row with a label out of these characters fits better than `least`; quickly.

        `above` holds all characters that it stands under; all are as `_plain` gives them. Of the words asked
        for the row may have all that are there, and no others.
        """
        # A sentence that names the period is raised afterwards; and sums are rounded.
        least *= _ALMOST / (_SAID_IN_WORDS if self.period else 1.0)
        for asked, in_names, weight in self._measures:
            missing = [one for one in asked if one[0] not in label]
            if len(missing) == len(asked):
                continue
            held = sum([each for begun, each in asked if begun in label])
            near = in_names + sum(each for begun, each in missing if any(begun in one for one in above))
            if 2 * (held + _ABOVE * near) > least * (weight + held):
                return True
        return any(all(any(one in label for one in begun) for begun in name) for name in self._all_names)

    @cached_property
    def _measures(self) -> tuple[tuple[tuple[tuple[str, float], ...], float, float], ...]:
        """What words of each measure begin with and weigh, and what its names of lines and all of it do."""
        found = []
        for measure in dict.fromkeys((self.stems, self.line, *self.parts)):
            # A line may stand above by any of its names; where a label has one, it is known by that.
            stems = sorted(one for one in measure if not one.startswith("="))
            asked = tuple((begun, _weight(frozenset((one,)))) for one in stems for begun in beginnings(one))
            found.append((asked, _weight(measure.difference(stems)), _weight(measure)))
        return tuple(found)

    @cached_property
    def _all_names(self) -> tuple[tuple[frozenset[str], ...], ...]:
        return tuple(tuple(map(beginnings, name)) for name in self.names)

    @cached_property
    def _weighed(self) -> tuple[tuple[str, float], ...]:
        return tuple((_beginning(one), _weight(frozenset((one,)))) for one in self.stems)

    @cached_property
    def _all(self) -> float:
        return _weight(self.stems)

    @cached_property
    def _names_begun(self) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(map(_beginning, name)) for name in self.names)

    @cached_property
    def _telling(self) -> frozenset[str]:
        """A label that fits has a word that begins with one of these."""
        said = self.stems.union(self.line, *self.parts) - _WEAK
        stems = {one for one in said if not one.startswith("=")}
        # Of a name that holds none of them yet one word will do: a label has all of them or not that line.
        for name in self.names:
            if stems.isdisjoint(name):
                stems.add(max(name, key=len))
        return frozenset(begun for one in stems for begun in beginnings(one))


def without_calculation(question: str) -> str:
    """A question without what is to be calculated: what is to be found for it.

    Calculations are made over years; without one, "the change of control" is what is to be found.
    """
    bare = " ".join(_CALCULATION.sub(" ", question).split()) if years_in(question) else ""
    return bare or question


@lru_cache(maxsize=512)
def asks_for_figure(question: str) -> bool:
    """Whether a figure may answer: it asks what, which or how much, or names a line; and for no account."""
    if _EXPLAINS.search(question):
        return False
    if _ASKS.search(question):
        return True
    # "Net sales 2023", as it is put into a search box.
    return "?" not in question and bool(lines_in(terms(without_instructions(question))))


def measure_of(question: str) -> frozenset[str]:
    """Stems of what is to be measured: the question without its period, its owner and words of telling."""
    return wanted(question).stems


def fit(measure: frozenset[str], label: frozenset[str], above: frozenset[str] = frozenset()) -> float:
    """How nearly a label says what is to be measured, from 0 to 1: all of it, and nothing else.

    What the label lacks and `above`, the table's head, has counts half.
    """
    both = _weight(measure) + _weight(label)
    if not (measure & label) - _WEAK:
        return 0.0
    shared = _weight(measure & label) + _ABOVE * _weight(measure & above - label)
    return min(1.0, 2 * shared / both)


@lru_cache(maxsize=512)
def wanted(question: str) -> Wanted:
    """Read what a question asks to be measured."""
    asked = without_instructions(question)
    period = period_of(asked)
    rest = asked.replace(period.said, " ") if period else asked
    rest = _MANNER.sub(" ", _CALCULATION.sub(" ", _OWNER.sub(" ", rest)))
    said = terms(rest)
    other = frozenset({"other"} if _OTHER.search(rest) else ())
    lines = [line for _start, _end, line in lines_in(said)]
    label = Label.of(said)
    parts = tuple(Label.of(terms(one)).line for one in components(rest))
    named = {one for each in (label.line, *parts) for one in each}
    names = tuple(name for line in LINES if line.term in named for name in line.names)
    own = [one for one in words(rest) if label.stems.intersection(terms(one))]
    return Wanted(
        stems=label.stems | other,
        line=label.line | other,
        parts=parts,
        statements=frozenset(one for line in lines for one in line.statements),
        period=period,
        years=years_in(asked) if period is None else frozenset(),
        names=tuple(map(terms, names)),
        search_words=" ".join(dict.fromkeys(" ".join((*own, *names)).split())),
        share=_SHARES.search(asked) is not None,
        part=_PART.search(asked) is not None,
    )


@lru_cache(maxsize=2_048)
def fits(question: str, text: str, above: str = "", least: float = 0.0) -> Mapping[tuple[int, int], float]:
    """How nearly each row or sentence of a passage states what a question asks to be measured.

    By its offsets; one that names other years than the question's period counts for less. `above` is what
    the passage stands under: headings, the head of its table. What fits no better than `least` may be left
    out. Empty when the question asks for no figure.
    """
    if not asks_for_figure(question):
        return {}
    asked = wanted(question)
    if not asked.stems - _WEAK:
        return {}
    found: dict[tuple[int, int], float] = {}
    head, context = _Head(text, above), _plain(above)

    def may_count(label: str, heads: str) -> bool:
        return asked.may_fit(_plain(label), (context, _plain(heads)), least)

    for row in figure_rows(text, may_count):
        # Labels take longest to read.
        if not asked.may_label(row.share_said if asked.share else row.said):
            continue
        value = _fit(asked, row, head)
        if value:
            piece = text[row.start : row.end]
            part = not row.is_row and not asked.part and _PART.search(piece)
            value *= _timely(asked, row, piece, head) * (_OF_A_PART if part else 1.0)
            found[row.start, row.end] = min(1.0, value)
    return found


@dataclass(frozen=True)
class _Head:
    """What stands above the rows of a passage, read when it is asked for."""

    text: str
    above: str

    @property
    def label(self) -> Label:
        return label_of(self.above)

    @cached_property
    def statements(self) -> frozenset[Statement]:
        return statements_headed(self._said)

    @cached_property
    def years(self) -> frozenset[str]:
        return years_in(self._said)

    @property
    def _said(self) -> str:
        return f"{self.above}\n{self.text[:_HEAD_CHARACTERS]}"


def _fit(asked: Wanted, row: FigureRow, head: _Head) -> float:
    label = row.share_label if asked.share else row.label
    plain = fit(asked.stems, label.stems, head.label.stems | row.under.stems)
    if asked.line != asked.stems:
        plain *= _BY_WORDS
    value = max(
        plain,
        fit(asked.line, label.line, head.label.line | row.under.line),
        _COMPONENT * max((fit(one, label.line) for one in asked.parts), default=0.0),
    )
    # What the passage stands under is not always known.
    elsewhere = (
        value and head.above and row.is_row and asked.statements and not asked.statements & head.statements
    )
    return value * (_ELSEWHERE if elsewhere else 1.0)


def _timely(asked: Wanted, row: FigureRow, piece: str, head: _Head) -> float:
    period = asked.period
    if period is None:
        years = row.years or head.years
        return OTHER_PERIOD if asked.years and years and not asked.years & years else 1.0
    if not row.is_row and states(piece, (*period.phrases, *period.otherwise)):
        return _SAID_IN_WORDS
    return 1.0 if not row.years or period.year in row.years else OTHER_PERIOD


def _beginning(stem: str) -> str:
    """What all words of a stem begin with, as near as this can be told."""
    return stem[:5].removesuffix("y")


def _plain(text: str) -> str:
    return (text if text.isascii() else visible(text).replace("\u2019", "'")).lower()


def _weight(stems: frozenset[str]) -> float:
    return len(stems) - 0.5 * len(stems & _WEAK)
