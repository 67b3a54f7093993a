"""Matters of any size for `benchmarks.retrieval`: real text cut anew, vectors that lie as real ones do.

A document is a run of real chunks in their order. Each new chunk begins as one of them and ends as another
from nearby; its vector lies between the two, and seeded noise moves it a little (cosine about 0.96). So words
are as frequent as they are in real files, no two chunks are alike, and near chunks have near vectors.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from storage.library import Library
from storage.records import Chunk, Page, ReadBy, Scope, Span, Vectors

SEED = 20_260
CHUNKS_OF_A_DOCUMENT = 100
NEARBY = 40
NOISE = 0.3
"""Length of the noise beside a vector of length 1."""


@dataclass(frozen=True)
class Real:
    """Real chunks in the order of their documents, and their vectors."""

    chunks: Sequence[Chunk]
    vectors: Vectors


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
