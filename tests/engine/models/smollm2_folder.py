"""Write the embedded model's GGUF file as a folder of Hugging Face weights: one model for both runtimes.

The four-bit weights are unpacked to 16 bits: the numbers are the same ones, rounded once more.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf.quants import dequantize
from safetensors.torch import save_file
from transformers import AutoTokenizer

_NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_WHOLE = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}


def smollm2_folder(weights: Path, folder: Path) -> Path:
    """The folder, with configuration, weights, tokenizer and chat template as the file has them."""
    folder.mkdir(parents=True)
    reader = gguf.GGUFReader(weights)
    settings = _settings(reader)
    heads = {"attn_q": settings["num_attention_heads"], "attn_k": settings["num_key_value_heads"]}
    tensors = {}
    for one in reader.tensors:
        values = dequantize(one.data, one.tensor_type)
        name = _WHOLE.get(one.name)
        if name is None:
            _blk, layer, kind, _weight = one.name.split(".")
            name = f"model.layers.{layer}.{_NAMES[kind]}.weight"
            if kind in heads:
                values = _halves_apart(values, heads[kind])
        tensors[name] = torch.from_numpy(values.copy()).to(torch.bfloat16)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(settings))
    tokenizer = AutoTokenizer.from_pretrained(str(weights.parent), gguf_file=weights.name)
    tokenizer.save_pretrained(folder)
    return folder


def _settings(reader: gguf.GGUFReader) -> dict[str, Any]:
    def of(name: str) -> Any:
        return reader.fields[name].contents()

    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "bfloat16",
        "hidden_size": of("llama.embedding_length"),
        "intermediate_size": of("llama.feed_forward_length"),
        "num_hidden_layers": of("llama.block_count"),
        "num_attention_heads": of("llama.attention.head_count"),
        "num_key_value_heads": of("llama.attention.head_count_kv"),
        "max_position_embeddings": of("llama.context_length"),
        "rms_norm_eps": of("llama.attention.layer_norm_rms_epsilon"),
        "rope_theta": of("llama.rope.freq_base"),
        "vocab_size": len(of("tokenizer.ggml.tokens")),
        "bos_token_id": of("tokenizer.ggml.bos_token_id"),
        "eos_token_id": of("tokenizer.ggml.eos_token_id"),
        "tie_word_embeddings": True,
    }


def _halves_apart(values: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """llama.cpp turns neighbours of a head about each other, transformers the two halves of it."""
    rows, columns = values.shape
    return values.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)
