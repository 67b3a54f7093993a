"""Summaries of one document or a whole matter: every statement checked, every page accounted for.

A summary that is killed goes on where it stopped when it is run again under the same id. What it found so
far lies in the matter's own folder until then; it is removed with the matter, when the summary is finished
or cancelled, or by `forget`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from engine.answers import AuditReference
from engine.circumstances import Circumstances
from engine.models.base import Generator, Usage
from engine.models.host import lane_of
from engine.models.line import Priority, Ticket
from engine.summaries import checkpoints
from engine.summaries.checkpoints import Checkpoints
from engine.summaries.combining import Combined, combine
from engine.summaries.covering import Written, not_ready, written
from engine.summaries.records import (
    Coverage,
    MissingPage,
    Statement,
    Summary,
    Work,
    calls_digest,
    statements_digest,
)
from engine.summaries.sections import Section, plan
from engine.summaries.templates import Length, Template, lengths, named_length, named_template, templates
from engine.summaries.writing import SectionResult, SectionWriter
from storage.audit import AuditLog
from storage.errors import MunimentError, WrongUse
from storage.ids import canonical_json, sha256_of
from storage.library import Library
from storage.records import AuditEntry, Document, JsonValue, Page, Scope, VersionState

__all__ = [
    "Coverage",
    "MissingPage",
    "Statement",
    "Summariser",
    "Summary",
    "SummaryCancelled",
    "SummaryPaused",
    "Work",
    "lengths",
    "templates",
]

Progress: TypeAlias = Callable[[int, int, str], None]
"""Called with sections done, sections in all, and what is being read."""

_PART_SECTIONS = 32
"""Sections per checkpointed graph. A checkpoint holds its whole part, so this bounds what a step writes."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


class SummaryCancelled(MunimentError):
    """Someone asked for the summary to stop, and it has; nothing of it is kept."""

    exit_code = 1


class SummaryPaused(MunimentError):
    """The process is stopping. Run again under the same id, the summary goes on where it was."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class _Wanted:
    id: str
    title: str
    template: Template
    length: Length


@dataclass(frozen=True, slots=True)
class _Plan:
    """A document and how many chunks each of its sections has. The text is read again when it is needed."""

    document: Document
    sizes: tuple[int, ...]


class Summariser:
    """Makes summaries with one model."""

    def __init__(
        self,
        library: Library,
        generator: Generator,
        audit: AuditLog,
        *,
        circumstances: Circumstances | None = None,
    ) -> None:
        self._circumstances = circumstances or Circumstances()
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
        stopping: Callable[[], bool] = lambda: False,
    ) -> Summary:
        """Summarise one document (by id or path) or all documents in scope.

        Raises:
            WrongUse: there is no such template or length, or nothing that is ready to be summarised.
            NotFound: there is no such document in scope.
            SummaryCancelled: `cancelled()` said so; what was done is thrown away.
            SummaryPaused: `stopping()` said so; what was done is kept.
            Broken: the model or the audit log failed; running the same `summary_id` again resumes.
        """
        documents = self._documents(scope, document_id)
        of = documents[0].path if document_id is not None else scope.matter.name
        wanted = _Wanted(summary_id, title or of, named_template(template), named_length(length))
        file = self._file(scope, summary_id)

        def look() -> None:
            if cancelled():
                raise SummaryCancelled(f"summary {summary_id} was cancelled; nothing of it is kept")
            if stopping():
                raise SummaryPaused(f"summary {summary_id} is paused; run it again to go on")

        facts = self._facts(wanted, documents)
        self._record(scope, "summary.started", {**facts, "resumed": file.exists()})
        try:
            with checkpoints.opened(file) as kept:
                parts = list(self._write(scope, kept, wanted, documents, on_progress, look))
            summary = self._finished(scope, wanted, facts, parts)
        except SummaryPaused:
            raise
        except SummaryCancelled:
            checkpoints.remove(file)
            self._record(scope, "summary.cancelled", facts)
            raise
        except BaseException as error:
            # The first error is the one to show, even where the log cannot be written either.
            with suppress(MunimentError):
                self._record(scope, "summary.failed", {**facts, "error": type(error).__name__})
            raise
        checkpoints.remove(file)
        return summary

    def forget(self, scope: Scope, summary_id: str) -> None:
        """Throw away what was kept to resume a summary that will not be run again."""
        checkpoints.remove(self._file(scope, summary_id))

    def _file(self, scope: Scope, summary_id: str) -> Path:
        if not _ID.fullmatch(summary_id):
            raise WrongUse(
                "a summary's id has 1 to 80 letters, digits, dashes and underscores; choose another"
            )
        return self._library.room_folder(scope.matter) / "summaries" / f"{summary_id}.db"

    def _documents(self, scope: Scope, document_id: str | None) -> list[Document]:
        if document_id is None:
            documents = self._library.documents(scope)
        else:
            documents = [self._library.document(scope, document_id)]
        if not any(one.state is VersionState.LIVE for one in documents):
            what = f"{documents[0].path!r} is" if document_id is not None else "no document here is"
            raise WrongUse(f"{what} not ready to be summarised; the Library says how it stands")
        return documents

    # From documents to drafts

    def _write(
        self,
        scope: Scope,
        kept: Checkpoints,
        wanted: _Wanted,
        documents: Sequence[Document],
        on_progress: Progress,
        look: Callable[[], None],
    ) -> Iterator[Written]:
        look()
        model = lane_of(self._generator, Ticket(scope.actor.id, Priority.SUMMARY))
        writer = SectionWriter(model, wanted.template, look)
        plans = self._plans(scope, writer.budget(wanted.length.reading), documents, look)
        total = sum(len(one.sizes) for one in plans)
        done = 0
        for one in plans:
            if one.document.state is not VersionState.LIVE:
                yield not_ready(one.document)
                continue
            sections, pages = self._sections(scope, one)

            def tell(at: int, section: Section, one: _Plan = one, before: int = done) -> None:
                look()
                on_progress(before + at, total, f"{one.document.path}: {section.name}")

            results = self._results(kept, wanted, writer, one.document, sections, pages, tell)
            done += len(sections)
            yield written(one.document, sections, results, list(pages.values()))
        on_progress(total, total, "")

    def _results(
        self,
        kept: Checkpoints,
        wanted: _Wanted,
        writer: SectionWriter,
        document: Document,
        sections: Sequence[Section],
        pages: Mapping[int, Page],
        tell: Callable[[int, Section], None],
    ) -> list[SectionResult]:
        """The results of all sections, those that were done before a kill taken from the checkpoints."""
        results: list[SectionResult] = []
        for first in range(0, len(sections), _PART_SECTIONS):
            part = sections[first : first + _PART_SECTIONS]

            def step(at: int, part: Sequence[Section] = part, first: int = first) -> dict[str, Any]:
                tell(first + at, part[at])
                return writer.write(part[at], document=document.path, pages=pages).to_json()

            bodies = kept.run(self._key(wanted, part), steps=len(part), step=step)
            results += [SectionResult.from_json(body) for body in bodies]
        return results

    def _plans(
        self, scope: Scope, budget: int, documents: Sequence[Document], look: Callable[[], None]
    ) -> list[_Plan]:
        plans = []
        for document in documents:
            look()
            live = document.state is VersionState.LIVE
            chunks = self._library.chunks_of(scope, document.version_id)[0] if live else []
            sections = plan(chunks, count_tokens=self._generator.count_tokens, budget=budget)
            plans.append(_Plan(document, tuple(len(section.chunks) for section in sections)))
        return plans

    def _sections(self, scope: Scope, planned: _Plan) -> tuple[list[Section], dict[int, Page]]:
        chunks, _vectors = self._library.chunks_of(scope, planned.document.version_id)
        pages = {page.number: page for page in self._library.pages(scope, planned.document.id)}
        for chunk in chunks:
            page = pages.get(chunk.span.page)
            if page is None or page.text[chunk.span.start : chunk.span.end] != chunk.text:
                raise WrongUse(
                    f"{planned.document.path!r} changed while it was summarised; summarise it again"
                )
        sections, at = [], 0
        for size in planned.sizes:
            sections.append(Section(tuple(chunks[at : at + size])))
            at += size
        return sections, pages

    def _key(self, wanted: _Wanted, part: Sequence[Section]) -> str:
        """Names a part by all that its result depends on, so that nothing stale is ever gone on from."""
        model = self._generator.identity
        return sha256_of(
            canonical_json(
                {
                    "rules": wanted.template.rules,
                    "question": wanted.template.question,
                    "model": [model.id, model.digest, model.quantization],
                    "sections": [
                        [sha256_of(chunk.text.encode()) for chunk in section.chunks] for section in part
                    ],
                    "chunks": [chunk.id for section in part for chunk in section.chunks],
                }
            )
        )

    # From drafts to the finished summary

    def _finished(
        self, scope: Scope, wanted: _Wanted, facts: dict[str, JsonValue], parts: Sequence[Written]
    ) -> Summary:
        drafts = [draft for one in parts for draft in one.drafts]
        combined = combine(drafts, length=wanted.length)
        work = Work(len(drafts), sum(not draft.sentences for draft in drafts), combined.left_out)
        usage = sum((one.usage for one in parts), start=Usage())
        coverage = tuple(one.coverage for one in parts)
        calls = tuple(call for one in parts for call in one.calls)
        entry = self._record(
            scope,
            "summary.finished",
            {
                **facts,
                **_result_facts(combined, coverage),
                "work": work.to_json(),
                "usage": dict(usage.to_json()),
                "rules_sha256": wanted.template.digest,
                "sampling": {"temperature": 0.0, "seed": 0, "effort": "low"},
                "calls": len(calls),
                "calls_sha256": calls_digest(calls),
                "made_with": self._circumstances.of(self._generator, asked=bool(calls)),
            },
        )
        return Summary(
            id=wanted.id,
            title=wanted.title,
            matter=scope.matter.name,
            template=wanted.template.name,
            length=wanted.length.name,
            statements=combined.statements,
            citations=combined.citations,
            coverage=coverage,
            work=work,
            model=self._generator.identity,
            usage=usage,
            made_at=entry.at,
            audit=AuditReference(entry.index, entry.head),
            calls=calls,
        )

    def _facts(self, wanted: _Wanted, documents: Sequence[Document]) -> dict[str, JsonValue]:
        """What every record of this summary says: which work, on what, by which model. No text."""
        versions: list[JsonValue] = [*sorted(one.version_id for one in documents)]
        return {
            "summary_id": wanted.id,
            "template": wanted.template.name,
            "length": wanted.length.name,
            "documents": len(documents),
            "versions_sha256": sha256_of(canonical_json(versions)),
            "model": dict(self._generator.identity.to_json()),
        }

    def _record(self, scope: Scope, kind: str, data: dict[str, JsonValue]) -> AuditEntry:
        return self._audit.append(kind, scope.actor, matter_id=scope.matter.id, data=data)


def _result_facts(combined: Combined, coverage: Sequence[Coverage]) -> dict[str, JsonValue]:
    """What came out, as counts and hashes."""
    return {
        "statements": len(combined.statements),
        "quoted": sum(statement.quoted for statement in combined.statements),
        "statements_sha256": statements_digest(combined.statements),
        "citations": [
            {
                "version_id": one.version_id,
                "page": one.span.page,
                "start": one.span.start,
                "end": one.span.end,
            }
            for one in combined.citations
        ],
        "pages_covered": sum(one.pages_covered for one in coverage),
        "pages_total": sum(one.pages_total for one in coverage),
    }
