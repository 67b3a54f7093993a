"""Costs and speeds in plain words, for the command line and the System page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.costs import Cost, Speed, cost_of, measured_speed, price_list
from engine.counting import count

if TYPE_CHECKING:
    from app.wiring import Services

NOT_YET = "not yet measured"
HEADERS = ("For 1,000 tokens", "Read", "Written", "As used here")


def cost_of_services(services: Services) -> Cost:
    """What the model that answers costs, by the settings. Raises `WrongUse` for an unusable price list."""
    settings = services.settings
    identity = services.generator.identity
    return cost_of(
        identity,
        measured_speed(services.audit, identity.digest),
        hourly_price=settings.hourly_price,
        currency=settings.currency,
        prices=None if settings.price_list is None else price_list(settings.price_list),
    )


def speed_words(speed: Speed) -> str:
    """`reads 412 and writes 28.4 tokens a second (17 answers)`."""
    if speed.read_per_s is None or speed.write_per_s is None:
        return NOT_YET
    answers = count(speed.answers, "answer")
    return f"reads {speed.read_per_s:,.1f} and writes {speed.write_per_s:,.1f} tokens a second ({answers})"


def cost_rows(cost: Cost) -> list[list[str]]:
    """Name and three prices of each that is known, the local one first."""
    return [
        [
            one.name,
            _money(one.prompt_per_1000, cost.currency),
            _money(one.output_per_1000, cost.currency),
            _money(cost.mixed(one), cost.currency),
        ]
        for one in cost.compared
    ]


def cost_notes(cost: Cost) -> Iterator[str]:
    """What the prices come from, and what is missing for others."""
    speed = cost.speed
    if cost.local is not None:
        yield (
            f"Local: {speed_words(speed)} and {cost.hourly_price:,.2f} {cost.currency} an hour, one answer "
            "at a time; several at once share the hour, idle hours are not counted."
        )
    elif cost.model.runtime == "remote":
        yield "Local: the model is behind an endpoint; its hours are somebody else's."
    elif cost.hourly_price is None:
        yield "Local: set MUNIMENT_HOURLY_PRICE to what an hour of this machine costs."
    else:
        yield f"Local: {NOT_YET}; ask a question."
    if speed.read_tokens:
        share = 100 * speed.read_tokens / (speed.read_tokens + speed.written_tokens)
        yield f"As used here: {share:.0f} of 100 tokens were read, the others written."
    if cost.prices is None:
        yield "Remote: no prices are known; set MUNIMENT_PRICE_LIST to a file of yours."
    else:
        yield f"Remote: prices of {cost.prices.as_of:%d %b %Y}, {cost.prices.source}."


def cost_lines(cost: Cost) -> Iterator[str]:
    """The same for a terminal."""
    yield f"{cost.model.id} ({cost.model.quantization}, {cost.model.runtime}): {speed_words(cost.speed)}"
    rows = cost_rows(cost)
    if rows:
        yield f"{HEADERS[0]:<40} {HEADERS[1]:>16} {HEADERS[2]:>16} {HEADERS[3]:>16}"
    yield from (f"{name:<40} {read:>16} {wrote:>16} {mixed:>16}" for name, read, wrote, mixed in rows)
    yield from cost_notes(cost)


def _money(amount: float | None, currency: str) -> str:
    return NOT_YET if amount is None else f"{amount:.6f} {currency}"
