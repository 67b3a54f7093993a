"""What models run by llama.cpp owe beyond the contract of every generator."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from engine.models.base import (
    Conversation,
    FinishReason,
    Generator,
    PromptPassage,
    Speaker,
    Turn,
    conditions_of,
    gather,
)
from engine.models.catalogue import choose
from engine.models.embedded import EmbeddedGenerator, embedded_weights
from engine.models.gpt_oss_gguf import GptOssGguf
from engine.models.host import ModelHost
from engine.models.line import Ticket
from engine.models.loading import LoadOptions
from engine.models.prompt_slots import shared
from engine.models.schemas import held_to_schemas, takes_schemas
from engine.models.scripted import ScriptedGenerator
from storage.errors import Refused
from storage.records import JsonValue

TEXTS = (
    "The notice period is ninety (90) days, and notice is given in writing to the other party's seat.",
    "Rent of $500 is due on the first working day of each month. Late rent bears interest of 5 % a year.",
    "The seller shall indemnify the buyer for all losses that come of a breach, up to $1,000,000.",
)
LEASE = {
    "type": "object",
    "properties": {"days": {"type": "integer"}, "written": {"type": "boolean"}},
    "required": ["days", "written"],
    "additionalProperties": False,
}


def asking(passages: int, *turns: Turn) -> Conversation:
    kept = tuple(
        PromptPassage(n, "a.pdf", n, "", TEXTS[(n + passages) % len(TEXTS)]) for n in range(1, passages + 1)
    )
    return Conversation("Answer from the passages.", "What must the parties do?", kept, turns)


ASKED = (asking(1), asking(2), asking(2, Turn(Speaker.USER, "When?"), Turn(Speaker.ASSISTANT, "At once.")))


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedGenerator]:
    if embedded_weights() is None:
        pytest.skip("the embedded model's weights are not installed")
    generator = EmbeddedGenerator(context_tokens=512, slots=3, threads=1)
    yield generator
    generator.close()


@pytest.fixture(scope="module")
def alone(embedded: EmbeddedGenerator) -> list[str]:
    """The first answers of a model that has just been loaded, one for each prompt."""
    texts = []
    for asked in ASKED:
        fresh = EmbeddedGenerator(context_tokens=512, threads=1)
        texts.append(gather(fresh.generate(fresh.render(asked), max_tokens=12)).text)
        fresh.close()
    return texts


@pytest.mark.model
def test_a_kept_beginning_of_a_prompt_changes_no_answer(
    embedded: EmbeddedGenerator, alone: list[str]
) -> None:
    again = [
        gather(embedded.generate(embedded.render(ASKED[at]), max_tokens=12)).text for at in (2, 1, 0, 0, 1, 2)
    ]
    assert again == [alone[at] for at in (2, 1, 0, 0, 1, 2)]


@pytest.mark.model
def test_answers_written_side_by_side_are_those_written_alone(
    embedded: EmbeddedGenerator, alone: list[str]
) -> None:
    texts = [""] * len(ASKED)

    def answer(at: int) -> None:
        texts[at] = gather(embedded.generate(embedded.render(ASKED[at]), max_tokens=12)).text

    threads = [Thread(target=answer, args=(at,)) for at in range(len(ASKED))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == alone


@pytest.mark.model
def test_an_answer_is_held_to_a_json_schema_also_through_the_host(embedded: EmbeddedGenerator) -> None:
    ids = embedded.render(Conversation("Answer in JSON.", TEXTS[0]))
    for model in (embedded, ModelHost(embedded).lane(Ticket("anna"))):
        reply = gather(held_to_schemas(model).generate(ids, max_tokens=64, schema=LEASE))
        assert reply.finish_reason is FinishReason.STOP
        found = json.loads(reply.text)
        assert set(found) == {"days", "written"}
        assert isinstance(found["days"], int)
        assert isinstance(found["written"], bool)


@pytest.mark.model
def test_what_was_not_read_again_is_in_the_usage(embedded: EmbeddedGenerator) -> None:
    model = EmbeddedGenerator(context_tokens=512, threads=1)
    ids = [embedded.render(one) for one in ASKED[1:]]
    used = [gather(model.generate(one, max_tokens=2)).usage for one in ids]
    model.close()
    assert [one.prompt_tokens for one in used] == [len(one) for one in ids]
    assert [one.reused_tokens for one in used] == [0, shared(*ids)]


@pytest.mark.parametrize("shared", [True, False])
def test_a_model_that_takes_no_schema_says_so(shared: bool) -> None:
    scripted = ScriptedGenerator("Yes.")
    model: Generator = ModelHost(scripted) if shared else scripted
    assert not takes_schemas(model)
    with pytest.raises(Refused, match="JSON schema"):
        held_to_schemas(model)


def test_a_kept_beginning_changes_nothing_in_gpt_oss_either(tiny_gpt_oss_gguf: Path) -> None:
    first = GptOssGguf(tiny_gpt_oss_gguf, context_tokens=512, threads=1)
    prompts = [first.render(Conversation("Rules. " * n, "What is the notice period?")) for n in (1, 9, 1)]
    replies = [gather(first.generate(ids, max_tokens=24)) for ids in prompts]
    first.close()
    second = GptOssGguf(tiny_gpt_oss_gguf, context_tokens=512, threads=1)
    alone = gather(second.generate(prompts[1], max_tokens=24))
    second.close()
    assert replies[1].usage.reused_tokens > 0
    assert alone.usage.reused_tokens == 0
    assert (alone.text, alone.finish_reason) == (replies[1].text, replies[1].finish_reason)
    assert replies[0].text == replies[2].text


@pytest.fixture(scope="module")
def gpt_oss(tiny_gpt_oss_gguf: Path) -> Iterator[GptOssGguf]:
    model = GptOssGguf(tiny_gpt_oss_gguf, context_tokens=512, threads=1, slots=2)
    yield model
    model.close()


@pytest.mark.parametrize(
    ("schema", "form"),
    [
        (LEASE, r'{"days": -?\d+, "written": (true|false)}'),
        (
            {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3},
            r"\[-?\d+(, -?\d+){1,2}\]",
        ),
        (
            {"type": "object", "properties": {"who": {"enum": ['the "tenant"', None]}}, "required": ["who"]},
            r'{"who": ("the \\"tenant\\""|null)}',
        ),
        ({"type": "string", "maxLength": 4}, r'".{0,14}"'),
        ({"type": "array", "items": {"const": "a\\b"}, "minItems": 1, "maxItems": 1}, r'\["a\\\\b"\]'),
        ({"type": "object", "title": "Nothing", "properties": {}}, r"{}"),
    ],
)
def test_gpt_oss_writes_json_in_its_final_channel(
    gpt_oss: GptOssGguf, schema: dict[str, JsonValue], form: str
) -> None:
    ids = gpt_oss.render(Conversation("Answer in JSON.", TEXTS[0]))
    reply = gather(gpt_oss.generate(ids, max_tokens=200, schema=schema))
    # Weights by chance may end a reply by any id that ends one, which is then not called whole.
    assert reply.finish_reason in {FinishReason.STOP, FinishReason.INCOMPLETE}
    assert re.fullmatch(form, reply.text)
    assert isinstance(json.loads(reply.text), dict | list | str)


class Thinking(GptOssGguf):
    """Must write an analysis, and a short one: the weights of the tests would by themselves write none."""

    form = GptOssGguf.form.replace(")? <", ") <").replace("]>* <", "]>{0,9} <")


def test_gpt_oss_thinks_freely_before_it_is_held_to_a_schema(tiny_gpt_oss_gguf: Path) -> None:
    model = Thinking(tiny_gpt_oss_gguf, context_tokens=512, threads=1)
    ids = model.render(Conversation("Answer in JSON.", TEXTS[0]))
    reply = gather(model.generate(ids, max_tokens=70, schema=LEASE))
    model.close()
    assert reply.analysis.startswith("The notice period")
    assert set(json.loads(reply.text)) == {"days", "written"}


def test_a_schema_that_no_text_can_be_held_to_is_refused_and_the_model_goes_on(gpt_oss: GptOssGguf) -> None:
    ids = gpt_oss.render(ASKED[0])
    with pytest.raises(Refused, match="schema"):
        gather(gpt_oss.generate(ids, max_tokens=8, schema={"type": "no such type"}))
    with pytest.raises(Refused, match="schema"):
        gather(ModelHost(gpt_oss).generate(ids, max_tokens=8, schema={"type": "no such type"}))
    assert gather(gpt_oss.generate(ids, max_tokens=2)).usage.output_tokens == 2


def test_a_prompt_longer_than_a_slot_is_refused_and_not_cut_also_where_another_slot_is_free(
    gpt_oss: GptOssGguf,
) -> None:
    assert gpt_oss.capacity.slots == 2
    with pytest.raises(Refused, match="prompt of 500 and an answer of 13 tokens are more than the 512"):
        gather(gpt_oss.generate([100] * 500, max_tokens=13))
    assert gather(gpt_oss.generate([100] * 500, max_tokens=12)).usage.prompt_tokens == 500


def test_a_cancel_while_the_prompt_is_read_frees_the_slot(gpt_oss: GptOssGguf) -> None:
    cancel = Event()
    cancel.set()
    reply = gather(gpt_oss.generate([100] * 500, max_tokens=12, cancel=cancel))
    assert reply.finish_reason is FinishReason.CANCELLED
    assert reply.usage.output_tokens == 0
    assert gather(gpt_oss.generate([100] * 500, max_tokens=2)).usage.output_tokens == 2


def test_threads_context_and_slots_are_what_was_asked_for(tiny_gpt_oss_gguf: Path) -> None:
    options = LoadOptions(threads=3, decode_threads=1, slots=2, context_tokens=600)
    model = choose(str(tiny_gpt_oss_gguf), options=options)
    said = conditions_of(model)
    assert (said["threads"], said["decode_threads"], said["slots"], said["context_tokens"]) == (3, 1, 2, 600)
    assert model.preferred_prompt_tokens + model.preferred_output_tokens <= 600
