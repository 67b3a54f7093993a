"""Find the passages of a matter that bear on a question.

Four rankings are fused: chunks by meaning, by all words, and by the words left when those that name a
document are taken away; and documents by their name, their beginning and the period asked about. A passage
that states the figure asked for is raised by how nearly it does.
Only passages that are live in SQL and in scope come back, each once. `confident` says whether the best of
them are near enough to the question for an answer to be tried; the floor was measured
(docs/decisions/0005-retrieval-floor.md), as was the fusion (0006-search-fusion.md, 0012-figures.md).
This module knows nothing of prompts or models that answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from engine.figures import OTHER_PERIOD, asks_for_figure, fits
from engine.routing import Route, route
from storage.embedding import Embedder
from storage.errors import WrongUse
from storage.keywords import query_terms
from storage.library import Library
from storage.records import Chunk, Passage, Scope, Vector
from storage.rooms import Room, Rooms

_CANDIDATES = 64
_FUSION_K = 60
_DENSE_WEIGHT = 1.0
_KEYWORD_WEIGHT = 0.25
_SUBJECT_WEIGHT = 0.25
# Documents are few, so each place counts for more than a place among chunks.
_DOCUMENT_WEIGHT, _DOCUMENT_K = 1.0, 10
_FIGURE_WEIGHT = 0.09
_LEAST_FIT = 0.5
_OTHER_DOCUMENT = 0.25
_COVERAGE_WEIGHT = 0.5
FLOOR = 0.60
"""Below this closeness a search has not found what was asked for. Measured with MiniLM."""
_SEATS, _LEAST_FOR_SEATS = 2, 10
"""Last places kept for documents that the first ones leave out, in lists that are long enough."""
_JUDGED = 8
"""Passages that coverage looks at: about as many as an answer is written from."""


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How much each ranking counts; one that counts nothing brings no passages either."""

    dense: float = _DENSE_WEIGHT
    keyword: float = _KEYWORD_WEIGHT
    subject: float = _SUBJECT_WEIGHT
    document: float = _DOCUMENT_WEIGHT
    figure: float = _FIGURE_WEIGHT
    seats: int = _SEATS


MEASURED = SearchSettings()
"""The settings that were measured best."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found, best first."""

    passages: list[Passage]
    timings_ms: dict[str, float]
    """Milliseconds for `embed`, `dense`, `keyword`, `document`, `read` and `total`."""
    confident: bool
    """False when nothing found is near enough to the question for an answer to be tried."""
    nearness: float
    """The best passage's cosine with the question."""
    coverage: float
    """Share of the question's words, rare ones counting more, that the best passages hold."""


class Retriever:
    """Searches one matter at a time; safe to share between threads."""

    def __init__(self, library: Library, rooms: Rooms, embedder: Embedder) -> None:
        self._library = library
        self._rooms = rooms
        self._embedder = embedder

    def search(
        self, scope: Scope, query: str, *, limit: int = 10, settings: SearchSettings = MEASURED
    ) -> SearchResult:
        """The passages in scope that answer `query` best, at most `limit` of them.

        Raises:
            WrongUse: the query is empty, or `limit` is below 1.
        """
        if not query.strip():
            raise WrongUse("the question is empty; write what you want to know")
        if limit < 1:
            raise WrongUse(f"a search gives at least one passage, not {limit}")
        clock = _Clock()
        vector = self._embedded(query)
        clock.lap("embed")
        room = self._rooms.room(scope)
        wanted, depth = scope.document_ids, max(_CANDIDATES, limit)
        dense = room.dense(vector, limit=depth, document_ids=wanted)
        clock.lap("dense")
        routed = route(room, query, limit=depth, document_ids=wanted)
        places = competition_ranks(routed.scores)
        clock.lap("document")
        keyword = room.keyword(query, limit=depth, document_ids=wanted)
        # "Consider the lease between A and B: who insures?" names a document with most of its words. Alone
        # they would find its title page; who insures is found by the words that remain.
        first = min(places, key=lambda one: (places[one], one), default=None)
        subject = room.beyond_name(query, first) if first else query
        about = room.keyword(subject, limit=depth, document_ids=wanted)
        stages = {
            "dense": dict(dense) if settings.dense else {},
            "keyword": dict(keyword) if settings.keyword else {},
            "subject": dict(about) if settings.subject else {},
        }
        if settings.figure and asks_for_figure(query) and places:
            # Rows are poor in words: in the document itself they are looked for more deeply.
            best = frozenset(one for one, place in places.items() if place == 1)
            rows = room.keyword(subject, limit=depth, document_ids=best)
            stages["rows"] = dict(rows)
        clock.lap("keyword")
        figures = _figures(query, routed) if settings.figure else _no_figure
        passages = self._ranked(scope, stages, places, figures, limit, settings)
        nearness = max((cosine for _, cosine in dense), default=0.0)
        coverage = self._coverage(room, query, [passage.chunk.id for passage in passages[:_JUDGED]])
        clock.lap("read")
        return SearchResult(
            passages=passages[:limit],
            timings_ms=clock.finished(),
            confident=bool(passages) and closeness(nearness, coverage) >= FLOOR,
            nearness=nearness,
            coverage=coverage,
        )

    def _embedded(self, query: str) -> Vector:
        """One direction for the whole query: a long one is read in windows, whose mean it is."""
        window = self._embedder.max_tokens - 2
        offsets = self._embedder.token_offsets(query)
        parts = [
            query[offsets[first][0] : offsets[min(first + window, len(offsets)) - 1][1]]
            for first in range(0, len(offsets), window)
        ]
        mean = self._embedder.embed(parts or [query]).mean(axis=0)
        vector: Vector = (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)
        return vector

    def _ranked(
        self,
        scope: Scope,
        found: Mapping[str, Mapping[str, float]],
        places: Mapping[str, int],
        figures: Callable[[Chunk], float],
        limit: int,
        settings: SearchSettings,
    ) -> list[Passage]:
        # Read from SQL before anything is ranked: what an index still holds may be dead or replaced.
        all_ids = dict.fromkeys(one for stage in found.values() for one in stage)
        chunks = {chunk.id: chunk for chunk in self._library.chunks(scope, list(all_ids))}
        dense, keyword, subject = (
            ranks(one for one in found[name] if one in chunks) for name in ("dense", "keyword", "subject")
        )
        by_document = {
            one.id: places[one.document_id] for one in chunks.values() if one.document_id in places
        }
        stated = {one.id: figures(one) for one in chunks.values()}
        stages = {**found, "figure": {one: value for one, value in stated.items() if value}}
        by_content = [
            Ranking(dense, settings.dense),
            Ranking(keyword, settings.keyword),
            Ranking(subject, settings.subject),
        ]
        fused = fuse([*by_content, Ranking(by_document, settings.document, _DOCUMENT_K)])
        # How well a row fits is known on a scale of its own, so it is added as it is: a rank among poor rows
        # would say too much.
        for chunk_id, value in stages["figure"].items():
            fused[chunk_id] += settings.figure * value
        names = {one.id: one.path for one in self._library.documents(scope)}
        best_first = sorted(fused, key=lambda chunk_id: (-fused[chunk_id], chunk_id))
        best_first = seated(
            best_first,
            fuse(by_content),
            {one.id: one.document_id for one in chunks.values()},
            limit,
            settings.seats,
        )
        return [
            Passage(
                chunk=chunks[chunk_id],
                document=names[chunks[chunk_id].document_id],
                rank=rank,
                score=fused[chunk_id],
                scores={
                    stage: scores[chunk_id]
                    for stage, scores in (*stages.items(), ("fused", fused))
                    if chunk_id in scores
                },
            )
            for rank, chunk_id in enumerate(best_first, start=1)
        ]

    @staticmethod
    def _coverage(room: Room, query: str, chunk_ids: Sequence[str]) -> float:
        terms = query_terms(query)
        holders = room.holders(terms, chunk_ids)
        return coverage(holders, room.frequencies(terms), len(room))


def _figures(query: str, routed: Route) -> Callable[[Chunk], float]:
    """How nearly a chunk states the figure that is asked for, of the document and period asked about."""

    def stated(chunk: Chunk) -> float:
        best = max(fits(query, chunk.text).values(), default=0.0)
        if best < _LEAST_FIT:
            return 0.0
        right = not routed.has_period or routed.states_period(chunk.text)
        share = _OTHER_DOCUMENT + (1 - _OTHER_DOCUMENT) * routed.share(chunk.document_id)
        return best * share * (1.0 if right else OTHER_PERIOD)

    return stated


def _no_figure(_chunk: Chunk) -> float:
    return 0.0


def seated(
    best_first: Sequence[str],
    by_content: Mapping[str, float],
    documents: Mapping[str, str],
    limit: int,
    most: int = _SEATS,
) -> list[str]:
    """The same ids, the last of the first `limit` places given to documents that have none among them.

    An agreement and its amendments answer together, and a question names one of them: the best chunks of
    others, by what they say alone, are kept in sight. Short lists stay as they are.
    """
    if limit < _LEAST_FOR_SEATS or len(best_first) <= limit:
        return list(best_first)
    seen = {documents[one] for one in best_first[:limit]}
    seats: list[str] = []
    for one in sorted(best_first[limit:], key=lambda each: (-by_content.get(each, 0.0), each)):
        if documents[one] not in seen and len(seats) < most:
            seen.add(documents[one])
            seats.append(one)
    kept = best_first[: limit - len(seats)]
    moved = sorted(seats, key=best_first.index)
    return [*kept, *moved, *(one for one in best_first[len(kept) :] if one not in seats)]


def ranks(ids: Iterable[str]) -> dict[str, int]:
    """Ranks from 1 of ids that stand in order."""
    return {one: rank for rank, one in enumerate(ids, start=1)}


def competition_ranks(scores: Mapping[str, float]) -> dict[str, int]:
    """Ranks from 1 by falling score; equal scores share the best of their ranks."""
    falling = sorted((round(score, 6) for score in scores.values()), reverse=True)
    return {one: falling.index(round(score, 6)) + 1 for one, score in scores.items()}


@dataclass(frozen=True, slots=True)
class Ranking:
    """Ranks from 1; a small `k` makes the first places count for more."""

    ranks: Mapping[str, int]
    weight: float = 1.0
    k: int = _FUSION_K


def fuse(rankings: Iterable[Ranking]) -> dict[str, float]:
    """Reciprocal rank fusion: near the top of several rankings beats the top of one."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for one, rank in ranking.ranks.items():
            scores[one] = scores.get(one, 0.0) + ranking.weight / (ranking.k + rank)
    return scores


def coverage(holders: Mapping[str, frozenset[str]], frequencies: Mapping[str, int], total: int) -> float:
    """The largest share of the terms' rarity that one passage holds, from 0 to 1.

    A term that stands nowhere in the matter is the rarest of all, so its absence weighs the most.
    """
    rarity = {term: math.log(1 + total / (1 + frequencies[term])) for term in holders}
    weight = sum(rarity.values())
    if not weight:
        return 0.0
    held: dict[str, float] = {}
    for term, chunk_ids in holders.items():
        for chunk_id in chunk_ids:
            held[chunk_id] = held.get(chunk_id, 0.0) + rarity[term]
    return max(held.values(), default=0.0) / weight


def closeness(nearness: float, coverage: float) -> float:
    """How close the best passages are to the question, by meaning and by words: 0 to about 1.5."""
    return nearness + _COVERAGE_WEIGHT * coverage


class _Clock:
    """Milliseconds between laps."""

    def __init__(self) -> None:
        self._start = self._last = perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = perf_counter()
        self._laps[name] = round((now - self._last) * 1000, 3)
        self._last = now

    def finished(self) -> dict[str, float]:
        return {**self._laps, "total": round((self._last - self._start) * 1000, 3)}
