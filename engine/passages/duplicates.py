"""The same words take one place: passages of one document, or of drafts of one, that repeat a better one.

Two texts are the same when nothing differs but white space, quotation marks, bullets and the like. Any other
word, figure, sign or capital makes another text ("the Company" is no "company", 2(a) is no 2): who compares
drafts must see both. Unrelated documents keep their places, however alike a passage is, since who agreed to
it is part of what it says; so do reports of different periods, though most of their words are the same.
This module knows nothing of questions, and compares only what a search found in its scope.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from engine.keeping import Kept
from engine.periods import last_day
from storage.families import LIKE, likeness
from storage.library import Library
from storage.records import Chunk, Passage, Scope, Twin

_BEGINNING = 1_500
"""Characters in which a report says its period."""
_DRAFTS_KEPT = 4_000
"""Of about a kilobyte each."""
_INSIDE = r"[\w.,:/'\"\u2032\u2033-]*"
_FIGURE = rf"[+\u2212-]?\(?[$\u20ac\u00a3]?\(?\d{_INSIDE}(?:\)|(?<![.,:]))"
_WORD = r"_*[^\W_]\w*"
_SAID = re.compile(rf"{_FIGURE}|{_WORD}|[^\w\s.,;:!?\"'\u2018-\u201f\u2022\u00ad\u00b7*|]")
"""What counts of a text. Marks that only part sentences and lines are left out, but not inside a figure."""
_OPENING = re.compile(r"[\W_]*([^\W_]*)[\W_]*([^\W_]*)")
"""The first two runs of letters and digits: what is left out of a text never parts or joins such runs."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """What tells whether a version is a draft of another; never changes."""

    signature: bytes | None
    last_day: str | None
    """Of the period that a report is about."""

    def is_of(self, other: _Draft) -> bool:
        """Whether the two are drafts of one text, and not reports of two periods."""
        if self.signature is None or other.signature is None:
            return False
        periods = {self.last_day, other.last_day} - {None}
        return len(periods) < 2 and likeness(self.signature, other.signature) >= LIKE


class Duplicates:
    """Collapses repeats; threads may share it."""

    def __init__(self, library: Library) -> None:
        """Nothing is read yet."""
        self._library = library
        self._drafts: Kept[str, _Draft] = Kept(_DRAFTS_KEPT)

    def collapsed(
        self,
        scope: Scope,
        passages: Sequence[Passage],
        found: Sequence[Chunk],
        *,
        more: Callable[[int], Sequence[Passage]],
    ) -> list[Passage]:
        """As many passages, none that repeats a better one; each with where else its text was found.

        Args:
            scope: what was searched.
            passages: best first.
            found: all chunks that the search looked at; what repeats a passage is named, wherever it ranks.
            more: gives a longer ranking of the same search, to fill the places that repeats leave.
        """
        repeats = self._repeats(scope, passages, found)
        if not repeats:
            return list(passages)
        gone = {one.id for each in repeats.values() for one in each}
        missing = sum(one.chunk.id in gone for one in passages)
        kept = list(passages)
        if missing:
            # What stood in the list by right of its document stays there: the others come behind.
            kept += (one for one in more(len(passages) + missing) if one.chunk.id not in _ids(passages))
            repeats = self._repeats(scope, kept, found)
            gone = {one.id for each in repeats.values() for one in each}
            kept = [one for one in kept if one.chunk.id not in gone][: len(passages)]
        paths = {one.chunk.document_id: one.document for one in kept}
        if new := {one.document_id for each in repeats.values() for one in each} - paths.keys():
            paths |= self._library.paths(scope, new)
        return [
            replace(one, rank=rank, also_in=_twins(repeats.get(one.chunk.id, ()), paths))
            for rank, one in enumerate(kept, start=1)
        ]

    def _repeats(
        self, scope: Scope, passages: Sequence[Passage], found: Iterable[Chunk]
    ) -> dict[str, list[Chunk]]:
        """By the id of a passage that stays, the chunks that repeat it."""
        ids = _ids(passages)
        shown = [one.chunk for one in passages]
        begun = {_opening(one.text) for one in shown}
        others = [one for one in found if one.id not in ids and _opening(one.text) in begun]
        # Most texts differ in their first words or in their last: only those that do not are read whole.
        groups = [[*shown, *others]]
        for by in (_outermost, said):
            parts = [part for group in groups for part in _parted(group, by)]
            groups = [part for part in parts if len(part) > 1 and part[0].id in ids]
        drafts = self._known(scope, {one.version_id for group in groups for one in group}) if groups else {}
        repeats: dict[str, list[Chunk]] = {}
        for group in groups:
            left = group
            while left and left[0].id in ids:
                better, *others = left
                if same := [one for one in others if _related(better, one, drafts)]:
                    repeats[better.id] = same
                left = [one for one in others if one not in same]
        return repeats

    def _known(self, scope: Scope, version_ids: Set[str]) -> dict[str, _Draft]:
        if len(version_ids) < 2:
            return {}
        known = self._drafts.of(version_ids)
        if missing := version_ids - known.keys():
            signatures = self._library.signatures(scope, missing)
            begun = self._library.beginnings(scope, missing, characters=_BEGINNING)
            for one in missing:
                known[one] = _Draft(signatures.get(one), last_day("\n".join(begun.get(one, ("", "")))))
                self._drafts.keep(one, known[one])
        return known


def _related(one: Chunk, other: Chunk, drafts: Mapping[str, _Draft]) -> bool:
    """Whether two chunks are of one document, or of drafts of one."""
    if one.document_id == other.document_id:
        return True
    return drafts[one.version_id].is_of(drafts[other.version_id])


def _ids(passages: Iterable[Passage]) -> frozenset[str]:
    return frozenset(one.chunk.id for one in passages)


def _parted(chunks: Sequence[Chunk], by: Callable[[str], Hashable]) -> Iterable[list[Chunk]]:
    """Groups, in order, of which `by` says the same; chunks of which it says nothing are in none."""
    parts: dict[Hashable, list[Chunk]] = {}
    # What repeats mostly does so to the letter.
    keys = {text: by(text) for text in {one.text for one in chunks}}
    for one in chunks:
        parts.setdefault(keys[one.text], []).append(one)
    return (part for words, part in parts.items() if words)


def _opening(text: str) -> tuple[str, ...]:
    found = _OPENING.match(text)
    return found.groups() if found else ()


def _outermost(text: str) -> tuple[str, ...]:
    return _opening(text) + _opening(text[::-1])


def said(text: str) -> tuple[str, ...]:
    """What is compared of a text."""
    return tuple(_SAID.findall(text))


def _twins(chunks: Sequence[Chunk], paths: Mapping[str, str]) -> tuple[Twin, ...]:
    # A document that was deleted since the chunk was read lies nowhere.
    still = [one for one in chunks if one.document_id in paths]
    places = [Twin(paths[one.document_id], one.document_id, one.span) for one in still]
    return tuple(sorted(places, key=lambda one: (one.document, one.span.page, one.span.start)))
