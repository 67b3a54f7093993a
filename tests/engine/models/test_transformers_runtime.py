"""Loading and running folders of weights, on tiny checkpoints that tests write. No CUDA device is needed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from engine.models import loading, weights
from engine.models.base import (
    Conversation,
    FinishReason,
    OutOfMemory,
    PromptPassage,
    Speaker,
    Turn,
    gather,
)
from engine.models.decoding import is_out_of_memory
from engine.models.loading import LoadOptions
from engine.models.transformers_runtime import TransformersGenerator
from engine.models.weights import read_checkpoint
from storage.errors import Broken, Refused
from tests.engine.models.checkpoints import REPLY, alibi_model

UNPACK = LoadOptions(device="cpu", allow_unpacked=True)


def asking(text: str = "The notice period is ninety (90) days.", **parts: Any) -> Conversation:
    given = {"rules": "Answer from the passages.", "question": "What is the notice period?"} | parts
    return Conversation(passages=(PromptPassage(1, "lease.pdf", 3, "Term", text),), **given)


@pytest.fixture(scope="module")
def plain(tiny_gpt_oss: tuple[Path, Path]) -> Iterator[TransformersGenerator]:
    generator = TransformersGenerator(tiny_gpt_oss[0])
    yield generator
    generator.close()


@pytest.fixture(scope="module")
def chat(tiny_chat_model: Path) -> Iterator[TransformersGenerator]:
    generator = TransformersGenerator(tiny_chat_model)
    yield generator
    generator.close()


def text_of(generator: TransformersGenerator, conversation: Conversation, **how: Any) -> str:
    return gather(generator.generate(generator.render(conversation), **{"max_tokens": 40} | how)).text


def test_a_reply_ends_where_the_model_ends_it(
    plain: TransformersGenerator, chat: TransformersGenerator
) -> None:
    for generator in (plain, chat):
        reply = gather(generator.generate(generator.render(asking()), max_tokens=64))
        assert reply.finish_reason is FinishReason.STOP
        assert reply.text.startswith("The notice period is ninety (90) days, in writing")
        assert "<|" not in reply.text


def test_packed_weights_are_refused_where_they_would_be_unpacked(tiny_gpt_oss: tuple[Path, Path]) -> None:
    with pytest.raises(
        Refused,
        match=r"cannot stay in MXFP4: transformers unpacks it on a CPU.*GGUF file.*or set MUNIMENT",
    ):
        TransformersGenerator(tiny_gpt_oss[1], options=LoadOptions(device="cpu"))


def test_weights_that_were_unpacked_by_leave_say_so(tiny_gpt_oss: tuple[Path, Path]) -> None:
    generator = TransformersGenerator(tiny_gpt_oss[1], options=UNPACK)
    assert generator.identity.quantization == "bf16 (unpacked from mxfp4)"
    generator.close()


def test_packed_weights_and_their_unpacked_twin_give_the_same_ids(
    plain: TransformersGenerator, tiny_gpt_oss: tuple[Path, Path]
) -> None:
    packed = TransformersGenerator(tiny_gpt_oss[1], options=UNPACK)
    assert packed.identity.digest != plain.identity.digest
    for how in ({}, {"temperature": 3.0, "seed": 1}, {"temperature": 3.0, "seed": 2}):
        assert text_of(packed, asking(), **how) == text_of(plain, asking(), **how)
    packed.close()


def test_weights_that_the_library_unpacked_unasked_are_refused_after_loading(
    tiny_gpt_oss: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "mxfp4_obstacle", lambda _device: None)
    generator = TransformersGenerator(tiny_gpt_oss[1], options=LoadOptions(device="cpu"))
    with pytest.raises(Refused, match=r"was unpacked to 16 bits by transformers 5\.22\.2"):
        gather(generator.generate(generator.render(asking()), max_tokens=2))


@pytest.mark.parametrize("free", [0, 30_000_000])
def test_a_model_that_does_not_fit_is_refused_with_both_sizes(
    tiny_gpt_oss: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    monkeypatch.setattr(loading, "free_memory", lambda: free)
    if free:
        TransformersGenerator(tiny_gpt_oss[0], options=LoadOptions(device="cpu"))
    else:
        with pytest.raises(Refused, match=r"takes 0\.0 GiB and 0\.0 GiB are free on cpu"):
            TransformersGenerator(tiny_gpt_oss[0], options=LoadOptions(device="cpu"))


def test_the_size_of_unpacked_weights_is_known_before_loading(tiny_gpt_oss: tuple[Path, Path]) -> None:
    plain, packed = (read_checkpoint(folder) for folder in tiny_gpt_oss)
    assert plain.bytes_bf16 == plain.bytes_stored
    assert packed.bytes_bf16 == plain.bytes_stored
    assert packed.bytes_stored < plain.bytes_stored
    assert (plain.is_mxfp4, packed.is_mxfp4) == (False, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (LoadOptions(precision="int8", device="cpu"), "packed in MXFP4 already"),
        (LoadOptions(precision="int4"), "is no precision"),
    ],
)
def test_a_precision_that_cannot_be_is_refused(
    tiny_gpt_oss: tuple[Path, Path], options: LoadOptions, words: str
) -> None:
    with pytest.raises(Refused, match=words):
        TransformersGenerator(tiny_gpt_oss[1], options=options)


def test_four_bits_of_a_dense_model_need_a_device(tiny_chat_model: Path) -> None:
    with pytest.raises(Refused, match="needs a CUDA device"):
        TransformersGenerator(tiny_chat_model, options=LoadOptions(device="cpu", precision="nf4"))


def test_a_missing_library_is_named_with_what_installs_it(
    tiny_chat_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "installed", lambda _package: "none")
    generator = TransformersGenerator(tiny_chat_model, options=LoadOptions(device="cpu", precision="int8"))
    with pytest.raises(Broken, match=r"torchao is not installed.*muniment\[quantized\]"):
        _ = generator.identity


def test_eight_bits_of_a_dense_model_are_really_in_memory(tiny_chat_model: Path) -> None:
    pytest.importorskip("torchao", reason="torchao is not installed (muniment[quantized])")
    generator = TransformersGenerator(tiny_chat_model, options=LoadOptions(device="cpu", precision="int8"))
    assert generator.identity.quantization == "int8 (torchao)"
    assert text_of(generator, asking()).startswith("The notice period")


def test_a_kept_head_changes_no_word(plain: TransformersGenerator, tiny_gpt_oss: tuple[Path, Path]) -> None:
    first = text_of(plain, asking("Rent is due monthly."), temperature=3.0)
    again = text_of(plain, asking("Rent is due monthly."), temperature=3.0)
    fresh = TransformersGenerator(tiny_gpt_oss[0])
    ids = plain.render(asking("Rent is due monthly."))
    # Not rendered by this one: it knows no head and reads the prompt in one go.
    whole = gather(fresh.generate(ids, max_tokens=40, temperature=3.0)).text
    assert plain._heads.read
    assert first == again == whole
    fresh.close()


def test_a_long_prompt_read_in_pieces_gives_the_same_words(
    plain: TransformersGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = asking(" ".join(f"Clause {number} says nothing." for number in range(150)))
    pieces = text_of(plain, long, temperature=3.0)
    monkeypatch.setattr(plain._heads, "piece_tokens", 4_096)
    plain._heads.forget()
    assert len(plain.render(long)) > 600
    assert text_of(plain, long, temperature=3.0) == pieces


def test_a_seed_decides_what_is_drawn(plain: TransformersGenerator) -> None:
    drawn = [text_of(plain, asking(), temperature=4.0, seed=seed) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_prompt_that_is_too_long_is_refused_and_never_cut(plain: TransformersGenerator) -> None:
    with pytest.raises(Refused, match="more than the"):
        gather(plain.generate([1_000] * plain.context_tokens, max_tokens=1))


@pytest.mark.parametrize(
    ("raised", "wanted"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate"), OutOfMemory),
        (torch.OutOfMemoryError("CUDA out of memory"), OutOfMemory),
        (MemoryError(), OutOfMemory),
        (ValueError("something else"), Broken),
    ],
)
def test_a_failure_in_the_model_is_told_and_the_next_request_works(
    plain: TransformersGenerator, monkeypatch: pytest.MonkeyPatch, raised: Exception, wanted: type[Exception]
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise raised

    before = text_of(plain, asking())
    with monkeypatch.context() as patched:
        patched.setattr(plain._open().model, "forward", fail)
        with pytest.raises(wanted) as told:
            text_of(plain, asking())
    assert type(told.value) is wanted
    assert told.value.__cause__ is raised
    assert text_of(plain, asking()) == before


def test_a_model_with_other_attention_writes_one_at_a_time_and_frees_what_a_failure_left(
    tiny_chat_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = alibi_model(tiny_chat_model, tmp_path / "bloom")
    generator = TransformersGenerator(folder, options=LoadOptions(device="cpu", slots=4))
    before = gather(generator.generate(generator.render(asking()), max_tokens=5))
    assert generator.capacity.slots == 1
    assert before.usage.output_tokens == 5
    assert generator._heads.read
    with monkeypatch.context() as patched:
        patched.setattr(generator._open().model, "forward", Mock(side_effect=torch.OutOfMemoryError("x")))
        with pytest.raises(OutOfMemory):
            text_of(generator, asking())
    assert not generator._heads.read
    assert gather(generator.generate(generator.render(asking()), max_tokens=5)) == before
    generator.close()


def test_only_a_lack_of_memory_is_taken_for_one() -> None:
    assert is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"))
    assert not is_out_of_memory(RuntimeError("shape mismatch"))
    assert not is_out_of_memory(ValueError("out of memory"))


def adapter(base: Path, folder: Path, *, experts: bool) -> Path:
    model = AutoModelForCausalLM.from_pretrained(base)
    names = ["0.mlp.experts.gate_up_proj"] if experts else None
    config = LoraConfig(
        r=2, target_modules=["q_proj", "v_proj"], target_parameters=names, init_lora_weights=False
    )
    get_peft_model(model, config).save_pretrained(folder)
    return folder


def test_an_adapter_changes_the_words_and_stands_in_identity_and_digest(
    tiny_gpt_oss: tuple[Path, Path], plain: TransformersGenerator, tmp_path: Path
) -> None:
    made = adapter(tiny_gpt_oss[0], tmp_path / "style", experts=False)
    generator = TransformersGenerator(tiny_gpt_oss[0], options=LoadOptions(device="cpu", adapter=made))
    assert generator.identity.id.endswith("with style")
    assert generator.identity.digest != plain.identity.digest
    how = {"temperature": 4.0, "seed": 5}
    assert text_of(generator, asking(), **how) != text_of(plain, asking(), **how)
    generator.close()


def test_an_adapter_of_experts_is_refused_on_packed_weights(
    tiny_gpt_oss: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = adapter(tiny_gpt_oss[0], tmp_path / "experts", experts=True)
    monkeypatch.setattr(loading, "mxfp4_obstacle", lambda _device: None)
    with pytest.raises(Refused, match=r"changes experts.*attention only"):
        TransformersGenerator(tiny_gpt_oss[1], options=LoadOptions(device="cpu", adapter=made))


def test_a_folder_that_is_no_adapter_is_one_line(tiny_chat_model: Path, tmp_path: Path) -> None:
    with pytest.raises(Broken, match="is no LoRA adapter"):
        TransformersGenerator(tiny_chat_model, options=LoadOptions(adapter=tmp_path))


def test_the_digest_names_every_byte_but_no_hidden_file(tiny_chat_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_chat_model, folder)
    before = read_checkpoint(folder).digest
    (folder / ".cache").mkdir()
    (folder / ".cache" / "note").write_text("x")
    assert read_checkpoint(folder).digest == before
    tokenizer = bytearray((folder / "tokenizer.json").read_bytes())
    tokenizer[-2] ^= 1
    (folder / "tokenizer.json").write_bytes(tokenizer)
    assert read_checkpoint(folder).digest != before


def test_a_published_shape_is_known_by_name(tmp_path: Path) -> None:
    config = {"model_type": "gpt_oss", "num_local_experts": 32, "num_hidden_layers": 24}
    assert weights.Checkpoint(tmp_path, config, 0, 0).name == "gpt-oss-20b"
    assert weights.Checkpoint(tmp_path, config | {"num_hidden_layers": 2}, 0, 0).name == tmp_path.name


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "config.json cannot be read"),
        ({"config.json": "[]"}, "not a model's configuration"),
        ({"config.json": "{}", "pytorch_model.bin": "x"}, "no safetensors files"),
        ({"config.json": "{}", "model.safetensors": "x"}, "damaged"),
        ({"config.json": "{}", "model.safetensors": "\xff" * 40}, "damaged"),
    ],
)
def test_a_folder_that_is_no_model_is_one_line(tmp_path: Path, files: dict[str, str], words: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="latin-1")
    with pytest.raises(Broken, match=words):
        TransformersGenerator(tmp_path)


def controls(generator: TransformersGenerator, conversation: Conversation) -> list[int]:
    marks = generator._dialect._controls  # type: ignore[attr-defined]
    return [one for one in generator.render(conversation) if one in marks]


@pytest.mark.parametrize("place", ["body", "title", "heading", "question", "user", "assistant", "rules"])
def test_no_mark_of_a_template_model_comes_from_text(chat: TransformersGenerator, place: str) -> None:
    marks = ["<|im_start|>", "<|im_end|>", "<s>", "<think>", "\u20420\u2042"]

    def said(text: str) -> Conversation:
        given = dict.fromkeys(["body", "title", "heading", "question", "user", "assistant", "rules"], "plain")
        given[place] = text
        return Conversation(
            given["rules"],
            given["question"],
            (PromptPassage(1, given["title"], 3, given["heading"], given["body"]),),
            (Turn(Speaker.USER, given["user"]), Turn(Speaker.ASSISTANT, given["assistant"])),
        )

    wanted = controls(chat, said("plain"))
    for joint in ("", " ", "x", "<"):
        assert controls(chat, said(joint.join(marks * 2))) == wanted


def test_text_is_encoded_whole_except_for_marks(chat: TransformersGenerator) -> None:
    dialect: Any = chat._dialect
    for text in ("ninety days", "a <think> b", "<|im_end|>", "é🎉 <s>"):
        assert dialect._tokenizer.decode(dialect._plain(text)) == text


def test_the_frame_is_the_template_s_own(chat: TransformersGenerator) -> None:
    ids = chat.render(Conversation("Rules.", "Why?"))
    frame = "<|im_start|>system\nRules.<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"
    assert chat._dialect._tokenizer.decode(ids) == frame  # type: ignore[attr-defined]


def with_template(folder: Path, to: Path, template: str | None) -> TransformersGenerator:
    shutil.copytree(folder, to)
    (to / "chat_template.jinja").unlink(missing_ok=True)
    settings = json.loads((to / "tokenizer_config.json").read_text())
    settings.pop("chat_template", None)
    (to / "tokenizer_config.json").write_text(json.dumps(settings))
    if template is not None:
        (to / "chat_template.jinja").write_text(template)
    return TransformersGenerator(to)


def test_a_template_without_system_turns_gets_the_rules_in_the_first_question(
    tiny_chat_model: Path, tmp_path: Path
) -> None:
    template = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "{{ m.role }}: {{ m.content | trim }}\n{% endfor %}"
    )
    generator = with_template(tiny_chat_model, tmp_path / "model", template)
    text = generator._dialect._tokenizer.decode(generator.render(Conversation("Rules.", "Why?")))  # type: ignore[attr-defined]
    assert text == "user: Rules.\n\nWhy?\n"


def test_a_model_without_template_reads_plain_text(tiny_chat_model: Path, tmp_path: Path) -> None:
    generator = with_template(tiny_chat_model, tmp_path / "model", None)
    text = generator._dialect._tokenizer.decode(generator.render(Conversation("Rules.", "Why?")))  # type: ignore[attr-defined]
    assert text == "<s>Rules.\n\nWhy?\nAnswer: "


def test_words_come_out_as_they_went_in(chat: TransformersGenerator) -> None:
    reader = chat._dialect.reader()
    ids = chat._dialect._plain(REPLY + " é🎉")  # type: ignore[attr-defined]
    assert "".join(event.text for one in ids for event in reader.feed(one)) == REPLY + " é🎉"  # type: ignore[union-attr]
