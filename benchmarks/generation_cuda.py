"""gpt-oss-20b at full shape on a CUDA device: our generator, plain `generate`, and what the device can do.

The weights are random and written in MXFP4; the words mean nothing and cost what real ones cost. Both systems
load the same folder, one after the other, since two of them may not fit. What runs out of memory is a result.
Not yet run on a device.
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from benchmarks.generation_limits import decode_limit, prefill_limit_s
from benchmarks.gpt_oss_random import Shape, write
from benchmarks.gpt_oss_random import described as shape_described
from engine.models import mxfp4_kernels
from engine.models.base import Generator, gather
from engine.models.decoding import is_out_of_memory
from engine.models.host import ModelHost
from engine.models.loading import LoadOptions
from engine.models.requests import Limits
from storage.errors import Broken

OURS, PLAIN = "Muniment", "plain generate"
_GIB = 1 << 30
_FOREVER = Limits(wait_s=float("inf"), answer_s=float("inf"))


@dataclass(frozen=True)
class Plan:
    users: tuple[int, ...] = (1, 4, 16, 64)
    user_prompt_tokens: int = 512
    tokens: int = 128
    prompts: tuple[int, ...] = (1_000, 8_000, 32_000)
    turns: int = 3
    shape: Shape = field(default_factory=Shape)
    folder: str | None = None
    """Weights written earlier; None writes them into a temporary folder."""


Answer = Callable[[list[list[int]], int], None]
"""Answers all prompts, of one length, with exactly so many tokens each, all at once."""


def device_name() -> str | None:
    """Of the first CUDA device; None where there is none."""
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def described(plan: Plan) -> str:
    """What would be run, in words."""
    shape = shape_described(plan.shape)
    return (
        f"On CUDA: gpt-oss-20b, {shape['weights']:,} random weights, {shape['gib']} GiB, experts in MXFP4. "
        f"Decode: {', '.join(map(str, plan.users))} readers with {plan.user_prompt_tokens} tokens of prompt "
        f"and {plan.tokens} of answer. First token: prompts of {', '.join(map(str, plan.prompts))}. "
        f"{OURS} and {PLAIN}, {plan.turns} turns each after one to warm up; limits by a copy and a product."
    )


def measured(plan: Plan) -> dict[str, Any]:
    """All of it. Raises `Broken` or `Refused` when the weights cannot be loaded packed."""
    limits = {"bytes_per_second": copy_speed(), "flops_per_second": matmul_speed()}
    rows: dict[str, list[dict[str, Any]]] = {"decode": [], "prefill": []}
    with _weights(plan) as folder:
        for name, opened in ((PLAIN, plain), (OURS, ours)):
            with opened(folder, plan) as (answer, quantization):
                _time(answer, prompts(1, plan.user_prompt_tokens), 2, turns=1)
                rows["decode"] += [_decode(name, answer, plan, users, limits) for users in plan.users]
                rows["prefill"] += [_prefill(name, answer, plan, tokens, limits) for tokens in plan.prompts]
    experts = str(mxfp4_kernels.found())
    return {"limits": limits, "quantization": quantization, "experts": experts, **with_ratios(rows)}


def prompts(users: int, tokens: int) -> list[list[int]]:
    """Different for each user from the first id on, so that nothing can be shared."""
    ordinary = 100_000
    return [[(user * 7_919 + at * 31) % ordinary for at in range(tokens)] for user in range(1, users + 1)]


def _decode(name: str, answer: Answer, plan: Plan, users: int, limits: dict[str, float]) -> dict[str, Any]:
    """Writing alone: what the answers took beyond their first tokens."""
    asked = prompts(users, plan.user_prompt_tokens)
    first, first_peak = _time(answer, asked, 1, turns=plan.turns)
    whole, peak = _time(answer, asked, plan.tokens, turns=plan.turns)
    row: dict[str, Any] = {"system": name, "users": users, "tokens_per_second": None}
    if first is None or whole is None:
        return row | {"problem": "out of memory"}
    speed = users * (plan.tokens - 1) / max(whole - first, 1e-9)
    most = decode_limit(
        plan.shape,
        users,
        plan.user_prompt_tokens + plan.tokens // 2,
        bytes_per_second=limits["bytes_per_second"],
    )
    return row | {
        "tokens_per_second": round(speed, 1),
        "with_reading": round(users * plan.tokens / whole, 1),
        "limit": round(most, 1),
        "of_limit": round(speed / most, 4),
        "peak_gib": round(max(peak, first_peak) / _GIB, 2),
    }


def _prefill(name: str, answer: Answer, plan: Plan, tokens: int, limits: dict[str, float]) -> dict[str, Any]:
    """Seconds until one token was written, and the memory of it."""
    seconds, peak = _time(answer, prompts(1, tokens), 1, turns=plan.turns)
    row: dict[str, Any] = {"system": name, "prompt_tokens": tokens, "first_token_s": None}
    if seconds is None:
        return row | {"problem": "out of memory"}
    least = prefill_limit_s(plan.shape, tokens, flops_per_second=limits["flops_per_second"])
    return row | {
        "first_token_s": round(seconds, 4),
        "limit_s": round(least, 4),
        "of_limit": round(least / seconds, 4),
        "peak_gib": round(peak / _GIB, 2),
    }


def with_ratios(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Each row with its ratio to plain `generate`: above 1 is better; None where either ran out of memory."""

    def base(row: dict[str, Any], key: str, figure: str) -> float | None:
        same = (one for one in rows[kind] if one["system"] == PLAIN and one[key] == row[key])
        found = next(same, {}).get(figure)
        return float(found) if found else None

    result: dict[str, list[dict[str, Any]]] = {}
    for kind, key, figure in (
        ("decode", "users", "tokens_per_second"),
        ("prefill", "prompt_tokens", "first_token_s"),
    ):
        result[kind] = []
        for row in rows[kind]:
            theirs, value = base(row, key, figure), row[figure]
            ratio = None
            if theirs and value:
                ratio = round(value / theirs if kind == "decode" else theirs / value, 3)
            result[kind].append(row | {"to_generate": ratio})
    return result


def _time(answer: Answer, asked: list[list[int]], tokens: int, *, turns: int) -> tuple[float | None, int]:
    """Median seconds and the peak of bytes; None for seconds when memory ran out."""
    import torch

    seconds = []
    torch.cuda.reset_peak_memory_stats()
    try:
        for _ in range(turns):
            torch.cuda.synchronize()
            start = time.perf_counter()
            answer(asked, tokens)
            torch.cuda.synchronize()
            seconds.append(time.perf_counter() - start)
    except Exception as error:
        causes = (error, error.__cause__)
        if not any(one is not None and is_out_of_memory(one) for one in causes):
            raise
        seconds = []
    peak = torch.cuda.max_memory_reserved()
    gc.collect()
    torch.cuda.empty_cache()
    return (sorted(seconds)[len(seconds) // 2] if seconds else None), peak


@contextmanager
def ours(folder: Path, plan: Plan) -> Iterator[tuple[Answer, str]]:
    """Our generator, shared by the model host, as the product runs it."""
    from engine.models.transformers_runtime import TransformersGenerator

    longest = max(*plan.prompts, plan.user_prompt_tokens) + plan.tokens
    model: Generator = TransformersGenerator(
        folder,
        options=LoadOptions(device="cuda", slots=max(plan.users)),
        context_tokens=longest,
    )
    host = ModelHost(model, length=max(plan.users), limits=_FOREVER)
    try:
        yield (lambda asked, tokens: _through(host, asked, tokens)), model.identity.quantization
    finally:
        host.close()
        _emptied()


def _through(model: Generator, asked: list[list[int]], tokens: int) -> None:
    """Raises what a reader met first, and `Broken` for an answer that ended early."""
    problems: list[Exception] = []

    def one(ids: list[int]) -> None:
        try:
            usage = gather(model.generate(ids, max_tokens=tokens)).usage
            written = usage.analysis_tokens + usage.output_tokens
            if written != tokens:
                problems.append(
                    Broken(f"{written} of {tokens} tokens were written; the figure would be wrong")
                )
        except Exception as error:  # noqa: BLE001 - raised below, in the caller's thread
            problems.append(error)

    threads = [Thread(target=one, args=(ids,)) for ids in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


@contextmanager
def plain(folder: Path, _plan: Plan) -> Iterator[tuple[Answer, str]]:
    """transformers' `generate` with its defaults, all readers in one batch."""
    from engine.models import loading
    from engine.models.weights import read_checkpoint

    loaded = loading.load(read_checkpoint(folder), LoadOptions(device="cuda"))
    held = [loaded.model]
    quantization = loaded.quantization
    del loaded
    try:
        yield (lambda asked, tokens: _generated(held[0], asked, tokens)), quantization
    finally:
        # The function above lives on with whoever was given it.
        held.clear()
        _emptied()


def _generated(model: Any, asked: list[list[int]], tokens: int) -> None:
    import torch

    ids = torch.tensor(asked, device=model.device)
    with torch.inference_mode():
        model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            do_sample=False,
        )


@contextmanager
def _weights(plan: Plan) -> Iterator[Path]:
    if plan.folder is not None:
        yield Path(plan.folder)
        return
    with tempfile.TemporaryDirectory(prefix="gpt-oss-") as folder:
        yield write(Path(folder) / "gpt-oss-20b-random", plan.shape)


def copy_speed(*, mib: int = 1_024, turns: int = 20) -> float:
    """Bytes per second of the device's memory, read and written, by copying."""
    import torch

    one = torch.empty(mib << 20, dtype=torch.uint8, device="cuda")
    other = torch.empty_like(one)
    seconds = _device_seconds(lambda: other.copy_(one), turns)
    return 2 * one.numel() * turns / seconds


def matmul_speed(*, size: int = 8_192, turns: int = 20) -> float:
    """Operations per second of a product of two square matrices in 16 bits."""
    import torch

    one = torch.randn(size, size, dtype=torch.bfloat16, device="cuda")
    other = torch.randn_like(one)
    seconds = _device_seconds(lambda: one @ other, turns)
    return 2 * size**3 * turns / seconds


def _device_seconds(work: Callable[[], Any], turns: int) -> float:
    import torch

    for _ in range(3):
        work()
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(turns):
        work()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end)) / 1_000


def _emptied() -> None:
    import torch

    gc.collect()
    torch.cuda.empty_cache()
