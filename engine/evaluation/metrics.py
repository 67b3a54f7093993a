"""The measures that the public sets are scored by, each as its authors define it.

All are from 0 to 1, higher is better. Nothing here knows where passages come from.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stretch:
    """Characters `start` up to, not including, `end` of a document's text."""

    document: str
    start: int
    end: int


def characters(found: Sequence[Stretch], gold: Sequence[Stretch]) -> tuple[float, float]:
    """Precision and recall by character (LegalBench-RAG), each character of a document counted once.

    The authors add lengths up, which is the same where stretches do not overlap; counting once keeps recall
    from passing 1 where they do.
    """
    found_at, gold_at = _merged(found), _merged(gold)
    retrieved, relevant = _length(found_at), _length(gold_at)
    common = sum(_common(found_at[one], gold_at[one]) for one in found_at.keys() & gold_at.keys())
    return common / retrieved if retrieved else 0.0, common / relevant if relevant else 0.0


def ndcg(ranked: Sequence[str], grades: Mapping[str, int], k: int) -> float:
    """Normalised discounted cumulative gain at `k` as trec_eval has it: the gain is the grade itself.

    Documents without a grade gain nothing; 0 when no document has a grade above 0.
    """
    best = _discounted(sorted(grades.values(), reverse=True)[:k])
    return _discounted([grades.get(one, 0) for one in ranked[:k]]) / best if best else 0.0


def share_of_grade(ranked: Sequence[str], grades: Mapping[str, int], *, least: int, k: int) -> float:
    """Share of the first `k` places whose documents have at least this grade."""
    return sum(grades.get(one, 0) >= least for one in ranked[:k]) / k


def all_within(ranked: Sequence[str], wanted: Collection[str], k: int) -> float:
    """1 when all that is wanted is among the first `k`, else 0."""
    return float(set(wanted) <= set(ranked[:k]))


def any_within(ranked: Sequence[str], wanted: Collection[str], k: int) -> float:
    """1 when something wanted is among the first `k`, else 0."""
    return float(not set(wanted).isdisjoint(ranked[:k]))


def _discounted(gains: Iterable[int]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, start=1))


def _merged(stretches: Iterable[Stretch]) -> dict[str, list[tuple[int, int]]]:
    """Each document's stretches in order, those that touch or overlap made one."""
    merged: dict[str, list[tuple[int, int]]] = {}
    for one in sorted(stretches, key=lambda each: (each.document, each.start)):
        of_document = merged.setdefault(one.document, [])
        if of_document and one.start <= of_document[-1][1]:
            of_document[-1] = (of_document[-1][0], max(of_document[-1][1], one.end))
        else:
            of_document.append((one.start, one.end))
    return merged


def _length(merged: Mapping[str, Sequence[tuple[int, int]]]) -> int:
    return sum(end - start for stretches in merged.values() for start, end in stretches)


def _common(first: Sequence[tuple[int, int]], second: Sequence[tuple[int, int]]) -> int:
    return sum(max(0, min(a[1], b[1]) - max(a[0], b[0])) for a in first for b in second)
