"""Texts cut into the word pieces that a network reads, word by word, each distinct word once.

The tokenizer looks at every stretch between white space for itself, so that a text's pieces are those of its
stretches one after the other: most of them were met before, and looking one up takes a tenth of the time.
What is remembered is bounded. This module knows nothing of networks or vectors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_STRETCH = re.compile(r"[^ \t\n\r]+")
"""Only white space of which every tokenizer knows; what else is white stays inside and is left to it."""
_MOST_REMEMBERED = 300_000
"""Characters: some forty thousand stretches, in ten megabytes."""

_Cut = tuple[tuple[int, ...], tuple[tuple[int, int], ...]]
"""Numbers of the pieces, and where each begins and ends in its stretch."""


class WordPieces:
    """One tokenizer's pieces, without the special ones at a text's ends; safe to share between threads."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """The tokenizer must neither truncate nor pad."""
        self._tokenizer = tokenizer
        self._met: dict[str, _Cut] = {}
        self._characters = 0

    def numbers(self, text: str) -> list[int]:
        """The pieces of a text as the network counts them."""
        stretches = _STRETCH.findall(text)
        met = self._known(stretches)
        return list(chain.from_iterable(met[one][0] for one in stretches))

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Start and end (excluded) of each piece, in characters of the text."""
        places = [(found[0], found.start()) for found in _STRETCH.finditer(text)]
        met = self._known(one for one, _ in places)
        return [(at + start, at + end) for one, at in places for start, end in met[one][1]]

    def _known(self, stretches: Iterable[str]) -> dict[str, _Cut]:
        """What was met, all of these among it."""
        # Held on to: another thread may begin anew meanwhile.
        met, wanted = self._met, set(stretches)
        if missing := wanted.difference(met):
            if self._characters > _MOST_REMEMBERED:
                met, missing = {}, wanted
                self._met, self._characters = met, 0
            met.update(self._cut(missing))
            self._characters += sum(map(len, missing))
        return met

    def _cut(self, stretches: Iterable[str]) -> Iterator[tuple[str, _Cut]]:
        ordered = list(stretches)
        encoded = self._tokenizer.encode(" ".join(ordered), add_special_tokens=False)
        numbers, offsets = encoded.ids, encoded.offsets
        at = first = 0
        for one in ordered:
            end, last = at + len(one), first
            while last < len(offsets) and offsets[last][0] < end:
                last += 1
            yield one, (tuple(numbers[first:last]), tuple((a - at, b - at) for a, b in offsets[first:last]))
            at, first = end + 1, last
