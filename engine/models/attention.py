"""Attention for passes that write: heads that share keys read them once, sinks counted, any mask.

The library's plain attention copies the keys for each head that shares them, eight times with gpt-oss. That
is most of what a written token reads from memory in a long context.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from engine.models.ways import GROUPED


def grouped_attention(
    module: Any,  # noqa: ARG001 - the library's signature
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    *,
    scaling: float,
    s_aux: Tensor | None = None,
    **_named: Any,
) -> tuple[Tensor, None]:
    """Rows, tokens, heads, size of a head. `attention_mask` is added to the scores; `s_aux` are the sinks."""
    rows, heads, tokens, size = query.shape
    shared = key.shape[1]
    each = heads // shared
    asked = query.reshape(rows, shared, each * tokens, size)
    scores = (asked @ key.transpose(2, 3)).view(rows, shared, each, tokens, -1).float() * scaling
    scores = scores + attention_mask[:, :, None].float()
    if s_aux is not None:
        sinks = s_aux.float().view(1, shared, each, 1, 1).expand(rows, -1, -1, tokens, -1)
        scores = torch.cat([scores, sinks], dim=-1)
    weights = scores.softmax(dim=-1)
    if s_aux is not None:
        weights = weights[..., :-1]
    weights = weights.to(value.dtype).reshape(rows, shared, each * tokens, -1)
    return (weights @ value).view(rows, heads, tokens, size).transpose(1, 2), None


def make_known() -> None:
    """Let the library find it by its name. Twice is allowed."""
    from transformers import AttentionInterface

    AttentionInterface.register(GROUPED, grouped_attention)


@contextmanager
def attending(model: Any, name: str) -> Iterator[None]:
    """Passes of the model use that attention for a while. The caller runs one pass at a time."""
    config = model.config
    before = config._attn_implementation
    config._attn_implementation = name
    try:
        yield
    finally:
        config._attn_implementation = before
