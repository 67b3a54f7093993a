"""What a device can do at most with one mixture-of-experts model: bytes for writing, arithmetic for reading.

Pure: what the device's memory and matrix units give is measured elsewhere and handed in.
"""

from __future__ import annotations

from benchmarks.gpt_oss_random import MXFP4_BYTES, Shape


def experts_touched(shape: Shape, users: int) -> float:
    """Experts of a layer that a token for each of so many users needs, if all are as likely."""
    missed = (1 - shape.experts_per_token / shape.experts) ** users
    return shape.experts * (1 - missed)


def cache_bytes(shape: Shape, context_tokens: int) -> int:
    """Keys and values of one user, in 16 bits; every second layer keeps its window only."""
    each = 2 * 2 * shape.key_value_heads * shape.head
    full = shape.layers // 2
    return each * (full * context_tokens + (shape.layers - full) * min(context_tokens, shape.window))


def decode_bytes(shape: Shape, users: int, context_tokens: int) -> float:
    """Bytes that must be read to write one token for each user: weights once, keys and values for each."""
    experts = experts_touched(shape, users) * shape.expert_weights * MXFP4_BYTES
    layers = shape.layers * (shape.attention_weights * 2 + experts)
    return layers + shape.vocabulary * shape.hidden * 2 + users * cache_bytes(shape, context_tokens)


def decode_limit(shape: Shape, users: int, context_tokens: int, *, bytes_per_second: float) -> float:
    """Tokens per second of all users together that the memory's speed allows."""
    return users * bytes_per_second / decode_bytes(shape, users, context_tokens)


def prefill_flops(shape: Shape, tokens: int) -> float:
    """Of reading a prompt: two for each active weight and token, attention, and scores of the last token."""
    active = shape.layers * (shape.attention_weights + shape.experts_per_token * shape.expert_weights)
    width = shape.heads * shape.head
    full = shape.layers // 2
    window = min(tokens, shape.window)
    pairs = full * tokens * tokens / 2 + (shape.layers - full) * tokens * window
    return 2.0 * active * tokens + 4.0 * width * pairs + 2.0 * shape.vocabulary * shape.hidden


def prefill_limit_s(shape: Shape, tokens: int, *, flops_per_second: float) -> float:
    """Seconds to the first token if the matrix units were never idle."""
    return prefill_flops(shape, tokens) / flops_per_second
