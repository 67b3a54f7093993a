"""Intervals that say how far a mean could lie from what other questions of the same kind would give.

Questions about one document rise and fall together, so documents are drawn, not questions, where a set has
enough of them. The same seed gives the same interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_RESAMPLES = 2_000
_COVERED = (2.5, 97.5)
_SEED = 20_240_101
_LEAST_GROUPS = 10
"""Fewer groups than this give no interval worth the name; questions are drawn then."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One value per question of a subset, each with the group that it rises and falls with."""

    values: Sequence[float]
    groups: Sequence[str]

    @property
    def by_group(self) -> bool:
        """Whether groups of questions are drawn, not single ones."""
        return _LEAST_GROUPS <= len(set(self.groups)) < len(self.groups)

    @property
    def drawn(self) -> str:
        """What is drawn, in a word."""
        return "documents" if self.by_group else "questions"


def estimate(samples: Mapping[str, Sample]) -> Estimate:
    """The mean of the subsets' means, each subset drawn anew on its own; one subset is a plain mean."""
    generator = np.random.default_rng(_SEED)
    drawn = np.mean([_drawn(samples[name], generator) for name in sorted(samples)], axis=0)
    low, high = np.percentile(drawn, _COVERED)
    mean = float(np.mean([np.mean(one.values) for one in samples.values()]))
    return Estimate(mean, float(low), float(high))


def _drawn(sample: Sample, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """The means of `_RESAMPLES` samples drawn with replacement."""
    labels = sample.groups if sample.by_group else [str(at) for at in range(len(sample.values))]
    _, at = np.unique(np.asarray(labels), return_inverse=True)
    sums = np.bincount(at, weights=np.asarray(sample.values, dtype=np.float64))
    counts = np.bincount(at)
    chosen = generator.integers(len(counts), size=(_RESAMPLES, len(counts)))
    means: npt.NDArray[np.float64] = sums[chosen].sum(axis=1) / counts[chosen].sum(axis=1)
    return means
