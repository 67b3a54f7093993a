"""Matters of any size for `benchmarks.retrieval`: real text cut anew, vectors that lie as real ones do.

A document is a run of real chunks in their order. Each new chunk begins as one of them and ends as another
from nearby; its vector lies between the two, and seeded noise moves it a little (cosine about 0.96). So words
are as frequent as they are in real files, no two chunks are alike, and near chunks have near vectors.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import chromadb
import numpy as np
from chromadb.config import Settings as ChromaSettings

from engine.retrieval import Retriever
from storage.audit import AuditLog
from storage.database import Database
from storage.embedding import MiniLmEmbedder
from storage.library import Library
from storage.records import Actor, Chunk, Page, ReadBy, Role, Scope, Span, Vector, Vectors
from storage.rooms import Rooms

SEED = 20_260
CHUNKS_OF_A_DOCUMENT = 100
NEARBY = 40
NOISE = 0.3
"""Length of the noise beside a vector of length 1."""
SYSTEM = Actor("system", "system", Role.ADMINISTRATOR, "system")
NEAREST = 64
PASSAGES = 10
EXACT = 50
"""Questions whose nearest chunks are compared with an exact search's."""
READ_AT_ONCE = 1 << 24
SMALL = 20
"""Chunks of each of the many matters."""


@dataclass(frozen=True)
class Real:
    """Real chunks in the order of their documents, and their vectors."""

    chunks: Sequence[Chunk]
    vectors: Vectors

    @staticmethod
    def of(pairs: Sequence[tuple[Chunk, Vector]]) -> Real:
        return Real([chunk for chunk, _ in pairs], np.stack([vector for _, vector in pairs]))


@dataclass(frozen=True)
class Made:
    """One made document."""

    name: str
    texts: list[str]
    contexts: list[str]
    vectors: Vectors


def documents(real: Real, count: int) -> Iterator[Made]:
    """Documents that have `count` chunks between them."""
    random = np.random.default_rng(SEED)
    made = 0
    while made < count:
        size = min(CHUNKS_OF_A_DOCUMENT, count - made, len(real.chunks))
        first = int(random.integers(len(real.chunks) - size + 1))
        heads = np.arange(first, first + size)
        nearby = random.integers(-NEARBY, NEARBY + 1, size)
        tails = np.clip(heads + nearby, 0, len(real.chunks) - 1)
        noise = random.normal(size=(size, real.vectors.shape[1]))
        noise *= NOISE / np.linalg.norm(noise, axis=1, keepdims=True)
        vectors = unit(unit(real.vectors[heads] + real.vectors[tails]) + noise).astype(np.float32)
        name = f"{made // CHUNKS_OF_A_DOCUMENT:05d} {real.chunks[first].context[:60].strip()}"
        texts = [
            halves(real.chunks[head].text, real.chunks[tail].text)
            for head, tail in zip(heads, tails, strict=True)
        ]
        contexts = [f"{name} > {real.chunks[head].context}" for head in heads]
        yield Made(name, texts, contexts, vectors)
        made += size


def unit(vectors: Vectors) -> Vectors:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def halves(one: str, other: str) -> str:
    """The words of the first half of one text and of the second half of another."""
    first, second = one.split(), other.split()
    return " ".join(first[: (len(first) + 1) // 2] + second[len(second) // 2 :])


def fill(library: Library, scope: Scope, real: Real, count: int) -> None:
    """Put `count` made chunks into a matter's SQL; its room is built from there when it is opened."""
    with tempfile.TemporaryDirectory() as folder:
        upload = Path(folder) / "upload"
        for one in documents(real, count):
            text = "\n".join(one.texts)
            upload.write_text(f"{one.name}\n{text}", encoding="utf-8")
            reception = library.receive(scope, path=f"{one.name}.txt", data=upload, media_type="text/plain")
            document, version = reception.document_id, reception.version_id
            library.save_pages(scope, version, [Page(1, text, ReadBy.TEXT, 1.0)], title=None)
            library.save_chunks(scope, version, chunks(one, document, version), one.vectors)
            library.mark_indexed(scope, version)
            library.make_live(scope, version)


def chunks(one: Made, document: str, version: str) -> list[Chunk]:
    found, start = [], 0
    for ordinal, (text, context) in enumerate(zip(one.texts, one.contexts, strict=True)):
        span = Span(1, start, start + len(text))
        found.append(Chunk(f"{version}-{ordinal}", document, version, ordinal, span, (), text, context))
        start += len(text) + 1
    return found


@contextmanager
def home(folder: Path, embedder: MiniLmEmbedder) -> Iterator[tuple[Library, Rooms]]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database.in_folder(folder)
    library = Library(database, folder, AuditLog(database))
    rooms = Rooms(library, embedder)
    try:
        yield library, rooms
    finally:
        rooms.close()
        database.close()


def built(folder: Path, name: str, real: Real, count: int, embedder: MiniLmEmbedder) -> dict[str, Any]:
    """Make a matter of `count` chunks, unless it is there; what that took."""
    with home(folder, embedder) as (library, rooms):
        if any(one.name == name for one in library.matters()):
            return {}
        scope = Scope(library.create_matter(name, SYSTEM), SYSTEM)
        fill(library, scope, real, count)
        _, took = timed(lambda: rooms.room(scope).check())
        return {"indexing": took}


def measured(
    keep: Path, size: int, real: Real, embedder: MiniLmEmbedder, questions: Sequence[str]
) -> dict[str, Any]:
    """What a matter of `size` chunks costs: to open, to search, in memory and on the disk."""
    folder, name = keep / str(size), f"{size} chunks"
    result: dict[str, Any] = built(folder, name, real, size, embedder)
    embedder.embed([questions[0]])
    with home(folder, embedder) as (library, rooms):
        scope = Scope(library.matter(name), SYSTEM)
        before = resident()
        held, result["opening"] = timed(lambda: len(rooms.room(scope)))
        retriever = Retriever(library, rooms, embedder)
        raw = chroma_query(library.room_folder(scope.matter) / "chroma")
        # Every question is asked once: half of them of the search, half of the bare parts.
        searched, bare = questions[::2], questions[1::2]
        # As in a matter that is in use. What the system dropped from its memory is fetched when a matter is
        # opened, beside its first searches: a second at this size, in which they take half as long again.
        read_whole(folder / "muniment.db")
        # The first of each warms what stays in memory.
        retriever.search(scope, bare[0], limit=PASSAGES)
        raw(embedder.embed([bare[0]])[0])
        times: dict[str, list[dict[str, float]]] = {"search": [], "embedding": [], "raw": []}
        parts: dict[str, list[float]] = {}
        for ours, other in zip(searched, bare[1:], strict=False):
            found, took = timed(lambda ours=ours: retriever.search(scope, ours, limit=PASSAGES))
            times["search"].append(took)
            for part, milliseconds in found.timings_ms.items():
                parts.setdefault(part, []).append(milliseconds)
            vector, took = timed(lambda other=other: embedder.embed([other])[0])
            times["embedding"].append(took)
            times["raw"].append(timed(lambda vector=vector: raw(vector))[1])
        result |= {what: percentiles(taken) for what, taken in times.items()}
        result["parts_ms"] = {part: round(float(np.percentile(all_, 50)), 2) for part, all_ in parts.items()}
        result["ratio_p95"] = {
            clock: round(
                result["search"][clock]["p95"]
                / (result["embedding"][clock]["p95"] + result["raw"][clock]["p95"]),
                2,
            )
            for clock in ("wall", "cpu")
        }
        result["memory_bytes_per_chunk"] = round((resident() - before) / held)
        result["disk_bytes_per_chunk"] = on_disk(folder, library.room_folder(scope.matter), held)
        result["index_recall_at_64"] = index_recall(library, rooms, scope, embedder.embed(bare[:EXACT]))
        result["chunks"] = held
    return result


def in_turn(
    folder: Path, count: int, real: Real, embedder: MiniLmEmbedder, questions: Sequence[str]
) -> dict[str, Any]:
    """Search many matters one after another, twice; how many files are open on the way."""
    for number in range(count):
        built(folder, f"matter {number}", Real(real.chunks[number:], real.vectors[number:]), SMALL, embedder)
    with home(folder, embedder) as (library, rooms):
        retriever, files, taken = Retriever(library, rooms, embedder), [], []
        for turn in range(2):
            for number in range(count):
                scope = Scope(library.matter(f"matter {number}"), SYSTEM)
                question = questions[(number + turn) % len(questions)]
                _, took = timed(lambda scope=scope, q=question: retriever.search(scope, q, limit=PASSAGES))
                taken.append(took)
                files.append(len(list(Path("/proc/self/fd").iterdir())))
    return {
        "matters": count,
        "open_files": {
            "after 50": files[min(49, count - 1)],
            "after all": files[count - 1],
            "most": max(files),
        },
        "search": percentiles(taken),
    }


def read_whole(file: Path) -> None:
    with file.open("rb") as data:
        while data.read(READ_AT_ONCE):
            pass


def chroma_query(folder: Path) -> Callable[[Vector], object]:
    """The nearest chunks from the same store, with nothing of ours around it."""
    settings = ChromaSettings(anonymized_telemetry=False, allow_reset=False)
    collection = chromadb.PersistentClient(str(folder), settings=settings).get_collection(
        "chunks", embedding_function=None
    )
    return lambda vector: collection.query(
        query_embeddings=[vector], n_results=NEAREST, include=["distances"]
    )


def index_recall(library: Library, rooms: Rooms, scope: Scope, vectors: Vectors) -> float:
    """The share of the exactly nearest chunks that the room's index finds."""
    ids: list[str] = []
    near: list[np.ndarray] = []
    for chunk, vector in library.live_chunks(scope):
        ids.append(chunk.id)
        near.append(vectors @ vector)
    cosines = np.stack(near, axis=1)
    shares = []
    for vector, row in zip(vectors, cosines, strict=True):
        found = dict(rooms.room(scope).dense(vector, limit=NEAREST))
        exact = {ids[at] for at in np.argsort(-row)[:NEAREST]}
        shares.append(len(exact & found.keys()) / len(exact))
    return round(float(np.mean(shares)), 4)


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What a piece of work gives, and its milliseconds by the clock and of this process's CPU."""
    wall, cpu = perf_counter(), process_time()
    value = work()
    return value, {
        "wall": round((perf_counter() - wall) * 1000, 3),
        "cpu": round((process_time() - cpu) * 1000, 3),
    }


def percentiles(taken: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    return {
        clock: {
            f"p{at}": round(float(np.percentile([one[clock] for one in taken], at)), 2) for at in (50, 95)
        }
        for clock in ("wall", "cpu")
    }


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4_096


def on_disk(folder: Path, room: Path, held: int) -> dict[str, int]:
    def size(path: Path) -> int:
        return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())

    return {
        "sql": round(sum(one.stat().st_size for one in folder.glob("muniment.db*")) / held),
        "chroma": round(size(room / "chroma") / held),
        "keywords": round(size(room / "keywords") / held),
    }
