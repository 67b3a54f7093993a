"""Statements that searches ask again and again: put together once, then given to the driver as they are.

To have SQLAlchemy run a small statement takes several times as long as to have it answered. It knows nothing
of connections; `Database.ask` runs what is prepared here.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect, Select


class Prepared:
    """One statement with named parameters; threads may share it."""

    def __init__(self, statement: Select[Any]) -> None:
        """Nothing is compiled before it is asked."""
        self._statement = statement
        self._compiled: dict[str, tuple[str, dict[str, Any], list[str] | None]] = {}

    def filled(self, dialect: Dialect, values: dict[str, str | int]) -> tuple[str, Any]:
        """The statement in an engine's own words, and its parameters as the driver takes them."""
        known = self._compiled.get(dialect.name)
        if known is None:
            made = self._statement.compile(dialect=dialect)
            known = str(made), dict(made.params), made.positiontup if made.positional else None
            self._compiled[dialect.name] = known
        text, fixed, places = known
        filled = {**fixed, **values}
        return text, filled if places is None else tuple([filled[one] for one in places])
