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
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise

from engine.keeping import Kept
from engine.words import stem
from storage.keywords import query_terms
from storage.library import Library
from storage.records import LiveVersion, Scope
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

    def held(self, asked: Mapping[_Stems, str], words: frozenset[str]) -> dict[_Stems, float]:
        """What it has of what is asked, and what each counts for; what is looked for stands by each.

        `words` are all stems of what is asked.
        """
        # Most of what is asked stands on few cards, and a set says so sooner.
        if not words & self.stems:
            return {}
        some = [(one, sought) for one, sought in asked.items() if self.stems.issuperset(one)]
        return {
            **{one: 1.0 for one, sought in some if sought in self.body},
            **{one: _NAME_WEIGHT for one, sought in some if sought in self.name},
        }


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

    def cards(self, scope: Scope, room: Room, query: str, *, limit: int) -> Cards:
        """The documents in scope, at most `limit`, whose name or beginning shares words with the query."""
        total = self._library.live_document_count(scope)
        asked: dict[_Stems, str] = {(stem(word),): word for word in query_terms(query)} | _neighbours(query)
        found = dict(room.documents(query, limit=limit, document_ids=scope.document_ids)) if asked else {}
        sought = {one: f" {' '.join(one)} " for one in asked}
        words = frozenset(each for one in asked for each in one)
        held = {one: card.held(sought, words) for one, card in self._cards(scope, found).items()}
        spread = {
            each: self._spread(room, total, asked[each])
            for each in {each for stems in held.values() for each in stems}
        }
        return Cards(total, spread, held)

    def _cards(self, scope: Scope, document_ids: Collection[str]) -> dict[str, _Card]:
        live = self._library.live_versions(scope, document_ids)
        known = self._read.of(live.values())
        missing = {one.version_id: one for one in live.values() if one not in known}
        read = self._library.beginnings(scope, missing, characters=_BEGINNING_CHARACTERS) if missing else {}
        for version_id, (name, body) in read.items():
            card = known[missing[version_id]] = _Card.of(name, body)
            self._read.keep(missing[version_id], card)
        return {one: known[version] for one, version in live.items() if version in known}

    def _spread(self, room: Room, total: int, said: str) -> int:
        key = (room.state, total, said)
        known = self._spreads.of([key]).get(key)
        if known is None:
            known = room.spread(said)
            self._spreads.keep(key, known)
        return known


def _neighbours(query: str) -> dict[_Stems, str]:
    """Each two words of a query that stand together, written as names are, with how they are written."""
    telling, found = set(query_terms(query)), dict[_Stems, str]()
    words = [one for one in _WORD.finditer(query) if one[0][0].isupper() and one[0].lower() in telling]
    for one, after in pairwise(words):
        if not query[one.end() : after.start()].strip(_INSIDE_NAMES):
            found[stem(one[0]), stem(after[0])] = query[one.start() : after.end()]
    return found
