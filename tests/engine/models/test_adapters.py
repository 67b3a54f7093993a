"""The generators behind LangChain's and LlamaIndex's interfaces."""

from __future__ import annotations

import asyncio
import threading

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage, MessageRole, ThinkingBlock

from engine.models.base import Speaker
from engine.models.langchain import MunimentChatModel
from engine.models.llamaindex import MunimentLLM
from engine.models.scripted import ScriptedGenerator
from storage.errors import WrongUse

REPLY = "The term is five years [1]."


def test_langchain_gets_the_reply_its_usage_and_the_model_that_gave_it() -> None:
    message = MunimentChatModel(generator=ScriptedGenerator(REPLY)).invoke("How long is the term?")
    assert message.text == REPLY
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_tokens"] > 5
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.response_metadata["model_name"] == "scripted"


def test_langchain_gets_reasoning_as_blocks_that_never_mix_with_the_reply() -> None:
    model = MunimentChatModel(generator=ScriptedGenerator(REPLY, analysis="The user asks for the term."))
    message = model.invoke("How long is the term?")
    blocks = {block["type"]: block for block in message.content_blocks}
    assert blocks["reasoning"]["reasoning"] == "The user asks for the term."
    assert blocks["text"]["text"] == REPLY
    assert message.text == REPLY


def test_langchain_streams_token_by_token() -> None:
    model = MunimentChatModel(generator=ScriptedGenerator(REPLY))
    chunks = [chunk.text for chunk in model.stream("How long is the term?")]
    assert len(chunks) > 5
    assert "".join(chunks) == REPLY


def test_langchain_roles_reach_the_generator_as_roles() -> None:
    generator = ScriptedGenerator(REPLY)
    chat = [
        SystemMessage("Be brief."),
        HumanMessage("Hello"),
        AIMessage("Good day"),
        HumanMessage("The term?"),
    ]
    MunimentChatModel(generator=generator, effort="high").invoke(chat)
    conversation = generator.conversations[-1]
    assert (conversation.rules, conversation.question, conversation.effort) == (
        "Be brief.",
        "The term?",
        "high",
    )
    assert [turn.speaker for turn in conversation.turns] == [Speaker.USER, Speaker.ASSISTANT]


@pytest.mark.parametrize("chat", [[AIMessage("I")], [ToolMessage("x", tool_call_id="1"), HumanMessage("y")]])
def test_a_chat_that_the_model_cannot_take_is_turned_down(chat: list[AIMessage]) -> None:
    with pytest.raises(WrongUse):
        MunimentChatModel(generator=ScriptedGenerator(REPLY)).invoke(chat)


def test_langchain_can_be_awaited() -> None:
    model = MunimentChatModel(generator=ScriptedGenerator(REPLY))

    async def streamed() -> str:
        return "".join([chunk.text async for chunk in model.astream("How long?")])

    assert asyncio.run(streamed()) == REPLY


def test_llamaindex_gets_the_reply_and_reasoning_apart() -> None:
    llm = MunimentLLM(generator=ScriptedGenerator(REPLY, analysis="Thinking."))
    response = llm.chat([ChatMessage(role=MessageRole.USER, content="How long is the term?")])
    assert response.message.content == REPLY
    assert [b.content for b in response.message.blocks if isinstance(b, ThinkingBlock)] == ["Thinking."]
    assert llm.complete("How long?").text == REPLY
    assert llm.metadata.model_name == "scripted"


def test_llamaindex_streams_and_the_parts_make_the_whole() -> None:
    llm = MunimentLLM(generator=ScriptedGenerator(REPLY))
    steps = list(llm.stream_complete("How long?"))
    assert "".join(step.delta or "" for step in steps) == steps[-1].text == REPLY


def test_llamaindex_leaves_the_event_loop_free() -> None:
    threads: set[int] = set()
    generator = ScriptedGenerator(REPLY, before_token=lambda _number: threads.add(threading.get_ident()))
    llm = MunimentLLM(generator=generator)

    async def all_four() -> list[str]:
        message = [ChatMessage(role=MessageRole.USER, content="How long?")]
        texts = [(await llm.acomplete("How long?")).text, (await llm.achat(message)).message.content or ""]
        async for step in await llm.astream_complete("How long?"):
            last = step.text
        texts.append(last)
        async for reply in await llm.astream_chat(message):
            last = reply.message.content or ""
        return [*texts, last]

    assert asyncio.run(all_four()) == [REPLY] * 4
    assert threading.get_ident() not in threads
