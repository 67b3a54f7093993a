"""How far a run has come, told as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ingest.report import DocumentReport, IngestProgress, IngestReport

OnProgress = Callable[[IngestProgress], None]


@dataclass(slots=True)
class Tally:
    """Counts a run's progress and tells whoever wants to know."""

    files: int
    size: int
    """Bytes of all files."""
    on_progress: OnProgress | None
    documents: list[DocumentReport] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    _pages: int = 0
    _bytes: int = 0

    def working_on(self, path: str) -> None:
        seconds = max(time.monotonic() - self.started, 1e-6)
        left = (self.size - self._bytes) * seconds / self._bytes if self._bytes else None
        if self.on_progress is not None:
            self.on_progress(
                IngestProgress(
                    files_done=len(self.documents),
                    files_total=self.files,
                    pages_done=self._pages,
                    current=path,
                    pages_per_second=self._pages / seconds,
                    seconds_left=left,
                )
            )

    def add(self, done: DocumentReport, size: int) -> None:
        self.documents.append(done)
        self._bytes += size
        if done.known is None:
            self._pages += done.pages_read
        self.working_on("")

    def report(self, matter: str, *, cancelled: bool) -> IngestReport:
        return IngestReport(
            matter=matter,
            documents=tuple(self.documents),
            seconds=time.monotonic() - self.started,
            cancelled=cancelled,
        )
