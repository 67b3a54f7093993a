"""What a model wrote for one prompt: its words as they came, a hash of its reasoning, and how long it took.

Reasoning is never kept in words. The times are the model's own, without what others before it took.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from time import monotonic

from engine.models.base import AnalysisDelta, Done, Event, FinalDelta, Waiting


class Heard:
    """Takes the events of one generation. Made just before it begins."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._asked = self._begun = clock()
        self._first: float | None = None
        self._analysis = sha256()
        self.thought = False
        """True once the model has written reasoning."""
        self.pieces: list[str] = []
        """The reply as it came: one piece a token, or a few where a character takes more than one."""
        self.done: Done | None = None
        self._ended: float | None = None

    def take(self, event: Event) -> None:
        """One event more."""
        now = self._clock()
        match event:
            case Waiting():
                self._begun = now
            case AnalysisDelta(text):
                self.thought = True
                self._analysis.update(text.encode())
                self._first = self._first or now
            case FinalDelta(text):
                self.pieces.append(text)
                self._first = self._first or now
            case Done():
                self.done, self._ended = event, now

    @property
    def reply(self) -> str:
        """All that was meant for the reader."""
        return "".join(self.pieces)

    @property
    def analysis_sha256(self) -> str | None:
        """Hex SHA-256 of the reasoning; None when there was none."""
        return self._analysis.hexdigest() if self.thought else None

    @property
    def times_ms(self) -> dict[str, float]:
        """`waited` for others, `read` to the first word, `wrote` from there to the end; {} without an end."""
        if self._ended is None:
            return {}
        first = self._ended if self._first is None else self._first
        return {
            "waited": round(1_000 * (self._begun - self._asked), 3),
            "read": round(1_000 * (first - self._begun), 3),
            "wrote": round(1_000 * (self._ended - first), 3),
        }
