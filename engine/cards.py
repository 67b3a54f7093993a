"""Weigh a question's words by how well they tell one document from the others.

A word of a document's name or beginning tells it by how few documents have that word anywhere: "Snotarator"
stands in one, "agreement" in all, and "convenience" is on few title pages but in most bodies. A name made of
common words is as rare as they are together: many have "open" and many "text", few have "Open Text". A
document no longer than a beginning has no title page: its name alone tells it, and what it says is found as
such.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import NamedTuple

from engine.keeping import Kept
from engine.words import stem
from storage.keywords import query_terms
from storage.library import Library
from storage.live import LiveDocuments
from storage.records import LiveVersion
from storage.rooms import Room
from storage.terms import sequence

_NAME_WEIGHT = 2.0
_BEGINNING_CHARACTERS = 1_500
"""Title page, parties, period; a document that ends before is no longer than its beginning."""
_SPREADS_KEPT = 20_000
_CARDS_KEPT = 4_000
"""Of about ten kilobytes each."""
LEAST_TELLING = 0.2
"""Below this a word is no name: more than a few documents have it, or a good part of them."""
_WORD = re.compile(r"[^\W_]+")
_INSIDE_NAMES = " \t\n&-"
_Stems = tuple[str, ...]
"""One stem, or those of two neighbours."""


@dataclass(frozen=True, slots=True)
class Cards:
    """The documents that share telling words with a question."""

    total: int
    """How many documents there are."""
    spread: Mapping[_Stems, int]
    """How many documents have the word, or the two words together, anywhere."""
    held: Mapping[str, Mapping[_Stems, float]]
    """By document id: what its name or beginning has of the question, and what each counts for."""

    def scores(self) -> dict[str, float]:
        """How strongly the question points to each document that it may name; as log odds are."""
        rarity = {one: self._rarity(spread) for one, spread in self.spread.items()}
        return {
            one: sum(rarity[each] * weight for each, weight in stems.items())
            for one, stems in self.held.items()
            if any(self._telling(each) >= LEAST_TELLING for each in stems)
        }

    def telling(self, document_id: str, word: str) -> float | None:
        """How well a word tells the document, alone or with a neighbour in the question, from 0 to 1.

        None when its name and beginning lack it.
        """
        one = stem(word)
        return max(
            (self._telling(each) for each in self.held.get(document_id, {}) if one in each), default=None
        )

    def _rarity(self, spread: int) -> float:
        return max(0.0, math.log((self.total + 1) / max(1, spread)))

    def _telling(self, one: _Stems) -> float:
        # Not by its rarity: among thousands of documents a word that sixty have is a subject, not a name.
        spread = max(1, self.spread[one])
        return 1 / math.sqrt(spread) if spread == 1 or 2 * spread <= self.total else 0.0


class _Sought(NamedTuple):
    """A stem or two neighbours, as cards are looked through for them."""

    first: str
    last: str
    stems: _Stems
    between_blanks: str


@dataclass(frozen=True, slots=True)
class _Card:
    """A document's name and beginning: stems in order between blanks, and all of them."""

    name: str
    body: str
    stems: frozenset[str]

    @classmethod
    def of(cls, name: str, body: str) -> _Card:
        named = tuple(map(stem, sequence(name)))
        begun = () if len(body) < _BEGINNING_CHARACTERS else tuple(map(stem, sequence(body)))
        return cls(f" {' '.join(named)} ", f" {' '.join(begun)} ", frozenset((*named, *begun)))

    def held(self, asked: Sequence[_Sought], words: frozenset[str]) -> dict[_Stems, float]:
        """What it has of what is asked, and what each counts for; `words` are all stems of what is asked."""
        # Most of what is asked stands on few cards, and a set says so sooner.
        common = words & self.stems
        some = [one for one in asked if one.first in common and one.last in common] if common else ()
        found = {one.stems: 1.0 for one in some if one.between_blanks in self.body}
        for one in some:
            if one.between_blanks in self.name:
                found[one.stems] = _NAME_WEIGHT
        return found


class CardReader:
    """Reads cards for questions; threads may share it.

    It remembers the cards of versions that SQL says are live, and how many documents have a word while their
    room stays as it is: together at most about 45 MB.
    """

    def __init__(self, library: Library) -> None:
        """Nothing is read yet."""
        self._library = library
        self._spreads: Kept[tuple[object, int, str], int] = Kept(_SPREADS_KEPT)
        self._read: Kept[LiveVersion, _Card] = Kept(_CARDS_KEPT)

    def cards(self, live: LiveDocuments, room: Room, query: str, *, limit: int) -> Cards:
        """The documents in scope, at most `limit`, whose name or beginning shares words with the query."""
        terms = query_terms(query)
        asked: dict[_Stems, str] = {(stem(word),): word for word in terms} | _neighbours(query, set(terms))
        within = live.scope.document_ids
        found = dict(room.documents(query, limit=limit, document_ids=within)) if asked else {}
        sought = [_Sought(one[0], one[-1], one, f" {' '.join(one)} ") for one in asked]
        words = frozenset(each for one in asked for each in one)
        held = {one: card.held(sought, words) for one, card in self._cards(live, found).items()}
        total = live.total()
        said = {each: (room.state, total, asked[each]) for each in dict.fromkeys(chain(*held.values()))}
        known = self._spreads.of(said.values())
        for key in said.values():
            if key not in known:
                known[key] = room.spread(key[-1])
                self._spreads.keep(key, known[key])
        return Cards(total, {each: known[key] for each, key in said.items()}, held)

    def _cards(self, live: LiveDocuments, document_ids: Collection[str]) -> dict[str, _Card]:
        versions = live.versions(document_ids)
        known = self._read.of(versions.values())
        missing = {one.version_id: one for one in versions.values() if one not in known}
        if missing:
            read = self._library.beginnings(live.scope, missing, characters=_BEGINNING_CHARACTERS)
            for version_id, (name, body) in read.items():
                card = known[missing[version_id]] = _Card.of(name, body)
                self._read.keep(missing[version_id], card)
        return {one: known[version] for one, version in versions.items() if version in known}


def _neighbours(query: str, telling: Collection[str]) -> dict[_Stems, str]:
    """Each two telling words of a query that stand together, written as names are, and how it writes them."""
    found: dict[_Stems, str] = {}
    words = [one for one in _WORD.finditer(query) if one[0][0].isupper() and one[0].lower() in telling]
    for one, after in pairwise(words):
        if not query[one.end() : after.start()].strip(_INSIDE_NAMES):
            found[stem(one[0]), stem(after[0])] = query[one.start() : after.end()]
    return found
