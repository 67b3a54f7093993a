"""Find the passages of a matter that bear on a question.

Documents come first: which are meant, and how surely, by the words that name them and the period asked about.
What is left of the question without those words is searched for by meaning and by words, in the whole matter
and in the few documents that may be meant. Both scores are added up, and a passage is raised by how surely
its document is meant and by how nearly it states the figure that is asked for.
Only passages that are live in SQL and in scope come back, each once. `confident` says whether the best of
them are near enough to the question for an answer to be tried (`engine.closeness`). The parts were measured
(docs/decisions/0020-the-name-in-the-question.md, 0012-figures.md, 0022-finance-rows.md).
This module knows nothing of prompts or models that answer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from time import perf_counter

from engine.asked import READ, Asked, exactly, read_ahead, rows_for
from engine.cards import CardReader
from engine.closeness import FLOOR, closeness, coverage
from engine.explaining import NOTHING_NAMED, Named
from engine.fusion import best_first
from engine.held import Held
from engine.inside import Inside, Opened
from engine.instructions import without_instructions
from engine.passages.duplicates import Duplicates
from engine.passages.trimming import trimmed
from engine.query_vectors import QueryVectors
from engine.ranking import STAGES, Found, Ranking
from engine.references import references_of
from engine.report_topics import topics_of
from engine.reranking import Reranker
from engine.routing import route
from engine.statements import Together
from storage.embedding import Embedder
from storage.errors import WrongUse
from storage.keywords import query_terms
from storage.library import Library
from storage.live import LiveDocuments
from storage.records import Chunk, Passage, Scope, Vector
from storage.rooms import Room, Rooms

_BY_WORDS, _BY_MEANING = 64, 32
"""Chunks that each way of searching finds at the least; as many as there are places, where those are more.
What is nearest by meaning is what comes first; words bring what is far from the question
(docs/decisions/0047-candidates.md)."""
_DOCUMENTS = 64
"""Documents whose cards are compared with a question, by the words that they share."""
_LEAST_SURE = 0.05
"""A document that is less likely meant is not searched on its own."""
_JUDGED = 8
"""Passages that coverage looks at: about as many as an answer is written from."""


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How much each part of a score counts; a search that counts nothing brings no passages either."""

    dense: float = 1.0
    """For each part of a cosine."""
    keyword: float = 0.1
    """For the best BM25 score; others have their share of it."""
    together: float = 0.1
    """For a sentence that holds all words that are asked for."""
    document: float = 1.0
    """For a document that is surely meant."""
    figure: float = 0.9
    """For a row or sentence that states what is asked for."""
    topic: float = 0.2
    """For a passage under a heading that says what is asked about, in the words of reports."""
    formality: float = 0.1
    """Against a passage that only says what stands elsewhere: a list of exhibits, a cover."""
    page: float = 0.1
    """Against each further passage of a report's page: who asks wants other pages before more of one."""
    reference: float = 2.0
    """For a passage that is exactly what the question names: more than any other passage of any document."""
    naming: float = 0.5
    """How much of the direction is the question's without the words that name a document, from 0 to 1."""
    inside: int = 4
    """How many documents that may be meant are searched on their own, too."""
    rerank: int = 32
    """How many of the first passages a reranker puts in order, where there is one."""
    collapse: bool = True
    """Give one place to a text that a document, or drafts of one, hold several times."""
    trim: bool = True
    """Shorten passages to what matters for the question."""


MEASURED = SearchSettings()
"""The settings that were measured best."""
WHOLE = dataclasses.replace(MEASURED, trim=False, page=0)
"""The same with whole passages, as many of a page as there are: an answer needs what stands around."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found, best first."""

    passages: list[Passage]
    timings_ms: dict[str, float]
    """Milliseconds for `document`, `keyword`, `embed`, `dense`, `read` and `total`.

    Of embedding only what had to be waited for.
    """
    confident: bool
    """False when nothing found is near enough to the question for an answer to be tried."""
    nearness: float
    """The best passage's cosine with the question."""
    coverage: float
    """Share of the question's words, rare ones counting more, that the best passages hold."""
    named: Named = NOTHING_NAMED
    """What the question was taken to name."""


@dataclass(frozen=True, slots=True)
class _Reports:
    """Those of the documents that may be meant that are companies' reports."""

    opened: Opened
    """These documents, and those that are no reports."""
    ids: frozenset[str]
    about: Mapping[str, float]
    """How nearly their chunks stand under headings about what is asked."""


class Retriever:
    """Searches one matter at a time; safe to share between threads."""

    def __init__(
        self, library: Library, rooms: Rooms, embedder: Embedder, *, reranker: Reranker | None = None
    ) -> None:
        """Nothing is loaded or opened before the first search."""
        self._library = library
        self._rooms = rooms
        self._vectors = QueryVectors(embedder)
        self._cards = CardReader(library)
        self._inside = Inside(library)
        self._duplicates = Duplicates(library)
        self._reranker = reranker
        self._settings = MEASURED

    def by(self, settings: SearchSettings) -> Retriever:
        """The same, searching by these settings where none are named; both share what they remember."""
        other = copy(self)
        other._settings = settings
        return other

    def search(
        self, scope: Scope, query: str, *, limit: int = 10, settings: SearchSettings | None = None
    ) -> SearchResult:
        """The passages in scope that answer `query` best, at most `limit` of them.

        Raises:
            WrongUse: the query is empty, or `limit` is below 1.
        """
        if not query.strip():
            raise WrongUse("the question is empty; write what you want to know")
        if limit < 1:
            raise WrongUse(f"a search gives at least one passage, not {limit}")
        settings = settings or self._settings
        clock = _Clock()
        room = self._rooms.room(scope)
        query = without_instructions(query)
        by_words, by_meaning = max(_BY_WORDS, limit), max(_BY_MEANING, limit)
        # A network and a graph leave the interpreter alone: they go on beside what needs neither.
        beside = self._vectors.beside()
        whole_soon = beside.direction(query)
        dense_soon = beside.begin(
            lambda: room.dense(whole_soon.result(), limit=by_meaning, document_ids=scope.document_ids)
        )
        live = self._library.live(scope)
        asked = self._asked(room, live, query, max(_DOCUMENTS, limit), settings)
        rest_soon = beside.direction(asked.sought)
        clock.lap("document")
        keyword = dict(room.keyword(asked.sought, limit=by_words, document_ids=scope.document_ids))
        if settings.inside and asked.meant:
            keyword |= dict(room.keyword(asked.sought, limit=by_words, document_ids=asked.meant))
        named = asked.references.candidates(
            room, limit=by_meaning, document_ids=scope.document_ids, meant=asked.meant
        )
        exact = list(named) if settings.reference else []
        rows = rows_for(room, scope, asked) if settings.figure else []
        clock.lap("keyword")
        # Read from SQL before anything is ranked: what an index still holds may be dead or replaced.
        # What is found already is read while the network is still busy with the rest.
        held = Held(self._library, scope)
        held.read((*(keyword if settings.keyword else ()), *exact, *rows))
        if settings.figure:
            read_ahead(asked, held.of(rows))
        exactness = exactly(asked, held.new()) if settings.reference else {}
        frequencies = room.frequencies(query_terms(query))
        meant = self._inside.opened(live, asked.meant if settings.inside else ())
        together = Together(asked.sought)
        if settings.dense and not rest_soon.done():
            # While it has to be waited for: what is nearest to the whole question is nearest to most of it.
            likely = [one for one, _ in meant.nearest(whole_soon.result(), limit=by_meaning)]
            held.ahead(likely)
            if settings.together:
                together.read(one.text for one in held.of(likely))
            if settings.reference:
                exactness |= exactly(asked, held.new())
        clock.lap("read")
        dense = dense_soon.result()
        clock.lap("dense")
        if settings.dense:
            held.read(one for one, _ in dense)
        clock.lap("read")
        whole, rest = whole_soon.result(), rest_soon.result()
        clock.lap("embed")
        within = meant.nearest(rest, limit=by_meaning)
        clock.lap("dense")
        if settings.dense:
            held.read(one for one, _ in within)
        reports = self._reports(live, asked, held.chunks, settings)
        if reports.about:
            held.read(one for one, _ in reports.opened.nearest(rest, limit=READ, among=reports.about))
        if settings.reference:
            exactness |= exactly(asked, held.new())
        mixed = _mixed(whole, rest, settings)
        ranking = Ranking(
            asked,
            Found(held.chunks, mixed, keyword, rows, reports.ids, reports.about, held.among(exactness)),
            {name: getattr(settings, name) for name in STAGES},
            paths=live.paths,
            together=together,
            reranker=self._reranker,
            reranked=settings.rerank,
        )
        passages = ranking.first(limit)
        judged = _ids(passages[:_JUDGED])
        holders_soon = beside.begin(lambda: room.holders(list(frequencies), judged))
        if settings.collapse:
            passages = self._duplicates.collapsed(
                scope, passages, [one for one, _ in held.chunks], more=ranking.first
            )
        nearness = max((cosine for _, cosine in dense), default=0.0)
        if judged != (left := _ids(passages[:_JUDGED])):
            holders_soon = beside.begin(lambda: room.holders(list(frequencies), left))
        if settings.trim:
            passages = trimmed(asked.rest, passages, limit=limit)
        covered = coverage(holders_soon.result(), frequencies, len(room))
        clock.lap("read")
        return SearchResult(
            passages=passages,
            timings_ms=clock.finished(),
            confident=bool(passages) and closeness(nearness, covered) >= FLOOR,
            nearness=nearness,
            coverage=covered,
            named=asked.named,
        )

    def _reports(
        self,
        live: LiveDocuments,
        asked: Asked,
        held: Sequence[tuple[Chunk, Vector]],
        settings: SearchSettings,
    ) -> _Reports:
        """The reports among the few documents that may be meant; where none is named, that came up at all."""
        documents = asked.meant or {chunk.document_id for chunk, _ in held}
        if len(documents) > settings.inside or not (settings.topic or settings.formality or settings.page):
            return _Reports(self._inside.opened(live, ()), frozenset(), {})
        opened = self._inside.opened(live, documents)
        reports = opened.reports()
        topics = topics_of(asked.rest) if settings.topic else frozenset()
        about = {one: value for each in reports.values() for one, value in each.about(topics).items()}
        return _Reports(opened, frozenset(reports), about)

    def _asked(
        self, room: Room, live: LiveDocuments, query: str, documents: int, settings: SearchSettings
    ) -> Asked:
        routed = route(
            room,
            query,
            cards_of=lambda text: self._cards.cards(live, room, text, limit=documents),
            document_ids=live.scope.document_ids,
        )
        rest = routed.named.asked if routed.named and settings.naming else query
        sureness = routed.sureness()
        surest = [one for one in best_first(sureness) if sureness[one] >= _LEAST_SURE]
        meant = frozenset(surest[: settings.inside])
        # A quoted name of the document is no term that is asked for.
        return Asked(query, rest, routed, sureness, meant, references_of(rest))


def _ids(passages: Sequence[Passage]) -> list[str]:
    return [one.chunk.id for one in passages]


def _mixed(whole: Vector, rest: Vector, settings: SearchSettings) -> Vector:
    """The direction that chunks are compared with."""
    mixed: Vector = (1 - settings.naming) * whole + settings.naming * rest
    return mixed


class _Clock:
    """Milliseconds between laps."""

    def __init__(self) -> None:
        self._start = self._last = perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = perf_counter()
        self._laps[name] = self._laps.get(name, 0.0) + (now - self._last) * 1000
        self._last = now

    def finished(self) -> dict[str, float]:
        laps = {**self._laps, "total": (self._last - self._start) * 1000}
        return {name: round(milliseconds, 3) for name, milliseconds in laps.items()}
