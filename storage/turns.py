"""A lock that threads get in the order in which they asked for it.

SQLite lets one connection write and has the others try again now and then: beside a thread that writes one
thing after another, another may try for its whole patience and never come at the right moment.
"""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType


class Turns:
    """One thread at a time, first come, first served. A thread that has its turn cannot ask for another."""

    def __init__(self) -> None:
        """Nobody has a turn."""
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False

    @property
    def waiting(self) -> int:
        """How many threads wait."""
        return len(self._waiting)

    def __enter__(self) -> None:
        """Wait for the turn."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            turn = threading.Event()
            self._waiting.append(turn)
        try:
            turn.wait()
        except BaseException:
            # Interrupted: nobody may be left waiting for a turn that is not taken.
            with self._lock:
                gone = turn.is_set()
                if not gone:
                    self._waiting.remove(turn)
            if gone:
                self._next()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the turn to whoever has waited longest."""
        self._next()

    def _next(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
