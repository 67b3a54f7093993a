"""Weigh a question's words by how well they tell one document from the others.

A word of a document's name or beginning tells it by how few documents have that word anywhere: "Snotarator"
stands in one, "agreement" in all, and "convenience" is on few title pages but in most bodies. A document
no longer than a beginning has no title page: its name alone tells it, and what it says is found as such.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.words import stem
from storage.keywords import query_terms
from storage.library import Library
from storage.records import Scope
from storage.rooms import Room

_NAME_WEIGHT = 2.0
_BEGINNING_CHARACTERS = 1_500
"""Title page, parties, period; a document that ends before is no longer than its beginning."""
_REMEMBERED = 20_000
LEAST_TELLING = 0.2
"""Below this a word is no name: more than a few documents have it, or a good part of them."""


@dataclass(frozen=True, slots=True)
class Cards:
    """The documents that share telling words with a question."""

    total: int
    """How many documents there are."""
    spread: Mapping[str, int]
    """By stem: how many documents have the word anywhere."""
    held: Mapping[str, Mapping[str, float]]
    """By document id: the stems that its name or beginning has, and what each counts for."""

    def scores(self) -> dict[str, float]:
        """How strongly the question points to each document that it may name; as log odds are."""
        rarity = {one: self._rarity(spread) for one, spread in self.spread.items()}
        return {
            one: sum(rarity[each] * weight for each, weight in stems.items())
            for one, stems in self.held.items()
            if any(self._telling(each) >= LEAST_TELLING for each in stems)
        }

    def telling(self, document_id: str, word: str) -> float | None:
        """How well a word tells the document, from 0 to 1; None when its name and beginning lack it."""
        one = stem(word)
        return self._telling(one) if one in self.held.get(document_id, {}) else None

    def _rarity(self, spread: int) -> float:
        return max(0.0, math.log((self.total + 1) / max(1, spread)))

    def _telling(self, one: str) -> float:
        # Not by its rarity: among thousands of documents a word that sixty have is a subject, not a name.
        spread = max(1, self.spread[one])
        return 1 / math.sqrt(spread) if spread == 1 or 2 * spread <= self.total else 0.0


class CardReader:
    """Reads cards for questions, and remembers how many documents have a word; threads may share it."""

    def __init__(self, library: Library) -> None:
        """Nothing is read yet."""
        self._library = library
        self._lock = threading.Lock()
        self._spreads: OrderedDict[tuple[str, int, str], int] = OrderedDict()

    def cards(self, scope: Scope, room: Room, query: str, *, limit: int) -> Cards:
        """The documents in scope, at most `limit`, whose name or beginning shares words with the query."""
        total = self._library.live_document_count(replace(scope, document_ids=None))
        words = {stem(word): word for word in query_terms(query)}
        found = dict(room.documents(query, limit=limit, document_ids=scope.document_ids)) if words else {}
        beginnings = self._library.beginnings(scope, found, characters=_BEGINNING_CHARACTERS)
        held: dict[str, dict[str, float]] = {}
        for one, (name, body) in beginnings.items():
            in_name = {stem(word) for word in query_terms(name)} & words.keys()
            in_body = {stem(word) for word in query_terms(body)} & words.keys()
            if len(body) < _BEGINNING_CHARACTERS:
                in_body = set()
            held[one] = {each: _NAME_WEIGHT if each in in_name else 1.0 for each in in_name | in_body}
        spread = {
            each: self._spread(room, scope.matter.id, total, words[each])
            for each in {each for stems in held.values() for each in stems}
        }
        return Cards(total, spread, held)

    def _spread(self, room: Room, matter_id: str, total: int, word: str) -> int:
        key = (matter_id, total, word)
        with self._lock:
            known = self._spreads.get(key)
        if known is None:
            known = len(room.stating((word,)))
            with self._lock:
                self._spreads[key] = known
                while len(self._spreads) > _REMEMBERED:
                    self._spreads.popitem(last=False)
        return known
