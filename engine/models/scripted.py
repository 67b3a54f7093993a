"""A generator that replays given replies: the shipped peer of the real models.

It keeps every promise of the seam (token-wise events, cancel, usage, identity), so that whatever works
with it works with a model. Its tokens are words, spaces and single marks; a token's id is the beginning of
its hash, so that the same text has the same ids in every process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from threading import Event as CancelEvent
from threading import Lock
from typing import TypeAlias

from engine.models.base import (
    AnalysisDelta,
    Capacity,
    Conversation,
    Done,
    Event,
    FinalDelta,
    FinishReason,
    ModelIdentity,
    Usage,
    passage_header,
)
from storage.errors import Broken
from storage.records import JsonValue

Script: TypeAlias = "str | Callable[[Conversation], str]"

_TOKEN = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")
_ONE = Capacity()
_CONTROL = ("<rules>", "<passage>", "<turn>", "<question>", "<reply>")


def quote_first_passage(conversation: Conversation) -> str:
    """An honest reply to anything: the first sentence of the first passage, with its marker."""
    if not conversation.passages:
        return "The passages do not say."
    first = conversation.passages[0]
    sentence = re.split(r"(?<=[.;])\s", first.text.strip(), maxsplit=1)[0].strip()
    return f'"{sentence}" [{first.n}]'


class ScriptedGenerator:
    """Replays `replies` in turn, and the last one for ever after.

    A reply is text, or a function of the conversation that gives text. `analysis` is sent before each reply.
    After `fails_after` output tokens the generation raises `Broken`; `ends` is the reason that a whole replay
    gives. `before_token` is called before each
    token with its number: a test can block in it, or set the cancel event.
    """

    def __init__(
        self,
        *replies: Script,
        name: str = "scripted",
        analysis: str = "",
        ends: FinishReason = FinishReason.STOP,
        fails_after: int | None = None,
        before_token: Callable[[int], None] | None = None,
        context_tokens: int = 8_192,
        preferred_prompt_tokens: int = 2_048,
        preferred_output_tokens: int = 512,
        capacity: Capacity = _ONE,
    ) -> None:
        self._replies: tuple[Script, ...] = replies or (quote_first_passage,)
        self._name = name
        self._analysis = analysis
        self._ends = ends
        self._fails_after = fails_after
        self._before_token = before_token
        self._context_tokens = context_tokens
        self._preferred_prompt_tokens = preferred_prompt_tokens
        self._preferred_output_tokens = preferred_output_tokens
        self._capacity = capacity
        self._rendered: dict[tuple[int, ...], Conversation] = {}
        self._lock = Lock()
        self._next = 0
        self._closed = False
        self.conversations: list[Conversation] = []
        """Every conversation that was rendered, in order."""
        self.generations = 0
        """How many times `generate` was begun."""

    @property
    def identity(self) -> ModelIdentity:
        """Its name; the digest is that of the texts it replays."""
        texts = [reply if isinstance(reply, str) else reply.__qualname__ for reply in self._replies]
        return ModelIdentity(
            self._name, "scripted", "none", sha256("\0".join(texts).encode()).hexdigest(), "none"
        )

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
        return self._capacity

    @property
    def conditions(self) -> dict[str, JsonValue]:
        """Its form is this file's, and nothing else bears on what it writes."""
        return {"form_sha256": sha256("\0".join([_TOKEN.pattern, *_CONTROL]).encode()).hexdigest()}

    def count_tokens(self, text: str) -> int:
        """Words and marks."""
        return len(_TOKEN.findall(text))

    def render(self, conversation: Conversation) -> list[int]:
        """One control id in front of each part; the parts themselves only ever give ordinary ids."""
        with self._lock:
            ids = [self._control("<rules>"), *self._encode(conversation.rules)]
            for passage in conversation.passages:
                ids += [
                    self._control("<passage>"),
                    *self._encode(f"{passage_header(passage)}\n{passage.text}"),
                ]
            for turn in conversation.turns:
                ids += [self._control("<turn>"), *self._encode(f"{turn.speaker}: {turn.text}")]
            ids += [
                self._control("<question>"),
                *self._encode(conversation.question),
                self._control("<reply>"),
            ]
            self._rendered[tuple(ids)] = conversation
            self.conversations.append(conversation)
        return ids

    def generate(
        self,
        prompt_ids: Sequence[int],
        *,
        max_tokens: int,
        temperature: float = 0.0,  # noqa: ARG002 - a script has no chance in it
        seed: int = 0,  # noqa: ARG002
        cancel: CancelEvent | None = None,
    ) -> Iterator[Event]:
        """Replay the next reply token by token."""
        if self._closed:
            raise Broken("the scripted generator is closed; open a new one")
        with self._lock:
            self.generations += 1
            script = self._replies[min(self._next, len(self._replies) - 1)]
            self._next += 1
            conversation = self._rendered.get(tuple(prompt_ids), Conversation(rules="", question=""))
        text = script if isinstance(script, str) else script(conversation)
        return self._replay(text, len(prompt_ids), max_tokens, cancel)

    def close(self) -> None:
        self._closed = True

    def _replay(
        self, text: str, prompt_tokens: int, max_tokens: int, cancel: CancelEvent | None
    ) -> Iterator[Event]:
        thoughts = _TOKEN.findall(self._analysis)
        tokens = [AnalysisDelta(token) for token in thoughts] + [
            FinalDelta(token) for token in _TOKEN.findall(text)
        ]
        finish, given = self._ends, 0
        for number, token in enumerate(tokens):
            if given == max_tokens:
                finish = FinishReason.LENGTH
                break
            if self._before_token is not None:
                self._before_token(number)
            if cancel is not None and cancel.is_set():
                finish = FinishReason.CANCELLED
                break
            if self._fails_after is not None and given >= self._fails_after:
                raise Broken("the scripted generator failed, as it was told to")
            yield token
            given += 1
        analysis = min(given, len(thoughts))
        yield Done(finish, Usage(prompt_tokens, analysis, given - analysis))

    def _control(self, token: str) -> int:
        return _CONTROL.index(token)

    def _encode(self, text: str) -> list[int]:
        # No token of `_TOKEN` is longer than a word or a mark, so text cannot spell a control token.
        return [_id(token) for token in _TOKEN.findall(text)]


def _id(token: str) -> int:
    # Six bytes: exact in every JSON reader, and no two words of a language share them by accident.
    return len(_CONTROL) + int.from_bytes(sha256(token.encode()).digest()[:6], "big")
