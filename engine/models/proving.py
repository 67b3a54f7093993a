"""Hold a fast attention against the plain one, layer by layer, before anybody is answered with it.

A kernel that was built for another device or another version may give numbers and no error. Both get the same
queries, keys and values in one pass of the loaded model, so that the small differences of one layer do not
grow in the next, and what is left between them is the rounding of 16 bits.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from engine.models.attention import attending, grouped_attention
from engine.models.decoding import is_out_of_memory

_BESIDE = "muniment_beside"
_IDS = 320
"""More than two windows of gpt-oss, so that a window that is not kept shows."""
# Rounding to 16 bits is 0.004 of a number. What is wrong (no sinks, no window, another scale) is far more.
_MOST = 0.05


def difference(wanted: Tensor, got: Tensor) -> float:
    """How far one is from the other, as a share of its size; infinite where it is no number."""
    if not bool(got.isfinite().all()):
        return math.inf
    return float((got.float() - wanted.float()).norm() / wanted.float().norm().clamp_min(1e-12))


def is_other(wanted: Tensor, got: Tensor) -> bool:
    """Whether the two are more than rounding apart."""
    return difference(wanted, got) > _MOST


def wrong(model: Any) -> str:
    """Why the attention that the model was loaded with is not to be used for prompts; empty when it is right.

    Raises torch's error when memory runs out.
    """
    from transformers import AttentionInterface, AttentionMaskInterface, DynamicCache
    from transformers.masking_utils import eager_mask
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    tried = ALL_ATTENTION_FUNCTIONS[model.config._attn_implementation]
    apart: list[float] = []

    def beside(
        module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, **named: Any
    ) -> tuple[Tensor, None]:
        plain, _ = grouped_attention(module, query, key, value, mask, **named)
        # Nothing is filled up here, and fused kernels make the causal mask and the window themselves.
        apart.append(difference(plain, tried(module, query, key, value, None, **named)[0]))
        return plain, None

    AttentionInterface.register(_BESIDE, beside)
    AttentionMaskInterface.register(_BESIDE, eager_mask)
    ids = torch.arange(_IDS, device=model.device) * 7_919 % model.config.vocab_size
    cache = DynamicCache(config=model.config)
    try:
        with torch.inference_mode(), attending(model, _BESIDE):
            # As prompts are read: a later piece looks back at what the cache kept of the first.
            for piece in ids[None].split(_IDS * 2 // 3, 1):
                model(input_ids=piece, past_key_values=cache, use_cache=True, logits_to_keep=1)
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        return f"failed in a trial ({type(error).__name__})"
    if not apart or max(apart) > _MOST:
        return "gave other numbers than plain attention in a trial"
    return ""
