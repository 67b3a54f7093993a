"""Put what one search found in order, by all that speaks for each chunk.

What speaks for a chunk is worked out once, however many places are asked for in turn. Only a figure is looked
for as far down as the places asked for reach: its fit can lift no chunk from further below.
This module reads chunks and scores; it searches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from engine.asked import READ, Asked, stating
from engine.formalities import asks_for_formality, is_formality
from engine.fusion import added, best_first, ranks, reordered, repeats, seated, shares
from engine.reranking import Reranker
from engine.statements import Together
from storage.embedding import searched_text
from storage.records import Chunk, Passage, Vector

_LOOKED_AT = 64
"""The best that statements are looked for in."""
_SEARCHES = ("dense", "keyword")

STAGES = ("dense", "keyword", "document", "topic", "formality", "together", "figure", "reference", "page")
"""What may speak for a chunk, by name."""

Scores: TypeAlias = Mapping[str, float]
"""By id, or by name of a stage."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, before anything is put in order."""

    held: Sequence[tuple[Chunk, Vector]]
    """Every chunk that can get a place, once."""
    direction: Vector
    """What its vector is compared with."""
    keyword: Scores
    """By id; chunks that are not held may be among them."""
    rows: Sequence[str]
    """Ids of chunks that may state a figure."""
    reports: frozenset[str]
    """Those of the documents that may be meant that are companies' reports."""
    about: Scores
    """How nearly their chunks stand under headings about what is asked."""
    exact: Scores
    """How exactly chunks are what is named."""


@dataclass(frozen=True, slots=True)
class _Order:
    """All ids, best first, and what put them there."""

    ids: Sequence[str]
    stages: Mapping[str, Scores]
    """`fused` is the sum of all but the reranker's."""


class Ranking:
    """Puts what one search found in order; for one thread."""

    def __init__(
        self,
        asked: Asked,
        found: Found,
        weights: Scores,
        *,
        paths: Callable[[Collection[str]], Mapping[str, str]],
        together: Together,
        reranker: Reranker | None = None,
        reranked: int = 0,
    ) -> None:
        """Work out what does not depend on how many places there are.

        Args:
            asked: the question.
            found: what gets places.
            weights: how much each of `STAGES` counts; what counts nothing is not worked out.
            paths: where documents lie, by their ids; what is no more is left out.
            together: looks for what is asked in statements; it may have read some.
            reranker: puts the best in order in the end, where there is one.
            reranked: how many of the best.
        """
        self._asked, self._found, self._weights, self._paths = asked, found, weights, paths
        self._together = together
        self._reranker, self._reranked = reranker, reranked if reranker else 0
        # By their ids, as what scores alike stands: each sort by scores finds them so.
        held = sorted(found.held, key=lambda one: one[0].id)
        self._chunks = {chunk.id: chunk for chunk, _ in held}
        self._vectors = [vector for _, vector in held]
        self._documents = {one: chunk.document_id for one, chunk in self._chunks.items()}
        self._pages = {
            one: (of, self._chunks[one].span.page)
            for one, of in self._documents.items()
            if of in found.reports
        }
        self._stages: dict[str, Scores] = {}
        self._sums: Scores = {}
        for name, scores in self._single():
            self._stages[name] = scores
            self._sums = added(self._sums, scores, weights[name])
        self._exact = found.exact if weights["reference"] else {}
        self._places = {name: ranks(self._stages[name]) for name in _SEARCHES if name in self._stages}
        self._last: _Order | None = None

    def first(self, most: int) -> list[Passage]:
        """The best so many, and the best of each document that is meant where the list is long enough."""
        order = self._order(self._figures(most))
        ids, paths = self._seated(order.ids, most)
        return [
            Passage(
                chunk=self._chunks[one],
                document=paths[self._documents[one]],
                rank=rank,
                score=order.stages["fused"][one],
                scores={stage: scores[one] for stage, scores in order.stages.items() if one in scores},
                ranks={stage: of[one] for stage, of in self._places.items() if one in of},
            )
            for rank, one in enumerate(ids, start=1)
        ]

    def _seated(self, order: Sequence[str], most: int) -> tuple[list[str], Mapping[str, str]]:
        """The ids that get places, and where their documents lie."""
        while True:
            ids = seated(order, self._documents, self._asked.meant, most)
            wanted = {self._documents[one] for one in ids}
            paths = self._paths(wanted)
            if not (gone := wanted - paths.keys()):
                return ids, paths
            # Deleted since their chunks were read: the places go to what is still there.
            order = [one for one in order if self._documents[one] not in gone]

    def _single(self) -> Iterator[tuple[str, Scores]]:
        """What speaks for each chunk, one after the other: some look at what is best by those before."""
        asked, found, weights = self._asked, self._found, self._weights
        if weights["dense"]:
            # One product for each: a matrix's would be added up in another order.
            cosines = np.vecdot(np.array(self._vectors), found.direction).tolist() if self._vectors else []
            yield "dense", dict(zip(self._chunks, cosines, strict=True))
        if weights["keyword"]:
            yield "keyword", shares({one: found.keyword[one] for one in self._chunks if one in found.keyword})
        if weights["document"]:
            sure = asked.sureness
            yield "document", {one: sure[of] for one, of in self._documents.items() if of in sure}
        if weights["topic"]:
            pointed = asked.routed.shares(found.reports)
            about = ((one, of, found.about.get(one)) for one, (of, _) in self._pages.items())
            yield "topic", {one: value * pointed[of] for one, of, value in about if value is not None}
        if weights["formality"] and self._pages and not asks_for_formality(asked.rest):
            yield "formality", {one: -1.0 for one in self._pages if is_formality(self._chunks[one].text)}
        if weights["together"]:
            texts = {one: self._chunks[one].text for one in best_first(self._sums)[:_LOOKED_AT]}
            yield "together", self._together.shares(texts)

    def _figures(self, most: int) -> Scores:
        """How nearly chunks state the figure asked for, as far down as so many places reach."""
        weight = self._weights["figure"]
        if not weight:
            return {}
        said = added(self._sums, self._exact, self._weights["reference"])
        return stating(self._asked, self._likely(), said, weight, max(most, self._reranked))

    def _likely(self) -> Iterator[Chunk]:
        likely = dict.fromkeys((*self._found.rows, *best_first(self._sums)[:READ]))
        return (self._chunks[one] for one in likely if one in self._chunks)

    def _order(self, figures: Scores) -> _Order:
        """All in order; where the figures are those of the last time, so is the order."""
        if self._last is None or self._last.stages["figure"] != figures:
            self._last = self._ordered(figures)
        return self._last

    def _ordered(self, figures: Scores) -> _Order:
        weights = self._weights
        stages = {**self._stages, "figure": figures, "reference": self._exact}
        sums = added(added(self._sums, figures, weights["figure"]), self._exact, weights["reference"])
        if weights["page"] and self._pages:
            stages["page"] = repeats(best_first(sums), self._pages)
            sums = added(sums, stages["page"], weights["page"])
        ids = best_first(sums)
        if self._reranker is not None and self._reranked:
            first = [one for one in ids if one not in self._exact][: self._reranked]
            said = self._reranker.scores(
                self._asked.query, [searched_text(self._chunks[one]) for one in first]
            )
            stages["reranker"] = dict(zip(first, said, strict=True))
            ids = reordered(ids, stages["reranker"])
        return _Order(ids, {**stages, "fused": sums})
