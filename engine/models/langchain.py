"""Any generator as a LangChain chat model: streaming, usage, and reasoning as its own content blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict

from engine.models.base import AnalysisDelta, Done, FinalDelta, Generator
from engine.models.dialogue import conversation_of, generate
from storage.errors import WrongUse

_ROLES = {"system": "system", "human": "user", "ai": "assistant"}


class MunimentChatModel(BaseChatModel):
    """A generator behind LangChain's interface. Reasoning never mixes with the text of the reply."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    generator: Any
    """A `Generator`."""
    effort: str = "low"
    max_tokens: int | None = None
    temperature: float = 0.0
    seed: int = 0

    @property
    def _llm_type(self) -> str:
        return "muniment"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        model: Generator = self.generator
        return {
            **model.identity.to_json(),
            "effort": self.effort,
            "temperature": self.temperature,
            "seed": self.seed,
        }

    def get_num_tokens(self, text: str) -> int:
        """Tokens as this model counts them."""
        model: Generator = self.generator
        return model.count_tokens(text)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        if stop:
            raise WrongUse("stop words are not supported; this model ends its replies itself")
        chat = [(_ROLES.get(message.type, message.type), message.text) for message in messages]
        conversation = conversation_of(chat, effort=kwargs.get("effort", self.effort))
        thought = False
        for event in generate(
            self.generator,
            conversation,
            max_tokens=kwargs.get("max_tokens", self.max_tokens),
            temperature=kwargs.get("temperature", self.temperature),
            seed=kwargs.get("seed", self.seed),
        ):
            match event:
                case AnalysisDelta(text):
                    thought = True
                    content: Any = [{"type": "reasoning", "reasoning": text, "index": 0}]
                    chunk = ChatGenerationChunk(message=AIMessageChunk(content=content))
                case FinalDelta(text):
                    # Once there is a reasoning block, text must be a block too, or the two would be glued.
                    content = [{"type": "text", "text": text, "index": 1}] if thought else text
                    chunk = ChatGenerationChunk(message=AIMessageChunk(content=content), text=text)
                    if run_manager:
                        run_manager.on_llm_new_token(text, chunk=chunk)
                case Done():
                    chunk = ChatGenerationChunk(message=self._last(event, blocks=thought))
            yield chunk

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        chunks = list(self._stream(messages, stop, run_manager, **kwargs))
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole += chunk
        return ChatResult(generations=[ChatGeneration(message=whole.message)])

    def _last(self, done: Done, *, blocks: bool) -> AIMessageChunk:
        model: Generator = self.generator
        used = done.usage
        output = used.output_tokens + used.analysis_tokens
        content: Any = [] if blocks else ""
        return AIMessageChunk(
            content=content,
            usage_metadata=UsageMetadata(
                input_tokens=used.prompt_tokens,
                output_tokens=output,
                total_tokens=used.prompt_tokens + output,
                output_token_details={"reasoning": used.analysis_tokens},
            ),
            response_metadata={"finish_reason": done.finish_reason.value, "model_name": model.identity.id},
            chunk_position="last",
        )
