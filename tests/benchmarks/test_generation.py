"""The parts of the benchmark of generation that need no device: limits, tables, weights, turns."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.generation_cpu import ALONE, in_turns, ratios
from benchmarks.generation_cuda import OURS, PLAIN, Plan, described, prompts, with_ratios
from benchmarks.generation_limits import (
    cache_bytes,
    decode_bytes,
    decode_limit,
    experts_touched,
    prefill_flops,
    prefill_limit_s,
)
from benchmarks.generation_systems import conversation, prompt_of
from benchmarks.generation_tables import cpu_tables, cuda_tables, written
from benchmarks.gpt_oss_random import Shape, write
from engine.models.base import FinishReason, gather
from engine.models.loading import LoadOptions
from engine.models.transformers_runtime import TransformersGenerator

GPT_OSS_20B = Shape()
TINY = Shape(
    layers=2,
    hidden=64,
    intermediate=64,
    heads=4,
    key_value_heads=2,
    head=16,
    experts=4,
    experts_per_token=2,
    window=16,
)


def test_the_shape_has_the_published_number_of_weights_and_bytes() -> None:
    assert GPT_OSS_20B.weights == pytest.approx(20.91e9, rel=0.001)
    assert GPT_OSS_20B.bytes_stored / (1 << 30) == pytest.approx(12.8, abs=0.1)


@given(st.integers(1, 500))
def test_more_users_need_more_experts_but_never_more_than_there_are(users: int) -> None:
    few, more = experts_touched(GPT_OSS_20B, users), experts_touched(GPT_OSS_20B, users + 1)
    assert GPT_OSS_20B.experts_per_token <= few <= more <= GPT_OSS_20B.experts


def test_one_user_needs_exactly_the_experts_of_one_token() -> None:
    assert experts_touched(GPT_OSS_20B, 1) == GPT_OSS_20B.experts_per_token


def test_keys_and_values_grow_with_the_context_in_every_second_layer_only() -> None:
    assert cache_bytes(GPT_OSS_20B, 8_192) / (1 << 30) == pytest.approx(0.19, abs=0.01)
    grown = cache_bytes(GPT_OSS_20B, 8_193) - cache_bytes(GPT_OSS_20B, 8_192)
    assert grown == 12 * 2 * 2 * 8 * 64


@given(st.integers(1, 64), st.integers(1, 32_000))
def test_the_limit_of_writing_falls_with_the_context_and_rises_with_the_users(
    users: int, tokens: int
) -> None:
    def limit(readers: int, context: int) -> float:
        return decode_limit(GPT_OSS_20B, readers, context, bytes_per_second=3e12)

    assert limit(users, tokens + 1) < limit(users, tokens)
    assert limit(users + 1, tokens) > limit(users, tokens)


def test_one_user_reads_a_little_more_than_the_active_weights_for_each_token() -> None:
    assert 2.5e9 < decode_bytes(GPT_OSS_20B, 1, 128) < 4.5e9


@given(st.integers(1, 100_000))
def test_reading_costs_at_least_two_operations_for_each_active_weight(tokens: int) -> None:
    assert prefill_flops(GPT_OSS_20B, tokens) > 2 * 2.9e9 * tokens
    assert prefill_limit_s(GPT_OSS_20B, tokens, flops_per_second=1e15) > 0


def test_random_weights_are_packed_as_published_and_answer_to_their_limit(tmp_path: Path) -> None:
    folder = write(tmp_path / "random", TINY)
    config = json.loads((folder / "config.json").read_text())
    assert config["quantization_config"]["quant_method"] == "mxfp4"
    model = TransformersGenerator(folder, options=LoadOptions(device="cpu", allow_unpacked=True))
    reply = gather(model.generate(prompts(1, 40)[0], max_tokens=8))
    model.close()
    assert reply.finish_reason in {FinishReason.LENGTH, FinishReason.INCOMPLETE}
    assert reply.usage.analysis_tokens + reply.usage.output_tokens == 8


def test_users_ask_what_nobody_else_asks() -> None:
    assert len({tuple(one) for one in prompts(64, 16)}) == 64
    assert len({one[0] for one in prompts(64, 16)}) == 64


def test_a_row_is_compared_with_generate_of_the_same_size_and_higher_is_better() -> None:
    rows = with_ratios(
        {
            "decode": [
                {"system": PLAIN, "users": 1, "tokens_per_second": 50.0},
                {"system": PLAIN, "users": 4, "tokens_per_second": None, "problem": "out of memory"},
                {"system": OURS, "users": 1, "tokens_per_second": 150.0},
                {"system": OURS, "users": 4, "tokens_per_second": 400.0},
            ],
            "prefill": [
                {"system": PLAIN, "prompt_tokens": 1_000, "first_token_s": 0.4},
                {"system": OURS, "prompt_tokens": 1_000, "first_token_s": 0.1},
            ],
        }
    )
    assert [one["to_generate"] for one in rows["decode"]] == [1.0, None, 3.0, None]
    assert [one["to_generate"] for one in rows["prefill"]] == [1.0, 4.0]


def test_what_ran_out_of_memory_stands_in_the_table() -> None:
    table = cuda_tables(
        {
            "device": "a device",
            "quantization": "mxfp4",
            "decode": [{"system": PLAIN, "users": 64, "tokens_per_second": None, "problem": "out of memory"}],
            "prefill": [],
        }
    )
    assert "| 64 | plain generate | out of memory |" in table


def test_a_second_question_stands_in_the_table_with_what_was_not_read_again() -> None:
    row = {"tokens_per_second": 50.0, "first_token_s": 2.0, "processor_s": 4.0, "tokens": 9, "seconds": 3.0}
    part = {"prompt_tokens": 1_000, "same_text": True, "systems": {ALONE: row}, "ratios": {}}
    table = cpu_tables(
        {
            "machine": {"cores": 2, "busy_before_percent": 3.0},
            "plan": {"threads": 2, "tokens": 96, "turns": 3},
            "prompt": part,
            "long_prompt": part,
            "users": [{"users": 4, "systems": {ALONE: row}, "ratios": {}}],
            "follow_up": [
                {
                    "second_question": "the next turn",
                    "prompt_tokens": 600,
                    "shared_with_the_first": 80,
                    "reused": 79,
                    "first_token_s": {"ours": 1.5},
                    "same_text": {"ours": True},
                }
            ],
            "peak_mib": {ALONE: 400.0},
        }
    )
    assert "| the next turn | 600 | 80 | 79 | ours 1.50 | yes |" in table
    assert "| 4 readers at once | llama.cpp alone | 50.0 |" in table


def test_a_page_keeps_all_but_what_stands_between_its_marks() -> None:
    page = "a\n<!-- x: written by benchmarks/generation.py -->\nold\n<!-- /x -->\nb"
    once = written(page, "x", "new")
    assert "old" not in once
    assert once.startswith("a\n")
    assert once.endswith("\nb")
    assert written(once, "x", "new") == once


@given(st.integers(1, 6), st.lists(st.text(), unique=True, min_size=1, max_size=4))
def test_every_system_gets_as_many_turns(turns: int, names: list[str]) -> None:
    assert set(Counter(in_turns(names, turns)).values()) == {turns}


def test_ratios_are_of_ours_to_llama_cpp() -> None:
    rows = {ALONE: {"tokens_per_second": 50.0}, "our stream": {"tokens_per_second": 49.0}}
    assert ratios(rows) == {"our stream": {"tokens_per_second": 0.98}}


@given(st.integers(200, 4_000))
def test_a_prompt_is_as_long_as_asked_and_no_longer(tokens: int) -> None:
    ids = prompt_of(lambda one: [0] * (60 + 110 * len(one.passages)), tokens)
    assert tokens - 110 < len(ids) <= tokens
    assert len(conversation(3).passages) == 3


def test_the_plan_says_what_would_be_run() -> None:
    text = described(Plan())
    assert "1, 4, 16, 64 readers" in text
    assert "12.8 GiB" in text
