"""An amount of a question as a table may print it in another unit: "$512.9 million" is 512,941 in thousands.

The unit is what the passage or its head says ("in thousands"); where nothing is said, either may be meant. A
figure with fewer than three digits is never taken for a rounded one: too many would be.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

_UNITS = (1_000, 1_000_000)
_MOST_READINGS = 200
"""More figures than this that round to an amount are not looked for one by one."""
_LEAST_DIGITS = 3
_SAID = re.compile(
    r"\b(?:in|of)\s+(?:(?:u\.?s\.?|united\s+states)\s+)?(?:dollars?\s+in\s+)?(thousand|million)s\b"
    r"|\$?\s?(000)['\u2019]?s\b",
    re.IGNORECASE,
)
_PRINTED = re.compile(r"(?<![\d.,])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\d%]|[.,]\d)")
_SURE, _UNSAID = 0.9, 0.6
"""How exactly a passage is what is named: a rounded figure may be another's, without a unit even more so."""


@dataclass(frozen=True, slots=True)
class Rounded:
    """An amount that was rounded where it was written down."""

    value: Decimal
    """In full."""
    step: Decimal
    """What its last digit counts."""
    scale: int
    """The unit that it was written in."""

    @property
    def words(self) -> str:
        """The figures that a table in another unit may print for it."""
        readings: list[str] = []
        for unit in _UNITS:
            if unit == self.scale:
                continue
            if unit > self.step:
                exact = self.value / unit
                readings += {f"{exact.normalize():f}", f"{round(exact, 1)}"}
                continue
            first = math.ceil((self.value - self.step / 2) / unit)
            last = math.floor((self.value + self.step / 2) / unit)
            if last - first < _MOST_READINGS:
                readings += map(str, range(first, last + 1))
        return " ".join(dict.fromkeys(readings))

    def fit(self, text: str, above: str) -> float:
        """How surely a passage under `above` prints it in another unit, from 0 to 1."""
        # The figures first: few passages have such a one, and what unit is said takes long to find.
        figures = {one.replace(",", "") for one in _PRINTED.findall(text)}
        units = {
            unit for unit in _UNITS if unit != self.scale and any(self._is(one, unit) for one in figures)
        }
        if not units:
            return 0.0
        said = _units_said(above) or _units_said(text)
        if not said:
            return _UNSAID
        return _SURE if units & said else 0.0

    def _is(self, figure: str, unit: int) -> bool:
        if len(figure.replace(".", "")) < _LEAST_DIGITS:
            return False
        printed = Decimal(figure)
        coarse = max(self.step, unit * Decimal(1).scaleb(int(printed.as_tuple().exponent)))
        return abs(printed * unit - self.value) * 2 <= coarse


def _units_said(text: str) -> frozenset[int]:
    said = (one[1] or one[2] for one in _SAID.finditer(text))
    return frozenset(10**6 if one.lower() == "million" else 10**3 for one in said)


@lru_cache(maxsize=256)
def rounded(plain: str, scale: int) -> Rounded | None:
    """An amount of so many thousands, millions or billions; None where it has too few digits to be told."""
    if len(plain.replace(".", "")) < _LEAST_DIGITS:
        return None
    step = Decimal(1).scaleb(int(Decimal(plain).as_tuple().exponent))
    return Rounded(Decimal(plain) * scale, step * scale, scale)
