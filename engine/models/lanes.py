"""A shared model as one person sees it, for one purpose: what is handed to whoever makes a prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Event as CancelEvent
from typing import TYPE_CHECKING

from engine.models.base import Event, Generator
from engine.models.line import Ticket
from engine.models.passing import Passing
from engine.models.requests import read
from engine.models.schemas import Schema

if TYPE_CHECKING:
    from engine.models.host import ModelHost


class Lane(Passing):
    """A shared model for one person and purpose: a `Generator` whose requests wait their turn."""

    def __init__(self, host: ModelHost, ticket: Ticket) -> None:
        self._host = host
        self._ticket = ticket

    @property
    def _behind(self) -> Generator:
        return self._host

    def generate(
        self,
        prompt_ids: Sequence[int],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        cancel: CancelEvent | None = None,
        schema: Schema | None = None,
    ) -> Iterator[Event]:
        """Yield `Waiting` while others are first, then events as they come. Closing it gives the place up.

        Raises:
            Busy: the line is full, or this request waited too long.
            Refused: prompt and answer are longer than the model takes, or it takes no schema.
            OutOfMemory: there is too little memory for this request.
            Broken: the model failed, or is closed.
        """
        request = self._host.submit(self._ticket, prompt_ids, max_tokens, temperature, seed, schema)
        try:
            yield from read(request, cancel, self._host.clock)
        finally:
            self._host.leave(request)

    def close(self) -> None:
        """Nothing: the weights are the host's."""
