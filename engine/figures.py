"""Find the row or sentence of a passage that states the figure a question asks for.

A row states a figure when its label, the words before its first figure, says what was asked and little
else: "Total revenue $ 5,931" answers "total revenue", "Deferred revenue $ 572" hardly. Synonyms are unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from engine.evidence import pieces, stems_of
from engine.furniture import is_page_line
from engine.numbers import Kind, Quantity, extract
from engine.periods import Period, period_of, states
from engine.sentences import looks_like_row
from engine.words import content_stems, word_set

_ASKS = re.compile(r"\b(?:how\s+much|how\s+many|what|which)\b", re.IGNORECASE)
# These ask for an account in words, whatever figures it holds.
_EXPLAINS = re.compile(
    r"\b(?:why|how\s+(?:do|does|did|has|have|is|are|was|were|can|could|might)|compar\w+|relat\w+|explain\w*"
    r"|descri\w+|summar\w+|discuss\w*|analy[sz]\w+|correlat\w+)\b",
    re.IGNORECASE,
)
_OWNER = re.compile(r"\b[A-Z][\w.&-]*['\u2019]s\b")
# Words of time and of telling: they say when, or that something is told, not what.
_FRAME = frozenset(
    content_stems(
        "quarter quarterly fiscal year years month months three six nine twelve ended end ending period"
        " periods report reported reporting recent latest recorded disclosed amount amounts filing stated"
        " was were approximately much many company compared first second third fourth form million"
        " billion thousand"
    )
)
_TIMES_AND_PLACES = word_set(
    "hour day week month quarter year section item article clause exhibit schedule note amendment"
)
_WEAK = frozenset(content_stems("total totals net overall"))
_ASIDE = re.compile(r"\([a-z ]{1,20}\)")
_OTHER = re.compile(r"\bother\b", re.IGNORECASE)
_SHARES = re.compile(
    r"\b(?:percent\w*|rates?|margins?|growth|grow|share|ratio|proportion|yield)\b|%", re.IGNORECASE
)
# A note's mark "(1)", "third", "3rd".
_MARK_OR_ORDINAL = re.compile(r"\(\d\)|\D+|\d+(?:st|nd|rd|th)", re.IGNORECASE)
# "three instalments of $46" and "$46 per month" say what a part comes to.
_PART = re.compile(r"\b(?:instal?lments?|each|per|monthly|weekly|daily|hourly|apiece)\b", re.IGNORECASE)
_OF_A_PART = 0.6
_LABEL_CHARACTERS = 120
_SAID_IN_WORDS = 1.25
"""A sentence that names the period as well needs no table head: it is the best statement there is."""
OTHER_PERIOD = 0.6
"""What a figure counts for that is of another period than was asked about, or may be."""


def asks_for_figure(question: str) -> bool:
    """Whether a figure may answer: it asks what, which or how much, and for no account of causes."""
    return _ASKS.search(question) is not None and _EXPLAINS.search(question) is None


def measure_of(question: str) -> frozenset[str]:
    """Stems of what is to be measured: the question without its period, its owner and words of telling."""
    period = period_of(question)
    rest = question.replace(period.said, " ") if period else question
    return _measured(_OWNER.sub(" ", rest))


def fit(measure: frozenset[str], label: frozenset[str]) -> float:
    """How nearly a label says what is to be measured, from 0 to 1: all of it, and nothing else."""
    both = _weight(measure) + _weight(label)
    shared = _weight(measure & label)
    return 2 * shared / both if shared and (measure & label) - _WEAK else 0.0


@lru_cache(maxsize=2_048)
def fits(question: str, text: str) -> Mapping[tuple[int, int], float]:
    """How nearly each row or sentence of a passage states what a question asks to be measured.

    By its offsets; one that names other years than the question's period counts for less. Empty when the
    question asks for no figure.
    """
    if not asks_for_figure(question):
        return {}
    measure, period = measure_of(question), period_of(question)
    asks_share = _SHARES.search(question) is not None
    found: dict[tuple[int, int], float] = {}
    for start, end in pieces(text):
        piece = text[start:end]
        # Reading figures is slow, and most lines have no word of what is asked for. The number of a page is
        # no figure.
        if is_page_line(piece) or not measure - _WEAK & frozenset(content_stems(piece)):
            continue
        label = _label(piece, asks_share=asks_share)
        if label:
            part = not looks_like_row(piece) and _PART.search(piece) and not _PART.search(question)
            value = fit(measure, label) * _timely(piece, period)
            found[start, end] = min(1.0, value) * (_OF_A_PART if part else 1.0)
    return found


def _measured(text: str) -> frozenset[str]:
    # Who asks for net income means "Net income (loss)"; who asks for income does not mean "Other income".
    stems = frozenset(one for one in stems_of(_ASIDE.sub(" ", text)) - _FRAME if len(one) > 1)
    return stems | {"other"} if stems and _OTHER.search(text) else stems


def _timely(piece: str, period: Period | None) -> float:
    if period is None:
        return 1.0
    if not looks_like_row(piece) and states(piece, (*period.phrases, *period.otherwise)):
        return _SAID_IN_WORDS
    return 1.0 if period.may_be_of(piece) else OTHER_PERIOD


def _label(piece: str, *, asks_share: bool) -> frozenset[str]:
    """The words before the first figure; none where there is no figure or it stands far behind."""
    # "Revenue was up 14%" says how it changed, not what it was.
    no_shares = not asks_share and not looks_like_row(piece)
    for quantity in extract(piece):
        if piece[: quantity.start][-1:].isalpha():
            continue  # "Q2" is a name.
        if _is_figure(quantity) and not (no_shares and quantity.kind is Kind.PERCENT):
            return _measured(piece[: quantity.start]) if quantity.start <= _LABEL_CHARACTERS else frozenset()
    return frozenset()


def _is_figure(quantity: Quantity) -> bool:
    """Not a date, a year, a clause number or a span of time."""
    if quantity.kind in (Kind.DATE, Kind.REFERENCE) or quantity.unit in _TIMES_AND_PLACES:
        return False
    if _MARK_OR_ORDINAL.fullmatch(quantity.text.strip()):
        return False
    bare_year = 1_900 <= quantity.value <= 2_100 and "," not in quantity.text
    return not (quantity.kind is Kind.NUMBER and bare_year)


def _weight(stems: frozenset[str]) -> float:
    return sum(0.5 if one in _WEAK else 1.0 for one in stems)
