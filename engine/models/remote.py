"""A model behind an OpenAI-compatible endpoint: vLLM, Ray Serve, a cloud's.

The seam is ids in, events out, and such an endpoint takes messages. Prompt ids are therefore the messages
themselves, encoded without loss in the vocabulary that comes with Muniment: equal prompts have equal ids,
their number is a good estimate for any model and exact for gpt-oss's text, and the body that is posted is
made from the ids alone. `payload` gives that body, byte for byte, to whoever shows it first.

Which control tokens the far model has is unknown, so text in the usual forms of such tokens is broken up
before it is sent; a model with marks of another form is not protected here. Nor is it known which weights
answer: the digest is of address and name.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterator, Sequence
from functools import cached_property
from queue import Empty, Queue
from threading import Event as CancelEvent
from threading import Lock, Semaphore, Thread

from openai_harmony import HarmonyEncoding

from engine.models import harmony
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
from engine.models.endpoint import Backoff, End, Endpoint, converse, full_jitter
from storage.errors import Broken, MunimentError, Refused
from storage.ids import canonical_json, sha256_of
from storage.records import JsonValue

_POLL_S = 0.05
_SLOTS = 8
_PROMPT_TOKENS, _OUTPUT_TOKENS = 8_192, 1_024
# What a model thinks counts as output.
_OUTPUT_TOKENS_REASONING = 4_096
_MARK = re.compile(
    r"<(?=[|\uff5c][^\n]{0,40}?[|\uff5c]>)"  # <|im_start|> and DeepSeek's wide bars
    r"|<(?=/?(?:s|bos|eos|pad|unk|mask|think|thinking|(?:start|end)_of_\w+|tool_\w+|\w+_token|turn|image_\w+)\|?>)"
    r"|<(?=<SYS>>|</SYS>>|/SYS>>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|THINK|IMG\w*|ARGS)\])"
)


def harmless(text: str) -> str:
    """The text with a space inside whatever looks like a control token of some model."""
    return _MARK.sub(lambda mark: f"{mark[0]} ", text)


class RemoteGenerator:
    """One model of one endpoint. Nothing is sent before `generate` is read."""

    def __init__(self, endpoint: Endpoint, *, backoff: Backoff = full_jitter, slots: int = _SLOTS) -> None:
        """`backoff` gives the seconds before each next attempt; `slots` requests run at once, others wait."""
        self._endpoint, self._backoff, self._slots = endpoint, backoff, slots
        self._turn = Semaphore(slots)
        self._calls: set[_Call] = set()
        self._lock = Lock()
        self._closed = False

    @property
    def endpoint(self) -> Endpoint:
        """Where its requests go."""
        return self._endpoint

    @property
    def identity(self) -> ModelIdentity:
        """Name and place; nobody here has seen the weights."""
        one = self._endpoint
        return ModelIdentity(
            one.model, "remote", "unknown", sha256_of(f"{one.url}\0{one.model}".encode()), one.host
        )

    @property
    def context_tokens(self) -> int:
        return self._endpoint.context_tokens

    @property
    def preferred_prompt_tokens(self) -> int:
        return _PROMPT_TOKENS

    @property
    def preferred_output_tokens(self) -> int:
        return _OUTPUT_TOKENS_REASONING if self._endpoint.reasons else _OUTPUT_TOKENS

    @property
    def capacity(self) -> Capacity:
        return Capacity(self._slots, device="remote")

    def count_tokens(self, text: str) -> int:
        """In the vocabulary of gpt-oss, whatever the model."""
        return harmony.count(text, self._encoder)

    def render(self, conversation: Conversation) -> list[int]:
        """Each message as a start, its role, a mark, its text and an end."""
        passages = "\n\n".join(f"{passage_header(one)}\n{one.text}" for one in conversation.passages)
        asked = f"{passages}\n\nQuestion: {conversation.question}" if passages else conversation.question
        messages = [("effort", conversation.effort), ("system", conversation.rules)]
        messages += [(turn.speaker.value, turn.text) for turn in conversation.turns]
        ids: list[int] = []
        for role, text in [*messages, ("user", asked)]:
            ids += [harmony.START, *self._plain(role), harmony.MESSAGE, *self._plain(text), harmony.END]
        return ids

    def payload(
        self, prompt_ids: Sequence[int], *, max_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> bytes:
        """The body that `generate` posts for the same arguments. Raises `Refused` if it is too long."""
        endpoint = self._endpoint
        if len(prompt_ids) + max_tokens > endpoint.context_tokens:
            raise Refused(
                f"a prompt of {len(prompt_ids)} and an answer of {max_tokens} tokens are more than the "
                f"{endpoint.context_tokens} that the model takes; ask about fewer passages"
            )
        (_, effort), *messages = self._messages(prompt_ids)
        body: dict[str, JsonValue] = {
            "model": endpoint.model,
            "messages": [{"role": role, "content": text} for role, text in messages],
            "temperature": temperature,
            "seed": seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if endpoint.reasons:
            body |= {"max_completion_tokens": max_tokens, "reasoning_effort": effort}
        else:
            body["max_tokens"] = max_tokens
        return canonical_json(body)

    def generate(
        self,
        prompt_ids: Sequence[int],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        cancel: CancelEvent | None = None,
    ) -> Iterator[Event]:
        """Yield what comes. A cancel is answered at once and closes the connection.

        The prompt is counted here, because limits are; the reply as the endpoint counted it, where it did.

        Raises:
            Busy, Refused, Broken: as `engine.models.endpoint.converse`; Broken also when this is closed.
        """
        if self._closed:
            raise Broken("the remote model is closed; start Muniment again")
        body = self.payload(prompt_ids, max_tokens=max_tokens, temperature=temperature, seed=seed)
        while not self._turn.acquire(timeout=_POLL_S):
            if cancel is not None and cancel.is_set():
                yield Done(FinishReason.CANCELLED, Usage(len(prompt_ids)))
                return
        call = _Call(self._endpoint, body, trust=self._trust, backoff=self._backoff)
        with self._lock:
            self._calls.add(call)
        thoughts: list[str] = []
        words: list[str] = []
        try:
            call.start()
            while True:
                if cancel is not None and cancel.is_set():
                    end = End(FinishReason.CANCELLED)
                    break
                try:
                    event = call.events.get(timeout=_POLL_S)
                except Empty:
                    continue
                if isinstance(event, Exception):
                    raise event
                if isinstance(event, End):
                    end = event
                    break
                (thoughts if isinstance(event, AnalysisDelta) else words).append(event.text)
                yield event
            counted = end.usage or Usage(
                0, self.count_tokens("".join(thoughts)), self.count_tokens("".join(words))
            )
            yield Done(end.finish, Usage(len(prompt_ids), counted.analysis_tokens, counted.output_tokens))
        finally:
            call.stop()
            with self._lock:
                self._calls.discard(call)
            self._turn.release()

    def close(self) -> None:
        """Close every connection; who reads one is told that the model is closed."""
        with self._lock:
            self._closed = True
            calls = list(self._calls)
        for call in calls:
            call.events.put(Broken("the remote model is closed; start Muniment again"))
            call.stop()

    @cached_property
    def _encoder(self) -> HarmonyEncoding:
        return harmony.encoding(harmony.vocabulary_file())

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return self._endpoint.trust()

    def _plain(self, text: str) -> list[int]:
        ids: list[int] = self._encoder.encode(harmless(text), disallowed_special=())
        return ids

    def _messages(self, prompt_ids: Sequence[int]) -> list[tuple[str, str]]:
        messages: list[tuple[str, str]] = []
        parts: list[list[int]] = [[]]
        for one in prompt_ids:
            if one == harmony.END:
                role, text = (self._encoder.decode(part) if part else "" for part in parts)
                messages.append((role, text))
            elif one in (harmony.START, harmony.MESSAGE):
                parts = [[]] if one == harmony.START else [parts[0], []]
            else:
                parts[-1].append(one)
        return messages


class _Call:
    """One exchange in a thread and event loop of its own, so that it can be ended at any point."""

    def __init__(self, endpoint: Endpoint, body: bytes, *, trust: ssl.SSLContext, backoff: Backoff) -> None:
        self._endpoint, self._body, self._trust, self._backoff = endpoint, body, trust, backoff
        self.events: Queue[AnalysisDelta | FinalDelta | End | Exception] = Queue()
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._lock = Lock()
        self._over = False

    def start(self) -> None:
        Thread(target=self._run, name="remote-model", daemon=True).start()

    def stop(self) -> None:
        """Close the connection, wherever the exchange is. Twice is allowed."""
        with self._lock:
            if self._task is not None and not self._over:
                self._loop.call_soon_threadsafe(self._task.cancel)
            self._over = True

    def _run(self) -> None:
        try:
            with self._lock:
                if self._over:
                    return
                self._task = self._loop.create_task(self._converse())
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            return
        finally:
            with self._lock:
                self._over = True
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _converse(self) -> None:
        try:
            end: End | Exception = await converse(
                self._endpoint, self._body, self.events.put, trust=self._trust, backoff=self._backoff
            )
        except MunimentError as error:
            end = error
        except Exception as error:  # noqa: BLE001 - handed to the reader, who raises it in their own thread
            end = Broken(f"the exchange with {self._endpoint.host} failed; ask again")
            end.__cause__ = error
        self.events.put(end)
