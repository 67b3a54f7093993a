"""Read a passage as rows and sentences that state a figure: its label, what it stands under, and its years.

A label is the words before a line's first figure. Dates, years, clause numbers, ordinals, spans of time,
marks of notes and names such as "Q2" are no figures. English, figures in the English manner.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.evidence import pieces
from engine.furniture import is_page_line
from engine.periods import MONTHS, years_in
from engine.sentences import looks_like_row, without_leaders
from engine.statement_lines import in_one_name, terms

_LABEL_CHARACTERS = 120
_LABELS_KEPT = 2_048
"""Of some hundred characters each."""
_NUMERAL = re.compile(r"\d[\d,]*(?:\.\d+)*")
# From two to twenty, the tens and a hundred, by their first letters: one by one they take far longer.
_SPELLED = re.compile(
    r"\b(?:t(?:w(?:o|elve|enty)|h(?:ree|irt(?:een|y))|en)|f(?:our(?:teen)?|ive|ift(?:een|y)|orty)"
    r"|s(?:ix|even)(?:teen|ty)?|e(?:ight(?:een|y)?|leven)|nine(?:teen|ty)?|hundred)\b",
    re.IGNORECASE,
)
# Beside a number that is no figure: "October 30", "Note 5", "30 October", "3rd", "90 days".
_NAMED_BEFORE = re.compile(
    rf"(?:\b(?:{MONTHS})\.?|\b(?:sections?|items?|articles?|clauses?|exhibits?|schedules?|notes?|amendments?|parts?"
    r"|pages?|topics?|levels?|rules?|forms?|no\.))\s*$|[A-Za-z/]$",
    re.IGNORECASE,
)
_NAMED_BEHIND = re.compile(
    rf"(?:st|nd|rd|th)\b|-[A-Za-z]|/\d|\s+(?:{MONTHS})\b"
    r"|(?:\)|\s*\(\d+\))?[\s-]+(?:(?:calendar|business|working|trading|full|consecutive)\s+)?"
    r"(?:hour|day|week|month|quarter|year)(?:s|ly)?\b",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"\s*\)?\s*(?:%|per\s?cent\b|percentage\s+points?\b|basis\s+points?\b)", re.IGNORECASE)
_LONGEST_SPELLED = 10
"""Letters of a spelled number, and one that tells that it ends."""
_DIGIT = re.compile(r"\d")
_SIGNS = "($\u20ac\u00a3\u00a5-\u2212 \t"
_REACH = 16
# Words of time and of telling: they say when, how much or that something is told, not what.
FRAME = frozenset(
    terms(
        "quarter quarterly fiscal year years month months three six nine twelve ended end ending period"
        " periods report reported reporting recent latest recorded disclosed amount amounts filing stated"
        " was were approximately much many company compared first second third fourth form million"
        " billion thousand respectively altogether combined large big percent percentage grow grew grown"
        " rise rose risen fall fell fallen decline declined increase increased decrease decreased"
    )
)
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class Label:
    """What a row, a head or a question names, without its order."""

    stems: frozenset[str]
    """The words that tell."""
    line: frozenset[str]
    """The same with lines of statements under one name each."""

    @classmethod
    def of(cls, said: tuple[str, ...]) -> Label:
        """Read terms in order."""
        stems, named = _telling(said), in_one_name(said)
        return cls(stems, stems if named == said else _telling(named))


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A row or sentence that states a figure. Labels are read from their words when they are asked for."""

    start: int
    end: int
    text: str
    is_row: bool
    """False for a sentence."""
    said: str
    """The words before its first figure."""
    share_said: str
    """The same where a percentage may be that figure: "up 14%" says how much something changed."""
    said_above: str
    """The last line without a figure above it."""

    @property
    def label(self) -> Label:
        """Of the words before its first figure."""
        return label_of(self.said)

    @property
    def share_label(self) -> Label:
        """Of the words before its first figure or percentage."""
        return label_of(self.share_said)

    @property
    def under(self) -> Label:
        """Of the last line without a figure above it."""
        return label_of(self.said_above)

    @property
    def years(self) -> frozenset[str]:
        """The years that it names."""
        return years_in(self.text)


@lru_cache(maxsize=_LABELS_KEPT)
def label_of(said: str) -> Label:
    """Read words as they are printed."""
    return Label.of(terms(said))


def _any_counts(_label: str, _heads: str) -> bool:
    return True


def figure_rows(text: str, may_count: Callable[[str, str], bool] = _any_counts) -> Iterator[FigureRow]:
    """The rows and sentences of a passage that state a figure, in order.

    Those are left out of which `may_count` is false: it is given all characters that their labels can be
    taken from, and all short lines above.
    """
    if not _may_state(text):
        return
    bare, spans = without_leaders(text), pieces(text)
    heads, above, known = "", "", 0
    for which, (start, end) in enumerate(spans):
        piece = bare[start:end]
        begun, heads_here = piece[:_LABEL_CHARACTERS], heads
        if len(piece) <= _LABEL_CHARACTERS:
            heads += f"{piece}\n"
        goes_on = piece[:1].islower()
        # Most pieces are of other things, and what they state takes longest to find.
        if not may_count(heads_here + begun if goes_on else begun, heads_here):
            continue
        at, share_at, is_row = _stated(piece)
        if share_at is None:
            continue
        above, known = _head(bare, spans[known:which], above), which
        begun = f"{above}\n" if is_row and goes_on else ""
        share_said = begun + piece[:share_at]
        said = share_said if at == share_at else begun + piece[:at] if at else ""
        yield FigureRow(start, end, piece, is_row, said, share_said, above)


def _head(bare: str, spans: Sequence[tuple[int, int]], above: str) -> str:
    """The last of some pieces that states no figure; `above` where all of them do."""
    for start, end in reversed(spans):
        piece = bare[start:end]
        if not is_page_line(piece) and _stated(piece)[1] is None:
            # A table's head, or the first half of a label that goes on in the next line.
            return piece if len(piece) <= _LABEL_CHARACTERS else ""
    return above


def _stated(piece: str) -> tuple[int | None, int | None, bool]:
    """As `_first_figures`, and whether the piece is a row."""
    # Most pieces hold no number at all, and need not be looked at any further; that of a page is no figure.
    if not _may_state(piece) or is_page_line(piece):
        return None, None, False
    is_row = looks_like_row(piece)
    return *_first_figures(piece, shares=is_row), is_row


def _may_state(text: str) -> bool:
    return (_DIGIT.search(text) or _SPELLED.search(text)) is not None


def _telling(said: Iterable[str]) -> frozenset[str]:
    return frozenset([one for one in said if len(one) > 1 and not one[0].isdigit()]) - FRAME


def _first_figures(piece: str, *, shares: bool) -> tuple[int | None, int | None]:
    """Where the label before the first figure ends, and where it does when a percentage is a figure too.

    None where there is no figure, or it stands far behind. `shares` says that both are the same.
    """
    behind = piece[_LABEL_CHARACTERS:]
    # What stands further behind ends no label.
    reach = _LABEL_CHARACTERS + len(behind) - len(behind.lstrip(_SIGNS))
    spelled = _SPELLED.search(piece, 0, reach + _LONGEST_SPELLED)
    if spelled and _NAMED_BEHIND.match(piece, spelled.end()):
        spelled = None
    first: int | None = None
    for start, end in _figures(piece, reach, spelled):
        first = start if first is None else first
        if shares or not _PERCENT.match(piece, end):
            return _label_end(piece, start), _label_end(piece, first)
    return None, _label_end(piece, first)


def _figures(piece: str, reach: int, spelled: re.Match[str] | None) -> Iterator[tuple[int, int]]:
    """Where figures stand that begin within reach, in order."""
    for one in _NUMERAL.finditer(piece):
        if one.start() > reach:
            break
        if spelled and spelled.start() < one.start():
            yield spelled.span()
            spelled = None
        if _is_figure(piece, one):
            yield one.span()
    if spelled:
        yield spelled.span()


def _label_end(piece: str, figure: int | None) -> int | None:
    end = len(piece[:figure].rstrip(_SIGNS)) if figure is not None else None
    return end if end is not None and end <= _LABEL_CHARACTERS else None


def _is_figure(piece: str, numeral: re.Match[str]) -> bool:
    start, end = numeral.span()
    if numeral[0].count(".") > 1 or (_YEAR.fullmatch(numeral[0]) and not _PERCENT.match(piece, end)):
        return False
    if end - start == 1 and piece[start - 1 : start] == "(" and piece[end : end + 1] == ")":
        return False
    before = piece[max(0, start - _REACH) : start]
    return not (_NAMED_BEFORE.search(before) or _NAMED_BEHIND.match(piece, end))
