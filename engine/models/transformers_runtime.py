"""A language model in a folder of Hugging Face weights, run in this process by transformers.

gpt-oss speaks harmony; every other model its own chat template. Where the model's attention allows it,
`slots` replies share each pass of the model; other models write one at a time through the library's own loop.
Greedy decoding is the same for the same ids on the same machine for a request that runs alone, also where the
fixed head of the prompt was read before: the head is always read apart, so a kept one changes no arithmetic.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from threading import Event as CancelEvent
from threading import Lock, Semaphore
from typing import TYPE_CHECKING, Any

from engine.models import harmony, loading
from engine.models.base import Capacity, Conversation, Event, ModelIdentity
from engine.models.decoding import Take, decode, nobody_running
from engine.models.dialects import Dialect, HarmonyDialect, TemplateDialect
from engine.models.loading import Loaded, LoadOptions
from engine.models.reading import Heads
from engine.models.sampling import Sampler
from engine.models.weights import folder_digest, read_checkpoint
from storage.errors import Broken, Refused
from storage.records import JsonValue

if TYPE_CHECKING:
    from engine.models.batching import Batch, Pass

_CUDA_CONTEXT, _CPU_CONTEXT = 32_768, 8_192


class TransformersGenerator:
    """One causal language model, loaded at first use."""

    def __init__(
        self,
        folder: Path,
        *,
        options: LoadOptions | None = None,
        vocabularies: Sequence[Path] = (),
        seal: Callable[[], str] | None = None,
        context_tokens: int | None = None,
        preferred_prompt_tokens: int | None = None,
        preferred_output_tokens: int | None = None,
    ) -> None:
        """Looks at the folder and the machine; loads nothing yet.

        Args:
            folder: the weights.
            options: device, number format and adapter.
            vocabularies: folders that may hold harmony's vocabulary, besides the model's own.
            seal: called before anything is loaded; reads the files and gives their digest, or refuses them.
            context_tokens: most tokens of prompt and output; else what the model and the device bear.
            preferred_prompt_tokens: else 12,288 on CUDA and 1,536 on a CPU.
            preferred_output_tokens: else 1,536 on CUDA and 384 on a CPU, reasoning counted.

        Raises:
            Refused: the weights cannot be loaded here as asked.
            Broken: the folder is no model, or harmony's vocabulary is missing.
        """
        self._options = options or LoadOptions()
        self._seal = seal
        self._checkpoint = read_checkpoint(folder)
        self._device = loading.preflight(self._checkpoint, self._options)
        on_cuda = self._device == "cuda"
        if self._checkpoint.is_gpt_oss:
            self._vocabulary = harmony.vocabulary_file(folder, *vocabularies)
        most = _CUDA_CONTEXT if on_cuda else _CPU_CONTEXT
        self._context_tokens = context_tokens or min(self._checkpoint.context_tokens, most)
        half = self._context_tokens // 2
        self._preferred_prompt_tokens = preferred_prompt_tokens or min(12_288 if on_cuda else 1_536, half)
        self._preferred_output_tokens = preferred_output_tokens or min(1_536 if on_cuda else 384, half)
        self._loading, self._turn = Lock(), Semaphore(self.capacity.slots)
        self._loaded: Loaded | None = None
        self._batch: Batch | None = None
        self._forward: Pass | None = None
        self._heads = Heads()
        self._weights_digest = ""
        self._closed = False

    @cached_property
    def identity(self) -> ModelIdentity:
        """What is in memory: loads the model, and reads every byte of its folder for the digest."""
        loaded = self._open()
        name, adapter = self._checkpoint.name, self._options.adapter
        return ModelIdentity(
            name if adapter is None else f"{name} with {adapter.name}",
            "transformers",
            loaded.quantization,
            loading.digest(self._weights_digest, adapter),
            loaded.device,
        )

    @property
    def conditions(self) -> dict[str, JsonValue]:
        """What the last bits of its arithmetic depend on besides weights and libraries, and why it is so."""
        import torch

        loaded = self._open()
        way = loaded.way
        refused = getattr(self._forward, "refused", "")
        told: dict[str, JsonValue] = {
            "slots": self.capacity.slots,
            "context_tokens": self._context_tokens,
            **way.to_json(),
            "recorded_passes": way.graphs and not refused,
        }
        if loaded.experts:
            told["packed_experts"] = loaded.experts
        if self._device == "cpu":
            told["threads"] = torch.get_num_threads()
        if self._options.adapter is not None:
            told["adapter_sha256"] = self._adapter_digest
        because = [*way.because, refused] if refused else way.because
        return told | ({"because": "; ".join(because)} if because else {})

    @property
    def context_tokens(self) -> int:
        return self._context_tokens

    @property
    def preferred_prompt_tokens(self) -> int:
        return self._preferred_prompt_tokens

    @property
    def preferred_output_tokens(self) -> int:
        return self._preferred_output_tokens

    @cached_property
    def capacity(self) -> Capacity:
        slots = self._options.slots if self._together else 1
        return Capacity(slots, self._checkpoint.cache_bytes_per_token, self._device)

    def count_tokens(self, text: str) -> int:
        return self._dialect.count(text)

    def render(self, conversation: Conversation) -> list[int]:
        """Prompt ids in the model's own form."""
        ids, head = self._dialect.render(conversation)
        if head:
            self._heads.know(tuple(ids[:head]))
        return ids

    def generate(
        self,
        prompt_ids: Sequence[int],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        cancel: CancelEvent | None = None,
    ) -> Iterator[Event]:
        """Yield events as they come. Raises `Refused` for too long a prompt, `OutOfMemory`, `Broken`."""
        if len(prompt_ids) + max_tokens > self._context_tokens:
            raise Refused(
                f"a prompt of {len(prompt_ids)} and an answer of {max_tokens} tokens are more than the "
                f"{self._context_tokens} that the model takes; ask about fewer passages"
            )
        model, batch = self._open().model, self._batch
        ids = list(prompt_ids)

        def run(take: Take) -> bool:
            if batch is None:
                try:
                    return self._run(model, ids, max_tokens, temperature, seed, take)
                except Exception:
                    self._give_back()
                    raise
            return batch.run(
                ids,
                take,
                max_tokens=max_tokens,
                stop_ids=self._dialect.stop_ids,
                temperature=temperature,
                seed=seed,
            )

        yield from decode(run, self._dialect.reader(), prompt_tokens=len(ids), turn=self._turn, cancel=cancel)

    def close(self) -> None:
        """Wait for a running generation to stop, then give the memory back."""
        self._closed = True
        with nobody_running(self._turn, self.capacity.slots), self._loading:
            if self._loaded is not None:
                self._loaded = self._batch = self._forward = None
                self._give_back()

    @cached_property
    def _adapter_digest(self) -> str:
        return folder_digest(self._options.adapter) if self._options.adapter else ""

    @cached_property
    def _together(self) -> bool:
        from engine.models.seats import can_sit_together

        return can_sit_together(self._checkpoint.config)

    @cached_property
    def _dialect(self) -> Dialect:
        if self._checkpoint.is_gpt_oss:
            return HarmonyDialect(harmony.encoding(self._vocabulary))
        from transformers import AutoTokenizer

        folder = self._checkpoint.folder
        try:
            tokenizer = AutoTokenizer.from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError, KeyError) as error:
            raise Broken(f"{folder} has no tokenizer that can be read; copy the model again") from error
        if not tokenizer.is_fast:
            raise Broken(
                f"{folder} has no tokenizer.json, which keeps text apart from control tokens; add it"
            )
        return TemplateDialect(tokenizer, _stop_ids(self._checkpoint.config, folder))

    def _open(self) -> Loaded:
        with self._loading:
            if self._closed:
                raise Broken("the model is closed; open a new one")
            if self._loaded is None:
                # Right before, so that what is loaded is what was looked at.
                self._weights_digest = self._seal() if self._seal else self._checkpoint.digest
                self._loaded = loading.load(self._checkpoint, self._options)
                self._heads.piece_tokens = self._loaded.way.piece_tokens
                if self._together:
                    from engine.models.batching import Batch, passes_by

                    way = self._loaded.way
                    self._forward = passes_by(way)
                    self._batch = Batch(
                        self._loaded.model,
                        self._heads,
                        guesses=way.guesses,
                        forward=self._forward,
                        free=self._give_back,
                    )
            return self._loaded

    def _run(
        self, model: Any, ids: list[int], max_tokens: int, temperature: float, seed: int, take: Take
    ) -> bool:
        import torch
        import transformers

        settings: Any = transformers.GenerationConfig
        stop_ids = list(self._dialect.stop_ids)
        given = _Given(take)
        with torch.inference_mode():
            prompt = torch.tensor([ids], device=model.device)
            model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                generation_config=settings(
                    max_new_tokens=max_tokens,
                    do_sample=False,
                    eos_token_id=stop_ids,
                    pad_token_id=stop_ids[0] if stop_ids else 0,
                    prefill_chunk_size=self._heads.piece_tokens,
                ),
                past_key_values=self._heads.begin(model, ids),
                streamer=given,
                stopping_criteria=[given.enough],
                logits_processor=[Sampler(temperature, seed)] if temperature > 0 else [],
            )
        return given.last in stop_ids

    def _give_back(self) -> None:
        """Free what is kept between requests and what the libraries hold unused."""
        self._heads.forget()
        gc.collect()
        _empty_cache()


class _Given:
    """Takes ids from `generate` one by one, and tells it when there are enough."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._prompt_seen = self._stop = False
        self.last = -1

    def put(self, ids: Any) -> None:
        """The prompt first, then each new id."""
        if not self._prompt_seen:
            self._prompt_seen = True
            return
        for one in ids.reshape(-1).tolist():
            self.last = one
            self._stop = self._take(one) or self._stop

    def end(self) -> None:
        """Nothing is kept back."""

    def enough(self, input_ids: Any, scores: Any, **_kwargs: Any) -> Any:  # noqa: ARG002
        """One truth value per row, as `generate` wants it."""
        import torch

        return torch.full((input_ids.shape[0],), self._stop, device=input_ids.device, dtype=torch.bool)


def _stop_ids(config: dict[str, Any], folder: Path) -> list[int]:
    from transformers import GenerationConfig

    found = config.get("eos_token_id")
    if (folder / "generation_config.json").is_file():
        found = GenerationConfig.from_pretrained(str(folder), local_files_only=True).eos_token_id or found
    return [found] if isinstance(found, int) else list(found or [])


def _empty_cache() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
