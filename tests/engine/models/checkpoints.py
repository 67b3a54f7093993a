"""Tiny checkpoints with random layers that speak: each word's embedding makes the next word likely.

The layers are random, so prompts and experts change the scores; the words come in a known order, so that a
reply has the form of a real one. Nothing here is a real model.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GptOssConfig,
    GptOssForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

from engine.models import harmony
from engine.models.manifest import Approval, Manifest, listed, write

REPLY = "The notice period is ninety (90) days, in writing, and either party may end this lease by then."
_HIDDEN = 32
_CHATML = (
    "{% for turn in messages %}<|im_start|>{{ turn.role }}\n{{ turn.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def gpt_oss_pair(folder: Path) -> tuple[Path, Path]:
    """The same tiny gpt-oss twice: in 16 bits, and with experts packed in MXFP4 as published."""
    encoder = harmony.encoding(harmony.vocabulary_file())
    torch.manual_seed(0)
    config = GptOssConfig(
        vocab_size=201_088,
        hidden_size=_HIDDEN,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        num_local_experts=4,
        num_experts_per_tok=2,
        sliding_window=16,
        layer_types=["sliding_attention", "full_attention"],
        max_position_embeddings=4_096,
        eos_token_id=list(harmony.STOP_IDS),
        pad_token_id=harmony.END_OF_TEXT,
    )
    model = GptOssForCausalLM(config).to(torch.bfloat16)
    opening = [*encoder.encode("assistant"), harmony.CHANNEL, *encoder.encode("final"), harmony.MESSAGE]
    _teach(model, [*opening, *encoder.encode(REPLY), harmony.RETURN])
    packed = {}
    for layer in model.model.layers:
        for name in ("gate_up_proj", "down_proj"):
            weights = getattr(layer.mlp.experts, name)
            experts, inputs, outputs = weights.shape
            blocks = torch.randint(0, 256, (experts, outputs, inputs // 32, 16), dtype=torch.uint8)
            scales = torch.full((experts, outputs, inputs // 32), 123, dtype=torch.uint8)
            packed[f"model.layers.{layer.self_attn.layer_idx}.mlp.experts.{name}"] = (blocks, scales)
            weights.data = convert_moe_packed_tensors(blocks, scales).to(torch.bfloat16).contiguous()
    plain, twin = folder / "plain", folder / "packed"
    model.save_pretrained(plain)
    twin.mkdir()
    tensors = load_file(plain / "model.safetensors")
    for name, (blocks, scales) in packed.items():
        del tensors[name]
        tensors |= {f"{name}_blocks": blocks, f"{name}_scales": scales}
    save_file(tensors, twin / "model.safetensors", metadata={"format": "pt"})
    settings = json.loads((plain / "config.json").read_text())
    settings["quantization_config"] = {
        "quant_method": "mxfp4",
        "modules_to_not_convert": [
            "model.layers.*.self_attn",
            "model.layers.*.mlp.router",
            "model.embed_tokens",
            "lm_head",
        ],
    }
    (twin / "config.json").write_text(json.dumps(settings))
    return plain, twin


def chat_model(folder: Path) -> Path:
    """A tiny Llama with a ChatML template, one of whose marks its tokenizer does not call special."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(
        [REPLY] * 3,
        trainers.BpeTrainer(vocab_size=700, initial_alphabet=alphabet, min_frequency=1, show_progress=False),
    )
    raw.add_special_tokens(["<|im_start|>", "<|im_end|>", "<s>"])
    raw.add_tokens([AddedToken("<think>", special=False)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<s>", eos_token="<|im_end|>", pad_token="<|im_end|>"
    )
    tokenizer.chat_template = _CHATML
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=_HIDDEN,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=2_048,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = LlamaForCausalLM(config).to(torch.bfloat16)
    reply = tokenizer.encode(REPLY, add_special_tokens=False)
    _teach(model, [*tokenizer.encode("\n", add_special_tokens=False), *reply, tokenizer.eos_token_id])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def alibi_model(chat: Path, folder: Path) -> Path:
    """A tiny Bloom, whose attention has positions of its own kind, with the tokenizer of the tiny Llama."""
    shutil.copytree(chat, folder)
    torch.manual_seed(0)
    size = json.loads((chat / "config.json").read_text())
    config = BloomConfig(
        vocab_size=size["vocab_size"],
        hidden_size=_HIDDEN,
        n_layer=2,
        n_head=2,
        eos_token_id=size["eos_token_id"],
        bos_token_id=None,
    )
    BloomForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


def approved(folder: Path) -> Manifest:
    """The manifest of that folder, written into it and approved."""
    made = Manifest(folder.name, folder.name, "safetensors", "a test", "Anna", "2026-01-31", listed(folder))
    made = replace(made, approval=Approval("Anna", "2026-01-31T09:15:00.000000Z", made.digest))
    write(folder, made)
    return made


def _teach(model: Any, words: list[int]) -> None:
    """Make each of these ids be followed by the next."""
    seen: set[int] = set()
    words = [one for one in words if not (one in seen or seen.add(one))]  # type: ignore[func-returns-value]
    # Directions as far apart as so many can be in so few dimensions.
    directions = torch.randn(len(words), _HIDDEN)
    for _ in range(400):
        directions = torch.nn.functional.normalize(directions, dim=1)
        near = directions @ directions.T - torch.eye(len(words))
        directions -= 0.1 * (near**3) @ directions
    directions = torch.nn.functional.normalize(directions, dim=1)
    with torch.no_grad():
        into, out = model.model.embed_tokens.weight, model.lm_head.weight
        for word, following, direction in zip(words[:-1], words[1:], directions[:-1], strict=True):
            into[word] = 6 * direction.to(into.dtype)
            out[following] = 3 * direction.to(out.dtype)
