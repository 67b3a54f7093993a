"""gpt-oss from a GGUF file through llama.cpp, without a large GPU: ids in, ids out, and harmony read by us.

llama.cpp's own chat path is not used: it would tokenize a rendered text, in which a document's words can
become control tokens, and it gives text back, from which channels must be guessed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from threading import Event as CancelEvent
from threading import Lock, Semaphore

from openai_harmony import HarmonyEncoding

from engine.models import gguf, harmony
from engine.models.base import Capacity, Conversation, Event, ModelIdentity
from engine.models.decoding import Take, decode, nobody_running
from engine.models.dialects import HarmonyDialect
from engine.models.embedded import LlamaServer
from engine.models.weights import free_memory
from storage.errors import Broken, Refused
from storage.ids import sha256_of_file
from storage.records import JsonValue

_HEADROOM = 1.1
_GIB = 1 << 30


class GptOssGguf:
    """One gpt-oss in a GGUF file, loaded at first use, `slots` generations at a time, on the CPU."""

    def __init__(
        self,
        weights: Path,
        *,
        vocabularies: Sequence[Path] = (),
        seal: Callable[[], str] | None = None,
        context_tokens: int = 8_192,
        threads: int | None = None,
        preferred_prompt_tokens: int = 1_536,
        preferred_output_tokens: int = 384,
        slots: int = 1,
    ) -> None:
        """Nothing is loaded yet. `seal` is called before: it gives the model's digest, or refuses its files.

        Raises:
            Refused: the file is larger than the memory that is free.
            Broken: the file is no gpt-oss, or harmony's vocabulary is missing.
        """
        self._metadata = gguf.metadata(weights)
        if self._metadata.get("general.architecture") != "gpt-oss":
            raise Broken(f"{weights.name!r} is no gpt-oss; choose another file")
        size, free = weights.stat().st_size, free_memory()
        if size * _HEADROOM > free:
            raise Refused(
                f"{weights.name} takes {size / _GIB:,.1f} GiB and {free / _GIB:,.1f} GiB are free; "
                "free memory or choose a smaller model"
            )
        self._path, self._seal = weights, seal
        self._vocabulary = harmony.vocabulary_file(weights.parent, *vocabularies)
        self._context_tokens = context_tokens
        self._threads = threads or os.cpu_count() or 1
        self._preferred_prompt_tokens = min(preferred_prompt_tokens, context_tokens // 2)
        self._preferred_output_tokens = min(preferred_output_tokens, context_tokens // 2)
        self._slots = slots
        self._loading, self._turn = Lock(), Semaphore(slots)
        self._server: LlamaServer | None = None
        self._closed = False

    @cached_property
    def identity(self) -> ModelIdentity:
        """The file's name, number format and digest."""
        kind = gguf.quantization(self._metadata)
        return ModelIdentity(self._path.stem, "llama.cpp", kind, self._digest, "cpu")

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
            "decode_threads": self._threads,
            "slots": self._slots,
            "context_tokens": self._context_tokens,
            "prompt_cache": False,
        }

    def count_tokens(self, text: str) -> int:
        return self._dialect.count(text)

    def render(self, conversation: Conversation) -> list[int]:
        """Harmony's prompt ids."""
        return self._dialect.render(conversation)[0]

    def generate(
        self,
        prompt_ids: Sequence[int],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        cancel: CancelEvent | None = None,
    ) -> Iterator[Event]:
        """Yield events as they come. Raises `Refused` for too long a prompt, `Broken` else."""
        if len(prompt_ids) + max_tokens > self._context_tokens:
            raise Refused(
                f"a prompt of {len(prompt_ids)} and an answer of {max_tokens} tokens are more than the "
                f"{self._context_tokens} that the model takes; ask about fewer passages"
            )
        server, encoder = self._open(), harmony.encoding(self._vocabulary)
        request = {
            "prompt": list(prompt_ids),
            "n_predict": max_tokens,
            "temperature": temperature,
            "seed": seed,
            # As with the embedded model: a reused prefix could give another answer than the one on record.
            "cache_prompt": False,
        }

        def run(take: Take) -> bool:
            def taken(text: str, ids: list[int]) -> bool:
                return any(take(one) for one in whole_ids(text, ids, encoder))

            return server.give_ids(request, taken)

        yield from decode(
            run, self._dialect.reader(), prompt_tokens=len(prompt_ids), turn=self._turn, cancel=cancel
        )

    def close(self) -> None:
        """Wait for a running generation to stop, then give the memory back."""
        self._closed = True
        with nobody_running(self._turn, self._slots), self._loading:
            if self._server is not None:
                self._server.close()
                self._server = None

    @cached_property
    def _digest(self) -> str:
        return self._seal() if self._seal else sha256_of_file(self._path)

    @cached_property
    def _dialect(self) -> HarmonyDialect:
        return HarmonyDialect(harmony.encoding(self._vocabulary))

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
                    decode_threads=self._threads,
                    slots=self._slots,
                )
            return self._server


def whole_ids(text: str, ids: list[int], encoder: HarmonyEncoding) -> list[int]:
    """The ids of one piece: llama.cpp gives only the last of those that make up one character."""
    if any(one >= harmony.FIRST_CONTROL_ID for one in ids) or encoder.decode(ids) == text:
        return ids
    whole: list[int] = encoder.encode(text, disallowed_special=())
    return whole
