"""Guess the next tokens of a reply from what stands in its prompt: an answer that quotes repeats it.

The model checks all guesses in one pass, so a wrong one costs little and changes no word.
"""

from __future__ import annotations

from collections.abc import Iterable

_LENGTHS = (3, 2)


class Guesser:
    """Remembers what followed each two and three ids, in a prompt and in the reply as it grows."""

    def __init__(self, ids: Iterable[int]) -> None:
        self._ids: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}
        for one in ids:
            self.add(one)

    def add(self, token: int) -> None:
        """One more id."""
        for length in _LENGTHS:
            if len(self._ids) >= length:
                self._after[tuple(self._ids[-length:])] = len(self._ids)
        self._ids.append(token)

    def guess(self, most: int) -> list[int]:
        """At most `most` ids: what followed when the last few ids stood there before, three before two."""
        for length in _LENGTHS:
            at = self._after.get(tuple(self._ids[-length:]))
            if at is not None:
                return self._ids[at : at + most]
        return []
