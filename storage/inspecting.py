"""Compare a matter's indexes with SQL: every id both ways, every vector; and approximate search with exact.

It changes nothing. What a keyword index holds of a chunk beside its id is not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from storage.library import Library
from storage.records import Scope, Vector, Vectors
from storage.stamp import fingerprint
from storage.stores import KeywordStore, VectorStore

RECALL_FLOOR = 0.99
RECALL_DEPTH = 64
_SAMPLES = 100
_SAME = 1e-4
"""Two vectors are the same within the rounding of an index that makes them unit vectors again."""
_TIE = 1e-6


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a room."""

    chunks: int
    """How many chunks SQL wants found."""
    missing_vectors: int
    missing_words: int
    extra_vectors: int
    extra_words: int
    wrong_vectors: int
    recall: float
    """Share of the exactly nearest 64 that the approximate search finds, by samples of stored vectors."""

    @property
    def agrees(self) -> bool:
        """Whether both indexes hold what SQL holds, and nothing else."""
        return not (
            self.missing_vectors
            or self.missing_words
            or self.extra_vectors
            or self.extra_words
            or self.wrong_vectors
        )

    @property
    def ok(self) -> bool:
        """Whether they agree, and the approximate search is near enough to the exact one."""
        return self.agrees and self.recall >= RECALL_FLOOR


class Required(NamedTuple):
    """What SQL requires of both indexes."""

    ids: frozenset[str]
    fingerprint: str
    """Of the ids."""
    samples: Mapping[str, Vector]
    """Vectors from all parts of the matter, by id: an id is a hash."""


def required(library: Library, scope: Scope, *, samples: int) -> Required:
    """Ask SQL once, for every id and for so many of the vectors."""
    ids = library.indexed_ids(scope)
    ordered = sorted(ids)
    return Required(ids, fingerprint(ordered), library.vectors(scope, spread(ordered, samples)))


def inspect(library: Library, scope: Scope, vectors: VectorStore, keywords: KeywordStore) -> Inspection:
    """Compare everything; reads all vectors of the matter twice."""
    wanted = library.indexed_ids(scope)
    allowed = wanted | library.coming_ids(scope)
    in_vectors, in_words = vectors.ids(), keywords.ids()
    return Inspection(
        chunks=len(wanted),
        missing_vectors=len(wanted - in_vectors),
        missing_words=len(wanted - in_words),
        extra_vectors=len(in_vectors - allowed),
        extra_words=len(in_words - allowed),
        wrong_vectors=_wrong_vectors(library, scope, vectors),
        recall=_recall(library, scope, vectors, spread(wanted, _SAMPLES)),
    )


def spread(ids: Iterable[str], count: int) -> list[str]:
    """At most so many of the ids, from all parts of their order."""
    ordered = sorted(ids)
    return ordered[:: max(1, len(ordered) // count)][:count]


def nearest(
    batches: Iterable[tuple[Sequence[str], Vectors]], queries: Vectors, limit: int
) -> list[list[tuple[str, float]]]:
    """Ids and cosines of the exactly nearest for each query, best first; equal ones in the order of ids."""
    best: list[list[tuple[str, float]]] = [[] for _ in queries]
    for ids, held in batches:
        cosines = held @ queries.T
        for number in range(len(queries)):
            column = cosines[:, number]
            some = np.argpartition(-column, limit)[:limit] if len(column) > limit else range(len(column))
            merged = best[number] + [(ids[row], float(column[row])) for row in some]
            best[number] = sorted(merged, key=lambda pair: (-pair[1], pair[0]))[:limit]
    return best


def _wrong_vectors(library: Library, scope: Scope, vectors: VectorStore) -> int:
    wrong = 0
    for ids, wanted in library.indexed_vectors(scope):
        held = vectors.vectors(ids)
        wrong += sum(one in held and _differ(held[one], row) for one, row in zip(ids, wanted, strict=True))
    return wrong


def _differ(one: Vector, other: Vector) -> bool:
    return one.shape != other.shape or not np.allclose(one, other, atol=_SAME)


def _recall(library: Library, scope: Scope, vectors: VectorStore, samples: Sequence[str]) -> float:
    if not samples:
        return 1.0
    queries = np.stack(list(library.vectors(scope, samples).values()))
    exact = nearest(library.indexed_vectors(scope), queries, RECALL_DEPTH)
    found = owed = 0
    for query, wanted in zip(queries, exact, strict=True):
        # Equally near ones may take each other's place.
        least = wanted[-1][1] - _TIE
        close = [cosine for _, cosine in vectors.search(query, limit=RECALL_DEPTH) if cosine >= least]
        found += min(len(close), len(wanted))
        owed += len(wanted)
    return found / owed
