"""A fast attention is held against the plain one before it may read a prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AttentionInterface, AutoModelForCausalLM

from engine.models import loading, proving
from engine.models.attention import grouped_attention
from engine.models.base import Conversation, gather
from engine.models.loading import LoadOptions
from engine.models.transformers_runtime import TransformersGenerator
from engine.models.ways import AS_READ, Way

FUSED = "a_test_s_own"


def fused(module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Any, **named: Any) -> Any:
    """Right, and made as fused kernels are: no mask is given, positions count from the end of the keys."""
    window = named.get("sliding_window")
    last = torch.arange(key.shape[2] - query.shape[2], key.shape[2])[:, None]
    place = torch.arange(key.shape[2])
    hidden = place > last
    if window is not None:
        hidden = hidden | (place <= last - window)
    made = torch.zeros(hidden.shape).masked_fill(hidden, torch.finfo(torch.bfloat16).min)
    return grouped_attention(module, query, key, value, made[None, None], **named)


def changed(**others: Any) -> Callable[..., Any]:
    return lambda *given, **named: fused(*given, **named | others)


def without_numbers(*given: Any, **named: Any) -> Any:
    return fused(*given, **named)[0] * float("nan"), None


def raising(failure: Exception) -> Callable[..., Any]:
    def fail(*_given: Any, **_named: Any) -> Any:
        raise failure

    return fail


@pytest.fixture(scope="module")
def model(tiny_gpt_oss: tuple[Path, Path]) -> Any:
    loaded = AutoModelForCausalLM.from_pretrained(
        tiny_gpt_oss[0], dtype=torch.bfloat16, attn_implementation="eager"
    ).eval()
    for layer in loaded.model.layers:
        # As in the published weights, where a sink takes a good part of what a head has to give.
        torch.nn.init.constant_(layer.self_attn.sinks, 2.0)
    return loaded


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    AttentionInterface.register(FUSED, fused)
    yield
    AttentionInterface.register(FUSED, raising(AssertionError("this belongs to another test")))


def tried(model: Any, attention: Callable[..., Any]) -> str:
    AttentionInterface.register(FUSED, attention)
    model.config._attn_implementation = FUSED
    try:
        return proving.wrong(model)
    finally:
        model.config._attn_implementation = "eager"


def test_attention_that_gives_the_same_numbers_is_right(model: Any) -> None:
    assert tried(model, fused) == ""


@pytest.mark.parametrize(
    "attention",
    [changed(s_aux=None), changed(sliding_window=None), changed(scaling=1.0), without_numbers],
    ids=["no sinks", "no window", "another scale", "no numbers"],
)
def test_attention_that_gives_other_numbers_is_wrong(model: Any, attention: Callable[..., Any]) -> None:
    assert "other numbers" in tried(model, attention)


def test_attention_that_fails_is_wrong_and_memory_that_runs_out_is_told_as_such(model: Any) -> None:
    assert "failed in a trial (RuntimeError)" in tried(
        model, raising(RuntimeError("no image for the device"))
    )
    with pytest.raises(torch.OutOfMemoryError):
        tried(model, raising(torch.OutOfMemoryError("CUDA out of memory")))


@pytest.mark.parametrize(
    ("attention", "used", "why"),
    [
        (fused, FUSED, None),
        (changed(s_aux=None, scaling=1.0), "eager", "gave other numbers than plain attention in a trial"),
        (raising(RuntimeError("no image for the device")), "eager", "failed in a trial (RuntimeError)"),
        (None, "eager", "could not be loaded (ValueError)"),
    ],
)
def test_a_model_answers_by_plain_attention_where_the_fast_one_is_wrong_and_says_why(
    tiny_gpt_oss: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    attention: Callable[..., Any] | None,
    used: str,
    why: str | None,
) -> None:
    name = FUSED if attention else "nobody_knows_it"
    if attention:
        AttentionInterface.register(FUSED, attention)
    asking = Conversation("Answer.", "What is the notice period?")
    plain = TransformersGenerator(tiny_gpt_oss[0], options=LoadOptions(device="cpu"))
    wanted = gather(plain.generate(plain.render(asking), max_tokens=8)).text
    plain.close()
    monkeypatch.setattr(loading, "way_for", lambda *_given, **_named: Way((name, "eager"), AS_READ))
    generator = TransformersGenerator(tiny_gpt_oss[0], options=LoadOptions(device="cpu"))
    told = generator.conditions
    assert told["attention_for_prompts"] == used
    assert told.get("because") == (f"{name} {why}" if why else None)
    if why:
        assert gather(generator.generate(generator.render(asking), max_tokens=8)).text == wanted
    generator.close()
