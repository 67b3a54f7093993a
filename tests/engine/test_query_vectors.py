"""A question's direction is that of its whole text, and is made once."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from engine.query_vectors import QueryVectors
from storage.embedding import HashingEmbedder
from storage.records import Vectors

LONG_S = 30


class Counting(HashingEmbedder):
    """Remembers what it was asked to embed, call by call."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(list(texts))
        return super().embed(texts)


def test_all_texts_are_embedded_in_one_call_and_each_once() -> None:
    embedder = Counting()
    vectors = QueryVectors(embedder)

    first, second, again = vectors.of(["rent", "deposit", "rent"])
    vectors.of(["deposit", "notice"])

    assert embedder.calls == [["rent", "deposit"], ["notice"]]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)


def test_a_long_text_is_read_to_its_end() -> None:
    long = "concerning matters otherwise unmentioned " * 120

    plain, other = QueryVectors(HashingEmbedder()).of([long, f"{long} anthrax " + "cattle " * 300])

    assert np.linalg.norm(other) == np.float32(1.0) or abs(np.linalg.norm(other) - 1) < 1e-5
    assert float(plain @ other) < 0.9


def test_what_is_embedded_beside_is_the_same_and_is_remembered() -> None:
    embedder = Counting()
    vectors = QueryVectors(embedder)

    beside = vectors.beside()
    soon = beside.direction("rent")
    length = beside.begin(lambda: float(np.linalg.norm(soon.result())))

    assert np.array_equal(soon.result(), QueryVectors(HashingEmbedder()).of(["rent"])[0])
    assert abs(length.result() - 1) < 1e-5
    assert np.array_equal(vectors.beside().direction("rent").result(), soon.result())
    assert embedder.calls == [["rent"]]


def test_what_is_being_embedded_is_not_begun_again() -> None:
    class Slow(Counting):
        def embed(self, texts: Sequence[str]) -> Vectors:
            assert asked_twice.wait(LONG_S)
            return super().embed(texts)

    asked_twice, embedder = threading.Event(), Slow()
    beside = QueryVectors(embedder).beside()
    first, second = beside.direction("rent"), beside.direction("rent")
    asked_twice.set()

    assert np.array_equal(first.result(), second.result())
    assert embedder.calls == [["rent"]]


def test_one_thing_is_done_after_another_in_one_other_thread() -> None:
    beside, begun, done = QueryVectors(HashingEmbedder()).beside(), threading.Event(), []

    def work(number: int) -> int:
        assert begun.wait(LONG_S)
        done.append(number)
        return threading.get_ident()

    outcomes = [beside.begin(lambda number=number: work(number)) for number in range(5)]
    begun.set()
    threads = {one.result() for one in outcomes}

    assert done == [0, 1, 2, 3, 4]
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_a_direction_that_is_remembered_waits_for_nothing_that_goes_on() -> None:
    vectors, goes_on = QueryVectors(HashingEmbedder()), threading.Event()
    vectors.of(["rent"])
    beside = vectors.beside()
    before = beside.begin(lambda: goes_on.wait(LONG_S))
    known, other = beside.direction("rent"), beside.direction("notice")

    assert known.done()
    assert not other.done()
    goes_on.set()
    assert before.result()
    assert not np.array_equal(known.result(), other.result())


def test_many_searches_at_once_all_get_theirs() -> None:
    vectors = QueryVectors(HashingEmbedder())
    others = [vectors.beside() for _ in range(20)]

    lengths = []
    for number, beside in enumerate(others):
        soon = beside.direction(f"rent {number}")
        lengths.append(beside.begin(lambda soon=soon: float(np.linalg.norm(soon.result()))))

    assert [round(one.result(), 3) for one in lengths] == [1.0] * 20


def test_what_could_not_be_embedded_is_tried_again() -> None:
    class Failing(Counting):
        def embed(self, texts: Sequence[str]) -> Vectors:
            found = super().embed(texts)
            if len(self.calls) == 1:
                raise OSError("no memory")
            return found

    vectors = QueryVectors(Failing())
    with pytest.raises(OSError, match="no memory"):
        vectors.beside().direction("rent").result()

    assert vectors.beside().direction("rent").result().shape == (HashingEmbedder().dimensions,)


def test_what_embedding_raised_is_raised_where_the_direction_is_wanted() -> None:
    class Broken(HashingEmbedder):
        def embed(self, texts: Sequence[str]) -> Vectors:
            raise OSError("no weights")

    beside = QueryVectors(Broken()).beside()
    soon = beside.direction("rent")
    later = beside.begin(lambda: soon.result().sum())
    last = beside.begin(lambda: "still done")

    for wanted in (soon, later):
        with pytest.raises(OSError, match="no weights"):
            wanted.result()
    assert last.result() == "still done"
