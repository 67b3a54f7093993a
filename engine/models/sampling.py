"""Draw by temperature with a seed of one's own."""

from __future__ import annotations

from typing import Any


class Sampler:
    """Gumbel noise on the scores, of which the greatest is taken.

    The library would draw from the one random state of the whole process, which every thread shares.
    """

    def __init__(self, temperature: float, seed: int) -> None:
        self._temperature, self._seed = temperature, seed
        self._random: Any = None

    def __call__(self, _input_ids: Any, scores: Any) -> Any:
        import torch

        if self._random is None:
            self._random = torch.Generator(device=scores.device).manual_seed(self._seed)
        noise = torch.rand(scores.shape, generator=self._random, device=scores.device).clamp_min(1e-20)
        return scores.float() / self._temperature - torch.log(-torch.log(noise))
