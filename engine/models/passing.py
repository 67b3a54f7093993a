"""What a generator that stands before another one says of itself: all that the other says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from engine.models.base import (
    Capacity,
    Conversation,
    Generator,
    ModelIdentity,
    conditions_of,
)
from engine.models.schemas import takes_schemas
from storage.records import JsonValue


class Passing(ABC):
    """Everything of a `Generator` but its answers, from `_behind`."""

    @property
    @abstractmethod
    def _behind(self) -> Generator: ...

    @property
    def identity(self) -> ModelIdentity:
        return self._behind.identity

    @property
    def context_tokens(self) -> int:
        return self._behind.context_tokens

    @property
    def preferred_prompt_tokens(self) -> int:
        return self._behind.preferred_prompt_tokens

    @property
    def preferred_output_tokens(self) -> int:
        return self._behind.preferred_output_tokens

    @property
    def capacity(self) -> Capacity:
        return self._behind.capacity

    @property
    def conditions(self) -> Mapping[str, JsonValue]:
        return conditions_of(self._behind)

    @property
    def takes_schemas(self) -> bool:
        return takes_schemas(self._behind)

    def count_tokens(self, text: str) -> int:
        return self._behind.count_tokens(text)

    def render(self, conversation: Conversation) -> list[int]:
        """Prompt ids in the model's own form."""
        return self._behind.render(conversation)
