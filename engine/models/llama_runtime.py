"""What every model run by llama.cpp has in common: its file, its threads, its slots, and one way to answer.

It is loaded at first use and on the CPU. How it is spoken to is its own: see `embedded` and `gpt_oss_gguf`.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Generator as PythonGenerator
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Event as CancelEvent
from threading import Lock, Semaphore
from typing import cast

from engine.models import gguf
from engine.models.base import Capacity, Conversation, Done, Event, ModelIdentity
from engine.models.decoding import Run, decode, nobody_running
from engine.models.dialects import Reader
from engine.models.llama_server import Asked, LlamaServer, Written
from engine.models.schemas import ANSWER, Schema, grammar_of
from storage.errors import Broken, Refused
from storage.ids import sha256_of_file
from storage.records import JsonValue


class LlamaGenerator(ABC):
    """One model in a GGUF file, `slots` generations at a time."""

    marks: tuple[str, ...] = ()
    """Control tokens that the file must have."""
    takes_schemas = True
    form = ANSWER
    """Of a reply that is held to a schema, in the grammar's notation: where in it the JSON text stands."""

    def __init__(
        self,
        weights: Path,
        *,
        seal: Callable[[], str] | None,
        context_tokens: int,
        threads: int | None,
        decode_threads: int | None,
        preferred_prompt_tokens: int,
        preferred_output_tokens: int,
        slots: int,
    ) -> None:
        """Nothing is loaded yet.

        Args:
            weights: the file.
            seal: called before it is loaded: gives the model's digest, or refuses its files.
            context_tokens: most tokens of prompt and answer, for each slot.
            threads: that read prompts; else one for each core.
            decode_threads: that write answers; else as many.
            preferred_prompt_tokens: see `Generator`; at most half of the context.
            preferred_output_tokens: the same.
            slots: answers at once; each takes the memory of `context_tokens`.
        """
        self._path, self._seal = weights, seal
        self._context_tokens = context_tokens
        self._threads = threads or os.cpu_count() or 1
        self._decode_threads = decode_threads or self._threads
        self._preferred_prompt_tokens = min(preferred_prompt_tokens, context_tokens // 2)
        self._preferred_output_tokens = min(preferred_output_tokens, context_tokens // 2)
        self._slots = slots
        self._loading, self._turn = Lock(), Semaphore(slots)
        self._server: LlamaServer | None = None
        self._closed = False

    @cached_property
    def identity(self) -> ModelIdentity:
        """The file's name, number format and digest."""
        kind = gguf.quantization(gguf.metadata(self._path))
        digest = self._seal() if self._seal else sha256_of_file(self._path)
        return ModelIdentity(self._name(kind), "llama.cpp", kind, digest, "cpu")

    @property
    def context_tokens(self) -> int:
        return self._context_tokens

    @property
    def preferred_prompt_tokens(self) -> int:
        return self._preferred_prompt_tokens

    @property
    def preferred_output_tokens(self) -> int:
        return self._preferred_output_tokens

    @property
    def capacity(self) -> Capacity:
        return Capacity(self._slots)

    @property
    def conditions(self) -> dict[str, JsonValue]:
        """What the last bits of its arithmetic depend on, besides the weights and llama.cpp itself."""
        return {
            "threads": self._threads,
            "decode_threads": self._decode_threads,
            "slots": self._slots,
            "context_tokens": self._context_tokens,
            "attention": "unfused, 32 bits",
            "prompt_cache": True,
        }

    @abstractmethod
    def count_tokens(self, text: str) -> int:
        """Tokens of plain text, without any markup."""

    @abstractmethod
    def render(self, conversation: Conversation) -> list[int]:
        """Prompt ids, ready for the reply."""

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
        """Yield events as they come. A cancel is answered at once; the model itself stops within a token.

        While it reads the prompt it stops within 256. With a JSON `schema` a whole answer fits it, and one
        that is cut at `max_tokens` does not.

        Raises:
            Refused: the prompt is too long, or an answer cannot be held to the schema.
            Broken: the model failed or is closed.
        """
        grammar = None if schema is None else f"root ::= {self.form}\n{grammar_of(schema)}"
        return self._events(Asked(prompt_ids, max_tokens, temperature, seed, grammar), cancel)

    def close(self) -> None:
        """Wait for a running generation to stop, then give the memory back."""
        self._closed = True
        with nobody_running(self._turn, self._slots), self._loading:
            if self._server is not None:
                self._server.close()
                self._server = None

    def _events(self, asked: Asked, cancel: CancelEvent | None) -> Iterator[Event]:
        tokens = len(asked.prompt_ids)
        if tokens + asked.max_tokens > self._context_tokens:
            raise Refused(
                f"a prompt of {tokens} and an answer of {asked.max_tokens} tokens are more than the "
                f"{self._context_tokens} that the model takes; ask about fewer passages"
            )
        written = Written()
        reader, run = self._reading(self._open(), asked, written)
        events = decode(run, reader, prompt_tokens=tokens, turn=self._turn, cancel=cancel)
        with closing(cast("PythonGenerator[Event, None, None]", events)):
            for event in events:
                if isinstance(event, Done):
                    yield replace(event, usage=replace(event.usage, reused_tokens=written.reused))
                else:
                    yield event

    @abstractmethod
    def _reading(self, server: LlamaServer, asked: Asked, written: Written) -> tuple[Reader, Run]:
        """Who reads the answer, and what runs the request for it and fills in `written`."""

    def _name(self, quantization: str) -> str:  # noqa: ARG002 - a subclass may leave it out of the name
        return self._path.stem

    def _open(self) -> LlamaServer:
        with self._loading:
            if self._closed:
                raise Broken("the model is closed; open a new one")
            if self._server is None:
                if self._seal:
                    # Right before, so that what is loaded is what was looked at.
                    self._seal()
                self._server = LlamaServer(
                    self._path,
                    context_tokens=self._context_tokens,
                    threads=self._threads,
                    decode_threads=self._decode_threads,
                    marks=self.marks,
                    slots=self._slots,
                )
            return self._server
