"""The process that reads files, as its parent sees it: started when needed, asked, timed, ended.

It speaks JSON lines. What it says is not trusted: a line has a largest size, an answer has a time, and a
process that breaks either is killed with everything it started.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from ingest import sandbox
from ingest.limits import MEBIBYTE, IngestLimits
from storage.errors import Broken

COMMAND = (sys.executable, "-B", "-m", "ingest.reading_child")
_ROOT = Path(__file__).parent.parent
_PIECE = 1 << 18
_BYTES_PER_CHARACTER = 4
_ENVIRONMENT = {
    # One reader has one thread of work; several readers share the machine's cores.
    "OMP_NUM_THREADS": "1",
    # Each further arena takes address space, which is what the memory limit counts.
    "MALLOC_ARENA_MAX": "2",
    "LANG": "C.UTF-8",
}


class Gone(Exception):
    """The process is no longer of use; the text says what its file did."""


class Allowance:
    """Time that one file may still take. Only waiting for its reader counts, not what is done with pages."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    @property
    def spent(self) -> bool:
        """True when nothing is left."""
        return self.left <= 0


class ReadingProcess:
    """One reading process at a time; for one thread at a time."""

    def __init__(self, limits: IngestLimits, command: Sequence[str] = COMMAND) -> None:
        self.limits = limits
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._received = bytearray()

    def ask(self, request: Mapping[str, Any], allowance: Allowance) -> Iterator[dict[str, Any]]:
        """The replies to a request, the closing one included. A caller that stops early must `end` it.

        Raises:
            Gone: the process crashed, was silent for too long or spoke nonsense; it is ended.
            Broken: no process can be started.
        """
        process = self._started()
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            while True:
                reply = json.loads(self._line(process, allowance))
                if not isinstance(reply, dict):
                    raise ValueError
                closing = bool(reply.keys() & {"done", "unreadable", "failed"})
                if closing and reply.get("tired"):
                    self.end()
                yield reply
                if closing:
                    return
        except (Gone, OSError, ValueError, RecursionError) as error:
            self.end()
            if isinstance(error, Gone):
                raise
            raise Gone("confused or ended its reader") from error

    def end(self) -> None:
        """Kill the process and everything it started. The next request starts a new one."""
        process, self._process = self._process, None
        self._received.clear()
        if process is None:
            return
        sandbox.end(process)
        for pipe in (process.stdin, process.stdout):
            # What was not yet sent goes nowhere.
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def _line(self, process: subprocess.Popen[bytes], allowance: Allowance) -> bytes:
        assert process.stdout is not None
        silence = time.monotonic() + self.limits.seconds_per_page
        most = self.limits.max_text_chars * _BYTES_PER_CHARACTER + 16 * MEBIBYTE
        # Not `select`, which knows no file above the 1,024th.
        waiting = select.poll()
        waiting.register(process.stdout, select.POLLIN)
        searched = 0
        while (found := self._received.find(b"\n", searched)) < 0:
            searched = len(self._received)
            began = time.monotonic()
            wait = min(silence - began, allowance.left)
            ready = wait > 0 and waiting.poll(wait * 1_000)
            allowance.left -= time.monotonic() - began
            if not ready:
                raise Gone("took longer than a file may take")
            if not (piece := os.read(process.stdout.fileno(), _PIECE)):
                raise Gone("crashed its reader or needed more memory than a file may use")
            self._received += piece
            if len(self._received) > most:
                raise Gone("has more text than a file may have")
        line = bytes(self._received[:found])
        del self._received[: found + 1]
        return line

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.end()
            try:
                self._process = _starter().submit(self._start).result()
            except OSError as error:
                reason = error.strerror or "unknown"
                raise Broken(
                    f"no reading process can be started ({reason}); free memory and try again"
                ) from error
        return self._process

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self._command, *map(str, self._bounds())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # What readers print may hold words of a document, and belongs in no log.
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            # No secret of ours goes near a hostile file.
            env=_ENVIRONMENT,
            start_new_session=True,
        )

    def _bounds(self) -> tuple[int, int, int]:
        limits = self.limits
        longest_s = limits.seconds_per_file + limits.max_pages * limits.seconds_earned_per_page
        cpu_s = round(longest_s) * (os.cpu_count() or 1)
        return limits.memory_bytes, round(limits.seconds_per_file), cpu_s


@cache
def _starter() -> ThreadPoolExecutor:
    # The kernel ends a reader with the *thread* that started it: this one lives as long as the program.
    return ThreadPoolExecutor(1, thread_name_prefix="reader-start")
