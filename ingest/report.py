"""What became of every file: facts only; the status is worked out from them, so that it cannot disagree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from storage.library import Outcome
from storage.records import JsonValue, Remedy

Stage = Literal["gather", "receive", "parse"]
"""Where a problem arose: finding the file, taking its bytes, or reading it."""


class IngestStatus(StrEnum):
    """What became of one file."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"
    DUPLICATE = "duplicate"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a page, or a whole file, was not read."""

    page: int | None
    """None for the whole file."""
    stage: Stage
    reason: str

    def to_json(self) -> JsonValue:
        """The form that `ingest --json` prints."""
        return {"page": self.page, "stage": self.stage, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentReport:
    """What became of one file."""

    document: str
    document_id: str | None = None
    """None when the file never became a document."""
    known: IngestStatus | None = None
    """DUPLICATE or UNCHANGED when there was nothing to do."""
    pages: int = 0
    pages_read: int = 0
    ocr_pages: int = 0
    chunks: int = 0
    problems: tuple[Problem, ...] = ()
    flags: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    """What a person can do about what was not read."""

    def with_problem(self, problem: Problem, remedies: tuple[Remedy, ...]) -> DocumentReport:
        """The same with a problem of the whole file, and what can be done about it."""
        return replace(self, problems=(problem, *self.problems), remedies=remedies)

    @property
    def status(self) -> IngestStatus:
        """Follows from the pages and the problems."""
        if self.known is not None:
            return self.known
        # Pages that were read in part, and no other, still leave passages.
        has_text = self.pages_read > 0 or self.chunks > 0
        if not has_text or any(problem.page is None for problem in self.problems):
            return IngestStatus.FAILED
        return IngestStatus.PARTIAL if self.problems else IngestStatus.COMPLETE

    def to_json(self) -> JsonValue:
        """The form that `ingest --json` prints."""
        return {
            "document": self.document,
            "document_id": self.document_id,
            "status": self.status.value,
            "pages": self.pages,
            "pages_read": self.pages_read,
            "ocr_pages": self.ocr_pages,
            "chunks": self.chunks,
            "problems": [problem.to_json() for problem in self.problems],
            "flags": list(self.flags),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """What became of all files of a run."""

    matter: str
    documents: tuple[DocumentReport, ...]
    seconds: float
    cancelled: bool = False
    """True when files are left for `Importer.resume`."""

    @property
    def pages_per_second(self) -> float:
        """Pages that this run read; those that were known before do not count."""
        pages = sum(one.pages_read for one in self.documents if one.known is None)
        return pages / self.seconds if self.seconds > 0 else 0.0

    def to_json(self) -> dict[str, JsonValue]:
        """The form that `ingest --json` prints."""
        return {
            "matter": self.matter,
            "documents": [one.to_json() for one in self.documents],
            "seconds": round(self.seconds, 3),
            "pages_per_second": round(self.pages_per_second, 2),
        }


class FileState(StrEnum):
    """Where a file of a running ingestion stands."""

    RECEIVED = "received"
    READING = "reading"
    EMBEDDING = "embedding"
    LIVE = "live"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far one file has come."""

    path: str
    state: FileState
    pages_done: int = 0
    """Pages read, or embedded once all are read."""
    pages: int | None = None
    """None until the file was opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestProgress:
    """How far a run has come."""

    files_done: int
    files_total: int
    """Files found inside others count from when they are found."""
    pages_done: int
    current: str
    """Path of the file being worked on; empty at the end."""
    pages_per_second: float
    """Over the last stretch, not since the beginning."""
    seconds_left: float | None
    """By the pages that are left; None until there is something to go by."""
    files: tuple[FileProgress, ...] = ()
    """Files being worked on and those that ended last; never more than a screen holds."""


def report_of(
    path: str,
    document_id: str,
    outcome: Outcome,
    *,
    known: IngestStatus | None = None,
    flags: tuple[str, ...] = (),
    remedies: tuple[Remedy, ...] = (),
) -> DocumentReport:
    """The report of a document that was read so."""
    return DocumentReport(
        document=path,
        document_id=document_id,
        known=known,
        pages=outcome.pages,
        pages_read=outcome.pages_read,
        ocr_pages=outcome.ocr_pages,
        chunks=outcome.chunks,
        problems=tuple(Problem(number, "parse", reason) for number, reason in outcome.problems),
        flags=outcome.flags + flags,
        remedies=remedies,
    )
