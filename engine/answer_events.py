"""What is told while an answer is made, in this order: found, waiting, words, sentences, the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from engine.answers import Answer, Citation, Sentence
from engine.models.base import Waiting
from storage.records import Passage


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The search is done. `given` says how many of the passages the model reads."""

    passages: tuple[Passage, ...]
    timings_ms: Mapping[str, float]
    given: int


@dataclass(frozen=True, slots=True)
class Delta:
    """More of the model's words, not checked yet: show them as such."""

    text: str


@dataclass(frozen=True, slots=True)
class SentenceChecked:
    """One of the model's sentences has its verdict. One that is not supported will not be in the answer."""

    sentence: Sentence
    citations: tuple[Citation, ...]
    """All citations so far, for the numbers in `sentence`."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """All that was shown of this answer must be taken back; `Broken` follows."""

    reason: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The checked answer, on record. Always the last event."""

    answer: Answer


AnswerEvent: TypeAlias = Retrieved | Waiting | Delta | SentenceChecked | Withdrawn | Finished
