"""What a vector index owes: the neighbours that an exact search over the same vectors finds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from storage.chroma_server import ChromaServer
from storage.engines import ChromaFolder
from storage.errors import Broken, Refused, WrongUse
from storage.index import VectorIndex
from storage.records import Chunk, Span, Vector, Vectors
from storage.stores import Engine, VectorStore
from tests.servers import chroma, free_port

COUNT, DIMENSIONS, DOCUMENTS = 2_000, 384, 5


def random_vectors(count: int, *, seed: int) -> Vectors:
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSIONS))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def numbered(count: int) -> list[Chunk]:
    # Document 0 has few chunks among many: the case that filtered graphs get wrong.
    owners = [0 if number < 9 else 1 + number % (DOCUMENTS - 1) for number in range(count)]
    return [
        Chunk(f"chunk-{number}", f"doc-{owner}", f"ver-{owner}", number, Span(1, 0, 4), (), "text", "")
        for number, owner in enumerate(owners)
    ]


CHUNKS = numbered(COUNT)
VECTORS = random_vectors(COUNT, seed=1)


def exact(query: Vector, *, limit: int, document_ids: frozenset[str] | None = None) -> dict[str, float]:
    cosines = {
        chunk.id: float(vector @ query)
        for chunk, vector in zip(CHUNKS, VECTORS, strict=True)
        if document_ids is None or chunk.document_id in document_ids
    }
    best = sorted(cosines, key=lambda chunk_id: -cosines[chunk_id])[:limit]
    return {chunk_id: cosines[chunk_id] for chunk_id in best}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chroma(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture(scope="module", params=["folder", "server"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine[VectorStore]]:
    if request.param == "folder":
        made: Engine[VectorStore] = ChromaFolder()
    else:
        made = ChromaServer(request.getfixturevalue("server"))
    yield made
    made.close()


@pytest.fixture
def folder(engine: Engine[VectorStore], tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "matter_0123"
    yield place
    engine.discard(place)


@pytest.fixture(scope="module")
def index(engine: Engine[VectorStore], tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorStore]:
    opened = engine.open(tmp_path_factory.mktemp("rooms") / "matter_of_many")
    opened.add(CHUNKS, VECTORS)
    yield opened
    opened.close()


@pytest.mark.parametrize("documents", [None, {"doc-0"}, {"doc-1"}, {"doc-0", "doc-2", "doc-3"}])
def test_the_nearest_64_are_found_with_their_cosines(index: VectorStore, documents: set[str] | None) -> None:
    wanted = None if documents is None else frozenset(documents)
    found_of_exact, total = 0, 0
    for query in random_vectors(20, seed=2):
        expected = exact(query, limit=64, document_ids=wanted)
        found = index.search(query, limit=64, document_ids=wanted)

        assert len(found) == len(expected)
        assert [cosine for _, cosine in found] == sorted((cosine for _, cosine in found), reverse=True)
        for chunk_id, cosine in found:
            if chunk_id in expected:
                assert cosine == pytest.approx(expected[chunk_id], abs=1e-5)
        found_of_exact += len(expected.keys() & dict(found).keys())
        total += len(expected)

    assert found_of_exact / total >= 0.99


def test_no_documents_wanted_means_nothing_found(index: VectorStore) -> None:
    assert index.search(VECTORS[0], limit=3, document_ids=frozenset()) == []
    assert index.search(VECTORS[0], limit=3, document_ids=frozenset({"doc-unknown"})) == []


def test_stored_vectors_find_themselves_and_strangers_do_not(index: VectorStore) -> None:
    assert index.finds({chunk.id: VECTORS[chunk.ordinal] for chunk in CHUNKS[::250]})
    assert not index.finds({CHUNKS[0].id: random_vectors(1, seed=3)[0]})


def test_an_empty_index_finds_nothing(engine: Engine[VectorStore], folder: Path) -> None:
    empty = engine.open(folder)

    assert empty.search(VECTORS[0], limit=3) == []
    assert empty.ids() == frozenset()
    empty.close()


def test_what_is_removed_is_found_no_more_and_adding_again_replaces(
    engine: Engine[VectorStore], folder: Path
) -> None:
    index = engine.open(folder)
    index.add(CHUNKS[:30], VECTORS[:30])

    index.remove([CHUNKS[3].id, "unknown"])
    index.add(CHUNKS[4:6], VECTORS[1_000:1_002])

    assert index.ids() == {chunk.id for chunk in CHUNKS[:30]} - {CHUNKS[3].id}
    assert CHUNKS[3].id not in dict(index.search(VECTORS[3], limit=30))
    assert index.search(VECTORS[1_000], limit=1)[0][0] == CHUNKS[4].id
    held = index.vectors([CHUNKS[4].id, CHUNKS[3].id])
    assert list(held) == [CHUNKS[4].id]
    assert held[CHUNKS[4].id] == pytest.approx(VECTORS[1_000], abs=1e-5)
    index.close()


def test_no_text_of_a_document_is_copied_into_the_index(tmp_path: Path) -> None:
    secret = Chunk("id", "doc", "ver", 0, Span(1, 0, 9), ("heliotrope heading",), "heliotrope", "heliotrope")
    index = VectorIndex(tmp_path / "chroma")
    index.add([secret], VECTORS[:1])
    index.close()

    files = [path for path in tmp_path.rglob("*") if path.is_file()]

    assert files
    assert not any(b"heliotrope" in path.read_bytes() for path in files)


def test_a_closed_index_opens_with_what_it_held(engine: Engine[VectorStore], folder: Path) -> None:
    first = engine.open(folder)
    first.add(CHUNKS[:1_200], VECTORS[:1_200])
    first.close()

    second = engine.open(folder)

    assert len(second) == 1_200
    assert second.search(VECTORS[1_100], limit=1)[0][0] == CHUNKS[1_100].id
    second.close()


def test_what_was_added_lies_in_the_graph_when_the_folder_is_left(tmp_path: Path) -> None:
    for first in (0, 300):
        index = VectorIndex(tmp_path / "chroma")
        index.add(CHUNKS[first : first + 300], VECTORS[first : first + 300])
        index.close()

    [database] = (tmp_path / "chroma").glob("*.sqlite3")
    with closing(sqlite3.connect(database)) as connection:
        [(first, last)] = connection.execute("SELECT min(seq_id), max(seq_id) FROM max_seq_id").fetchall()
    assert first == last == 600
    again = VectorIndex(tmp_path / "chroma")
    assert again.finds(
        {chunk.id: vector for chunk, vector in zip(CHUNKS[:600:40], VECTORS[:600:40], strict=True)}
    )
    again.close()


def test_matters_lie_apart_and_an_erased_one_is_gone(engine: Engine[VectorStore], tmp_path: Path) -> None:
    one, other = engine.open(tmp_path / "matter_one"), engine.open(tmp_path / "matter_other")
    one.add(CHUNKS[:5], VECTORS[:5])

    assert other.ids() == frozenset()
    assert other.search(VECTORS[0], limit=3) == []
    one.close()
    engine.discard(tmp_path / "matter_one")
    engine.discard(tmp_path / "matter_one")
    again = engine.open(tmp_path / "matter_one")
    assert len(again) == 0
    for store in (again, other):
        store.close()
    for name in ("matter_one", "matter_other"):
        engine.discard(tmp_path / name)


def test_a_server_that_does_not_answer_is_not_taken_for_a_damaged_index(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="does not answer"):
        ChromaServer(f"http://127.0.0.1:{free_port()}").open(tmp_path / "matter_one")


@pytest.mark.parametrize("url", ["chroma:8000", "ftp://chroma", "http://", "http://chroma/elsewhere"])
def test_a_url_that_names_no_server_is_refused(url: str) -> None:
    with pytest.raises(WrongUse, match="must look like"):
        ChromaServer(url)


def test_a_server_with_a_public_address_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="public address"):
        ChromaServer("http://8.8.8.8:8000").open(tmp_path / "matter_one")
