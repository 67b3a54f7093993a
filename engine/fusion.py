"""Add up what several searches say of the same ids, and put them in order.

It knows nothing of documents, words or meaning. Scores are added as they are: how far the first is ahead of
the second says more than that it is first.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from itertools import count

_LEAST_FOR_SEATS = 10
"""A list this long has last places to give."""


def shares(scores: Mapping[str, float]) -> dict[str, float]:
    """Scores above zero as shares of the best one."""
    best = max(scores.values(), default=0.0)
    return {one: score / best for one, score in scores.items()} if best > 0 else dict.fromkeys(scores, 0.0)


def added(sums: Mapping[str, float], scores: Mapping[str, float], weight: float) -> dict[str, float]:
    """The sums with each id's weighted score added; ids that a stage does not know keep theirs."""
    more = dict(sums)
    for one, score in scores.items():
        more[one] = more.get(one, 0.0) + weight * score
    return more


def repeats(order: Sequence[str], groups: Mapping[str, Hashable]) -> dict[str, float]:
    """Minus how many of an id's group stand before it in an order; none for the first of each group."""
    before: dict[Hashable, int] = {}
    found: dict[str, float] = {}
    for one in order:
        if one in groups:
            group = groups[one]
            standing = before.get(group, 0)
            if standing:
                found[one] = -float(standing)
            before[group] = standing + 1
    return found


def best_first(scores: Mapping[str, float]) -> list[str]:
    """Ids by falling score; equal scores by id, so that an order is always the same."""
    # Sorting keeps the order of what is equal, also from the greatest down.
    return sorted(sorted(scores), key=scores.__getitem__, reverse=True)


def ranks(scores: Mapping[str, float]) -> dict[str, int]:
    """Places from 1, by falling score."""
    return dict(zip(best_first(scores), count(1), strict=False))


def reordered(order: Sequence[str], scores: Mapping[str, float]) -> list[str]:
    """The same ids, those with a score by their scores in the places that they have together."""
    better = iter(sorted((one for one in order if one in scores), key=lambda one: -scores[one]))
    return [next(better) if one in scores else one for one in order]


def seated(
    order: Sequence[str], documents: Mapping[str, str], meant: Collection[str], limit: int
) -> list[str]:
    """The first `limit` ids, the last places given to the best of meant documents that have none there.

    Who asks of one company's quarters, or of an agreement that was amended, means several documents, and the
    one that says most about it would take all places. Short lists stay as they are.
    """
    kept = list(order[:limit])
    if limit < _LEAST_FOR_SEATS:
        return kept
    missing = set(meant) - {documents[one] for one in kept}
    seats: list[str] = []
    for one in order[limit:]:
        if not missing:
            break
        if documents[one] in missing:
            missing.remove(documents[one])
            seats.append(one)
    return [*kept[: limit - len(seats)], *seats]
