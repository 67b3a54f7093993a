"""`muniment model`: install, approve, verify and show, as a person at the command line does."""

import io
import json
import shutil

import pytest

from app.cli import execute
from app.commands.session import Session
from app.settings import Settings
from app.wiring import build
from storage.embedding import HashingEmbedder
from storage.errors import Refused


@pytest.fixture
def stick(tiny_chat_model, tmp_path):
    return shutil.copytree(tiny_chat_model, tmp_path / "stick" / "chat")


def test_a_model_is_installed_approved_and_shown(muniment, stick):
    ran = muniment("model", "install", "stick/chat", "--name", "small", "--json")
    assert ran.code == 0, ran.err
    assert "100 %" in ran.err
    assert "no list of hashes" in ran.err
    assert ran.json["approved"] is None
    assert muniment("model", "approve", "small").code == 0
    shown = muniment("model", "show", "small", "--json").json
    assert shown["digest"] == ran.json["digest"]
    assert (shown["installed"], shown["quantization_expected"]) == (True, "bfloat16")
    assert shown["approved_by"]
    assert "small" in muniment("model", "list").out
    kinds = [one["kind"] for one in muniment("audit", "list", "--json").json["entries"]]
    assert {"model.installed", "model.approved"} <= set(kinds)


def test_verify_names_the_one_file_with_a_flipped_byte(muniment, services, stick):
    assert muniment("model", "install", stick, "--approve").code == 0
    assert muniment("model", "verify").code == 0
    weights = services.models.folder("chat") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\xff")
    ran = muniment("model", "verify", "chat", "--json")
    assert ran.code == 1
    assert ran.json["models"][0]["files"] == [{"file": "model.safetensors", "problem": "changed"}]
    assert "model.safetensors is changed" in muniment("model", "verify").out


def test_a_refused_source_is_one_line_and_exit_code_3(muniment, stick):
    (stick / "pytorch_model.bin").write_bytes(b"x")
    ran = muniment("model", "install", stick)
    assert (ran.code, ran.out) == (3, "")
    assert "pytorch_model.bin" in ran.err.splitlines()[-1]


def test_the_model_that_answers_says_what_it_takes_in_memory(muniment):
    shown = muniment("model", "show", "--json").json
    assert shown["runtime"] == "scripted"
    assert shown["memory_bytes"] is None or shown["memory_bytes"] > 0


def test_show_says_how_a_folder_of_weights_is_run_and_why_nothing_faster(home, stick):
    settings = Settings(home=home, sample=False, model="chat", model_device="cpu", model_slots=2)
    first = build(settings.model_copy(update={"model": "scripted"}), embedder=HashingEmbedder())
    first.models.install(stick, actor=first.accounts.local_operator())
    first.models.approve("chat", actor=first.accounts.local_operator())
    first.close()

    services = build(settings, embedder=HashingEmbedder())
    out, problems = io.StringIO(), io.StringIO()
    session = Session(settings, out, problems, home, "", services)
    assert execute(session, ["model", "show", "--json"]) == 0, problems.getvalue()
    runs = json.loads(out.getvalue())["runs"]
    assert (runs["attention_for_prompts"], runs["recorded_passes"], runs["slots"]) == ("sdpa", False, 2)
    assert runs["because"] == "on a CPU arithmetic is the limit"
    services.close()


def test_all_other_work_goes_on_where_the_chosen_model_is_refused(home, stick):
    settings = Settings(home=home, sample=False, model="chat", model_device="cpu")
    first = build(settings.model_copy(update={"model": "scripted"}), embedder=HashingEmbedder())
    operator = first.accounts.local_operator()
    first.models.install(stick, actor=operator)
    first.close()

    services = build(settings, embedder=HashingEmbedder())
    with pytest.raises(Refused, match="model approve chat"):
        _ = services.generator.identity
    refused = services.audit.entries(kinds=["model.refused"])
    assert len(refused) == 1
    services.models.approve("chat", actor=operator)
    services.close()

    services = build(settings, embedder=HashingEmbedder())
    assert services.generator.identity.id == "chat"
    services.close()
