"""A folder's index is searched as broadly as its number of chunks wants."""

from __future__ import annotations

from contextlib import closing
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import chromadb
import numpy as np
import pytest
from chromadb.config import Settings

from storage.chroma_server import ChromaServer
from storage.index import VectorIndex, breadth
from storage.records import Chunk, Span, Vectors
from storage.stores import VectorStore
from tests.servers import chroma

COUNT, NEAREST, NARROW = 3_000, 64, 8


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    drawn = np.random.default_rng(7).normal(size=(COUNT, 96)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def recall(index: VectorStore, vectors: Vectors) -> float:
    asked = vectors[::100]
    shares = []
    for vector, cosines in zip(asked, asked @ vectors.T, strict=True):
        exact = {str(at) for at in np.argsort(-cosines)[:NEAREST]}
        shares.append(len(exact & dict(index.search(vector, limit=NEAREST)).keys()) / NEAREST)
    return float(np.mean(shares))


def test_an_index_that_was_made_to_be_searched_narrowly_is_searched_broadly_at_its_next_opening(
    tmp_path: Path, vectors: Vectors
) -> None:
    index = VectorIndex(tmp_path)
    index.add([Chunk(str(at), "doc", "ver", at, Span(1, 0, 1), (), "", "") for at in range(COUNT)], vectors)
    index.close()
    client = chromadb.PersistentClient(str(tmp_path), settings=Settings(anonymized_telemetry=False))
    collection = client.get_collection("chunks", embedding_function=None)
    collection.modify(configuration={"hnsw": {"ef_search": NARROW}})
    found = collection.query(query_embeddings=[vectors[0]], n_results=NEAREST, include=[])
    client.close()

    reopened = VectorIndex(tmp_path)

    assert len(found["ids"][0]) == NEAREST
    assert recall(reopened, vectors) > 0.995
    assert len(reopened) == COUNT
    reopened.close()


def test_a_server_searches_a_narrow_index_broadly_from_its_next_start(
    tmp_path: Path, vectors: Vectors
) -> None:
    matter = tmp_path / "matter"
    with chroma(tmp_path / "server") as url:
        address = urlsplit(url)
        settings = Settings(anonymized_telemetry=False)
        client = chromadb.HttpClient(host=str(address.hostname), port=address.port or 0, settings=settings)
        narrow = client.create_collection(
            matter.name, configuration={"hnsw": {"ef_search": NARROW}}, embedding_function=None
        )
        narrow.add(ids=[str(at) for at in range(COUNT)], embeddings=vectors)
        client.close()
        with closing(ChromaServer(url)) as server:
            before = recall(server.open(matter), vectors)

    with chroma(tmp_path / "server") as url, closing(ChromaServer(url)) as server:
        after = recall(server.open(matter), vectors)

    assert before < after
    assert after > 0.995


def test_breadth_grows_in_steps_and_never_falls() -> None:
    sizes = [0, 1, 100_000, 100_001, 150_000, 177_000, 300_000, 1_000_000, 5_000_000]

    assert breadth(0) == breadth(100_000) == 1_600
    assert breadth(1_000_000) == 4_800
    assert breadth(190_000) == breadth(310_000)
    assert all(breadth(one) <= breadth(other) for one, other in pairwise(sizes))
