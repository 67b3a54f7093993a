"""Read what a GGUF file says about itself, without loading its weights."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from storage.errors import Broken

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MAX_TEXT = 1 << 24
# The names that llama.cpp gives to `general.file_type`; the gaps are kinds that it no longer reads.
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
    32: "BF16", 38: "MXFP4",
}  # fmt: skip


def metadata(path: Path) -> dict[str, str | int | float | bool]:
    """The single values of the header; lists (vocabulary, merges) are left out. Raises `Broken`."""
    try:
        with path.open("rb") as stream:
            if stream.read(4) != b"GGUF":
                raise Broken(f"{path.name!r} is not a GGUF file; reinstall the model")
            _version, _tensors, count = struct.unpack("<IQQ", stream.read(20))
            values: dict[str, str | int | float | bool] = {}
            for _ in range(count):
                key = _text(stream)
                value = _value(stream, _scalar(stream, "I"))
                if value is not None:
                    values[key] = value
            return values
    except (OSError, struct.error, UnicodeDecodeError, KeyError) as error:
        raise Broken(f"{path.name!r} cannot be read as a GGUF file; reinstall the model") from error


def quantization(values: dict[str, str | int | float | bool]) -> str:
    """The name of the weights' number format, such as `Q4_1`."""
    kind = values.get("general.file_type")
    return _FILE_TYPES.get(kind, f"type {kind}") if isinstance(kind, int) else "unknown"


def _scalar(stream: BinaryIO, form: str) -> int:
    size = struct.calcsize(f"<{form}")
    value: int = struct.unpack(f"<{form}", stream.read(size))[0]
    return value


def _text(stream: BinaryIO) -> str:
    length = _scalar(stream, "Q")
    if length > _MAX_TEXT:
        raise struct.error("a text of the header is impossibly long")
    return stream.read(length).decode()


def _value(stream: BinaryIO, kind: int) -> str | int | float | bool | None:
    if kind == _STRING:
        return _text(stream)
    if kind != _ARRAY:
        return _scalar(stream, _SCALARS[kind])
    member, count = _scalar(stream, "I"), _scalar(stream, "Q")
    if member in _SCALARS:
        stream.seek(count * struct.calcsize(f"<{_SCALARS[member]}"), 1)
    else:
        for _ in range(count):
            # Skipped, not decoded: a vocabulary may hold pieces of characters.
            stream.seek(_scalar(stream, "Q"), 1) if member == _STRING else _value(stream, member)
    return None
