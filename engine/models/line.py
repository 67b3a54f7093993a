"""The line before a model: who is next, and who finds no place in it.

Of the requests that wait, those of people who have none running go first; then questions before summaries
before grids, a full minute of waiting counting as one step up; then each person in turn, so that twenty
requests of one do not stand before the first of another. Each kind has its own places, so that work in the
background never makes the model "busy" for somebody who asks.

Pure bookkeeping: no threads, no clock; who calls it holds a lock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

from engine.models.base import Busy

_STEP_S = 60.0
_REMEMBERED = 1_000
T = TypeVar("T")


class Priority(IntEnum):
    """What a request is for; the smaller goes first."""

    QUESTION = 0
    SUMMARY = 1
    GRID = 2


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who asks, what for, and until when."""

    user_id: str
    priority: Priority = Priority.QUESTION
    deadline_s: float | None = None
    """Seconds from asking after which nobody needs the reply; None leaves it to the host."""
    alone: bool = False
    """Whether nothing may be written beside it, so that its arithmetic is the same another time."""


@dataclass(frozen=True, slots=True)
class _Place(Generic[T]):
    item: T
    ticket: Ticket
    since: float
    number: int

    def step(self, now: float) -> int:
        return max(0, self.ticket.priority - int((now - self.since) // _STEP_S))


class Line(Generic[T]):
    """At most `length` of each priority wait in it."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._places: list[_Place[T]] = []
        self._joined = self._turns = 0
        self._last_turn: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def join(self, item: T, ticket: Ticket, *, now: float) -> None:
        """Wait from `now`, in seconds of any clock. Raises `Busy` when the places of its kind are taken."""
        before = sum(one.ticket.priority is ticket.priority for one in self._places)
        if before >= self._length:
            raise Busy(f"busy: {before} requests wait for the model already; ask again in a minute")
        self._joined += 1
        self._places.append(_Place(item, ticket, now, self._joined))

    def leave(self, item: T) -> bool:
        """Give the place up; False when it had none."""
        kept = [one for one in self._places if one.item != item]
        left = len(kept) < len(self._places)
        self._places = kept
        return left

    def take(self, item: T, user_id: str) -> None:
        """It is this one's turn: out of the line, and its person comes last in the round."""
        self.leave(item)
        self._turns += 1
        self._last_turn.pop(user_id, None)
        self._last_turn[user_id] = self._turns
        if len(self._last_turn) > _REMEMBERED:
            del self._last_turn[next(iter(self._last_turn))]

    def order(self, running: Collection[str], *, now: float) -> list[T]:
        """All that wait, the next one first, while requests of the users in `running` are answered."""
        nth: Counter[tuple[str, int]] = Counter()
        first: dict[tuple[str, int], int] = {}
        ranked = []
        for place in sorted(self._places, key=lambda one: (one.step(now), one.number)):
            user, step = place.ticket.user_id, place.step(now)
            # A person's later requests keep the order of their first: so the rounds will come.
            turn = self._last_turn.get(user, 0), first.setdefault((user, step), place.number)
            ranked.append((user in running, step, nth[user, step], turn, place))
            nth[user, step] += 1
        return [place.item for *_, place in sorted(ranked, key=lambda one: one[:-1])]
