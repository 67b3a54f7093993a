"""Say what became of files, from what is stored, so that a report is true after any kill.

Each ending is in the audit log as well. No text of a document goes into either.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from ingest.errors import PasswordNeeded
from ingest.progress import Order
from ingest.report import DocumentReport, IngestStatus, Problem, Stage, report_of
from ingest.work import Ended, Work, reason_for
from storage.audit import AuditLog
from storage.errors import NotFound
from storage.library import Library
from storage.records import JsonValue, Remedy, Scope


class Teller:
    """Reports and audit entries of one run."""

    def __init__(self, library: Library, audit: AuditLog, scope: Scope, *, since: datetime | None) -> None:
        """What was received after `since` counts as taken in by this run: it was killed and goes on."""
        self._library = library
        self._audit = audit
        self._scope = scope
        self._since = since

    def record(self, kind: str, path: str, document_id: str | None, **data: JsonValue) -> None:
        """Write an act on a document to the audit log."""
        entry: dict[str, JsonValue] = {"document": path, "document_id": document_id, **data}
        self._audit.append(kind, self._scope.actor, matter_id=self._scope.matter.id, data=entry)

    def refused(self, order: Order, path: str, stage: Stage, reason: str) -> Ended:
        """A file that never became a document."""
        self.record("document.failed", path, None, reason=reason)
        return Ended(order, DocumentReport(document=path, problems=(Problem(None, stage, reason),)))

    def known(self, order: Order, path: str, document_id: str, status: IngestStatus) -> Ended:
        """A file that the library has already."""
        stored = self._library.document(self._scope, document_id)
        outcome = self._library.outcome(self._scope, stored.version_id)
        same = () if stored.path == path else (f"has the same content as {stored.path!r}",)
        mine = status is IngestStatus.UNCHANGED and self._came_since(document_id, stored.version_id)
        known = None if mine else status
        report = report_of(path, document_id, outcome, known=known, flags=same, remedies=stored.remedies)
        return Ended(order, report)

    def live(self, work: Work) -> Ended:
        """A version that people now see."""
        outcome = self._library.outcome(self._scope, work.version_id)
        remedies = self._library.document(self._scope, work.document_id).remedies
        return Ended(work.order, report_of(work.path, work.document_id, outcome, remedies=remedies))

    def failed(self, work: Work, error: Exception) -> Ended:
        """A version that cannot be taken in; what is live of its document stays live.

        Raises:
            Broken: it is not the file's fault.
            Stopped: the run was stopped.
        """
        reason = reason_for(error, work.path, self._library.home)
        remedies: tuple[Remedy, ...] = ()
        report = DocumentReport(document=work.path, document_id=work.document_id)
        # It may have been deleted while it was on its way in.
        with suppress(NotFound):
            needs_password = isinstance(error, PasswordNeeded)
            self._library.fail(self._scope, work.version_id, reason, needs_password=needs_password)
            remedies = self._library.document(self._scope, work.document_id).remedies
            outcome = self._library.outcome(self._scope, work.version_id)
            report = report_of(work.path, work.document_id, outcome)
        self.record("document.failed", work.path, work.document_id, reason=reason)
        problem = Problem(None, "parse", reason)
        return Ended(work.order, report.with_problem(problem, remedies))

    def inside(self, work: Work) -> list[Ended]:
        """Files inside a version that an earlier run read: those refused, and those known elsewhere."""
        told = []
        for number, one in enumerate(self._library.attached(self._scope, work.version_id), 1):
            order = (*work.order, number)
            if one.problem is not None:
                report = DocumentReport(document=one.name, problems=(Problem(None, "gather", one.problem),))
                told.append(Ended(order, report))
            elif one.document_id and self._path_of(one.document_id) != one.name:
                told.append(self.known(order, one.name, one.document_id, IngestStatus.DUPLICATE))
        return told

    def _path_of(self, document_id: str) -> str:
        return self._library.document(self._scope, document_id).path

    def _came_since(self, document_id: str, version_id: str) -> bool:
        if self._since is None:
            return False
        versions = self._library.versions(self._scope, document_id)
        return any(one.id == version_id and one.received_at >= self._since for one in versions)
