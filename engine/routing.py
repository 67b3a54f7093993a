"""Rank the documents of a matter for a question: by name and beginning, and by the period asked about.

A report's beginning rarely says what its company calls the period ("third quarter of fiscal year 2023"), and
its name may carry another year. How often its body uses that phrase tells, and its beginning then gives the
last day, which is what the heads of tables print.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from engine.cards import Cards
from engine.naming import Naming, naming
from engine.periods import Period, a_year_on, asks_latest, last_day, period_of, sortable, states
from storage.rooms import Room

_PERIOD_WEIGHT = 0.5
"""Of the best name: the right company's other periods stay before another company's right period."""
_SAME_NAME = 0.75
"""Of the best name: documents this near to it are told apart by what the question says of the period."""


@dataclass(frozen=True, slots=True)
class Route:
    """Which documents a question points to, and how passages state its period."""

    scores: Mapping[str, float]
    """By document id, above zero, higher is better; differences are log odds."""
    phrases: tuple[str, ...] = ()
    day: str | None = None
    """The period's last day as table heads print it, where it is known."""
    named: Naming | None = None
    """The words that name the first document; None when none do."""
    certainty: float = 0.0
    """How sure it is that documents are pointed to at all: 0 without a name and a period, at most 1."""

    @property
    def has_period(self) -> bool:
        """Whether passages can be told apart by whether they state the period."""
        return bool(self.phrases or self.day)

    def shares(self, document_ids: Iterable[str]) -> dict[str, float]:
        """How nearly the question points to documents, as shares of the best; 1 when it points to none."""
        best = max(self.scores.values(), default=0.0)
        return {one: self.scores.get(one, 0.0) / best if best else 1.0 for one in document_ids}

    def sureness(self) -> dict[str, float]:
        """How sure each document is to be meant, from 0 to 1, all together `certainty`.

        Where several are pointed to alike, each has its part and none is sure.
        """
        best = max(self.scores.values(), default=0.0)
        odds = {one: math.exp(score - best) for one, score in self.scores.items()}
        total = sum(odds.values())
        return {one: self.certainty * value / total for one, value in odds.items()}

    def states_period(self, text: str) -> bool:
        """Whether a passage states the period asked about."""
        return states(text, self.phrases, self.day)


def route(
    room: Room, query: str, *, cards_of: Callable[[str], Cards], document_ids: frozenset[str] | None
) -> Route:
    """Rank the documents in scope for a question; `cards_of` reads the cards for (a part of) it."""
    period = period_of(query)
    latest = period is None and asks_latest(query)
    cards = cards_of(query)
    if period is None and not latest:
        return _named(query, cards, cards.scores())
    rest = query.replace(period.said, " ") if period else query
    names = cards_of(rest).scores() if rest.strip() else {}
    beginnings = room.beginnings()
    if document_ids is not None:
        beginnings = {one: text for one, text in beginnings.items() if one in document_ids}
    best_name = max(names.values(), default=0.0)
    if latest:
        days = {
            one: sortable(day)
            for one, text in beginnings.items()
            if names.get(one, 0.0) >= _SAME_NAME * best_name and (day := last_day(text))
        }
        newest = max(days.values(), default=None)
        shares = {one: 1.0 for one, day in days.items() if day == newest}
        return _named(query, cards, _raised(names, shares, best_name), certainty=1.0)
    assert period is not None, "one of the two was asked for"
    phrases, counts, own = _as_stated(room, period, beginnings)
    if not phrases:
        return _named(query, cards, cards.scores())
    most = max(counts.values(), default=1)
    shares = {one: (one in own) + counts.get(one, 0) / most for one in {*own, *counts}}
    scores = _raised(names, shares, best_name)
    first = max(scores, key=lambda one: (scores[one], one))
    is_its_own = first in own or counts.get(first, 0) > room.stating(a_year_on(phrases)).get(first, 0)
    day = last_day(beginnings[first]) if is_its_own else None
    return _named(query, cards, scores, phrases, day, certainty=1.0)


def _named(
    query: str,
    cards: Cards,
    scores: Mapping[str, float],
    phrases: tuple[str, ...] = (),
    day: str | None = None,
    *,
    certainty: float = 0.0,
) -> Route:
    first = max(scores, key=lambda one: (scores[one], one), default=None)
    said = naming(query, lambda word: cards.telling(first, word)) if first else None
    return Route(scores, phrases, day, said, max(certainty, min(1.0, said.strength if said else 0.0)))


def _as_stated(
    room: Room, period: Period, beginnings: Mapping[str, str]
) -> tuple[tuple[str, ...], dict[str, int], frozenset[str]]:
    """The manner of stating the period that documents use, how often each does, and whose name has it."""
    # Only heads of tables state a period without its year.
    likely = {one: text for one, text in beginnings.items() if period.year in text}
    for phrases in (period.phrases, period.otherwise):
        counts = {one: count for one, count in room.stating(phrases).items() if one in beginnings}
        own = frozenset(one for one, text in likely.items() if states(text, phrases))
        if counts or own:
            return phrases, counts, own
    return (), {}, frozenset()


def _raised(names: Mapping[str, float], shares: Mapping[str, float], best_name: float) -> dict[str, float]:
    step = _PERIOD_WEIGHT * (best_name or 1.0)
    return {one: names.get(one, 0.0) + step * shares.get(one, 0.0) for one in {*names, *shares}}
