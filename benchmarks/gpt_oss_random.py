"""A folder of gpt-oss weights at any shape, random, its experts written in MXFP4 as published.

The experts are never anything else: their bytes are drawn, so that the 13 GiB of gpt-oss-20b need no memory
beyond one layer. The rows of control tokens give no score: a greedy reply goes on to its limit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from engine.models import harmony

BLOCK = 32
"""Weights that share one scale."""
MXFP4_BYTES = 17 / 32
"""Of one weight: half a byte, and a byte of scale for each block."""
_SCALE = 120
"""2 ** (120 - 127) times the codes' spread of 2.9: about 1 / sqrt(2880), so that no layer runs away."""


@dataclass(frozen=True)
class Shape:
    """gpt-oss-20b as published (model card, section 2; `GptOssConfig`)."""

    layers: int = 24
    hidden: int = 2_880
    intermediate: int = 2_880
    heads: int = 64
    key_value_heads: int = 8
    head: int = 64
    experts: int = 32
    experts_per_token: int = 4
    vocabulary: int = 201_088
    window: int = 128

    @property
    def expert_weights(self) -> int:
        """Of one expert of one layer, without biases."""
        return 3 * self.hidden * self.intermediate

    @property
    def attention_weights(self) -> int:
        """Of one layer, with the router."""
        queries, others = self.heads * self.head, self.key_value_heads * self.head
        return 2 * self.hidden * queries + 2 * self.hidden * others + self.hidden * self.experts

    @property
    def weights(self) -> int:
        """All, without biases and norms."""
        layer = self.attention_weights + self.experts * self.expert_weights
        return self.layers * layer + 2 * self.vocabulary * self.hidden

    @property
    def bytes_stored(self) -> int:
        """With the experts in MXFP4 and the rest in 16 bits."""
        experts = self.layers * self.experts * self.expert_weights
        return int(experts * MXFP4_BYTES + (self.weights - experts) * 2)


def write(folder: Path, shape: Shape, *, seed: int = 0) -> Path:
    """The folder, whole. A shard for each layer; about 13 GiB for gpt-oss-20b."""
    folder.mkdir(parents=True, exist_ok=True)
    random = torch.Generator().manual_seed(seed)
    places: dict[str, str] = {}
    for number, tensors in enumerate(_shards(shape, random)):
        name = f"model-{number:05d}.safetensors"
        save_file(tensors, folder / name, metadata={"format": "pt"})
        places |= dict.fromkeys(tensors, name)
    index = {"metadata": {"total_size": shape.bytes_stored}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text(json.dumps(_config(shape)))
    eos = {"eos_token_id": list(harmony.STOP_IDS), "pad_token_id": harmony.END_OF_TEXT}
    (folder / "generation_config.json").write_text(json.dumps(eos))
    return folder


def _shards(shape: Shape, random: torch.Generator) -> Iterator[dict[str, torch.Tensor]]:
    def normal(*sizes: int) -> torch.Tensor:
        return (torch.randn(*sizes, generator=random) * shape.hidden**-0.5).to(torch.bfloat16)

    def packed(name: str, rows: int, columns: int) -> dict[str, torch.Tensor]:
        sizes = (shape.experts, rows, columns // BLOCK)
        return {
            f"{name}_blocks": torch.randint(
                0, 256, (*sizes, BLOCK // 2), dtype=torch.uint8, generator=random
            ),
            f"{name}_scales": torch.full(sizes, _SCALE, dtype=torch.uint8),
            f"{name}_bias": torch.zeros(shape.experts, rows, dtype=torch.bfloat16),
        }

    def ones() -> torch.Tensor:
        return torch.ones(shape.hidden, dtype=torch.bfloat16)

    queries, others = shape.heads * shape.head, shape.key_value_heads * shape.head
    for layer in range(shape.layers):
        at = f"model.layers.{layer}"
        tensors = {f"{at}.self_attn.sinks": normal(shape.heads)}
        for name, rows, columns in (
            ("q_proj", queries, shape.hidden),
            ("k_proj", others, shape.hidden),
            ("v_proj", others, shape.hidden),
            ("o_proj", shape.hidden, queries),
        ):
            tensors[f"{at}.self_attn.{name}.weight"] = normal(rows, columns)
            tensors[f"{at}.self_attn.{name}.bias"] = torch.zeros(rows, dtype=torch.bfloat16)
        tensors[f"{at}.mlp.router.weight"] = normal(shape.experts, shape.hidden)
        tensors[f"{at}.mlp.router.bias"] = torch.zeros(shape.experts, dtype=torch.bfloat16)
        tensors |= packed(f"{at}.mlp.experts.gate_up_proj", 2 * shape.intermediate, shape.hidden)
        tensors |= packed(f"{at}.mlp.experts.down_proj", shape.hidden, shape.intermediate)
        yield tensors | {
            f"{at}.input_layernorm.weight": ones(),
            f"{at}.post_attention_layernorm.weight": ones(),
        }
    head = normal(shape.vocabulary, shape.hidden)
    head[harmony.FIRST_CONTROL_ID :] = 0
    yield {
        "model.embed_tokens.weight": normal(shape.vocabulary, shape.hidden),
        "lm_head.weight": head,
        "model.norm.weight": ones(),
    }


def _config(shape: Shape) -> dict[str, Any]:
    from transformers import GptOssConfig

    config = GptOssConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        head_dim=shape.head,
        num_local_experts=shape.experts,
        num_experts_per_tok=shape.experts_per_token,
        sliding_window=shape.window,
        layer_types=["full_attention" if at % 2 else "sliding_attention" for at in range(shape.layers)],
        eos_token_id=list(harmony.STOP_IDS),
        pad_token_id=harmony.END_OF_TEXT,
    ).to_dict()
    kept = ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]
    packing = {"quant_method": "mxfp4", "modules_to_not_convert": kept}
    return config | {"architectures": ["GptOssForCausalLM"], "quantization_config": packing}


def described(shape: Shape) -> dict[str, Any]:
    """The shape and what follows from it."""
    return asdict(shape) | {"weights": shape.weights, "gib": round(shape.bytes_stored / (1 << 30), 1)}
