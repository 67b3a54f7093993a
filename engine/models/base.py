"""The model seam: token ids in, events out.

A `Generator` renders a neutral `Conversation` into its own prompt ids and then generates from ids alone.
Rendering belongs to the generator because every model has its own control tokens; what comes from people
and documents is always encoded as ordinary text, so that no document can end a turn or start another.
This module knows no model and no framework.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from threading import Event as CancelEvent
from typing import Protocol, TypeAlias

from engine.invisible import visible
from storage.errors import Broken, Refused
from storage.records import JsonValue


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which weights answered, and how they were run: the `model` object of an answer."""

    id: str
    runtime: str
    """`llama.cpp`, `transformers`, `remote` or `scripted`."""
    quantization: str
    digest: str
    """Hex SHA-256 of the weights, or of the script for a scripted generator."""
    device: str

    def to_json(self) -> dict[str, str]:
        """The four public fields and the device."""
        return {
            "id": self.id,
            "runtime": self.runtime,
            "quantization": self.quantization,
            "digest": self.digest,
            "device": self.device,
        }


@dataclass(frozen=True, slots=True)
class PromptPassage:
    """One numbered passage as the model is given it: nothing in it that a person would not see."""

    n: int
    """From 1: the number that a marker `[n]` names."""
    document: str
    page: int
    heading: str
    text: str

    def __post_init__(self) -> None:
        # Here and not with each maker of prompts: none can forget it.
        for field in ("document", "heading", "text"):
            object.__setattr__(self, field, visible(getattr(self, field)))


class Speaker(StrEnum):
    """Who said an earlier turn."""

    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier turn; of the assistant's, only what was shown."""

    speaker: Speaker
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """All that a model is told, before any model's own markup.

    `rules` are ours and trusted. `passages` are data from documents; `question` and `turns` are people's.
    """

    rules: str
    question: str
    passages: tuple[PromptPassage, ...] = ()
    turns: tuple[Turn, ...] = ()
    effort: str = "low"
    """`low`, `medium` or `high`: how long a reasoning model may think; others take no notice."""


class FinishReason(StrEnum):
    """Why generation ended."""

    STOP = "stop"
    LENGTH = "length"
    INCOMPLETE = "incomplete"
    """The reply broke its model's form; its text is what could be read, and more may be missing."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written by one generation."""

    prompt_tokens: int = 0
    analysis_tokens: int = 0
    output_tokens: int = 0
    reused_tokens: int = 0
    """Of the prompt's: not read again, because an earlier prompt began with the same."""

    def to_json(self) -> dict[str, int]:
        """The `usage` object of an answer."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "analysis_tokens": self.analysis_tokens,
            "output_tokens": self.output_tokens,
            "reused_tokens": self.reused_tokens,
        }

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.analysis_tokens + other.analysis_tokens,
            self.output_tokens + other.output_tokens,
            self.reused_tokens + other.reused_tokens,
        )


@dataclass(frozen=True, slots=True)
class AnalysisDelta:
    """More of the model's reasoning. Never shown and never cited."""

    text: str


@dataclass(frozen=True, slots=True)
class FinalDelta:
    """More of the reply that is meant for the reader."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The last event of every generation that did not raise."""

    finish_reason: FinishReason
    usage: Usage


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing is generated yet: others are first. Comes from a shared model only, and more than once."""

    place: int
    """1 is the next; 0 says that the waiting is over."""


Event: TypeAlias = AnalysisDelta | FinalDelta | Done | Waiting


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a model bears at once."""

    slots: int = 1
    """Generations that it runs at the same time; more wait inside it."""
    bytes_per_token: int = 0
    """Memory that each token of a request takes while it runs; 0 where all is taken when it is loaded."""
    device: str = "cpu"
    """Whose memory that is: `cpu` or `cuda`."""


class OutOfMemory(Broken):
    """Memory ran out for one request. The model stays, and a smaller request may fit."""


class Busy(Refused):
    """Too many wait for the model already, or this request waited too long. A later one may be answered."""


class Generator(Protocol):
    """A language model in this process or behind an endpoint.

    Every implementation owes what `tests/contracts/test_generator.py` checks: exactly one `Done`, and last;
    the same ids, seed and temperature give the same text; a set `cancel` ends within two tokens and
    says `cancelled`; closing the iterator early frees the model for the next caller.
    """

    @property
    def identity(self) -> ModelIdentity:
        """Which weights these are."""
        ...

    @property
    def context_tokens(self) -> int:
        """Most tokens of prompt and output together."""
        ...

    @property
    def preferred_prompt_tokens(self) -> int:
        """How long a prompt this model reads well and in a bearable time on this machine."""
        ...

    @property
    def preferred_output_tokens(self) -> int:
        """How long an answer this model gives well and in a bearable time on this machine."""
        ...

    @property
    def capacity(self) -> Capacity:
        """How much it bears at once, known before it is loaded."""
        ...

    def count_tokens(self, text: str) -> int:
        """Tokens of plain text, without any markup."""
        ...

    def render(self, conversation: Conversation) -> list[int]:
        """Prompt ids, ready for the reply. Text of people and documents never becomes a control token."""
        ...

    def generate(
        self,
        prompt_ids: Sequence[int],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        cancel: CancelEvent | None = None,
    ) -> Iterator[Event]:
        """Yield events as they come, `Done` last. Raises `Broken` when the model fails or is closed."""
        ...

    def close(self) -> None:
        """Give the weights' memory back. Twice is allowed."""
        ...


def conditions_of(generator: Generator) -> Mapping[str, JsonValue]:
    """What a generator says of how it runs, such as threads and slots: what moves the last bits of numbers.

    Nothing where it does not say. `form_sha256` in it stands for how it renders, where rendering has effects.
    """
    told: Mapping[str, JsonValue] = getattr(generator, "conditions", {})
    return told


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole generation, gathered."""

    text: str
    finish_reason: FinishReason
    usage: Usage
    analysis: str = ""


def gather(events: Iterator[Event]) -> Reply:
    """Read a generation to its end: for callers with nobody waiting for the first word."""
    final: list[str] = []
    analysis: list[str] = []
    done: Done | None = None
    for event in events:
        match event:
            case FinalDelta(text):
                final.append(text)
            case AnalysisDelta(text):
                analysis.append(text)
            case Done():
                done = event
    assert done is not None, "a generator ends with Done or raises"
    return Reply("".join(final), done.finish_reason, done.usage, "".join(analysis))


def passage_header(passage: PromptPassage) -> str:
    """The line above a passage's text: number, document, page, heading."""
    where = f"[{passage.n}] {passage.document}, page {passage.page}"
    return f"{where}, {passage.heading}" if passage.heading else where
