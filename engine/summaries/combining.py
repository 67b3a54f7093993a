"""Put checked statements of many sections together: repetitions dropped, length kept, sources numbered.

The choice is a fixed rule over the statements, so the same sections always give the same summary, and no
statement is reworded after it was checked. This module knows no model.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from engine.answers import Citation, Sentence
from engine.summaries.records import Statement
from engine.summaries.templates import Length

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Draft:
    """What one section gave: sentences whose citations are numbers of its own `citations`, from 1."""

    document: str
    section: str
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Combined:
    """The statements that are shown, and their sources in order of first use."""

    statements: tuple[Statement, ...]
    citations: tuple[Citation, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    section: int
    position: int
    sentence: Sentence
    draft: Draft


def combine(drafts: Sequence[Draft], *, length: Length) -> Combined:
    """Choose from drafts, given in reading order, what a summary of this length shows."""
    by_document: dict[str, list[Draft]] = defaultdict(list)
    for draft in drafts:
        by_document[draft.document].append(draft)
    most = min(length.per_document, max(1, length.in_all // max(1, len(by_document))))
    shown = [one for of_document in by_document.values() for one in _choose(of_document, most)]
    statements, citations = _numbered(shown)
    given = sum(len(draft.sentences) for draft in drafts)
    return Combined(statements, citations, given - len(statements))


def _choose(drafts: Sequence[Draft], most: int) -> list[_Candidate]:
    """At most `most` statements of one document, from all along it, in reading order.

    The document is cut into `most` stretches; each gives its best statement before any gives a second one.
    """
    candidates = _without_repetitions(
        _Candidate(section, position, sentence, draft)
        for section, draft in enumerate(drafts)
        for position, sentence in enumerate(draft.sentences)
    )
    if len(candidates) <= most:
        return candidates
    stretches: dict[int, list[_Candidate]] = defaultdict(list)
    for candidate in candidates:
        stretches[candidate.section * most // len(drafts)].append(candidate)
    turns = [
        (turn, _preference(candidate), candidate)
        for stretch in stretches.values()
        for turn, candidate in enumerate(sorted(stretch, key=_preference))
    ]
    best = sorted(turns, key=lambda one: one[:2])[:most]
    return sorted((candidate for *_, candidate in best), key=lambda one: (one.section, one.position))


def _preference(candidate: _Candidate) -> tuple[bool, bool, int, int]:
    """Own words before quotes, figures before none, earlier before later."""
    has_figure = any(character.isdigit() for character in candidate.sentence.text)
    return candidate.sentence.quoted, not has_figure, candidate.section, candidate.position


def _without_repetitions(candidates: Iterable[_Candidate]) -> list[_Candidate]:
    """The same words in the same order count once; statements that are merely alike may differ in a "not"."""
    first: dict[tuple[str, ...], _Candidate] = {}
    for candidate in candidates:
        first.setdefault(tuple(_WORD.findall(candidate.sentence.text.casefold())), candidate)
    return list(first.values())


def _numbered(chosen: Sequence[_Candidate]) -> tuple[tuple[Statement, ...], tuple[Citation, ...]]:
    """Statements with citations numbered through; a place that is cited twice is one source."""
    sources: dict[tuple[object, ...], Citation] = {}
    statements = []
    for candidate in chosen:
        numbers = []
        for n in candidate.sentence.citations:
            cited = candidate.draft.citations[n - 1]
            place = (cited.version_id, cited.span)
            numbers.append(sources.setdefault(place, replace(cited, n=len(sources) + 1)).n)
        sentence = replace(candidate.sentence, citations=tuple(dict.fromkeys(numbers)))
        statements.append(Statement(sentence, candidate.draft.document, candidate.draft.section))
    return tuple(statements), tuple(sources.values())
