"""What stands in front of a chunk when it is searched: its document, the headings above it, what it hangs on.

A context holds no words that the chunk itself has, and never more tokens than its allowance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ingest.lines import Told

CountTokens = Callable[[str], int]

_NAME_TOKENS = 24
_FEW_TOKENS = 8
_HEADINGS = 2
_SEPARATOR = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading and where it stands."""

    level: int
    text: str
    page: int
    at: int


class Contexts:
    """Makes the contexts of one document's chunks."""

    def __init__(self, document_name: str, count_tokens: CountTokens, *, limit: int) -> None:
        """No context is longer than `limit` tokens."""
        self._count = count_tokens
        self._limit = limit
        name = " ".join(PurePosixPath(document_name).stem.replace("_", " ").split())
        self._name = self._shortened(name, limit)
        self._short_name = self._shortened(name, min(_NAME_TOKENS, limit))
        self._known: dict[tuple[tuple[str, ...], tuple[tuple[str, int], ...]], tuple[str, int]] = {}

    def of(
        self, headings: Sequence[Heading], told: Sequence[Told], *, page: int, start: int, end: int
    ) -> tuple[str, int]:
        """The context of a chunk and its tokens; what the chunk's own span holds is left out of it."""
        above = tuple(one.text for one in headings if one.page != page or not start <= one.at < end)
        named = {one.text for one in headings}
        hangs = tuple(
            dict.fromkeys(
                (one.text, one.rank)
                for one in told
                if (one.at is None or not start <= one.at < end) and one.text not in named
            )
        )
        key = (above[-_HEADINGS:], hangs)
        if (known := self._known.get(key)) is None:
            known = self._known[key] = self._made(*key)
        return known

    def _made(self, headings: tuple[str, ...], told: tuple[tuple[str, int], ...]) -> tuple[str, int]:
        """Where room is short, what the chunk hangs on comes first, then the innermost heading."""
        name = self._short_name if headings or told else self._name
        room = self._limit - self._count(name)
        hangs: dict[int, str] = {}
        for place in sorted(range(len(told)), key=lambda place: told[place][1]):
            text = self._shortened(told[place][0], room - 1) if room > _FEW_TOKENS else ""
            if text:
                hangs[place] = text
                room -= self._count(text) + 1
        kept: list[str] = []
        for heading in reversed(headings):
            tokens = self._count(heading) + 1
            if tokens > room:
                break
            kept.insert(0, heading)
            room -= tokens
        whole = _SEPARATOR.join((name, *kept, *(hangs[place] for place in sorted(hangs))))
        made = self._shortened(whole, self._limit)
        return made, self._count(made)

    def _shortened(self, text: str, tokens: int) -> str:
        while text and self._count(text) > tokens:
            text = text[: len(text) * 7 // 8].rstrip()
        return text
