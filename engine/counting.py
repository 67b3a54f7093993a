"""Numbers of things, as pages, answers and exports write them."""

from __future__ import annotations


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 document`, `1,912 pages`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
