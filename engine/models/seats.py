"""The keys and values of several replies side by side, so that one pass of the model writes a token of each.

Each reply has a row. A layer that sees everything keeps a place for each token; one with a sliding window is
a ring. Which token a place holds follows from the position of the token that looks at it, so nothing is
erased: what an earlier reply left there, and what was written and not accepted, is never looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# Tokens that may be written past the accepted ones; a ring has as many places more than its window.
AHEAD = 8
_LEAST_WIDTH = 256
_FULL, _SLIDING = "full_attention", "sliding_attention"
_PLAIN_ROPE = frozenset({"default", "linear", "llama3", "yarn"})


def can_sit_together(config: Mapping[str, Any]) -> bool:
    """Whether a model of this configuration can write several replies in one pass, by what is known of it.

    False for attention that is not the library's common one (such as ALiBi's), for layers of other kinds, and
    for positions that change with the longest reply of a batch.
    """
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as NAMES

    if not set(config.get("layer_types") or ()) <= {_FULL, _SLIDING}:
        return False
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if rope.get("rope_type", rope.get("type", "default")) not in _PLAIN_ROPE:
        return False
    kind = getattr(transformers, NAMES.get(str(config.get("model_type")), ""), None)
    return bool(getattr(kind, "_supports_attention_backend", False))


@dataclass(frozen=True, slots=True)
class Layer:
    """What one layer keeps of a token, and for how many tokens."""

    window: int | None
    heads: int
    size: int
    dtype: torch.dtype
    device: torch.device


def layers_of(read: Any) -> tuple[Layer, ...]:
    """The layers of a cache that a prompt was read into."""
    return tuple(
        Layer(
            one.sliding_window if one.is_sliding else None,
            one.keys.shape[1],
            one.keys.shape[3],
            one.keys.dtype,
            one.keys.device,
        )
        for one in read.layers
    )


class Seats:
    """A cache of a fixed number of rows. The model calls `update`; `positions`, set before, says where."""

    def __init__(self, layers: tuple[Layer, ...], *, rows: int, width: int) -> None:
        """Room for `rows` replies of at most `width` tokens. Raises torch's error when memory runs out."""
        self.layers, self.rows, self.width = layers, rows, width
        self._keys = [self._room(one) for one in layers]
        self._values = [self._room(one) for one in layers]
        device = layers[0].device
        self.positions = torch.zeros((rows, 1), dtype=torch.long, device=device)
        """Of the new ids of each row, counted from 0: to be set before each pass."""
        self._row = torch.arange(rows, device=device)[:, None]

    @staticmethod
    def width_for(tokens: int) -> int:
        """Places for so many tokens: a power of two, so that few shapes are in use."""
        return max(_LEAST_WIDTH, 1 << (tokens + AHEAD - 1).bit_length())

    def place(self, row: int, read: Any) -> None:
        """Give a row what a prompt left in a cache of its own."""
        for keys, values, layer in zip(self._keys, self._values, read.layers, strict=True):
            kept, seen = layer.keys.shape[2], layer.get_seq_length()
            places = torch.arange(seen - kept, seen, device=keys.device) % keys.shape[2]
            keys[row, :, places] = layer.keys[0]
            values[row, :, places] = layer.values[0]

    def resized(self, kept: list[int], *, rows: int, width: int) -> Seats:
        """The rows `kept`, in that order, as the first ones of another table that is no narrower."""
        new = Seats(self.layers, rows=rows, width=width)
        for olds, news in ((self._keys, new._keys), (self._values, new._values)):
            for old, fresh in zip(olds, news, strict=True):
                # A ring that is narrower than the window never went round, so its places stay the same.
                fresh[: len(kept), :, : old.shape[2]] = old[kept]
        return new

    def masks(self, dtype: Any) -> Any:
        """What each new token may look at, as the model's forward takes it; after `positions` is set."""
        made: dict[str, Tensor] = {}
        for layer, keys in zip(self.layers, self._keys, strict=True):
            name = _FULL if layer.window is None else _SLIDING
            if name not in made:
                made[name] = self._mask(keys.shape[2], layer.window, dtype)
        return made if len(made) > 1 else next(iter(made.values()))

    def update(
        self, keys: Tensor, values: Tensor, layer_idx: int, *_more: Any, **_named: Any
    ) -> tuple[Tensor, Tensor]:
        """Put the new tokens of every row in, and give all of the layer."""
        kept, held = self._keys[layer_idx], self._values[layer_idx]
        places = self.positions.to(kept.device) % kept.shape[2]
        row = self._row.to(kept.device)
        kept[row, :, places] = keys.transpose(1, 2)
        held[row, :, places] = values.transpose(1, 2)
        return kept, held

    def _mask(self, places: int, window: int | None, dtype: Any) -> Tensor:
        looking = self.positions[:, None, :, None]
        place = torch.arange(places, device=looking.device)
        back = (looking - place) % places
        seen = back <= looking
        if window is not None:
            seen = seen & (back < window)
        hidden = torch.finfo(dtype).min
        return torch.zeros(seen.shape, dtype=dtype, device=looking.device).masked_fill_(~seen, hidden)

    def _room(self, layer: Layer) -> Tensor:
        places = self.width if layer.window is None else min(self.width, layer.window + AHEAD)
        # Zeros and not what was there: a hidden place is multiplied by nothing, and NaN times nothing is NaN.
        return torch.zeros(
            (self.rows, layer.heads, places, layer.size), dtype=layer.dtype, device=layer.device
        )
