"""A shared model as one person sees it, for one purpose: what is handed to whoever makes a prompt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from threading import Event as CancelEvent
from typing import TYPE_CHECKING

from engine.models.base import Capacity, Conversation, Event, ModelIdentity
from engine.models.line import Ticket
from engine.models.requests import read
from storage.records import JsonValue

if TYPE_CHECKING:
    from engine.models.host import ModelHost


class Lane:
    """A shared model for one person and purpose: a `Generator` whose requests wait their turn."""

    def __init__(self, host: ModelHost, ticket: Ticket) -> None:
        self._host = host
        self._ticket = ticket

    @property
    def identity(self) -> ModelIdentity:
        return self._host.identity

    @property
    def context_tokens(self) -> int:
        return self._host.context_tokens

    @property
    def preferred_prompt_tokens(self) -> int:
        return self._host.preferred_prompt_tokens

    @property
    def preferred_output_tokens(self) -> int:
        return self._host.preferred_output_tokens

    @property
    def capacity(self) -> Capacity:
        return self._host.capacity

    @property
    def conditions(self) -> Mapping[str, JsonValue]:
        return self._host.conditions

    def count_tokens(self, text: str) -> int:
        return self._host.count_tokens(text)

    def render(self, conversation: Conversation) -> list[int]:
        """Prompt ids in the model's own form."""
        return self._host.render(conversation)

    def generate(
        self,
        prompt_ids: Sequence[int],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        cancel: CancelEvent | None = None,
    ) -> Iterator[Event]:
        """Yield `Waiting` while others are first, then events as they come. Closing it gives the place up.

        Raises:
            Busy: the line is full, or this request waited too long.
            Refused: prompt and answer are longer than the model takes.
            OutOfMemory: there is too little memory for this request.
            Broken: the model failed, or is closed.
        """
        request = self._host.submit(self._ticket, prompt_ids, max_tokens, temperature, seed)
        try:
            yield from read(request, cancel, self._host.clock)
        finally:
            self._host.leave(request)

    def close(self) -> None:
        """Nothing: the weights are the host's."""
