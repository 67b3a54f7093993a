"""A model comes in whole or not at all, and answers only as it was approved."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from pathlib import Path

import pytest

from engine.models import installing, manifest
from engine.models.catalogue import available_models, choose
from engine.models.embedded import EmbeddedGenerator, embedded_weights
from engine.models.installed import InstalledModels, NotApproved
from engine.models.loading import LoadOptions
from storage.errors import Broken, MunimentError, NotFound, Refused, WrongUse
from tests.engine.models.checkpoints import approved

CPU = LoadOptions(device="cpu")


def sums(folder: Path) -> None:
    """Write the folder's SHA256SUMS, as sha256sum would."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(folder)}\n" for p in files]
    (folder / "SHA256SUMS").write_text("".join(lines))


def flip(path: Path, at: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(bytes(data))


@pytest.fixture
def source(tiny_chat_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_chat_model, tmp_path / "stick" / "chat"))


@pytest.fixture
def models(tmp_path: Path, audit) -> InstalledModels:
    return InstalledModels((tmp_path / "models",), audit)


def kinds(audit) -> list[str]:
    return [one.kind for one in reversed(audit.entries())]


def test_an_installed_model_answers_once_it_is_approved(source, models, audit, actor):
    sums(source)
    made, left_out = models.install(source, actor=actor)
    assert (made.name, made.kind, made.checked_against, left_out) == ("chat", "safetensors", "SHA256SUMS", ())
    folder = models.folder("chat")
    with pytest.raises(NotApproved, match="model approve chat"):
        models.seal(folder, actor=actor)
    models.approve("chat", actor=actor)
    generator = choose(
        "chat", folders=models.folders, options=CPU, seal=lambda f: models.seal(f, actor=actor)
    )
    assert generator.identity.digest == made.digest
    models.chosen(generator.identity, actor=actor)
    assert kinds(audit) == ["model.installed", "model.approved", "model.chosen"]
    chosen = json.loads(audit.entries()[0].canonical)["data"]
    assert (chosen["digest"], chosen["approved_by"]) == (made.digest, "test")


def test_a_changed_byte_is_refused_one_hundred_times_of_one_hundred(source, models, actor):
    models.install(source, actor=actor)
    made = models.approve("chat", actor=actor)
    folder = models.folder("chat")
    chance = random.Random(0)
    names = ["model.safetensors", "tokenizer.json", "config.json", "chat_template.jinja"]
    assert set(names) <= {one.path for one in made.files}
    refused = 0
    for at in range(100):
        path = folder / names[at % len(names)]
        where, bit = chance.randrange(path.stat().st_size), chance.randrange(8)
        flip(path, where, bit)
        with pytest.raises(MunimentError):
            _ = choose("chat", folders=models.folders, options=CPU).identity
        assert [one.file for one in models.verify("chat", actor=actor)] == [path.name]
        refused += 1
        flip(path, where, bit)
    assert refused == 100
    assert models.verify("chat", actor=actor) == []


def test_a_refusal_names_the_file_and_is_recorded(source, models, audit, actor):
    models.install(source, actor=actor)
    models.approve("chat", actor=actor)
    generator = choose(
        "chat", folders=models.folders, options=CPU, seal=lambda f: models.seal(f, actor=actor)
    )
    # After the choice and before it is loaded: what counts is what is loaded.
    flip(models.folder("chat") / "model.safetensors", -1)
    with pytest.raises(Refused, match=r"chat: model\.safetensors is changed.*model verify chat"):
        _ = generator.identity
    assert kinds(audit)[-1] == "model.refused"


@pytest.mark.parametrize(("change", "problem"), [("add", "not part of the model"), ("remove", "missing")])
def test_a_file_too_many_or_too_few_is_refused(source, models, actor, change, problem):
    models.install(source, actor=actor)
    models.approve("chat", actor=actor)
    folder = models.folder("chat")
    if change == "add":
        (folder / "extra.safetensors").write_bytes(b"")
    else:
        (folder / "tokenizer_config.json").unlink()
    with pytest.raises(Refused, match=problem):
        choose("chat", folders=models.folders, options=CPU)


def test_an_approval_that_the_log_does_not_know_is_refused(source, models, actor):
    models.install(source, actor=actor)
    approved(models.folder("chat"))
    with pytest.raises(NotApproved, match="elsewhere"):
        models.seal(models.folder("chat"), actor=actor)


def test_a_model_without_its_manifest_is_refused_and_approving_makes_it(source, models, actor):
    models.install(source, actor=actor)
    made = models.approve("chat", actor=actor)
    folder = models.folder("chat")
    (folder / manifest.MANIFEST).unlink()
    with pytest.raises(NotApproved, match="by hand"):
        choose("chat", folders=models.folders, options=CPU)
    assert models.approve("chat", actor=actor).digest == made.digest
    assert models.seal(folder, actor=actor)() == made.digest


def test_a_damaged_manifest_is_no_manifest(source, models, actor):
    models.install(source, actor=actor)
    models.approve("chat", actor=actor)
    path = models.folder("chat") / manifest.MANIFEST
    path.write_text(path.read_text().replace(models.manifest("chat").files[0].sha256, "0" * 64))
    with pytest.raises(Broken, match="damaged"):
        choose("chat", folders=models.folders, options=CPU)


def test_the_list_says_what_is_not_approved(source, models, actor):
    models.install(source, name="small", actor=actor)
    entry = next(one for one in available_models(models.folders, CPU) if one.name == "small")
    assert (entry.installed, entry.id) == (False, "chat")
    assert "not approved" in entry.note


def test_auto_passes_over_what_is_not_approved_but_not_over_what_was_changed(source, models, actor):
    if embedded_weights() is None:
        pytest.skip("the embedded model's weights are not installed")
    models.install(source, name="gpt-oss-20b", actor=actor)
    assert isinstance(choose(folders=models.folders, options=CPU), EmbeddedGenerator)
    models.approve("gpt-oss-20b", actor=actor)
    flip(models.folder("gpt-oss-20b") / "config.json", 0)
    with pytest.raises(Refused, match=r"config\.json is changed"):
        choose(folders=models.folders, options=CPU)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.pt", "deep/er.pkl", "modeling_chat.py"])
def test_what_could_run_code_is_refused_by_name(source, models, audit, actor, name):
    (source / name).parent.mkdir(exist_ok=True)
    (source / name).write_bytes(b"x")
    with pytest.raises(Refused, match=name):
        models.install(source, actor=actor)
    assert not list(models.folders[0].glob("*"))
    assert kinds(audit) == ["model.refused"]


def test_a_configuration_that_asks_for_code_is_refused(source, models, actor):
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "modeling.Chat"}}))
    with pytest.raises(Refused, match=r"config\.json asks for .*auto_map"):
        models.install(source, actor=actor)


def test_a_link_out_of_the_folder_is_refused(source, models, actor, tmp_path):
    (tmp_path / "elsewhere.json").write_text("{}")
    (source / "generation_config.json").unlink(missing_ok=True)
    (source / "generation_config.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(Refused, match="link out of the folder"):
        models.install(source, actor=actor)


def test_a_file_that_the_sources_own_hashes_do_not_know_or_contradict_is_refused(source, models, actor):
    sums(source)
    flip(source / "model.safetensors", -1)
    with pytest.raises(Refused, match=r"model\.safetensors has another SHA-256 than SHA256SUMS"):
        models.install(source, actor=actor)
    flip(source / "model.safetensors", -1)
    (source / "more.json").write_text("{}")
    with pytest.raises(Refused, match=r"more\.json is not in SHA256SUMS"):
        models.install(source, actor=actor)
    (source / "more.json").unlink()
    (source / "tokenizer_config.json").unlink()
    with pytest.raises(Refused, match=r"tokenizer_config\.json stands in SHA256SUMS"):
        models.install(source, actor=actor)


def test_an_install_that_was_cut_off_goes_on_and_reads_only_the_rest(source, models, actor):
    class Cut(Exception):
        pass

    def cut(name: str, done: int, whole: int) -> None:
        if name == "model.safetensors":
            raise Cut

    with pytest.raises(Cut):
        models.install(source, actor=actor, on_progress=cut)
    assert not (models.folders[0] / "chat").exists()
    seen: list[int] = []
    models.install(source, actor=actor, on_progress=lambda name, done, whole: seen.append(done))
    assert models.verify("chat", actor=actor) == []
    assert [path.name for path in models.folders[0].iterdir()] == ["chat"]
    assert seen == sorted(seen)


def test_half_a_file_is_gone_on_with_from_its_middle(source, tmp_path):
    planned = installing.plan(source)
    staging = tmp_path / "models" / ".installing-chat"
    installing._make_ready(planned, staging)
    whole = (source / "model.safetensors").read_bytes()
    (staging / ".model.safetensors.part").write_bytes(whole[:100])
    made = installing.install(planned, tmp_path / "models", by="Anna", at="2026-01-31")
    assert hashlib.sha256(whole).hexdigest() in {one.sha256 for one in made.files}


def test_too_little_room_is_said_before_anything_is_copied(source, models, actor, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(1, 1, 0))
    with pytest.raises(Broken, match="make room"):
        models.install(source, actor=actor)


def test_a_gguf_file_is_installed_with_the_same_rules(models, actor):
    weights = embedded_weights()
    if weights is None:
        pytest.skip("the embedded model's weights are not installed")
    made, _ = models.install(weights, name="little", actor=actor)
    models.approve("little", actor=actor)
    generator = choose("little", folders=models.folders)
    assert (made.kind, generator.identity.digest) == ("gguf", made.digest)
    flip(models.folder("little") / weights.name, -1)
    with pytest.raises(Refused, match="is changed"):
        generator.count_tokens("Lease")


def test_what_is_no_model_or_on_a_hub_is_refused_with_what_to_do(models, actor, tmp_path):
    with pytest.raises(Refused, match=r"fetches nothing.*hf download openai/gpt-oss-20b"):
        models.install("hub:openai/gpt-oss-20b", actor=actor)
    with pytest.raises(NotFound, match="mounted"):
        models.install(tmp_path / "none", actor=actor)
    (tmp_path / "empty").mkdir()
    with pytest.raises(WrongUse, match="holds no model"):
        models.install(tmp_path / "empty", actor=actor)


@pytest.mark.parametrize("name", ["auto", "../up", "a/b", ".hidden", "x.gguf", ""])
def test_a_name_that_means_something_else_is_refused(name):
    with pytest.raises(WrongUse, match="--name"):
        installing.checked_name(name)


def test_a_taken_name_is_refused(source, models, actor):
    models.install(source, actor=actor)
    with pytest.raises(Refused, match="is there already"):
        models.install(source, actor=actor)
