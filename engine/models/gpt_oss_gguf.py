"""gpt-oss from a GGUF file through llama.cpp, without a large GPU: ids in, ids out, and harmony read by us.

llama.cpp's own chat path is not used: it would tokenize a rendered text, in which a document's words can
become control tokens, and it gives text back, from which channels must be guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from openai_harmony import HarmonyEncoding

from engine.models import gguf, harmony
from engine.models.base import Conversation
from engine.models.decoding import Run, Take
from engine.models.dialects import HarmonyDialect, Reader
from engine.models.harmony import CHANNEL, END, MESSAGE, START
from engine.models.llama_runtime import LlamaGenerator
from engine.models.llama_server import Asked, LlamaServer, Piece, Written
from engine.models.schemas import ANSWER
from engine.models.weights import free_memory
from storage.errors import Broken, Refused

_HEADROOM = 1.1
_GIB = 1 << 30


class GptOssGguf(LlamaGenerator):
    """One gpt-oss in a GGUF file, on the CPU."""

    form = (
        f'(<[{CHANNEL}]> "analysis" <[{MESSAGE}]> !<[{END}]>* <[{END}]> <[{START}]> "assistant")? '
        f'<[{CHANNEL}]> "final" <[{MESSAGE}]> {ANSWER}'
    )

    def __init__(
        self,
        weights: Path,
        *,
        vocabularies: Sequence[Path] = (),
        seal: Callable[[], str] | None = None,
        context_tokens: int = 8_192,
        threads: int | None = None,
        decode_threads: int | None = None,
        preferred_prompt_tokens: int = 1_536,
        preferred_output_tokens: int = 384,
        slots: int = 1,
    ) -> None:
        """As `LlamaGenerator`; `vocabularies` are folders that may hold harmony's, besides the file's own.

        Raises:
            Refused: the file is larger than the memory that is free.
            Broken: the file is no gpt-oss, or harmony's vocabulary is missing.
        """
        if gguf.metadata(weights).get("general.architecture") != "gpt-oss":
            raise Broken(f"{weights.name!r} is no gpt-oss; choose another file")
        size, free = weights.stat().st_size, free_memory()
        if size * _HEADROOM > free:
            raise Refused(
                f"{weights.name} takes {size / _GIB:,.1f} GiB and {free / _GIB:,.1f} GiB are free; "
                "free memory or choose a smaller model"
            )
        self._vocabulary = harmony.vocabulary_file(weights.parent, *vocabularies)
        super().__init__(
            weights,
            seal=seal,
            context_tokens=context_tokens,
            threads=threads,
            decode_threads=decode_threads,
            preferred_prompt_tokens=preferred_prompt_tokens,
            preferred_output_tokens=preferred_output_tokens,
            slots=slots,
        )

    def count_tokens(self, text: str) -> int:
        return self._dialect.count(text)

    def render(self, conversation: Conversation) -> list[int]:
        """Harmony's prompt ids."""
        return self._dialect.render(conversation)[0]

    def _reading(self, server: LlamaServer, asked: Asked, written: Written) -> tuple[Reader, Run]:
        encoder = harmony.encoding(self._vocabulary)

        def run(take: Take) -> bool:
            def taken(piece: Piece) -> bool:
                return take.over or any(take(one) for one in whole_ids(piece.text, piece.ids, encoder))

            server.write(asked, taken, written, ids=True)
            return written.stopped

        return self._dialect.reader(), run

    @cached_property
    def _dialect(self) -> HarmonyDialect:
        return HarmonyDialect(harmony.encoding(self._vocabulary))


def whole_ids(text: str, ids: list[int], encoder: HarmonyEncoding) -> list[int]:
    """The ids of one piece: llama.cpp gives only the last of those that make up one character."""
    if any(one >= harmony.FIRST_CONTROL_ID for one in ids) or encoder.decode(ids) == text:
        return ids
    whole: list[int] = encoder.encode(text, disallowed_special=())
    return whole
