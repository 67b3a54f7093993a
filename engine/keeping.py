"""Remember what was read last, up to a limit; threads may share it.

It knows nothing of what is kept, nor when that is out of date: a key must name content that never changes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Kept(Generic[_Key, _Value]):
    """Values by key; those not used for longest are forgotten first."""

    def __init__(self, most: int, *, weigh: Callable[[_Value], int] = lambda _value: 1) -> None:
        """Keep nothing yet; all values together never weigh more than `most`."""
        self._most = most
        self._weigh = weigh
        self._lock = threading.Lock()
        self._values: OrderedDict[_Key, _Value] = OrderedDict()
        self._weight = 0

    def of(self, keys: Iterable[_Key]) -> dict[_Key, _Value]:
        """The values that are kept for these keys."""
        found: dict[_Key, _Value] = {}
        with self._lock:
            for key in keys:
                if key in self._values:
                    found[key] = self._values[key]
                    self._values.move_to_end(key)
        return found

    def keep(self, key: _Key, value: _Value) -> None:
        """Keep a value, unless it alone weighs too much."""
        with self._lock:
            if key in self._values:
                self._weight -= self._weigh(self._values.pop(key))
            self._values[key] = value
            self._weight += self._weigh(value)
            while self._weight > self._most:
                self._weight -= self._weigh(self._values.popitem(last=False)[1])
