"""Stands in for a model that may not or cannot answer, so that all other work goes on without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from storage.errors import MunimentError


class AbsentGenerator:
    """Whatever it is asked for, the answer is the reason why there is no model, raised anew each time."""

    def __init__(self, reason: MunimentError, *, on_use: Callable[[], None]) -> None:
        """`on_use` is called once, when something is first asked for."""
        self._reason, self._on_use = reason, on_use
        self._told = False

    def close(self) -> None:
        """There is nothing to give back."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if not self._told:
            self._told = True
            self._on_use()
        raise type(self._reason)(str(self._reason)) from self._reason
