"""Summaries of one document or a whole matter: every statement checked, every page accounted for.

A summary that is killed goes on where it stopped when it is run again under the same id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from engine.models.base import Generator
from engine.summaries.records import Coverage, MissingPage, Statement, Summary, Work
from storage.audit import AuditLog
from storage.errors import MunimentError
from storage.library import Library
from storage.records import Scope

__all__ = ["Coverage", "MissingPage", "Statement", "Summariser", "Summary", "SummaryCancelled", "Work"]

Progress: TypeAlias = Callable[[int, int, str], None]
"""Called with sections done, sections in all, and what is being read."""


class SummaryCancelled(MunimentError):
    """Someone asked for the work to stop, and it has."""

    exit_code = 1


class Summariser:
    """Makes summaries with one model."""

    def __init__(self, library: Library, generator: Generator, audit: AuditLog) -> None:
        self._library = library
        self._generator = generator
        self._audit = audit

    def run(
        self,
        scope: Scope,
        *,
        summary_id: str,
        title: str | None = None,
        document_id: str | None = None,
        template: str = "overview",
        length: str = "standard",
        on_progress: Progress = lambda _done, _total, _label: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Summary:
        """Summarise one document (by id or path) or all documents in scope.

        Raises:
            WrongUse: there is no such template or length, or nothing to summarise.
            NotFound: there is no such document in scope.
            SummaryCancelled: `cancelled()` said so; what was done is thrown away.
            Broken: the model or the audit log failed; running the same `summary_id` again resumes.
        """
        raise NotImplementedError

    def forget(self, scope: Scope, summary_id: str) -> None:
        """Throw away what was kept to resume a summary that will not be run again."""
