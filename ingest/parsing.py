"""Read files in a process that can be ended: a crash, a hang or a swollen file costs only that file.

The process is kept for the next file and started again when it is gone. A page that takes it down is
reported and the pages after it are still read.
"""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from ingest.errors import ReaderDied, UnreadableSource
from ingest.limits import MEBIBYTE, IngestLimits
from storage.errors import Broken
from storage.records import Page, ReadBy

_COMMAND = (sys.executable, "-B", "-m", "ingest.reading_child")
_ROOT = Path(__file__).parent.parent
_PIECE = 1 << 16
_ALARM_MARGIN_S = 30


@dataclass(frozen=True, slots=True)
class ReadResult:
    """All pages of a file, the ones that could not be read included."""

    pages: tuple[Page, ...]
    title: str | None = None
    flags: tuple[str, ...] = ()


class FileReader:
    """Reads files one at a time in one process; safe to share between threads."""

    def __init__(self, limits: IngestLimits | None = None, *, command: Sequence[str] = _COMMAND) -> None:
        self.limits = limits or IngestLimits()
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._received = bytearray()

    def __enter__(self) -> FileReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process. A later request starts a new one."""
        with self._lock:
            self._end()

    def read(self, path: Path, media_type: str, *, name: str) -> ReadResult:
        """All pages of a file; `name` is what messages call it.

        Raises:
            UnreadableSource: none of it can be read, or a limit is passed.
        """
        with self._lock:
            return self._read(path, media_type, name)

    def boxes(self, path: Path, number: int, start: int, end: int) -> list[tuple[float, float, float, float]]:
        """See `ingest.pageimages.locate_boxes`."""
        reply = self._one({"do": "boxes", "path": str(path), "page": number, "start": start, "end": end})
        return [tuple(box) for box in reply["boxes"]]

    def render(self, path: Path, number: int, *, width_px: int) -> bytes:
        """See `ingest.pageimages.render_page`."""
        reply = self._one({"do": "render", "path": str(path), "page": number, "width_px": width_px})
        return base64.b64decode(reply["png"])

    def _one(self, request: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            first, *_ = list(self._replies(request, "the document", self.limits.seconds_per_page))
            return first

    def _read(self, path: Path, media_type: str, name: str) -> ReadResult:
        limits = self.limits
        deadline = time.monotonic() + limits.seconds_per_file
        pages: list[Page] = []
        head: dict[str, Any] = {}
        deaths = 0
        while not head or len(pages) < head["page_count"]:
            request = {
                "do": "read",
                "path": str(path),
                "media_type": media_type,
                "first_page": len(pages) + 1,
            }
            try:
                for reply in self._replies(request, name, deadline - time.monotonic()):
                    if "page" in reply:
                        pages.append(_page(reply["page"]))
                    else:
                        head = reply
                    _check(head["page_count"], sum(len(page.text) for page in pages[-1:]), name, limits)
                break
            except ReaderDied as error:
                if not head:
                    raise
                deaths += 1
                reason = error.args[1]
                pages.append(Page(len(pages) + 1, "", ReadBy.NONE, 0.0, f"page {len(pages) + 1} {reason}"))
                if deaths > limits.reader_restarts or time.monotonic() > deadline:
                    pages.extend(_given_up(len(pages) + 1, head["page_count"]))
        if sum(len(page.text) for page in pages) > limits.max_text_chars:
            raise UnreadableSource(f"{name!r} has more than {limits.max_text_chars:,} characters; split it")
        return ReadResult(tuple(pages), head["title"], tuple(head["flags"]))

    def _replies(self, request: Mapping[str, Any], name: str, seconds: float) -> Iterator[dict[str, Any]]:
        """The child's replies but for the closing one; what goes wrong becomes our errors."""
        process = self._started()
        deadline = time.monotonic() + seconds
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            while True:
                reply: dict[str, Any] = json.loads(self._line(process, deadline))
                if "unreadable" in reply:
                    raise UnreadableSource(f"{name!r} {reply['unreadable']}")
                if "failed" in reply:
                    raise ReaderDied(
                        f"{name!r} {reply['failed']}; save it again or print it to PDF", reply["failed"]
                    )
                if "done" in reply:
                    return
                yield reply
        except (_Gone, BrokenPipeError, ValueError) as error:
            reason = str(error) if isinstance(error, _Gone) else "confused or ended its reader"
            self._end()
            raise ReaderDied(f"{name!r} {reason}; save it again or print it to PDF", reason) from error
        except UnreadableSource:
            raise
        except BaseException:
            # Left half-way: what is still in the pipe belongs to nobody.
            self._end()
            raise

    def _line(self, process: subprocess.Popen[bytes], deadline: float) -> bytes:
        assert process.stdout is not None
        silence = time.monotonic() + self.limits.seconds_per_page
        most = self.limits.max_text_chars * 6 + MEBIBYTE
        searched = 0
        while (found := self._received.find(b"\n", searched)) < 0:
            searched = len(self._received)
            left = min(silence, deadline) - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                raise _Gone("took longer than a file may take")
            if not (piece := os.read(process.stdout.fileno(), _PIECE)):
                raise _Gone("crashed its reader or needed more memory than a file may use")
            self._received += piece
            if len(self._received) > most:
                raise _Gone("has more text than a file may have")
        line = bytes(self._received[:found])
        del self._received[: found + 1]
        return line

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            alarm_s = round(self.limits.seconds_per_file) + _ALARM_MARGIN_S
            try:
                self._process = subprocess.Popen(
                    [*self._command, str(self.limits.memory_bytes), str(alarm_s)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    # What readers print may hold words of a document, and belongs in no log.
                    stderr=subprocess.DEVNULL,
                    cwd=_ROOT,
                    # No secret of ours goes near a hostile file.
                    env={},
                )
            except OSError as error:
                reason = error.strerror or "unknown"
                raise Broken(
                    f"no reading process can be started ({reason}); free memory and try again"
                ) from error
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        self._received.clear()
        if process is None:
            return
        process.kill()
        process.communicate()


class _Gone(Exception):
    """The child is no longer of use; the text says what its file did."""


def _page(fields: Sequence[Any]) -> Page:
    number, text, how, quality, problem = fields
    return Page(int(number), str(text), ReadBy(how), float(quality), problem)


def _given_up(first: int, count: int) -> Iterator[Page]:
    for number in range(first, count + 1):
        yield Page(number, "", ReadBy.NONE, 0.0, f"page {number} was not read: pages before it took too much")


def _check(page_count: int, page_chars: int, name: str, limits: IngestLimits) -> None:
    if page_count > limits.max_pages:
        raise UnreadableSource(f"{name!r} has {page_count:,} pages, more than {limits.max_pages:,}; split it")
    if page_chars > limits.max_text_chars:
        raise UnreadableSource(f"{name!r} has more than {limits.max_text_chars:,} characters; split it")
