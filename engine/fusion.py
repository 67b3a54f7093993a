"""Fuse rankings by rank.

It knows nothing of documents, words or meaning: ids stand in order, and the order is all that counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_FUSION_K = 60
_LEAST_FOR_SEATS = 10
"""A list this long has last places to give."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Ranks from 1; a small `k` makes the first places count for more."""

    ranks: Mapping[str, int]
    weight: float = 1.0
    k: int = _FUSION_K


def ranks(ids: Iterable[str]) -> dict[str, int]:
    """Ranks from 1 of ids that stand in order."""
    return {one: rank for rank, one in enumerate(ids, start=1)}


def competition_ranks(scores: Mapping[str, float]) -> dict[str, int]:
    """Ranks from 1 by falling score; equal scores share the best of their ranks."""
    first_of: dict[float, int] = {}
    for rank, score in enumerate(sorted((round(one, 6) for one in scores.values()), reverse=True), start=1):
        first_of.setdefault(score, rank)
    return {one: first_of[round(score, 6)] for one, score in scores.items()}


def fuse(rankings: Iterable[Ranking]) -> dict[str, float]:
    """Reciprocal rank fusion: near the top of several rankings beats the top of one."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for one, rank in ranking.ranks.items():
            scores[one] = scores.get(one, 0.0) + ranking.weight / (ranking.k + rank)
    return scores


def best_first(scores: Mapping[str, float]) -> list[str]:
    """Ids by falling score; equal scores by id, so that an order is always the same."""
    return sorted(scores, key=lambda one: (-scores[one], one))


def seated(
    order: Sequence[str],
    by_content: Mapping[str, float],
    documents: Mapping[str, str],
    limit: int,
    most: int,
) -> list[str]:
    """The same ids, the last `most` of the first `limit` places given to documents that have none there.

    An agreement and its amendments answer together, and a question names one of them: the best chunks of
    others, by what they say alone, are kept in sight. Short lists stay as they are.
    """
    if limit < _LEAST_FOR_SEATS or len(order) <= limit:
        return list(order)
    seen = {documents[one] for one in order[:limit]}
    seats: list[str] = []
    for one in sorted(order[limit:], key=lambda each: (-by_content.get(each, 0.0), each)):
        if documents[one] not in seen and len(seats) < most:
            seen.add(documents[one])
            seats.append(one)
    kept = order[: limit - len(seats)]
    moved = sorted(seats, key=order.index)
    return [*kept, *moved, *(one for one in order[len(kept) :] if one not in seats)]
