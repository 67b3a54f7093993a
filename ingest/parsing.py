"""Read files in a process that can be ended: a crash, a hang or a swollen file costs only that file.

The process is kept for the next file and started again when it is gone. Several readers may work at once,
each with a process of its own.
"""

from __future__ import annotations

import base64
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from ingest.errors import UnreadableSource
from ingest.inbox import AttachedFile
from ingest.limits import IngestLimits
from ingest.media import CONVERTED, PDF
from ingest.open_reading import OpenReading, died, raise_refusal
from ingest.readers.base import DEFAULT, ReadOptions
from ingest.reading_process import COMMAND, Allowance, Gone, ReadingProcess
from storage.records import Page

__all__ = ["AttachedFile", "FileReader", "OpenReading", "ReadResult"]


@dataclass(frozen=True, slots=True)
class ReadResult:
    """All pages of a file, the ones that could not be read included."""

    pages: tuple[Page, ...]
    title: str | None = None
    flags: tuple[str, ...] = ()


class FileReader:
    """Reads files one at a time in one process; safe to share between threads."""

    def __init__(self, limits: IngestLimits | None = None, *, command: Sequence[str] = COMMAND) -> None:
        self.limits = limits or IngestLimits()
        self._lock = threading.Lock()
        self._process = ReadingProcess(self.limits, command)

    def __enter__(self) -> FileReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process. A later request starts a new one."""
        with self._lock:
            self._process.end()

    def open(
        self,
        path: Path,
        media_type: str,
        *,
        name: str,
        workspace: Path,
        options: ReadOptions = DEFAULT,
        first_page: int = 1,
    ) -> OpenReading:
        """Open a file; `name` is what messages call it, `workspace` takes what comes out of it.

        The reader belongs to this file until the reading is closed.

        Raises:
            PasswordNeeded: it opens with a password only.
            UnreadableSource: none of it can be read, or a limit is passed.
            Broken: no reading process can be started.
        """
        converted: Path | None = None
        told: tuple[str, ...] = ()
        if media_type in CONVERTED:
            # Imported here: most files need no conversion.
            from ingest.converting import convert_to_pdf, told_of

            try:
                converted = convert_to_pdf(path, media_type, workspace=workspace, limits=self.limits)
                told = told_of(path, media_type)
            except UnreadableSource as error:
                raise type(error)(f"{name!r} {error}") from error
        request = {
            "do": "read",
            "path": str(converted or path),
            "media_type": PDF if converted else media_type,
            "options": asdict(options),
        }
        self._lock.acquire()
        reading = OpenReading(self._process, self.limits, request, name, workspace, first_page)
        reading.on_close = self._lock.release
        try:
            reading.begin()
        except BaseException:
            reading.close()
            raise
        reading.rendition = reading.rendition or converted
        reading.flags = (*reading.flags, *told)
        return reading

    def read(self, path: Path, media_type: str, *, name: str, options: ReadOptions = DEFAULT) -> ReadResult:
        """All pages of a file at once, its attachments dropped: for small files.

        Raises:
            UnreadableSource: as for `open`.
        """
        with (
            tempfile.TemporaryDirectory(prefix="muniment-read-") as workspace,
            self.open(path, media_type, name=name, options=options, workspace=Path(workspace)) as reading,
        ):
            return ReadResult(tuple(reading), reading.title, reading.flags)

    def boxes(
        self, path: Path, number: int, start: int, end: int, *, options: ReadOptions = DEFAULT
    ) -> list[tuple[float, float, float, float]]:
        """See `ingest.pageimages.locate_boxes`; of a PDF."""
        request = {"do": "boxes", "path": str(path), "page": number, "options": asdict(options)}
        reply = self._one({**request, "start": start, "end": end})
        return [(float(x0), float(y0), float(x1), float(y1)) for x0, y0, x1, y1 in reply["boxes"]]

    def render(self, path: Path, number: int, *, width_px: int, media_type: str = PDF) -> bytes:
        """See `ingest.pageimages.render_page`."""
        request = {"do": "render", "path": str(path), "media_type": media_type, "page": number}
        return base64.b64decode(self._one({**request, "width_px": width_px})["png"])

    def _one(self, request: Mapping[str, Any]) -> dict[str, Any]:
        allowance = Allowance(self.limits.seconds_per_page)
        with self._lock:
            try:
                first, *_ = list(self._process.ask(request, allowance))
            except Gone as gone:
                raise died("the document", gone) from gone
            except BaseException:
                self._process.end()
                raise
        raise_refusal(first, "the document")
        return first
