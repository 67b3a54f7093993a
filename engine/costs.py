"""What answers cost: speed as measured in use, the price of this machine's hour, a list of remote prices.

Nothing here knows a price by itself: the hour's comes from the administrator, remote ones from a file of
theirs with its date and source. A speed is what the audit log says of answers that were given; before any
there is none.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeAlias

from engine.models.base import ModelIdentity
from storage.audit import AuditLog
from storage.errors import WrongUse
from storage.records import JsonValue

_Given: TypeAlias = tuple[datetime, Mapping[str, Any]]
"""When an answer was given, and the data of its entry."""

_ANSWERS = 500
_SECONDS_PER_HOUR = 3_600.0


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens and seconds of answers, added up. Each ran beside whatever else the machine did."""

    answers: int = 0
    read_tokens: int = 0
    read_s: float = 0.0
    """From its turn to the first word: waiting for others is not in it."""
    written_tokens: int = 0
    """Reasoning included; without the first token of each answer, which belongs to reading."""
    write_s: float = 0.0
    since: datetime | None = None
    """When the oldest of these answers was given."""

    @property
    def read_per_s(self) -> float | None:
        """Tokens of prompt read in a second; None before anything was measured."""
        return self.read_tokens / self.read_s if self.read_s else None

    @property
    def write_per_s(self) -> float | None:
        """Tokens written in a second; None before anything was measured."""
        return self.written_tokens / self.write_s if self.write_s else None

    def to_json(self) -> dict[str, JsonValue]:
        """The `speed` object of `muniment cost` and `muniment model show`."""
        return {
            "answers": self.answers,
            "read_per_s": self.read_per_s,
            "write_per_s": self.write_per_s,
            "prompt_tokens": self.read_tokens,
            "written_tokens": self.written_tokens,
        }


@dataclass(frozen=True, slots=True)
class Price:
    """What 1,000 tokens cost somewhere."""

    name: str
    prompt_per_1000: float
    output_per_1000: float

    def of(self, prompt_tokens: int, written_tokens: int) -> float:
        """The price of so many tokens."""
        return (prompt_tokens * self.prompt_per_1000 + written_tokens * self.output_per_1000) / 1_000


@dataclass(frozen=True, slots=True)
class PriceList:
    """Remote prices as an administrator wrote them down."""

    currency: str
    as_of: date
    source: str
    """Where they were read, in the administrator's words."""
    prices: tuple[Price, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """Local cost beside remote prices, for the tokens of the answers that the speed was measured on."""

    model: ModelIdentity
    speed: Speed
    currency: str
    hourly_price: float | None
    local: Price | None
    """None without a measured speed or without the price of an hour."""
    prices: PriceList | None

    @property
    def compared(self) -> tuple[Price, ...]:
        """All prices that are known, the local one first."""
        listed = self.prices.prices if self.prices is not None else ()
        return (*([self.local] if self.local is not None else []), *listed)

    def mixed(self, price: Price) -> float | None:
        """The price of 1,000 tokens as these answers mixed reading and writing; None without any."""
        tokens = self.speed.read_tokens + self.speed.written_tokens
        whole = price.of(self.speed.read_tokens, self.speed.written_tokens)
        return 1_000 * whole / tokens if tokens else None

    def to_json(self) -> dict[str, JsonValue]:
        """The object that `muniment cost --json` prints."""
        listed = self.prices
        return {
            "model": dict(self.model.to_json()),
            "speed": self.speed.to_json(),
            "currency": self.currency,
            "hourly_price": self.hourly_price,
            "per_1000": [
                {
                    "name": one.name,
                    "local": one is self.local,
                    "prompt": one.prompt_per_1000,
                    "output": one.output_per_1000,
                    "as_used_here": self.mixed(one),
                }
                for one in self.compared
            ],
            "price_list": None
            if listed is None
            else {"as_of": listed.as_of.isoformat(), "source": listed.source, "currency": listed.currency},
        }


def measured_speed(audit: AuditLog, digest: str, *, limit: int = _ANSWERS) -> Speed:
    """The speed of the model of that digest in the newest `limit` answers of all matters, numbers alone."""
    return _added_up(_given(audit, digest, limit))


def speeds_by_day(audit: AuditLog, digest: str, *, days: int) -> dict[date, Speed]:
    """The same by day in UTC, the newest first, for at most `days` days with answers."""
    kept: dict[date, list[_Given]] = {}
    for at, data in _given(audit, digest, _ANSWERS):
        kept.setdefault(at.date(), []).append((at, data))
    return {day: _added_up(kept[day]) for day in sorted(kept, reverse=True)[:days]}


def cost_of(
    model: ModelIdentity,
    speed: Speed,
    *,
    hourly_price: float | None,
    currency: str,
    prices: PriceList | None = None,
) -> Cost:
    """Local cost by measured speed and the price of an hour, one answer at a time, beside remote prices.

    A model behind an endpoint has no local cost: its hours are somebody else's.
    """
    local = None
    read, wrote = speed.read_per_s, speed.write_per_s
    if hourly_price is not None and read and wrote and model.runtime != "remote":
        second = hourly_price / _SECONDS_PER_HOUR
        local = Price(f"{model.id} on this machine", 1_000 * second / read, 1_000 * second / wrote)
    if prices is not None and prices.currency != currency:
        raise WrongUse(
            f"the price list is in {prices.currency} and MUNIMENT_CURRENCY is {currency}; make them agree"
        )
    return Cost(model, speed, currency, hourly_price, local, prices)


def price_list(file: Path) -> PriceList:
    """Read a list of remote prices in TOML; `docs/prices.example.toml` shows the form.

    Raises:
        WrongUse: the file is not there, or not in that form.
    """
    try:
        body = tomllib.loads(file.read_text(encoding="utf-8"))
        return _price_list(body)
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise WrongUse(
            f"the price list {file} cannot be used ({type(error).__name__}: {error}); "
            "docs/prices.example.toml shows its form"
        ) from error


def _price_list(body: Mapping[str, Any]) -> PriceList:
    as_of = body["as_of"]
    if not isinstance(as_of, date):
        raise ValueError("as_of is no date")
    prices = tuple(
        Price(str(one["name"]), float(one["prompt_per_1000"]), float(one["output_per_1000"]))
        for one in body["price"]
    )
    if any(one.prompt_per_1000 < 0 or one.output_per_1000 < 0 for one in prices):
        raise ValueError("a price is below 0")
    return PriceList(str(body["currency"]), as_of, str(body["source"]), prices)


def _given(audit: AuditLog, digest: str, limit: int) -> list[_Given]:
    found = audit.entries(kinds=["answer.given"], limit=limit)
    both = ((one.at, json.loads(one.canonical)["data"]) for one in found)
    return [(at, data) for at, data in both if data["model"]["digest"] == digest]


def _added_up(answers: Iterable[_Given]) -> Speed:
    given = read_tokens = written = 0
    read_s = write_s = 0.0
    since: datetime | None = None
    for at, data in answers:
        times = (data.get("reply") or {}).get("times_ms")
        if not times:
            continue
        usage = data["usage"]
        given += 1
        since = at if since is None else min(since, at)
        read_tokens += usage["prompt_tokens"] - usage.get("reused_tokens", 0)
        read_s += times["read"] / 1_000
        written += max(0, usage["analysis_tokens"] + usage["output_tokens"] - 1)
        write_s += times["wrote"] / 1_000
    return Speed(given, read_tokens, read_s, written, write_s, since)
