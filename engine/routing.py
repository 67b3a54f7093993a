"""Rank the documents of a matter for a question: by name and beginning, and by the period asked about.

A report's beginning rarely says what its company calls the period ("third quarter of fiscal year 2023"), and
its name may carry another year. How often its body uses that phrase tells, and its beginning then gives the
last day, which is what the heads of tables print.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    """By document id, above zero, higher is better."""
    phrases: tuple[str, ...] = ()
    day: str | None = None
    """The period's last day as table heads print it, where it is known."""

    @property
    def has_period(self) -> bool:
        """Whether passages can be told apart by whether they state the period."""
        return bool(self.phrases or self.day)

    def share(self, document_id: str) -> float:
        """How nearly the question points to a document, as a share of the best; 1 when it points to none."""
        best = max(self.scores.values(), default=0.0)
        return self.scores.get(document_id, 0.0) / best if best else 1.0

    def states_period(self, text: str) -> bool:
        """Whether a passage states the period asked about."""
        return states(text, self.phrases, self.day)


def route(room: Room, query: str, *, limit: int, document_ids: frozenset[str] | None) -> Route:
    """Rank the documents in scope for a question."""
    period = period_of(query)
    latest = period is None and asks_latest(query)
    if period is None and not latest:
        return Route(dict(room.documents(query, limit=limit, document_ids=document_ids)))
    rest = query.replace(period.said, " ") if period else query
    names = dict(room.documents(rest, limit=limit, document_ids=document_ids)) if rest.strip() else {}
    beginnings = {
        one: text for one, text in room.beginnings().items() if document_ids is None or one in document_ids
    }
    best_name = max(names.values(), default=0.0)
    if latest:
        days = {
            one: sortable(day)
            for one, text in beginnings.items()
            if names.get(one, 0.0) >= _SAME_NAME * best_name and (day := last_day(text))
        }
        newest = max(days.values(), default=None)
        shares = {one: 1.0 for one, day in days.items() if day == newest}
        return Route(_raised(names, shares, best_name))
    assert period is not None, "one of the two was asked for"
    phrases, counts, own = _as_stated(room, period, beginnings)
    if not phrases:
        return Route(dict(room.documents(query, limit=limit, document_ids=document_ids)))
    most = max(counts.values(), default=1)
    shares = {one: (one in own) + counts.get(one, 0) / most for one in {*own, *counts}}
    scores = _raised(names, shares, best_name)
    first = max(scores, key=lambda one: (scores[one], one))
    is_its_own = first in own or counts.get(first, 0) > room.stating(a_year_on(phrases)).get(first, 0)
    return Route(scores, phrases, last_day(beginnings[first]) if is_its_own else None)


def _as_stated(
    room: Room, period: Period, beginnings: Mapping[str, str]
) -> tuple[tuple[str, ...], dict[str, int], frozenset[str]]:
    """The manner of stating the period that documents use, how often each does, and whose name has it."""
    for phrases in (period.phrases, period.otherwise):
        counts = {one: count for one, count in room.stating(phrases).items() if one in beginnings}
        own = frozenset(one for one, text in beginnings.items() if states(text, phrases))
        if counts or own:
            return phrases, counts, own
    return (), {}, frozenset()


def _raised(names: Mapping[str, float], shares: Mapping[str, float], best_name: float) -> dict[str, float]:
    step = _PERIOD_WEIGHT * (best_name or 1.0)
    return {one: names.get(one, 0.0) + step * shares.get(one, 0.0) for one in {*names, *shares}}
