"""The same words take one place: passages of one document, or of drafts of one, that repeat a better one.

Two texts are the same when nothing differs but white space, quotation marks, bullets and the like. Any other
word, figure, sign or capital makes another text ("the Company" is no "company", 2(a) is no 2): who compares
drafts must see both. Unrelated documents keep their places, however alike a passage is, since who agreed to
it is part of what it says; so do reports of different periods, though most of their words are the same.
This module knows nothing of questions, and compares only what a search found in its scope.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from engine.periods import last_day
from storage.library import Library
from storage.records import Chunk, Passage, Scope, Twin

_BEGINNING = 1_500
"""Characters in which a report says its period."""
_FIGURE = r"[+\u2212-]?\(?[$\u20ac\u00a3]?\(?\d[\w.,:/'\"\u2032\u2033-]*\)?"
_SAID = re.compile(rf"{_FIGURE}|\w+|[^\w\s.,;:!?\"'\u2018-\u201f\u2022\u00ad\u00b7*|]")
"""What counts of a text. Marks that only part sentences and lines are left out, but not inside a figure."""


class Duplicates:
    """Collapses repeats; threads may share it."""

    def __init__(self, library: Library) -> None:
        """Nothing is read yet."""
        self._library = library

    def collapsed(
        self, scope: Scope, passages: Sequence[Passage], *, more: Callable[[int], Sequence[Passage]]
    ) -> list[Passage]:
        """As many passages, none that repeats a better one; each with where else its text stands.

        Args:
            scope: what was searched.
            passages: best first.
            more: gives a longer ranking of the same search, to fill the places that repeats leave.
        """
        missing = len(passages) - len(self._without_repeats(scope, passages))
        if not missing:
            return list(passages)
        held = {one.chunk.id for one in passages}
        others = [one for one in more(len(passages) + missing) if one.chunk.id not in held]
        # What stood in the list by right of its document stays there: the others come behind.
        longer = self._without_repeats(scope, _ranked([*passages, *others]))
        return _ranked(longer[: len(passages)])

    def _without_repeats(self, scope: Scope, passages: Sequence[Passage]) -> list[Passage]:
        alike: dict[tuple[str, ...], list[Passage]] = {}
        for one in passages:
            alike.setdefault(said(one.chunk.text), []).append(one)
        groups = [group for words, group in alike.items() if words and len(group) > 1]
        if not groups:
            return list(passages)
        related = self._related(scope, [one.chunk for group in groups for one in group])
        twins: dict[int, tuple[Twin, ...]] = {}
        gone: set[int] = set()
        for better, *others in (group[at:] for group in groups for at in range(len(group))):
            if better.rank not in gone:
                worse = [one for one in others if one.rank not in gone and related(better.chunk, one.chunk)]
                gone.update(one.rank for one in worse)
                twins[better.rank] = tuple(_twin(one) for one in worse)
        return [replace(one, also_in=twins.get(one.rank, ())) for one in passages if one.rank not in gone]

    def _related(self, scope: Scope, chunks: Iterable[Chunk]) -> Callable[[Chunk, Chunk], bool]:
        """Whether two chunks are of one document, or of drafts of one."""
        documents = {one.document_id: one.version_id for one in chunks}
        of_these = replace(scope, document_ids=frozenset(documents))
        found = self._library.families(of_these) if len(documents) > 1 else ()
        family = {one: at for at, each in enumerate(found) for one, _ in each.members}
        versions = {documents[one] for one in family}
        begun = self._library.beginnings(of_these, versions, characters=_BEGINNING) if family else {}
        days = {version_id: last_day("\n".join(parts)) for version_id, parts in begun.items()}

        def related(one: Chunk, other: Chunk) -> bool:
            if one.document_id == other.document_id:
                return True
            periods = {days.get(each.version_id) for each in (one, other)} - {None}
            families = {family.get(each.document_id) for each in (one, other)}
            return len(periods) < 2 and len(families) == 1 and None not in families

        return related


def _ranked(passages: Iterable[Passage]) -> list[Passage]:
    return [replace(one, rank=rank) for rank, one in enumerate(passages, start=1)]


def said(text: str) -> tuple[str, ...]:
    """What is compared of a text."""
    parts = (one.rstrip(".,:") for one in _SAID.findall(text))
    return tuple(one for one in parts if one.strip("_"))


def _twin(passage: Passage) -> Twin:
    return Twin(passage.document, passage.chunk.document_id, passage.chunk.span)
