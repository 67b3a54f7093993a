"""Any generator as a LlamaIndex LLM. Roles reach the model as roles, and the event loop is never blocked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from collections.abc import Generator as Steps
from typing import Any, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
    TextBlock,
    ThinkingBlock,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.custom import CustomLLM

from engine.models.base import AnalysisDelta, Done, FinalDelta, Generator
from engine.models.dialogue import conversation_of, generate

Item = TypeVar("Item")
_END = object()


class MunimentLLM(CustomLLM):
    """A generator behind LlamaIndex's interface. Reasoning comes as a `ThinkingBlock`, never as text."""

    generator: Any
    """A `Generator`."""
    effort: str = "low"
    max_tokens: int | None = None
    temperature: float = 0.0
    seed: int = 0

    @classmethod
    def class_name(cls) -> str:
        return "MunimentLLM"

    @property
    def metadata(self) -> LLMMetadata:
        model: Generator = self.generator
        return LLMMetadata(
            context_window=model.context_tokens,
            num_output=self.max_tokens or model.preferred_output_tokens,
            is_chat_model=True,
            model_name=model.identity.id,
        )

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The whole reply."""
        return _last(self._chat(messages, **kwargs))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The reply so far and what came last, with each step."""
        return self._chat(messages, **kwargs)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:  # noqa: ARG002, FBT001, FBT002
        """The whole reply to one user message."""
        return _last(self._complete(prompt, **kwargs))

    @llm_completion_callback()
    def stream_complete(
        self,
        prompt: str,
        formatted: bool = False,  # noqa: ARG002, FBT001, FBT002 - the framework's own signature
        **kwargs: Any,
    ) -> CompletionResponseGen:
        """The reply to one user message as it comes."""
        return self._complete(prompt, **kwargs)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """As `chat`, in a thread."""
        return await asyncio.to_thread(lambda: _last(self._chat(messages, **kwargs)))

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """As `stream_chat`, each step in a thread."""
        return _in_thread(self._chat(messages, **kwargs))

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:  # noqa: ARG002, FBT001, FBT002
        """As `complete`, in a thread."""
        return await asyncio.to_thread(lambda: _last(self._complete(prompt, **kwargs)))

    @llm_completion_callback()
    async def astream_complete(
        self,
        prompt: str,
        formatted: bool = False,  # noqa: ARG002, FBT001, FBT002 - the framework's own signature
        **kwargs: Any,
    ) -> CompletionResponseAsyncGen:
        """As `stream_complete`, each step in a thread."""
        return _in_thread(self._complete(prompt, **kwargs))

    def _chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Steps[ChatResponse, None, None]:
        chat = [(message.role.value, message.content or "") for message in messages]
        conversation = conversation_of(chat, effort=kwargs.get("effort", self.effort))
        text, thoughts = "", ""
        for event in generate(
            self.generator,
            conversation,
            max_tokens=kwargs.get("max_tokens", self.max_tokens),
            temperature=kwargs.get("temperature", self.temperature),
            seed=kwargs.get("seed", self.seed),
        ):
            delta, extra = "", {}
            match event:
                case AnalysisDelta(more):
                    thoughts += more
                case FinalDelta(more):
                    text, delta = text + more, more
                case Done(reason, usage):
                    extra = {"finish_reason": reason.value, "usage": usage.to_json()}
            blocks = [*([ThinkingBlock(content=thoughts)] if thoughts else []), TextBlock(text=text)]
            message = ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks)
            yield ChatResponse(message=message, delta=delta, additional_kwargs=extra)

    def _complete(self, prompt: str, **kwargs: Any) -> Steps[CompletionResponse, None, None]:
        for reply in self._chat([ChatMessage(role=MessageRole.USER, content=prompt)], **kwargs):
            yield CompletionResponse(
                text=reply.message.content or "", delta=reply.delta, additional_kwargs=reply.additional_kwargs
            )


def _last(items: Steps[Item, None, None]) -> Item:
    *_, last = items
    return last


async def _in_thread(items: Steps[Item, None, None]) -> AsyncGenerator[Item, None]:
    while (item := await asyncio.to_thread(next, items, _END)) is not _END:
        yield item  # type: ignore[misc]
