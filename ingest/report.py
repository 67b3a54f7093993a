"""What became of every file: facts only; the status is worked out from them, so that it cannot disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from storage.records import JsonValue, Page, ReadBy

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

    @property
    def status(self) -> IngestStatus:
        """Follows from the pages and the problems."""
        if self.known is not None:
            return self.known
        if self.pages_read == 0 or any(problem.page is None for problem in self.problems):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestProgress:
    """How far a run has come."""

    files_done: int
    files_total: int
    pages_done: int
    current: str
    """Path of the file being worked on; empty at the end."""
    pages_per_second: float
    seconds_left: float | None
    """By the bytes that are left; None until there is something to go by."""


def facts_of(pages: Sequence[Page]) -> tuple[int, int, int, tuple[Problem, ...]]:
    """Pages, pages read, pages read by OCR, and the problems."""
    problems = tuple(Problem(page.number, "parse", page.problem) for page in pages if page.problem)
    ocr = sum(page.how is ReadBy.OCR for page in pages)
    return len(pages), sum(page.problem is None for page in pages), ocr, problems


def report_of(
    path: str,
    document_id: str,
    pages: Sequence[Page],
    *,
    known: IngestStatus | None = None,
    chunks: int = 0,
    flags: tuple[str, ...] = (),
    problem: Problem | None = None,
) -> DocumentReport:
    """The report of a document with these pages; `problem` is one of the whole file."""
    count, read, ocr, problems = facts_of(pages)
    return DocumentReport(
        document=path,
        document_id=document_id,
        known=known,
        pages=count,
        pages_read=read,
        ocr_pages=ocr,
        chunks=chunks,
        problems=(problem, *problems) if problem else problems,
        flags=flags,
    )
