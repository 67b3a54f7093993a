"""Write the tiny gpt-oss as a GGUF file, tensor for tensor and with its whole vocabulary."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file

from engine.models import harmony

_VOCABULARY = 201_088


def gpt_oss_gguf(plain: Path, path: Path) -> Path:
    """The GGUF twin of the folder `plain`, in 16 bits."""
    tensors = {name: one.float().numpy() for name, one in load_file(plain / "model.safetensors").items()}
    writer = gguf.GGUFWriter(path, "gpt-oss")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_context_length(4_096)
    writer.add_embedding_length(32)
    writer.add_block_count(2)
    writer.add_feed_forward_length(32)
    writer.add_expert_feed_forward_length(32)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_key_length(16)
    writer.add_value_length(16)
    writer.add_expert_count(4)
    writer.add_expert_used_count(2)
    writer.add_sliding_window(16)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(150_000.0)
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(32.0)
    writer.add_rope_scaling_orig_ctx_len(4_096)
    _add_vocabulary(writer)
    for name, value in _renamed(tensors).items():
        whole = value.ndim == 1 or name.endswith(".bias") or "ffn_gate_inp" in name
        writer.add_tensor(name, np.ascontiguousarray(value, dtype=np.float32 if whole else np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_vocabulary(writer: gguf.GGUFWriter) -> None:
    encoder = harmony.encoding(harmony.vocabulary_file())
    controls = {encoder.encode(one, allowed_special="all")[0]: one for one in encoder.special_tokens_set}
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable}
    letters |= {byte: chr(256 + at) for at, byte in enumerate(others)}

    def spelt(token: int) -> str:
        data = encoder.decode([token], errors="surrogateescape").encode("utf-8", "surrogateescape")
        return controls.get(token) or "".join(letters[byte] for byte in data)

    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-4o")
    writer.add_token_list([spelt(token) for token in range(_VOCABULARY)])
    kinds = [gguf.TokenType.NORMAL] * harmony.FIRST_CONTROL_ID
    writer.add_token_types(kinds + [gguf.TokenType.CONTROL] * (_VOCABULARY - len(kinds)))
    # The file must have some; this model is only ever given ids.
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(harmony.FIRST_CONTROL_ID)
    writer.add_eos_token_id(harmony.RETURN)
    writer.add_pad_token_id(harmony.END_OF_TEXT)


def _renamed(tensors: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    named = {
        "token_embd.weight": tensors["model.embed_tokens.weight"],
        "output.weight": tensors["lm_head.weight"],
        "output_norm.weight": tensors["model.norm.weight"],
    }
    same = {
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "post_attention_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.router": "ffn_gate_inp",
    }
    for layer in range(2):
        old, new = f"model.layers.{layer}.", f"blk.{layer}."
        for theirs, ours in same.items():
            for part in ("weight", "bias"):
                if f"{old}{theirs}.{part}" in tensors:
                    named[f"{new}{ours}.{part}"] = tensors[f"{old}{theirs}.{part}"]
        named[f"{new}attn_sinks.weight"] = tensors[f"{old}self_attn.sinks"]
        both = tensors[f"{old}mlp.experts.gate_up_proj"].transpose(0, 2, 1)
        shift = tensors[f"{old}mlp.experts.gate_up_proj_bias"]
        for at, part in enumerate(("gate", "up")):
            named[f"{new}ffn_{part}_exps.weight"] = both[:, at::2]
            named[f"{new}ffn_{part}_exps.bias"] = shift[:, at::2]
        named[f"{new}ffn_down_exps.weight"] = tensors[f"{old}mlp.experts.down_proj"].transpose(0, 2, 1)
        named[f"{new}ffn_down_exps.bias"] = tensors[f"{old}mlp.experts.down_proj_bias"]
    return named
