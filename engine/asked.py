"""What a question asks of which documents, and how exactly passages are that.

It knows the question and the passages given to it; what else speaks for a passage, a search adds up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from engine.explaining import Named, named_of
from engine.figures import OTHER_PERIOD, asks_for_figure, fits, wanted, without_calculation
from engine.references import References
from engine.routing import Route
from storage.records import Chunk, Scope
from storage.rooms import Room

_LEAST_FIT = 0.5
_OTHER_DOCUMENT = 0.25
_FITS_KEPT = 256
"""Passages whose fit is known: those of the questions of the moment."""
READ = 24
"""Chunks of each kind that are read for the figure asked for: the best by its names, and the best of all."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and the documents that it points to."""

    query: str
    rest: str
    """The question without the words that name a document."""
    routed: Route
    sureness: Mapping[str, float]
    """By document id; all together 1."""
    meant: frozenset[str]
    """The few documents that may be meant, and are searched on their own."""
    references: References
    """What it names exactly."""

    @property
    def sought(self) -> str:
        """The rest without words of calculation: "the change in", "as a percentage of"."""
        return without_calculation(self.rest)

    @property
    def named(self) -> Named:
        """What it was taken to name."""
        return named_of(self.routed.named.said if self.routed.named else "", self.rest, self.sureness)


def rows_for(room: Room, scope: Scope, asked: Asked) -> list[str]:
    """Chunks that may state the figure asked for: rows are poor in words, and go by many names."""
    words = wanted(asked.rest).search_words if asks_for_figure(asked.query) else ""
    within = asked.meant or scope.document_ids
    return [one for one, _ in room.keyword(words, limit=READ, document_ids=within)] if words else []


def stating(
    asked: Asked, chunks: Iterable[Chunk], said: Mapping[str, float], weight: float, given: int
) -> dict[str, float]:
    """How nearly chunks state the figure that is asked for, of the document and period asked about.

    Those are left out that cannot come among the first `given` by it, for all that is `said` already.
    """
    routed, found = asked.routed, dict[str, float]()
    if not asks_for_figure(asked.query):
        return found
    first = sorted(said.values(), reverse=True)[:given]
    least = first[-1] if len(first) == given else -math.inf
    several = list(chunks)
    shares = routed.shares({one.document_id for one in several})
    for chunk in several:
        share = _OTHER_DOCUMENT + (1 - _OTHER_DOCUMENT) * shares[chunk.document_id]
        # A document that may be meant is given a place for its best passage, however far down.
        if chunk.document_id not in asked.meant and said.get(chunk.id, 0.0) + weight * share < least:
            continue
        best = _best_fit(asked.rest, chunk.text, chunk.context)
        if best <= _LEAST_FIT:
            continue
        right = not routed.has_period or routed.states_period(f"{chunk.context}\n{chunk.text}")
        # Half a fit says nothing yet.
        telling = (best - _LEAST_FIT) / (1 - _LEAST_FIT)
        found[chunk.id] = telling * share * (1.0 if right else OTHER_PERIOD)
    return found


def read_ahead(asked: Asked, chunks: Iterable[Chunk]) -> None:
    """Read chunks for the figure that is asked for: `stating` then has read them."""
    if asks_for_figure(asked.query):
        for chunk in chunks:
            _best_fit(asked.rest, chunk.text, chunk.context)


@lru_cache(maxsize=_FITS_KEPT)
def _best_fit(question: str, text: str, above: str) -> float:
    """How nearly a passage states what a question asks to be measured; half a fit may be told as none."""
    if not wanted(question).may_be_stated(f"{above}\n{text}"):
        return 0.0
    return max(fits(question, text, above, _LEAST_FIT).values(), default=0.0)


def exactly(asked: Asked, chunks: Iterable[Chunk]) -> dict[str, float]:
    """How exactly chunks are what is named; where a document is named as well, those of others hardly are."""
    exact: dict[str, float] = {}
    if not asked.references:
        return exact
    named, several = asked.named.document_id is not None, list(chunks)
    for which in sorted(asked.references.may_fit([chunk.text for chunk in several])):
        chunk = several[which]
        if fit := asked.references.fit(chunk.text, chunk.context):
            elsewhere = named and chunk.document_id not in asked.meant
            exact[chunk.id] = fit * (_OTHER_DOCUMENT if elsewhere else 1.0)
    return exact
