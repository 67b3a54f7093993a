"""Layers of gpt-oss-20b at their full width, random, on a CUDA device: packed against unpacked, many at once.

Two of its 24 layers, since the others have the same shapes; 3.3 GB are written and read. A device with less
than 12 GiB free skips.
"""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
import torch
from transformers.integrations import hub_kernels

from benchmarks.gpt_oss_random import Shape, write
from engine.models.base import Capacity, Reply, gather
from engine.models.loading import LoadOptions, free_bytes, load, mxfp4_obstacle
from engine.models.mxfp4_kernels import found, wrong
from engine.models.proving import difference
from engine.models.reading import Heads, Reading
from engine.models.transformers_runtime import TransformersGenerator
from engine.models.weights import Checkpoint, read_checkpoint

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
LONG_S = 300.0
SHAPE = Shape(layers=2)
_GIB = 1 << 30
_NEEDED = 12 * _GIB


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    if free_bytes("cuda") < _NEEDED:
        pytest.skip("less than 12 GiB are free on the CUDA device")
    obstacle = mxfp4_obstacle("cuda")
    if obstacle is not None:
        pytest.skip(f"MXFP4 cannot be kept here: {obstacle[0]}")
    return read_checkpoint(write(tmp_path_factory.mktemp("wide") / "model", SHAPE))


@pytest.fixture(scope="module")
def packed(checkpoint: Checkpoint) -> Any:
    loaded = load(checkpoint, LoadOptions(device="cuda"))
    assert loaded.quantization == "mxfp4"
    return loaded.model


@pytest.fixture(scope="module")
def unpacked(checkpoint: Checkpoint) -> Any:
    from transformers import AutoModelForCausalLM, Mxfp4Config

    return AutoModelForCausalLM.from_pretrained(
        str(checkpoint.folder),
        dtype=torch.bfloat16,
        attn_implementation="eager",
        quantization_config=Mxfp4Config(dequantize=True),
        device_map="cuda",
    )


def test_packed_weights_take_the_memory_of_their_file_and_not_of_16_bits(
    checkpoint: Checkpoint, packed: Any
) -> None:
    held = sum(one.numel() * one.element_size() for one in packed.parameters())
    assert torch.cuda.memory_allocated() < 1.2 * checkpoint.bytes_stored, held
    assert checkpoint.bytes_bf16 > 1.5 * checkpoint.bytes_stored


@pytest.mark.parametrize(("rows", "tokens"), [(1, 1), (4, 1), (16, 1), (64, 1), (1, 2_048)])
def test_packed_experts_give_the_numbers_of_their_unpacked_twin(
    packed: Any, unpacked: Any, rows: int, tokens: int
) -> None:
    torch.manual_seed(rows + tokens)
    given = torch.randn(rows, tokens, SHAPE.hidden, device="cuda", dtype=torch.bfloat16)
    with torch.inference_mode():
        for one, other in zip(packed.model.layers, unpacked.model.layers, strict=True):
            got, wanted = (layer.mlp(given) for layer in (one, other))
            got, wanted = (each[0] if isinstance(each, tuple) else each for each in (got, wanted))
            assert difference(wanted, got) < 0.05


@pytest.mark.parametrize("piece_tokens", [512, 2_048])
def test_a_long_prompt_has_the_scores_of_its_unpacked_twin_in_whatever_pieces(
    packed: Any, unpacked: Any, piece_tokens: int
) -> None:
    ids = [(at * 7_919) % 100_000 for at in range(5_000)]
    scores = []
    with torch.inference_mode():
        for model, size in ((packed, piece_tokens), (unpacked, 512)):
            reading = Reading(model, ids, Heads(piece_tokens=size))
            while not reading.step():
                pass
            scores.append(reading.logits)
    # Two layers of a mixture of experts: a token whose experts are nearly tied may get another one.
    assert difference(scores[1], scores[0]) < 0.2


@pytest.mark.parametrize("readers", [1, 4, 16, 64])
def test_so_many_at_once_all_get_their_whole_answer(checkpoint: Checkpoint, readers: int) -> None:
    generator = TransformersGenerator(checkpoint.folder, options=LoadOptions(device="cuda", slots=readers))
    assert generator.capacity == Capacity(readers, checkpoint.cache_bytes_per_token, "cuda")
    asked = [[(reader * 31 + at * 7_919) % 100_000 for at in range(256)] for reader in range(readers)]
    replies: list[Reply] = []
    threads = [
        Thread(target=lambda ids=ids: replies.append(gather(generator.generate(ids, max_tokens=32))))
        for ids in asked
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_S)
    # No control token has a score in these weights, so nothing ends before its limit.
    assert [one.usage.output_tokens + one.usage.analysis_tokens for one in replies] == [32] * readers
    generator.close()


def test_the_wheels_kernels_give_the_published_numbers(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last one here: transformers keeps the kernels that were asked for last, for all models."""

    def absent(*_a: Any, **_n: Any) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(hub_kernels, "get_kernel", absent)
    found.cache_clear()
    try:
        there = found()
        if isinstance(there, str):
            pytest.skip(f"the wheel's kernels cannot be had here: {there}")
        loaded = load(checkpoint, LoadOptions(device="cuda"))
    finally:
        found.cache_clear()
    assert (loaded.quantization, loaded.experts) == ("mxfp4", there.name)
    assert wrong(loaded.model, checkpoint) == ""
