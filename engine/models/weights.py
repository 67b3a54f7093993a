"""What a folder of Hugging Face weights holds, read without loading it: kind, number format, size, digest.

Only safetensors files are taken: a pickled file runs code when it is opened. Nothing here needs torch.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

from storage.errors import Broken
from storage.ids import canonical_json, sha256_of, sha256_of_file

_MAX_HEADER = 100_000_000
# For a configuration in other words: a model of 7 billion weights that shares no heads (32 layers of 4,096).
_CACHE_UNKNOWN = 512 * 1_024
# Experts and layers of the published models: a folder is often named by a hash and says nothing.
_GPT_OSS_SHAPES = {(32, 24): "gpt-oss-20b", (128, 36): "gpt-oss-120b"}


@dataclass(frozen=True)
class Checkpoint:
    """A folder with `config.json` and safetensors files."""

    folder: Path
    config: dict[str, Any]
    bytes_stored: int
    bytes_bf16: int
    """Bytes of all weights once they are unpacked to 16 bits."""

    @property
    def is_gpt_oss(self) -> bool:
        return self.config.get("model_type") == "gpt_oss"

    @property
    def is_mxfp4(self) -> bool:
        """Whether the experts are stored packed in four bits."""
        quantization = self.config.get("quantization_config") or {}
        return bool(quantization.get("quant_method") == "mxfp4")

    @property
    def name(self) -> str:
        """The published name where the shape is a published one, else the folder's."""
        shape = (self.config.get("num_local_experts"), self.config.get("num_hidden_layers"))
        return (_GPT_OSS_SHAPES.get(shape) if self.is_gpt_oss else None) or self.folder.name  # type: ignore[arg-type]

    @property
    def context_tokens(self) -> int:
        """The longest sequence that the model was made for."""
        return int(self.config.get("max_position_embeddings") or self.config.get("seq_length") or 2_048)

    @property
    def cache_bytes_per_token(self) -> int:
        """Keys and values that each token leaves in 16 bits; a layer with a sliding window keeps few."""
        config = self.config
        try:
            heads = int(config["num_attention_heads"])
            layers = config.get("layer_types") or ["full_attention"] * int(config["num_hidden_layers"])
            width = int(config.get("head_dim") or int(config["hidden_size"]) // heads)
            kept = int(config.get("num_key_value_heads") or heads)
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            return _CACHE_UNKNOWN
        full: int = sum(kind != "sliding_attention" for kind in layers)
        return 2 * 2 * full * kept * width

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 over name and SHA-256 of every file: weights, tokenizer, template, settings."""
        return folder_digest(self.folder)


def read_checkpoint(folder: Path) -> Checkpoint:
    """What the folder holds. Raises `Broken` when it is no model that can be loaded."""
    config = _json(folder / "config.json")
    shards = sorted(folder.glob("*.safetensors"))
    if not shards:
        raise Broken(f"{folder} has no safetensors files; other weights are not loaded, convert them first")
    stored = unpacked = 0
    for name, kind, shape, size in (tensor for shard in shards for tensor in _tensors(shard)):
        stored += size
        if name.endswith("_blocks"):
            unpacked += 4 * size
        elif not (name.endswith("_scales") and kind == "U8"):
            unpacked += 2 * prod(shape)
    return Checkpoint(folder, config, stored, unpacked)


def model_files(folder: Path) -> list[tuple[str, Path]]:
    """Path in the folder and path of each file, sorted. Hidden files and folders are no part of a model."""
    found = ((path.relative_to(folder), path) for path in folder.rglob("*"))
    return sorted(
        (name.as_posix(), path)
        for name, path in found
        if path.is_file() and not any(part.startswith(".") for part in name.parts)
    )


def folder_digest(folder: Path) -> str:
    """Hex SHA-256 that names exactly these files."""
    return sha256_of(canonical_json({name: sha256_of_file(path) for name, path in model_files(folder)}))


def free_memory() -> int:
    """Bytes of main memory that can be had now without swapping, this process's own limit counted."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) * 1_024
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.is_file() and used.is_file() and (most := limit.read_text().strip()).isdigit():
        free = min(free, int(most) - int(used.read_text()))
    return free


def memory_in_use() -> int | None:
    """Bytes that this process holds in main memory and, where torch is loaded, on CUDA; None if unknown."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    lines = (line.split() for line in status.read_text().splitlines())
    resident = next((int(words[1]) * 1_024 for words in lines if words[:1] == ["VmRSS:"]), 0)
    torch = sys.modules.get("torch")
    return resident + (torch.cuda.memory_allocated() if torch and torch.cuda.is_available() else 0)


def tensor_names(path: Path) -> list[str]:
    """Names of the tensors in one safetensors file. Raises `Broken`."""
    return [name for name, _kind, _shape, _size in _tensors(path)]


def _tensors(path: Path) -> Iterator[tuple[str, str, list[int], int]]:
    """Name, type, shape and bytes of each tensor."""
    try:
        with path.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > _MAX_HEADER:
                raise ValueError("the header is impossibly long")
            header = json.loads(stream.read(length))
        for name, entry in header.items():
            if name != "__metadata__":
                start, end = entry["data_offsets"]
                yield name, entry["dtype"], entry["shape"], end - start
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise Broken(f"{path} is damaged; copy the model again") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Broken(f"{path} cannot be read; a folder of Hugging Face weights has one") from error
    if not isinstance(value, dict):
        raise Broken(f"{path} is not a model's configuration; copy the model again")
    return value
