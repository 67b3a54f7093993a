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
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engine.keeping import Kept
from engine.words import stem
from storage.cards import Card, mark
from storage.keywords import query_terms
from storage.library import Library
from storage.live import LiveDocuments
from storage.records import LiveVersion
from storage.rooms import Room

_NAME_WEIGHT = 2.0
_SPREADS_KEPT = 20_000
_CARDS_KEPT = 4_000
"""Of about two kilobytes each."""
LEAST_TELLING = 0.2
"""Below this a word is no name: more than a few documents have it, or a good part of them."""
_WORD = re.compile(r"[^\W_]+")
_INSIDE_NAMES = " \t\n&-"
_Stems = tuple[str, ...]
"""One stem, or those of two neighbours."""
_NO_CARD = Card("", "", b"")


class Held:
    """What documents' names and beginnings have of what is asked, looked at as far as somebody wants to know.

    For one search, in one thread.
    """

    def __init__(self, cards: Mapping[str, Card], asked: Iterable[_Stems]) -> None:
        """`cards` by document id; nothing is looked for but which cards may have which stem."""
        self._cards = cards
        self._between_blanks = {one: f" {' '.join(one)} " for one in asked}
        having = _having(cards, {each for one in self._between_blanks for each in one})
        self._may = {one: having[one[0]] & having[one[-1]] for one in self._between_blanks}
        self._found: dict[str, dict[_Stems, float]] = {}

    def said(self) -> list[_Stems]:
        """What of it any document has, in the order asked."""
        return [one for one in self._may if any(True for _ in self.holders(one))]

    def holders(self, one: _Stems) -> Iterator[str]:
        """The documents that have this."""
        text = self._between_blanks[one]
        for document_id in self._may[one]:
            card = self._cards[document_id]
            if text in card.name or text in card.beginning:
                yield document_id

    def of(self, document_id: str) -> Mapping[_Stems, float]:
        """What a document has, and what each counts for."""
        if document_id not in self._found:
            card = self._cards.get(document_id, _NO_CARD)
            some = [(one, self._between_blanks[one]) for one, may in self._may.items() if document_id in may]
            found = {one: 1.0 for one, text in some if text in card.beginning}
            self._found[document_id] = found | {one: _NAME_WEIGHT for one, text in some if text in card.name}
        return self._found[document_id]


@dataclass(frozen=True, slots=True)
class Cards:
    """The documents that share telling words with a question."""

    total: int
    """How many documents there are."""
    spread: Mapping[_Stems, int]
    """How many documents have the word, or the two words together, anywhere."""
    held: Held

    def scores(self) -> dict[str, float]:
        """How strongly the question points to each document that it may name; as log odds are."""
        rarity = {one: self._rarity(spread) for one, spread in self.spread.items()}
        telling = [one for one in self.spread if self._telling(one) >= LEAST_TELLING]
        named = {document_id for one in telling for document_id in self.held.holders(one)}
        return {
            one: sum(rarity[each] * weight for each, weight in self.held.of(one).items())
            for one in sorted(named)
        }

    def telling(self, document_id: str, word: str) -> float | None:
        """How well a word tells the document, alone or with a neighbour in the question, from 0 to 1.

        None when its name and beginning lack it.
        """
        one = stem(word)
        return max((self._telling(each) for each in self.held.of(document_id) if one in each), default=None)

    def _rarity(self, spread: int) -> float:
        return max(0.0, math.log((self.total + 1) / max(1, spread)))

    def _telling(self, one: _Stems) -> float:
        # Not by its rarity: among thousands of documents a word that sixty have is a subject, not a name.
        spread = max(1, self.spread[one])
        return 1 / math.sqrt(spread) if spread == 1 or 2 * spread <= self.total else 0.0


class CardReader:
    """Reads cards for questions; threads may share it.

    It remembers the cards of versions that SQL says are live, and how many documents have a word while their
    room stays as it is: together at most about 15 MB.
    """

    def __init__(self, library: Library) -> None:
        """Nothing is read yet."""
        self._library = library
        self._spreads: Kept[tuple[object, int, str], int] = Kept(_SPREADS_KEPT)
        self._read: Kept[LiveVersion, Card] = Kept(_CARDS_KEPT)

    def cards(self, live: LiveDocuments, room: Room, query: str, *, limit: int) -> Cards:
        """The documents in scope, at most `limit`, whose name or beginning shares words with the query."""
        terms = query_terms(query)
        asked: dict[_Stems, str] = {(stem(word),): word for word in terms} | _neighbours(query, set(terms))
        within = live.scope.document_ids
        found = dict(room.documents(query, limit=limit, document_ids=within)) if asked else {}
        held = Held(self._cards(live, found), asked)
        total = live.total()
        keys = {one: (room.state, total, asked[one]) for one in held.said()}
        known = self._spreads.of(keys.values())
        new = [key for key in keys.values() if key not in known]
        if new:
            counted = room.spread([said for *_, said in new])
            for key in new:
                known[key] = counted[key[-1]]
                self._spreads.keep(key, known[key])
        return Cards(total, {one: known[key] for one, key in keys.items()}, held)

    def _cards(self, live: LiveDocuments, document_ids: Collection[str]) -> dict[str, Card]:
        versions = live.versions(document_ids)
        known = self._read.of(versions.values())
        missing = {one.version_id: one for one in versions.values() if one not in known}
        if missing:
            for version_id, card in self._library.cards(live.scope, missing).items():
                known[missing[version_id]] = card
                self._read.keep(missing[version_id], card)
        return {one: known[version] for one, version in versions.items() if version in known}


def _having(cards: Mapping[str, Card], stems: Iterable[str]) -> dict[str, set[str]]:
    """Which cards may have each stem: all that do, and hardly ever another."""
    ids = list(cards)
    marks = np.frombuffer(b"".join([one.marks for one in cards.values()]), dtype="<u4")
    ends = np.cumsum([len(one.marks) // marks.itemsize for one in cards.values()])
    places = {one: ends.searchsorted((marks == mark(one)).nonzero()[0], side="right") for one in stems}
    return {one: {ids[at] for at in found.tolist()} for one, found in places.items()}


def _neighbours(query: str, telling: Collection[str]) -> dict[_Stems, str]:
    """Each two telling words of a query that stand together, written as names are, and how it writes them."""
    found: dict[_Stems, str] = {}
    words = [one for one in _WORD.finditer(query) if one[0][0].isupper() and one[0].lower() in telling]
    for one, after in pairwise(words):
        if not query[one.end() : after.start()].strip(_INSIDE_NAMES):
            found[stem(one[0]), stem(after[0])] = query[one.start() : after.end()]
    return found
