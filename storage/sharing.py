"""A lock that many may hold together, or one alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SharedLock:
    """Shared by those who use a thing, exclusive for who replaces it; whoever waits for it alone goes first.

    It is not re-entrant: a thread that holds it in either way must not ask for it again.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._users = 0
        self._waiting = 0
        self._alone = False

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits to hold it alone."""
        return self._waiting > 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold it together with others."""
        with self._turn:
            self._turn.wait_for(lambda: not self._alone and not self._waiting)
            self._users += 1
        try:
            yield
        finally:
            with self._turn:
                self._users -= 1
                self._turn.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold it alone."""
        with self._turn:
            self._waiting += 1
            try:
                self._turn.wait_for(lambda: not self._alone and not self._users)
            finally:
                self._waiting -= 1
            self._alone = True
        try:
            yield
        finally:
            with self._turn:
                self._alone = False
                self._turn.notify_all()
