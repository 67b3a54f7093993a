"""Replies side by side in one cache, held against the model that reads each of them whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, DynamicCache

from engine.models.batching import passes_by, plain_pass
from engine.models.seats import AHEAD, Layer, Seats, can_sit_together, layers_of
from engine.models.ways import AS_READ, GROUPED, Way

CPU = torch.device("cpu")


def exact(folder: Path) -> Any:
    """The model in 32 bits, so that a difference is a defect and not rounding."""
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()


def whole(model: Any, ids: list[int]) -> torch.Tensor:
    return model(input_ids=torch.tensor([ids])).logits[0]  # type: ignore[no-any-return]


def read(model: Any, ids: list[int]) -> Any:
    cache = DynamicCache(config=model.config)
    model(input_ids=torch.tensor([ids]), past_key_values=cache, use_cache=True)
    return cache


@pytest.mark.parametrize("kind", ["gpt-oss", "llama"])
@pytest.mark.parametrize("writing", [AS_READ, GROUPED])
def test_rows_of_different_lengths_get_the_scores_that_each_gets_alone(
    kind: str, writing: str, tiny_gpt_oss: tuple[Path, Path], tiny_chat_model: Path
) -> None:
    model = exact(tiny_gpt_oss[0] if kind == "gpt-oss" else tiny_chat_model)
    texts = [torch.randint(0, 256, (length,)).tolist() for length in (70, 41, 34)]
    prompts = [text[:-30] for text in texts]
    write = passes_by(Way(("eager",), writing))
    with torch.inference_mode():
        caches = [read(model, one) for one in prompts]
        seats = Seats(layers_of(caches[0]), rows=4, width=256)
        for row, cache in enumerate(caches):
            seats.place(row, cache)
        wanted = [whole(model, one) for one in texts]
        # Thirty tokens go round the ring of a window of 16 more than once.
        for step in range(30):
            at = [len(prompt) + step for prompt in prompts]
            seats.positions = torch.tensor([*at, 0])[:, None]
            ids = torch.tensor([[text[one]] for text, one in zip(texts, at, strict=True)] + [[0]])
            scores = write(model, seats, ids)
            for row, one in enumerate(at):
                torch.testing.assert_close(scores[row, 0], wanted[row][one], rtol=1e-4, atol=1e-4)
            if step == 10:
                seats = seats.resized([0, 1, 2], rows=4, width=512)


def test_what_was_written_ahead_and_not_accepted_changes_no_score(tiny_gpt_oss: tuple[Path, Path]) -> None:
    model = exact(tiny_gpt_oss[0])
    text = torch.randint(0, 256, (80,)).tolist()
    with torch.inference_mode():
        cache = read(model, text[:40])
        seats = Seats(layers_of(cache), rows=1, width=256)
        seats.place(0, cache)
        wanted = whole(model, text)
        for at in range(40, 70, 2):
            # One right guess, and wrong ones in the places of tokens still to come.
            ids = [text[at], text[at + 1], *[7] * (AHEAD - 1)]
            seats.positions = (at + torch.arange(len(ids)))[None]
            scores = plain_pass(model, seats, torch.tensor([ids]))
            torch.testing.assert_close(scores[0, :2], wanted[at : at + 2], rtol=1e-4, atol=1e-4)


@given(
    position=st.integers(0, 400),
    window=st.one_of(st.none(), st.integers(1, 100)),
    ahead=st.integers(0, AHEAD),
)
def test_a_token_looks_at_all_that_it_may_see_and_at_nothing_else(
    position: int, window: int | None, ahead: int
) -> None:
    seats = Seats((Layer(window, 1, 1, torch.float32, CPU),), rows=1, width=512)
    places = 512 if window is None else min(512, window + AHEAD)
    # Which token each place holds once `ahead` more than this one are written.
    holds: dict[int, int] = {token % places: token for token in range(position + ahead + 1)}
    seats.positions = torch.tensor([[position]])
    mask = seats.masks(torch.float32)[0, 0, 0]
    seen = {holds[place] for place in range(places) if mask[place] == 0}
    assert seen == set(range(0 if window is None else max(0, position - window + 1), position + 1))


@pytest.mark.parametrize(
    ("config", "can"),
    [
        ({"model_type": "gpt_oss", "layer_types": ["sliding_attention", "full_attention"]}, True),
        ({"model_type": "llama", "rope_scaling": {"rope_type": "llama3"}}, True),
        ({"model_type": "qwen2", "rope_scaling": {"type": "dynamic"}}, False),
        ({"model_type": "phi3", "rope_parameters": {"rope_type": "longrope"}}, False),
        ({"model_type": "bloom"}, False),
        ({"model_type": "qwen3_next", "layer_types": ["linear_attention", "full_attention"]}, False),
        ({"model_type": "nobody knows"}, False),
    ],
)
def test_models_whose_replies_would_disturb_each_other_write_one_at_a_time(
    config: dict[str, Any], can: bool
) -> None:
    assert can_sit_together(config) is can
