"""A generator that is told placeholders in place of names and numbers, and whose replies have the words back.

Whoever holds it sees only originals: what it renders is redacted, what it says is restored, also where a
placeholder is cut through by the pieces of a stream. The rules are ours and stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Event as CancelEvent

from engine.circumstances import form_digest
from engine.models.base import (
    AnalysisDelta,
    Conversation,
    Done,
    Event,
    FinalDelta,
    Generator,
    PromptPassage,
    conditions_of,
)
from engine.models.passing import Passing
from engine.redaction import Redactor
from storage.records import JsonValue


class RedactedGenerator(Passing):
    """Another generator for one question, seen through one redactor. Closing it closes nothing."""

    def __init__(self, inner: Generator, redactor: Redactor) -> None:
        self._inner, self._redactor = inner, redactor

    @property
    def _behind(self) -> Generator:
        return self._inner

    @property
    def conditions(self) -> Mapping[str, JsonValue]:
        """The other's: placeholders are this question's and no part of the model's form."""
        return {**conditions_of(self._inner), "form_sha256": form_digest(self._inner)}

    @property
    def takes_schemas(self) -> bool:
        """No: a placeholder in a reply need not fit."""
        return False

    def redacted(self, text: str) -> Mapping[str, int]:
        """How many different placeholders of each kind a text has."""
        return self._redactor.counts(text)

    def render(self, conversation: Conversation) -> list[int]:
        """As the other's, with placeholders in everything but the rules."""
        hide = self._redactor.redact
        return self._inner.render(
            replace(
                conversation,
                question=hide(conversation.question),
                passages=tuple(
                    PromptPassage(one.n, hide(one.document), one.page, hide(one.heading), hide(one.text))
                    for one in conversation.passages
                ),
                turns=tuple(replace(turn, text=hide(turn.text)) for turn in conversation.turns),
            )
        )

    def generate(
        self,
        prompt_ids: Sequence[int],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        cancel: CancelEvent | None = None,
    ) -> Iterator[Event]:
        """As the other's; a word may come one event later, when its placeholder is whole."""
        final, analysis = self._redactor.stream(), self._redactor.stream()
        for event in self._inner.generate(
            prompt_ids, max_tokens=max_tokens, temperature=temperature, seed=seed, cancel=cancel
        ):
            if isinstance(event, FinalDelta):
                if text := final.feed(event.text):
                    yield FinalDelta(text)
            elif isinstance(event, AnalysisDelta):
                if text := analysis.feed(event.text):
                    yield AnalysisDelta(text)
            elif isinstance(event, Done):
                if rest := analysis.finish():
                    yield AnalysisDelta(rest)
                if rest := final.finish():
                    yield FinalDelta(rest)
                yield event
            else:
                yield event

    def close(self) -> None:
        """Nothing: the weights are the other's."""
