"""What answers in the benchmark of generation: a generator of ours, and llama.cpp called as a function."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.models.base import Conversation, Done, FinalDelta, Generator, PromptPassage, Turn, Usage
from storage.errors import Broken

RULES = "Answer from the passages. Put the number of the passage behind each sentence, as in [1]."
QUESTION = "Describe each passage at length, one after the other, and say what every party must do."
CLAUSE = (
    "The tenant of floor {n} pays a yearly rent of ${n}20,000 in twelve equal parts, on the first "
    "working day of each month. Either party may end the lease by ninety (90) days' written notice. "
    "The landlord keeps the roof, the outer walls and the lifts in good repair and bears the cost of it. "
    "The tenant insures the floor against fire and flood for its full value and hands over "
    "the policy within fourteen days. "
)


@dataclass(frozen=True)
class Timed:
    """One answer as its reader saw it. Seconds from asking; `tokens` are those of the answer."""

    text: str
    tokens: int
    first_s: float
    last_s: float
    reused: int = 0
    """Tokens of the prompt that were not read again, where the system says so."""

    @property
    def per_second(self) -> float:
        """While writing: without the first token, which is the prompt's."""
        return (self.tokens - 1) / max(self.last_s - self.first_s, 1e-9)


Ask = Callable[[list[int], int], Timed]
Render = Callable[[Conversation], list[int]]


def conversation(passages: int, *, question: str = QUESTION, turns: tuple[Turn, ...] = ()) -> Conversation:
    """That many passages of about 110 tokens each."""
    kept = tuple(
        PromptPassage(n, f"lease-{n}.pdf", n, "Duties", CLAUSE.format(n=n)) for n in range(1, passages + 1)
    )
    return Conversation(RULES, question, kept, turns)


def prompt_of(render: Render, tokens: int) -> list[int]:
    """The longest prompt of whole passages with at most that many ids, and at least one passage."""
    return render(conversation(passages_in(render, tokens)))


def passages_in(render: Render, tokens: int) -> int:
    """How many passages such a prompt has."""
    one = len(render(conversation(1)))
    each = max(1, len(render(conversation(2))) - one)
    count = max(1, 1 + (tokens - one) // each)
    while count > 1 and len(render(conversation(count))) > tokens:
        count -= 1
    return count


class LlamaAlone:
    """llama.cpp's server called directly: threads, slots, context and arithmetic as ours.

    With `its_attention` attention is the fused one in 16 bits that llama.cpp takes if it is not told.
    """

    def __init__(
        self,
        weights: Path,
        *,
        context_tokens: int,
        threads: int,
        decode_threads: int,
        slots: int = 1,
        its_attention: bool = False,
    ) -> None:
        import xllamacpp

        self._folder = tempfile.TemporaryDirectory(prefix="generation-")
        params = xllamacpp.CommonParams()
        params.model.path = str(weights)
        params.hostnames = [str(Path(self._folder.name) / "alone.sock")]
        params.verbosity = -1
        params.n_ctx, params.n_parallel = context_tokens * slots, slots
        params.n_gpu_layers, params.cache_ram_mib, params.fit_params = 0, 0, False
        params.cpuparams.n_threads, params.cpuparams_batch.n_threads = decode_threads, threads
        # As ours: threads that wait by spinning are slower as soon as anything else runs.
        params.cpuparams.poll = params.cpuparams_batch.poll = 0
        params.kv_unified = False
        if not its_attention:
            params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
            params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        self._server = xllamacpp.Server(params)

    def ask(self, ids: list[int], tokens: int, *, cache: bool = False) -> Timed:
        """Raises `Broken` when it refuses."""
        texts: list[str] = []
        times: list[float] = []
        used: dict[str, int] = {}

        def receive(chunk: dict[str, Any]) -> bool:
            if "error" in chunk:
                return True
            if chunk["choices"][0]["text"]:
                times.append(time.perf_counter())
                texts.append(chunk["choices"][0]["text"])
            used.update(chunk.get("usage") or {})
            return False

        start = time.perf_counter()
        request = {
            "prompt": ids,
            "n_predict": tokens,
            "temperature": 0.0,
            "seed": 0,
            "stream": True,
            "cache_prompt": cache,
        }
        self._server.handle_completions(request, receive)
        return _timed(texts, times, start, used.get("completion_tokens", 0))

    def close(self) -> None:
        del self._server
        self._folder.cleanup()


def asked(generator: Generator, ids: list[int], tokens: int) -> Timed:
    """One answer of a generator of ours, read to its end."""
    texts: list[str] = []
    times: list[float] = []
    start = time.perf_counter()
    used = Usage()
    for event in generator.generate(ids, max_tokens=tokens):
        match event:
            case FinalDelta(text):
                times.append(time.perf_counter())
                texts.append(text)
            case Done(_, usage):
                used = usage
    return replace(_timed(texts, times, start, used.output_tokens), reused=used.reused_tokens)


def _timed(texts: list[str], times: list[float], start: float, tokens: int) -> Timed:
    if not times:
        raise Broken("the model wrote nothing; look at the weights with `muniment doctor`")
    return Timed("".join(texts), tokens, times[0] - start, times[-1] - start)
