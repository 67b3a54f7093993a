"""LegalBench-RAG's questions inside their own document, scored as a search would be.

The words that name the document are cut off (these questions have them before a semicolon) and the document
is given: the order of its chunks is measured. `muniment eval --keep HOME` has made the chunks and vectors.
"""

from __future__ import annotations

import hashlib
import math
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.settings import Settings
from app.wiring import build
from engine.evaluation.bootstrap import Sample, estimate
from engine.evaluation.questions import Question, Spans
from engine.evaluation.sets import legalbench_rag
from engine.words import content_stems
from storage.embedding import Embedder

Array = npt.NDArray[np.float64]
MEASURES = ("P@1", "R@8", "R@64", "NDCG@10")
FULL_ANSWER = 200
"""Characters of an answer that make a chunk wholly relevant."""
SATURATION, LENGTH = 1.2, 0.75


@dataclass(frozen=True)
class Book:
    """A document's chunks, in order."""

    name: str
    texts: tuple[str, ...]
    contexts: tuple[str, ...]
    vectors: Array
    starts: Array
    ends: Array

    @property
    def group(self) -> str:
        """One company's contracts go together."""
        return re.split(r"[_\-\d]", self.name, maxsplit=1)[0].lower()


@dataclass(frozen=True)
class Asked:
    """A question of one document."""

    book: Book
    subset: str
    form: str
    """What is asked, without what names the document: the same for many documents."""
    whole: Array
    rest: Array
    shared: Array
    """Each chunk's share of the best BM25 score."""
    overlaps: Array
    """Characters of the answer in each chunk."""
    answer: int

    @property
    def relevance(self) -> Array:
        return np.minimum(1, self.overlaps / FULL_ANSWER)

    def ranked(self, rest: Array) -> Array:
        """The product's sum inside a document, with another direction for the rest of the question."""
        return self.book.vectors @ (0.75 * rest + 0.25 * self.whole) + 0.1 * self.shared

    def scored(self, scores: Array) -> tuple[float, ...]:
        order = np.argsort(-scores, kind="stable")
        held = np.cumsum(self.overlaps[order])
        length = (self.book.ends - self.book.starts)[order[0]]
        discount = 1 / np.log2(np.arange(2, 12))
        gains, best = self.relevance[order][:10], np.sort(self.relevance)[::-1][:10]
        ideal = float(best @ discount[: len(best)])
        recalls = [float(held[min(k, len(held)) - 1]) / self.answer for k in (8, 64)]
        return (
            float(held[0] / length),
            *recalls,
            float(gains @ discount[: len(gains)]) / ideal if ideal else 0.0,
        )


def bucket(name: str, buckets: int) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % buckets


@contextmanager
def opened(data: Path, home: Path) -> Iterator[tuple[list[Book], list[Asked], Embedder]]:
    """The documents of a kept evaluation, its questions, and what embeds further texts."""
    [asked] = legalbench_rag(data)
    files = {one.name: one for one in asked.files}
    services = build(Settings(home=home, sample=False))
    try:
        scope = services.access.scope(services.accounts.local_operator(), "legalbench-rag")
        paths = {one.id: one.path for one in services.library.documents(scope)}
        held = defaultdict(list)
        for chunk, vector in services.library.live_chunks(scope):
            held[paths[chunk.document_id]].append((chunk, vector))
        books = {}
        for name, pairs in held.items():
            pairs.sort(key=lambda pair: pair[0].ordinal)
            # The set counts a line end of two characters as one.
            text = files[name].data().decode(errors="replace")
            wide = [one.start() for one in re.finditer("\r\n", text)]
            spans = [(chunk.span.start, chunk.span.end) for chunk, _ in pairs]
            starts, ends = (
                np.array([at - bisect_left(wide, at) for at in ats]) for ats in zip(*spans, strict=True)
            )
            books[name] = Book(
                name,
                tuple(chunk.text for chunk, _ in pairs),
                tuple(chunk.context for chunk, _ in pairs),
                np.stack([vector for _, vector in pairs]).astype(np.float64),
                starts,
                ends,
            )
        yield list(books.values()), _asked(asked.questions, books, services.embedder), services.embedder
    finally:
        services.close()


def _asked(questions: Sequence[Question], books: Mapping[str, Book], embedder: Embedder) -> list[Asked]:
    forms = [one.text.split(";", 1)[-1].strip() for one in questions]
    rests, wholes = embedder.embed(forms), embedder.embed([one.text for one in questions])
    words = {name: [Counter(content_stems(text)) for text in book.texts] for name, book in books.items()}
    chunks = [counted for counts in words.values() for counted in counts]
    holders = Counter(word for counted in chunks for word in counted)
    mean = sum(counted.total() for counted in chunks) / len(chunks)
    rarity = {word: math.log(1 + (len(chunks) - n + 0.5) / (n + 0.5)) for word, n in holders.items()}
    asked = []
    for question, form, rest, whole in zip(questions, forms, rests, wholes, strict=True):
        assert isinstance(question.gold, Spans)
        [name] = question.gold.documents
        book = books[name]
        overlaps = sum(
            np.clip(np.minimum(book.ends, one.end) - np.maximum(book.starts, one.start), 0, None)
            for one in question.gold.stretches
        )
        terms = set(content_stems(form)) & rarity.keys()
        scores = np.array([_bm25(terms, counted, rarity, mean) for counted in words[name]])
        answer = sum(one.end - one.start for one in question.gold.stretches)
        shared = scores / (scores.max() or 1)
        asked.append(Asked(book, question.subset, form, whole, rest, shared, overlaps, answer))
    return asked


def _bm25(terms: set[str], counted: Counter[str], rarity: Mapping[str, float], mean: float) -> float:
    damped = SATURATION * (1 - LENGTH + LENGTH * counted.total() / mean)
    return sum(rarity[one] * counted[one] * (1 + SATURATION) / (counted[one] + damped) for one in terms)


def compared(asked: Sequence[Asked], rests: Array, base: Array | None = None) -> tuple[str, Array]:
    """A table's row: each measure's mean of the subsets and, beside `base`, the paired difference."""
    values = np.array([one.scored(one.ranked(rest)) for one, rest in zip(asked, rests, strict=True)])
    cells = []
    for at, _ in enumerate(MEASURES):
        mean = estimate(_samples(asked, values[:, at])).mean
        cell = f"{100 * mean:.1f}"
        if base is not None:
            gained = estimate(_samples(asked, values[:, at] - base[:, at]))
            cell += f" ({100 * gained.mean:+.1f}, {100 * gained.low:.1f} to {100 * gained.high:.1f})"
        cells.append(cell)
    return " | ".join(cells), values


def _samples(asked: Sequence[Asked], values: Array) -> dict[str, Sample]:
    samples = {}
    for subset in sorted({one.subset for one in asked}):
        at = [n for n, one in enumerate(asked) if one.subset == subset]
        samples[subset] = Sample([float(values[n]) for n in at], [asked[n].book.group for n in at])
    return samples
