"""Find the passages of a matter that bear on a question.

Four rankings are fused: chunks by meaning, by all words, and by the words left when those that name a
document are taken away; and documents by their name, their beginning and the period asked about. A passage
that states the figure asked for is raised by how nearly it does.
Only passages that are live in SQL and in scope come back, each once. `confident` says whether the best of
them are near enough to the question for an answer to be tried (`engine.closeness`). The fusion was measured
(docs/decisions/0006-search-fusion.md, 0012-figures.md).
This module knows nothing of prompts or models that answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

from engine.closeness import FLOOR, closeness, coverage
from engine.figures import OTHER_PERIOD, asks_for_figure, fits
from engine.fusion import Ranking, best_first, competition_ranks, fuse, ranks, seated
from engine.query_vectors import QueryVectors
from engine.routing import Route, route
from storage.embedding import Embedder
from storage.errors import WrongUse
from storage.keywords import query_terms
from storage.library import Library
from storage.records import Chunk, Passage, Scope
from storage.rooms import Room, Rooms

_CANDIDATES = 64
# Documents are few, so each place counts for more than a place among chunks.
_DOCUMENT_K = 10
_LEAST_FIT = 0.5
_OTHER_DOCUMENT = 0.25
_JUDGED = 8
"""Passages that coverage looks at: about as many as an answer is written from."""


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How much each ranking counts; one that counts nothing brings no passages either."""

    dense: float = 1.0
    keyword: float = 0.25
    subject: float = 0.25
    document: float = 1.0
    figure: float = 0.09
    seats: int = 2
    """Last places kept for documents that the first ones leave out, in lists that are long enough."""


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


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question, and the documents that it points to."""

    query: str
    routed: Route
    places: Mapping[str, int]
    """Of documents, from 1; equals share one."""
    subject: str
    """The words that do not name the first document."""


class Retriever:
    """Searches one matter at a time; safe to share between threads."""

    def __init__(self, library: Library, rooms: Rooms, embedder: Embedder) -> None:
        """Nothing is loaded or opened before the first search."""
        self._library = library
        self._rooms = rooms
        self._vectors = QueryVectors(embedder)

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
        room = self._rooms.room(scope)
        depth = max(_CANDIDATES, limit)
        asked = _asked(room, scope, query, depth)
        clock.lap("document")
        [vector] = self._vectors.of([query])
        clock.lap("embed")
        dense = dict(room.dense(vector, limit=depth, document_ids=scope.document_ids))
        clock.lap("dense")
        found = {"dense": dense, **_by_words(room, scope, asked, depth, settings)}
        clock.lap("keyword")
        passages = self._ranked(scope, asked, found, limit, settings)
        nearness = max(dense.values(), default=0.0)
        covered = _covered(room, query, passages[:_JUDGED])
        clock.lap("read")
        return SearchResult(
            passages=passages,
            timings_ms=clock.finished(),
            confident=bool(passages) and closeness(nearness, covered) >= FLOOR,
            nearness=nearness,
            coverage=covered,
        )

    def _ranked(
        self,
        scope: Scope,
        asked: _Asked,
        found: Mapping[str, Mapping[str, float]],
        limit: int,
        settings: SearchSettings,
    ) -> list[Passage]:
        found = {name: scores for name, scores in found.items() if getattr(settings, name, 1)}
        # Read from SQL before anything is ranked: what an index still holds may be dead or replaced.
        all_ids = dict.fromkeys(one for scores in found.values() for one in scores)
        chunks = {chunk.id: chunk for chunk in self._library.chunks(scope, list(all_ids))}
        by_content = [
            Ranking(ranks(one for one in found[name] if one in chunks), weight)
            for name, weight in (
                ("dense", settings.dense),
                ("keyword", settings.keyword),
                ("subject", settings.subject),
            )
            if name in found
        ]
        documents = {one.id: one.document_id for one in chunks.values()}
        places = {one: asked.places[of] for one, of in documents.items() if of in asked.places}
        fused = fuse([*by_content, Ranking(places, settings.document, _DOCUMENT_K)])
        stated = _stated(asked, chunks.values()) if settings.figure else {}
        # How well a row fits is known on a scale of its own, so it is added as it is: a rank among poor rows
        # would say too much.
        for chunk_id, value in stated.items():
            fused[chunk_id] += settings.figure * value
        order = seated(best_first(fused), fuse(by_content), documents, limit, settings.seats)[:limit]
        paths = self._library.paths(scope, {documents[one] for one in order})
        stages = {**found, "figure": stated, "fused": fused}
        return [
            Passage(
                chunk=chunks[one],
                document=paths[documents[one]],
                rank=rank,
                score=fused[one],
                scores={stage: scores[one] for stage, scores in stages.items() if one in scores},
            )
            for rank, one in enumerate(order, start=1)
        ]


def _asked(room: Room, scope: Scope, query: str, depth: int) -> _Asked:
    routed = route(room, query, limit=depth, document_ids=scope.document_ids)
    places = competition_ranks(routed.scores)
    # "Consider the lease between A and B: who insures?" names a document with most of its words. Alone
    # they would find its title page; who insures is found by the words that remain.
    first = min(places, key=lambda one: (places[one], one), default=None)
    return _Asked(query, routed, places, room.beyond_name(query, first) if first else query)


def _by_words(
    room: Room, scope: Scope, asked: _Asked, depth: int, settings: SearchSettings
) -> dict[str, dict[str, float]]:
    """What keyword searches find, best first, by the name of the search."""
    wanted = scope.document_ids
    found = {
        "keyword": dict(room.keyword(asked.query, limit=depth, document_ids=wanted)),
        "subject": dict(room.keyword(asked.subject, limit=depth, document_ids=wanted)),
    }
    if settings.figure and asks_for_figure(asked.query) and asked.places:
        # Rows are poor in words: in the document itself they are looked for more deeply.
        best = frozenset(one for one, place in asked.places.items() if place == 1)
        found["rows"] = dict(room.keyword(asked.subject, limit=depth, document_ids=best))
    return found


def _stated(asked: _Asked, chunks: Iterable[Chunk]) -> dict[str, float]:
    """How nearly chunks state the figure that is asked for, of the document and period asked about."""
    routed, stated = asked.routed, {}
    for chunk in chunks:
        best = max(fits(asked.query, chunk.text).values(), default=0.0)
        if best < _LEAST_FIT:
            continue
        right = not routed.has_period or routed.states_period(chunk.text)
        share = _OTHER_DOCUMENT + (1 - _OTHER_DOCUMENT) * routed.share(chunk.document_id)
        stated[chunk.id] = best * share * (1.0 if right else OTHER_PERIOD)
    return stated


def _covered(room: Room, query: str, passages: Sequence[Passage]) -> float:
    terms = query_terms(query)
    holders = room.holders(terms, [one.chunk.id for one in passages])
    return coverage(holders, room.frequencies(terms), len(room))


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
