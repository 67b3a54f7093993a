"""Say whether what a search found is near enough to the question for an answer to be tried.

Nearness by meaning and coverage by words, added up; the floor was measured with MiniLM
(docs/decisions/0005-retrieval-floor.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

FLOOR = 0.60
"""Below this closeness a search has not found what was asked for."""
_COVERAGE_WEIGHT = 0.5


def coverage(holders: Mapping[str, frozenset[str]], frequencies: Mapping[str, int], total: int) -> float:
    """The largest share of the terms' rarity that one passage holds, from 0 to 1.

    A term that stands nowhere in the matter is the rarest of all, so its absence weighs the most.
    """
    rarity = rarities({term: frequencies[term] for term in holders}, total)
    weight = sum(rarity.values())
    if not weight:
        return 0.0
    held: dict[str, float] = {}
    for term, chunk_ids in holders.items():
        for chunk_id in chunk_ids:
            held[chunk_id] = held.get(chunk_id, 0.0) + rarity[term]
    return max(held.values(), default=0.0) / weight


def rarities(frequencies: Mapping[str, int], total: int) -> dict[str, float]:
    """What each term weighs, by how few of all chunks hold it."""
    return {term: math.log(1 + total / (1 + held)) for term, held in frequencies.items()}


def closeness(nearness: float, coverage: float) -> float:
    """How close the best passages are to the question, by meaning and by words: 0 to about 1.5."""
    return nearness + _COVERAGE_WEIGHT * coverage
