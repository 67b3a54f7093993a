"""How far a run has come, told as it goes. Safe to share between threads."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from ingest.report import DocumentReport, FileProgress, FileState, IngestProgress, IngestReport, IngestStatus

OnProgress = Callable[[IngestProgress], None]
Order = tuple[int, ...]
"""Where a file stands in the report: its place in the run, then its place inside the file it was in."""

_STRETCH_S = 30.0
_MOST_FILES = 12
_QUIET_S = 0.5
_STEPS_PER_PAGE = 2
"""A page is read, then embedded."""


class Tally:
    """Counts a run's progress, tells whoever wants to know, and keeps the reports in order."""

    def __init__(self, files: int, on_progress: OnProgress | None) -> None:
        self._lock = threading.Lock()
        self._files = files
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._told = 0.0
        self._reports: list[tuple[Order, DocumentReport]] = []
        self._active: dict[str, FileProgress] = {}
        self._ended: deque[FileProgress] = deque(maxlen=_MOST_FILES)
        self._pages_done = 0
        self._declared = 0
        self._opened = 0
        self._steps = 0
        self._stretch: deque[tuple[float, int, int]] = deque([(self._started, 0, 0)])

    def found(self, files: int) -> None:
        """Further files were found inside others."""
        with self._lock:
            self._files += files

    def received(self, path: str) -> None:
        """A file waits for its turn."""
        with self._lock:
            self._active[path] = FileProgress(path, FileState.RECEIVED)

    def working(self, path: str, state: FileState, pages_done: int = 0, pages: int | None = None) -> None:
        """A file has come so far; small steps are told now and then only."""
        with self._lock:
            before = self._active.get(path)
            now = FileProgress(path, state, pages_done, pages)
            self._active[path] = now
            self._steps += _steps(now) - (_steps(before) if before else 0)
            if pages is not None and (before is None or before.pages is None):
                self._declared += pages
                self._opened += 1
            begun = before is None or before.state is not state
            if begun or time.monotonic() - self._told > _QUIET_S:
                self._tell(path)

    def add(self, order: Order, done: DocumentReport) -> None:
        """A file has ended."""
        with self._lock:
            self._reports.append((order, done))
            before = self._active.pop(done.document, None)
            state = FileState.FAILED if done.status is IngestStatus.FAILED else FileState.LIVE
            self._ended.append(FileProgress(done.document, state, done.pages_read, done.pages))
            if before is None or before.pages is None:
                self._opened += 1
                self._declared += done.pages if done.known is None else 0
            pages = done.pages if before is None or before.pages is None else before.pages
            if done.known is None:
                self._steps += _STEPS_PER_PAGE * pages - (_steps(before) if before else 0)
                self._pages_done += done.pages_read
            self._tell("")

    def report(self, matter: str, *, cancelled: bool) -> IngestReport:
        """What became of all files, those inside others behind them."""
        with self._lock:
            ordered = sorted(self._reports, key=lambda pair: pair[0])
            return IngestReport(
                matter=matter,
                documents=tuple(report for _, report in ordered),
                seconds=time.monotonic() - self._started,
                cancelled=cancelled,
            )

    def _tell(self, current: str) -> None:
        if self._on_progress is None:
            return
        at = self._told = time.monotonic()
        self._stretch.append((at, self._steps, self._pages_done))
        while len(self._stretch) > 2 and at - self._stretch[1][0] > _STRETCH_S:
            self._stretch.popleft()
        since, steps, pages = self._stretch[0]
        seconds = max(at - since, 1e-6)
        self._on_progress(
            IngestProgress(
                files_done=len(self._reports),
                files_total=self._files,
                pages_done=self._pages_done,
                current=current,
                pages_per_second=(self._pages_done - pages) / seconds,
                seconds_left=self._seconds_left((self._steps - steps) / seconds),
                files=self._shown(),
            )
        )

    def _seconds_left(self, steps_per_second: float) -> float | None:
        unopened = max(0, self._files - self._opened)
        if unopened and not self._opened:
            return None
        # Files that nobody has looked into yet count as long as those before them.
        pages = self._declared + unopened * self._declared / max(1, self._opened)
        left = max(0.0, _STEPS_PER_PAGE * pages - self._steps)
        if not left:
            return 0.0
        return left / steps_per_second if steps_per_second > 0 else None

    def _shown(self) -> tuple[FileProgress, ...]:
        busy = sorted(self._active.values(), key=lambda one: one.state is FileState.RECEIVED)
        ended = list(self._ended)[-max(0, _MOST_FILES - len(busy)) :] if len(busy) < _MOST_FILES else []
        return (*ended, *busy[:_MOST_FILES])


def _steps(of: FileProgress) -> int:
    if of.state is FileState.READING:
        return of.pages_done
    if of.state is FileState.EMBEDDING:
        return of.pages_done + (of.pages or 0)
    return 0
