"""One request to a shared model, from the moment it is asked to the last event that its reader gets.

The model's events lie in a queue of the request's own, so that a reader who stalls holds no model up. The
reader's side is here; what runs the model is `engine.models.host`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, Queue
from threading import Event as CancelEvent

from engine.models.base import (
    AnalysisDelta,
    Busy,
    Done,
    Event,
    FinalDelta,
    FinishReason,
    Usage,
    Waiting,
)
from engine.models.line import Priority, Ticket
from engine.models.schemas import Schema

_POLL_S = 0.05
_TELL_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a request may take, in seconds."""

    wait_s: float = 120.0
    """In the line, for a question: nobody sits before a summary or a grid, so those wait."""
    answer_s: float = 600.0
    """From its turn to its last word."""


@dataclass(eq=False, slots=True)
class Request:
    """What is asked, and how it stands. `place`, `until` and `begun` change under the host's lock."""

    ticket: Ticket
    prompt_ids: Sequence[int]
    max_tokens: int
    temperature: float
    seed: int
    asked_at: float
    bytes_needed: int
    limits: Limits
    schema: Schema | None = None
    events: Queue[Event | Exception] = field(default_factory=Queue)
    stop: CancelEvent = field(default_factory=CancelEvent)
    """Set when nobody wants more of it."""
    begun: bool = False
    place: int = 0
    until: float = field(init=False)
    """When it is too late, by the host's clock."""

    def __post_init__(self) -> None:
        question = self.ticket.priority is Priority.QUESTION
        self.until = self._no_later(self.asked_at + self.limits.wait_s if question else float("inf"))

    def begin(self, now: float) -> None:
        """It is its turn."""
        self.begun = True
        self.tell_place(0)
        self.until = self._no_later(now + self.limits.answer_s)

    def tell_place(self, place: int) -> None:
        """Tell the reader where in the line it stands, where that has changed."""
        if place != self.place:
            self.place = place
            self.events.put(Waiting(place))

    def _no_later(self, until: float) -> float:
        deadline = self.ticket.deadline_s
        return until if deadline is None else min(until, self.asked_at + deadline)


def read(request: Request, cancel: CancelEvent | None, clock: Callable[[], float]) -> Iterator[Event]:
    """Yield what comes of a request, `Done` last; its place at least once a second while it waits.

    A cancel is answered at once. A reply that is not whole at its deadline ends as incomplete, with its text.

    Raises:
        Busy: it waited too long, or the time was over before the first word of a reply.
        MunimentError: whatever the model raised.
    """
    thoughts = words = 0
    told = clock()
    while True:
        used = Usage(len(request.prompt_ids), thoughts, words)
        if cancel is not None and cancel.is_set():
            yield Done(FinishReason.CANCELLED, used)
            return
        late = clock() >= request.until
        try:
            # What came in time is read in any case.
            event = request.events.get(timeout=0 if late else _POLL_S)
        except Empty:
            if late:
                if not words:
                    raise Busy(_too_late(request, clock())) from None
                yield Done(FinishReason.INCOMPLETE, used)
                return
            if request.place and not request.begun and clock() - told >= _TELL_EVERY_S:
                told = clock()
                yield Waiting(request.place)
            continue
        if isinstance(event, Exception):
            raise event
        thoughts += isinstance(event, AnalysisDelta)
        words += isinstance(event, FinalDelta)
        yield event
        if isinstance(event, Done):
            return


def _too_late(request: Request, now: float) -> str:
    seconds = int(now - request.asked_at)
    if request.begun:
        return f"the model had no word ready after {seconds} s; ask about fewer passages or try again later"
    return f"busy: others were first for {seconds} s; ask again in a few minutes"
