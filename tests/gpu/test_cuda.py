"""The parts that only a CUDA device runs, held against the plain ones on the same device."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, DynamicCache

from engine.models.base import Conversation, OutOfMemory, PromptPassage, gather
from engine.models.batching import passes_by, plain_pass
from engine.models.graphs import RecordedPasses
from engine.models.loading import LoadOptions, mxfp4_obstacle
from engine.models.seats import AHEAD, Seats, layers_of
from engine.models.transformers_runtime import TransformersGenerator
from engine.models.ways import FLASH, GROUPED, Way

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
LONG_S = 120.0
ASKING = Conversation("Answer.", "What holds?", (PromptPassage(1, "a.pdf", 1, "", "No sublease. " * 200),))


def model_of(folder: Path, attention: str = "eager") -> Any:
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation=attention, experts_implementation="grouped_mm"
    )
    return model.to("cuda").eval()


def read(model: Any, ids: list[int]) -> tuple[Any, torch.Tensor]:
    cache = DynamicCache(config=model.config)
    out = model(input_ids=torch.tensor([ids], device="cuda"), past_key_values=cache, use_cache=True)
    return cache, out.logits[0, -1]


@pytest.mark.parametrize("kind", ["gpt-oss", "llama"])
def test_recorded_passes_give_the_scores_of_plain_ones(
    kind: str, tiny_gpt_oss: tuple[Path, Path], tiny_chat_model: Path
) -> None:
    model = model_of(tiny_gpt_oss[0] if kind == "gpt-oss" else tiny_chat_model)
    text = torch.randint(0, 256, (90,)).tolist()
    recorded = passes_by(Way(("eager",), GROUPED, graphs=True))
    assert isinstance(recorded, RecordedPasses)
    with torch.inference_mode():
        cache, _scores = read(model, text[:40])
        pair = [Seats(layers_of(cache), rows=2, width=256) for _ in range(2)]
        for seats in pair:
            seats.place(0, cache)
        for at, many in [(40, 1), (41, 1), (42, 1 + AHEAD), (43, 1), (44, 1 + AHEAD)]:
            ids = torch.tensor([text[at : at + many], [0] * many], device="cuda")
            for seats in pair:
                ahead = torch.arange(many, device="cuda")
                seats.positions = torch.tensor([at, 0], device="cuda")[:, None] + ahead
            wanted, got = plain_pass(model, pair[0], ids), recorded(model, pair[1], ids)
            torch.testing.assert_close(got[0], wanted[0], rtol=1e-3, atol=1e-3)
    assert recorded.refused == ""


def test_four_at_once_have_the_words_that_each_has_alone(tiny_gpt_oss: tuple[Path, Path]) -> None:
    generator = TransformersGenerator(tiny_gpt_oss[0], options=LoadOptions(device="cuda", slots=4))
    ids = generator.render(ASKING)
    alone = gather(generator.generate(ids, max_tokens=16)).text
    texts: list[str] = []
    threads = [
        Thread(target=lambda: texts.append(gather(generator.generate(ids, max_tokens=16)).text))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_S)
    assert texts == [alone] * 4
    assert generator.conditions["recorded_passes"], generator.conditions
    generator.close()


def test_memory_that_runs_out_is_told_as_such_and_the_next_request_works(
    tiny_gpt_oss: tuple[Path, Path],
) -> None:
    generator = TransformersGenerator(
        tiny_gpt_oss[0], options=LoadOptions(device="cuda"), context_tokens=1 << 20
    )
    ids = generator.render(ASKING)
    before = gather(generator.generate(ids, max_tokens=4)).text
    kept = torch.cuda.memory_allocated()
    used = torch.cuda.memory_reserved() / torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, used + 0.001))
    try:
        with pytest.raises(OutOfMemory):
            gather(generator.generate(ids, max_tokens=900_000))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert gather(generator.generate(ids, max_tokens=4)).text == before
    assert torch.cuda.memory_allocated() <= kept * 1.05
    generator.close()


def test_flash_attention_with_sinks_reads_as_the_plain_one_does(tiny_gpt_oss: tuple[Path, Path]) -> None:
    if torch.cuda.get_device_capability() < (9, 0):
        pytest.skip("the kernel needs compute capability 9.0")
    try:
        flash = model_of(tiny_gpt_oss[0], FLASH).to(torch.bfloat16)
    except (ImportError, OSError, ValueError) as error:
        pytest.skip(f"{FLASH} is not on this machine ({type(error).__name__})")
    plain = model_of(tiny_gpt_oss[0]).to(torch.bfloat16)
    ids = torch.randint(0, 256, (700,)).tolist()
    with torch.inference_mode():
        torch.testing.assert_close(read(flash, ids)[1], read(plain, ids)[1], rtol=0.05, atol=0.05)


def test_packed_experts_stay_packed_and_speak(tiny_gpt_oss: tuple[Path, Path]) -> None:
    obstacle = mxfp4_obstacle("cuda")
    if obstacle is not None:
        pytest.skip(f"MXFP4 cannot be kept here: {obstacle[0]}")
    generator = TransformersGenerator(tiny_gpt_oss[1], options=LoadOptions(device="cuda", slots=2))
    assert generator.identity.quantization == "mxfp4"
    assert gather(generator.generate(generator.render(ASKING), max_tokens=16)).text.startswith("The notice")
    generator.close()


@pytest.mark.parametrize(
    ("precision", "wanted"), [("int8", "int8 (bitsandbytes)"), ("nf4", "nf4 (bitsandbytes)")]
)
def test_bitsandbytes_packs_a_dense_model(tiny_chat_model: Path, precision: str, wanted: str) -> None:
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed (muniment[quantized])")
    options = LoadOptions(device="cuda", precision=precision)
    generator = TransformersGenerator(tiny_chat_model, options=options)
    assert generator.identity.quantization == wanted
    assert gather(generator.generate(generator.render(ASKING), max_tokens=8)).usage.output_tokens == 8
    generator.close()
