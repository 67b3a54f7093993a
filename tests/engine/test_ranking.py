"""What a search found stands in one order, however many places are asked for in turn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.asked import Asked, exactly
from engine.ranking import STAGES, Found, Ranking
from engine.references import references_of
from engine.routing import Route
from engine.statements import Together
from storage.records import Chunk, Span

TEXTS = [
    "Total rent was $4,100 in 2023.",
    "The tenant pays the rent.",
    "Section 8.2 Notices. A notice is given in writing.",
    "Total rent  5,200  4,100",
    "The laws of Ohio govern.",
]
CHUNKS = st.lists(
    st.tuples(st.sampled_from(TEXTS), st.sampled_from("abc"), st.integers(-2, 2)), min_size=1, max_size=30
)
QUESTIONS = st.sampled_from(
    ["How much was total rent in 2023?", "Who pays the rent?", "What does Section 8.2 say?"]
)
WEIGHTS = dict.fromkeys(STAGES, 0.5)


def found(pieces: Sequence[tuple[str, str, int]], question: str = "") -> Found:
    """Chunks of these texts, each of a document and with a cosine; those of `c` are reports."""
    held = [
        (
            Chunk(f"{n}", of, f"{of}-1", n, Span(n % 3, 0, len(text)), (), text, ""),
            np.array([cosine / 2, 1], dtype=np.float32),
        )
        for n, (text, of, cosine) in enumerate(pieces)
    ]
    keyword = {chunk.id: float(chunk.ordinal % 4) for chunk, _ in held if chunk.ordinal % 2}
    direction = np.array([1, 0], dtype=np.float32)
    exact = exactly(asked(question), [chunk for chunk, _ in held])
    return Found(held, direction, keyword, ["0", "unknown"], frozenset("c"), {"1": 1.0}, exact)


def paths(documents: Collection[str]) -> dict[str, str]:
    return {one: f"{one}.txt" for one in documents}


class Backwards:
    """A reranker that finds the last text best."""

    identity = "backwards"

    def __init__(self) -> None:
        self.reads = 0

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        self.reads += 1
        return [float(n) for n in range(len(texts))]


def asked(question: str) -> Asked:
    route = Route({"a": 1.0}, certainty=0.5)
    return Asked(question, question, route, route.sureness(), frozenset("a"), references_of(question))


def ranking_of(
    question: str,
    pieces: Sequence[tuple[str, str, int]],
    weights: dict[str, float] = WEIGHTS,
    reranker: Backwards | None = None,
    where: Callable[[Collection[str]], Mapping[str, str]] = paths,
) -> Ranking:
    together = Together(asked(question).sought)
    return Ranking(
        asked(question),
        found(pieces, question),
        weights,
        paths=where,
        together=together,
        reranker=reranker,
        reranked=4,
    )


@given(CHUNKS, QUESTIONS, st.integers(1, 12), st.integers(0, 20))
def test_a_longer_list_is_the_same_whether_or_not_a_shorter_one_was_asked_for(
    pieces: list[tuple[str, str, int]], question: str, most: int, more: int
) -> None:
    twice = ranking_of(question, pieces)
    twice.first(most)
    once = ranking_of(question, pieces)
    assert twice.first(most + more) == once.first(most + more)


@given(CHUNKS, QUESTIONS, st.sets(st.sampled_from("abc")), st.integers(1, 12))
def test_places_of_documents_deleted_since_they_were_read_go_to_the_others(
    pieces: list[tuple[str, str, int]], question: str, gone: set[str], most: int
) -> None:
    def left(documents: Collection[str]) -> dict[str, str]:
        return paths(set(documents) - gone)

    ranked = ranking_of(question, pieces, where=left).first(most)
    assert len(ranked) == min(most, sum(of not in gone for _, of, _ in pieces))
    assert not {one.chunk.document_id for one in ranked} & gone
    assert [one.rank for one in ranked] == list(range(1, len(ranked) + 1))


@given(CHUNKS, QUESTIONS)
def test_a_score_is_the_sum_of_what_speaks_for_a_passage(
    pieces: list[tuple[str, str, int]], question: str
) -> None:
    ranked = ranking_of(question, pieces).first(len(pieces))
    assert sorted(one.chunk.ordinal for one in ranked) == list(range(len(pieces)))
    assert [one.score for one in ranked] == sorted((one.score for one in ranked), reverse=True)
    for one in ranked:
        assert (
            one.score
            == one.scores["fused"]
            == pytest.approx(sum(one.scores[name] / 2 for name in STAGES if name in one.scores))
        )


@pytest.mark.parametrize("stage", STAGES)
def test_what_counts_nothing_is_no_part_of_a_score(stage: str) -> None:
    pieces = [(text, of, 1) for text in TEXTS for of in "abc"]
    weights = {**WEIGHTS, stage: 0.0}
    question = "How much rent does Section 8.2 say?"
    ranked = ranking_of(question, pieces, weights)
    assert all(stage not in one.scores for one in ranked.first(15))


def test_a_reranker_reads_the_best_once_for_two_lists() -> None:
    reranker = Backwards()
    pieces = [(text, of, 1) for text in TEXTS for of in "ab"]
    ranking = ranking_of("Who pays the rent?", pieces, reranker=reranker)
    plain = ranking_of("Who pays the rent?", pieces).first(10)
    ranking.first(6)
    ranked = ranking.first(10)
    assert [one.chunk for one in ranked[:4]] == [one.chunk for one in reversed(plain[:4])]
    assert ranked[4:] == plain[4:]
    assert reranker.reads == 1
