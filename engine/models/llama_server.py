"""llama.cpp's server in this process: token ids in, pieces of text with their ids out, and a tokenizer.

It is reached through function calls; the socket that it insists on is a Unix socket in a folder that only
this user can enter, with a random key and every optional endpoint off. No network port is opened.

Without llama.cpp's fused attention and with keys and values in 32 bits, each of several tokens gets the same
bits however many are read at a time, so a kept beginning of a prompt changes no answer (decision 0035).
Answers written side by side may differ from those written alone in the last bits of their arithmetic.
"""

from __future__ import annotations

import http.client
import json
import secrets
import shutil
import socket
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.models.prompt_slots import PromptSlots
from storage.errors import Broken

# A request that nobody wants any more is dropped at the latest after so many tokens of its prompt.
_READ_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Piece:
    """What came at once: text, and the last of its ids where ids were asked for; neither while reading."""

    text: str
    ids: list[int]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    prompt_ids: Sequence[int]
    max_tokens: int
    temperature: float = 0.0
    """0 takes the likeliest token each time."""
    seed: int = 0
    grammar: str | None = None
    """In llama.cpp's notation: all that is written follows its rule `root`."""


@dataclass(slots=True)
class Written:
    """What is known of a request, as soon as it is."""

    reused: int = 0
    """Tokens of its prompt that were not read again."""
    stopped: bool = False
    """By the model itself, and not by the limit or by whoever took the pieces."""
    tokens: int = 0
    """Written in all, as llama.cpp counts them; 0 where it was told to stop before its end."""


class LlamaServer:
    """One GGUF file in memory."""

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

        Each slot has `context_tokens` of its own. `threads` read prompts, `decode_threads` write answers.
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
        params.n_batch = params.n_ubatch = _READ_AT_ONCE
        params.kv_unified = False
        # Without them a model with sliding windows can go back to any token of what it holds, as others can.
        params.swa_full = True
        params.n_ctx_checkpoints = 0
        params.n_gpu_layers = 0
        params.n_threads_http = 1
        params.cache_ram_mib = 0
        params.fit_params = False
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        params.cpuparams.n_threads = decode_threads
        params.cpuparams_batch.n_threads = threads
        # Threads that wait by spinning stall the model tenfold when something else runs.
        params.cpuparams.poll = params.cpuparams_batch.poll = 0
        try:
            self._native = xllamacpp.Server(params)
        except Exception as error:
            self._sweep()
            raise Broken(f"{weights.name!r} could not be loaded; reinstall the model") from error
        self._slots = PromptSlots(slots, read_at_once=_READ_AT_ONCE)
        self.marks = tuple(self._control(mark, weights) for mark in marks)
        """Ids of the marks, in their order."""

    def write(
        self, asked: Asked, take: Callable[[Piece], bool], written: Written, *, ids: bool = False
    ) -> None:
        """Run one request and hand out its pieces, in this thread, until `take` says True; fill in `written`.

        No more may run at once than there are slots. While the prompt is read, empty pieces come. With `ids`
        the others have some; of a character that took several tokens, only the last.

        Raises:
            Broken: the model refuses the request or fails.
        """
        slot, keep = self._slots.take(asked.prompt_ids)
        request: dict[str, Any] = {
            "id_slot": slot,
            "prompt": list(asked.prompt_ids),
            "n_predict": asked.max_tokens,
            "temperature": asked.temperature,
            "seed": asked.seed,
            "stream": True,
            "cache_prompt": keep,
            "return_progress": True,
        }
        if ids:
            # Only with probabilities do ids come along; those after sampling cost no pass over all tokens.
            request |= {"logprobs": 1, "post_sampling_probs": True}
        if asked.grammar is not None:
            request["grammar"] = asked.grammar
        finish, problem, told, read = "", "", False, False

        def receive(chunk: dict[str, Any]) -> bool:
            nonlocal finish, problem, told, read
            if "error" in chunk:
                problem = chunk["error"].get("type", "unknown")
                return True
            choice = chunk["choices"][0]
            finish = choice["finish_reason"] or finish
            written.reused = (chunk.get("prompt_progress") or {}).get("cache", written.reused)
            written.tokens = (chunk.get("usage") or {}).get("completion_tokens", written.tokens)
            found = [one["id"] for one in (choice["logprobs"] or {}).get("content", ())] if ids else []
            read = read or bool(found or choice["text"] or finish)
            if found or choice["text"] or "prompt_progress" in chunk:
                told = take(Piece(choice["text"], found))
            return told

        try:
            self._native.handle_completions(request, receive)
        finally:
            self._slots.give(slot, asked.prompt_ids if read else ())
        if problem:
            raise Broken(f"the model refused the prompt ({problem}); ask a shorter question")
        if not (finish or told):
            raise Broken("the model stopped without an end; ask again")
        written.stopped = finish == "stop"

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
        """Give the memory back."""
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
