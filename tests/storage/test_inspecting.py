"""Indexes that disagree with SQL are counted; a search that gives too little is made good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.index import VectorIndex
from storage.inspecting import inspect, nearest
from storage.records import Chunk, Span

from .test_room_damage import CHUNKS, MATTER, SYSTEM, Home, unit_vectors


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    opened = Home(tmp_path)
    opened.library.create_matter(MATTER, SYSTEM)
    for number in range(2):
        opened.load(number)
    yield opened
    opened.close()


def stray(name: str) -> Chunk:
    return Chunk(name, "doc", f"ver {name}", 0, Span(1, 0, 1), (), "stray", "")


def test_indexes_as_they_should_be_have_nothing_to_report(home: Home) -> None:
    found = home.rooms.room(home.scope).inspect()

    assert found.ok
    assert (found.chunks, found.recall) == (2 * CHUNKS, 1.0)


def test_what_is_missing_too_many_or_different_is_counted(home: Home) -> None:
    room = home.rooms.room(home.scope)
    ids = sorted(home.library.indexed_ids(home.scope))
    room.add([stray("one"), stray("two")], unit_vectors(5, 2))
    room.remove(ids[:3])
    changed = [chunk for chunk, _ in home.library.chunks_with_vectors(home.scope, ids[10:15])]
    room.add(changed, unit_vectors(6, 5))

    found = room.inspect()

    assert (found.missing_vectors, found.missing_words) == (3, 3)
    assert (found.extra_vectors, found.extra_words) == (2, 2)
    assert found.wrong_vectors == 5
    assert not found.ok
    room.rebuild()
    assert room.inspect().ok


def test_a_graph_that_leads_nowhere_fails_the_inspection(home: Home) -> None:
    class Blind(VectorIndex):
        def search(self, *_args: object, **_options: object) -> list[tuple[str, float]]:
            return []

    room = home.rooms.room(home.scope)
    blind = Blind(home.folder / "blind")
    home.rooms.close()
    blind.add(
        [chunk for chunk, _ in home.library.indexed_chunks(home.scope)],
        np.stack([vector for _, vector in home.library.indexed_chunks(home.scope)]),
    )

    found = inspect(home.library, home.scope, blind, words_of(home))

    assert found.agrees
    assert (found.recall, found.ok) == (0.0, False)
    blind.close()
    assert room.check()


def words_of(home: Home):
    class Words:
        def ids(self) -> frozenset[str]:
            return home.library.indexed_ids(home.scope)

    return Words()


def test_a_search_that_gives_too_little_finds_the_damage(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    room = home.rooms.room(home.scope)
    expected = room.dense(unit_vectors(0, 1)[0], limit=30)
    room.remove(sorted(home.library.indexed_ids(home.scope))[:70])

    found = room.dense(unit_vectors(0, 1)[0], limit=30)

    assert [one for one, _ in found] == [one for one, _ in expected]
    assert room.rebuilt == 1


def test_a_healthy_graph_that_does_not_lead_everywhere_is_made_good_without_a_rebuild(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = home.rooms.room(home.scope)
    expected = room.dense(unit_vectors(0, 1)[0], limit=30)
    whole = VectorIndex.search
    monkeypatch.setattr(
        VectorIndex, "search", lambda self, vector, *, limit, **_: whole(self, vector, limit=9)
    )

    found = room.dense(unit_vectors(0, 1)[0], limit=30)

    assert [one for one, _ in found] == [one for one, _ in expected]
    assert room.rebuilt == 0


def test_a_search_of_one_document_is_exact_and_finds_all_of_it(home: Home) -> None:
    document = home.library.document(home.scope, "1.txt")

    found = home.rooms.room(home.scope).dense(
        unit_vectors(1, 1)[0], limit=200, document_ids=frozenset({document.id})
    )

    assert {one for one, _ in found} == set(home.library.chunk_ids_of(home.scope, document.version_id))
    assert found[0][1] == pytest.approx(1.0, abs=1e-5)
    assert found == sorted(found, key=lambda pair: -pair[1])


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 12))
def test_the_nearest_are_the_same_in_whatever_pieces_they_come(count: int, limit: int, size: int) -> None:
    vectors, queries = unit_vectors(count, count), unit_vectors(limit, 2)
    names = [f"{number:03}" for number in range(count)]
    pieces = [(names[n : n + size], vectors[n : n + size]) for n in range(0, count, size)]

    found = nearest(pieces, queries, limit)

    for query, best in zip(queries, found, strict=True):
        cosines = sorted((vectors @ query).tolist(), reverse=True)[:limit]
        assert [cosine for _, cosine in best] == pytest.approx(cosines, abs=1e-6)
        assert len({one for one, _ in best}) == min(limit, count)
