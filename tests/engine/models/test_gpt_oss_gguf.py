from __future__ import annotations

from pathlib import Path

import pytest

from engine.models import gpt_oss_gguf, harmony
from engine.models.base import Conversation, FinishReason, gather
from engine.models.catalogue import choose
from engine.models.embedded import embedded_weights
from engine.models.gpt_oss_gguf import GptOssGguf, whole_ids
from engine.models.loading import LoadOptions
from engine.models.transformers_runtime import TransformersGenerator
from storage.errors import Broken, Refused

ENCODER = harmony.encoding(harmony.vocabulary_file())


def test_the_file_and_its_folder_say_the_same(
    tiny_gpt_oss: tuple[Path, Path], tiny_gpt_oss_gguf: Path
) -> None:
    file = choose(str(tiny_gpt_oss_gguf))
    folder = TransformersGenerator(tiny_gpt_oss[0], options=LoadOptions(device="cpu"))
    ids = folder.render(Conversation("Rules.", "What is the notice period?"))
    assert file.render(Conversation("Rules.", "What is the notice period?")) == ids
    reply = gather(file.generate(ids, max_tokens=64))
    assert reply.finish_reason is FinishReason.STOP
    assert reply.text.startswith("The notice period is ninety (90) days")
    assert reply == gather(folder.generate(ids, max_tokens=64))
    assert (file.identity.runtime, file.identity.quantization) == ("llama.cpp", "F16")
    file.close()
    folder.close()


def test_a_file_larger_than_the_free_memory_is_refused(
    tiny_gpt_oss_gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpt_oss_gguf, "free_memory", lambda: 1)
    with pytest.raises(Refused, match="are free"):
        GptOssGguf(tiny_gpt_oss_gguf)


def test_another_model_is_not_taken_for_gpt_oss() -> None:
    weights = embedded_weights()
    if weights is None:
        pytest.skip("the embedded model's weights are not installed")
    with pytest.raises(Broken, match="is no gpt-oss"):
        GptOssGguf(weights)


def test_a_character_that_took_several_ids_is_whole() -> None:
    ids = ENCODER.encode("🦜")
    assert len(ids) > 1
    assert whole_ids("🦜", ids[-1:], ENCODER) == ids
    assert whole_ids(" days", ENCODER.encode(" days"), ENCODER) == ENCODER.encode(" days")
    assert whole_ids("", [harmony.RETURN], ENCODER) == [harmony.RETURN]
    assert not [one for one in whole_ids("x<|end|>", [1], ENCODER) if one >= harmony.FIRST_CONTROL_ID]
