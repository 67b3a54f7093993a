"""Work in the background makes way for the person who waits for an answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LONGEST_WAIT_S = 120.0


class Attention:
    """Lets work in the background wait while somebody is asking. Safe to share between threads."""

    def __init__(self) -> None:
        """Nobody is asking."""
        self._changed = threading.Condition()
        self._asking = 0

    @contextmanager
    def asking(self) -> Iterator[None]:
        """The time that somebody waits for an answer."""
        with self._changed:
            self._asking += 1
        try:
            yield
        finally:
            with self._changed:
                self._asking -= 1
                self._changed.notify_all()

    def wait_turn(self) -> None:
        """Return once nobody is asking, or after two minutes: loading must come to an end too."""
        with self._changed:
            self._changed.wait_for(lambda: not self._asking, timeout=_LONGEST_WAIT_S)
