"""The threads that do long work: one loads documents, one writes summaries.

Small uploads go before large ones, and what is read again before both: a large upload makes way and goes on.

A job is in SQL before its work begins, so a closed page loses nothing and a killed process goes on at its
next start. The matter's membership is asked again when the work begins, not only when it was submitted.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from app.payloads import actor_json, actor_of, progress_json
from engine.summarising import Summariser, SummaryCancelled, SummaryPaused
from ingest.limits import IngestLimits
from ingest.pipeline import Importer
from ingest.report import IngestProgress, IngestReport
from ingest.sources import uploaded
from storage.access import Access
from storage.accounts import SYSTEM
from storage.errors import MunimentError, NotFound
from storage.ids import now, random_id
from storage.jobs import Jobs
from storage.library import Library
from storage.records import Job, JobState, JsonValue, OcrChoice, Scope
from storage.shelf import Shelf

_log = logging.getLogger(__name__)
_IDLE_WAIT_S = 1.0

_TELL_EVERY_S = 0.5
_KEEP_STOPPED = timedelta(days=7)
_SMALL_FILES = 20
_SMALL_BYTES = 50_000_000
_FIRST, _SOON, _LATER = 0, 1, 2

INGEST, SUMMARY = "ingest", "summary"


class _MadeWay(Exception):
    """A job stopped for a more urgent one."""


@dataclass(frozen=True, slots=True)
class UploadedOriginal:
    """A file that a browser sent: its path inside the chosen folder, and where its bytes lie now."""

    path: str
    file: Path


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """What to summarise, and how."""

    title: str
    document_id: str | None = None
    """None is the whole matter."""
    template: str = "overview"
    length: str = "standard"


class JobRunner:
    """Takes queued jobs in order and records how they end."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        access: Access,
        library: Library,
        importer: Importer,
        summariser: Summariser,
        shelf: Shelf,
        limits: IngestLimits,
    ) -> None:
        self._jobs = jobs
        self._access = access
        self._library = library
        self._importer = importer
        self._summariser = summariser
        self._shelf = shelf
        self._limits = limits
        # In memory alone: a password is in no table, and gone with the process.
        self._passwords: dict[str, tuple[str, ...]] = {}
        self._stopping = threading.Event()
        self._wake = {INGEST: threading.Event(), SUMMARY: threading.Event()}
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin work, first on what a dead process left."""
        self._jobs.requeue_interrupted()
        for matter in self._library.matters():
            scope = self._access.scope(SYSTEM, matter.name)
            self._clear_incoming(scope)
            if self._library.unfinished(scope) and not self._jobs.open_count(scope):
                # A command was killed while it loaded: no job speaks for what it left.
                self._jobs.add(scope, INGEST, {"paths": [], "actor": actor_json(SYSTEM)})
        work: dict[str, Callable[[Job, Scope], Mapping[str, JsonValue]]] = {
            INGEST: self._ingest,
            SUMMARY: self._summarise,
        }
        for kind, step in work.items():
            thread = threading.Thread(target=self._loop, args=(kind, step), name=f"jobs-{kind}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """Ask the threads to end at their next step; what is unfinished goes on at the next start."""
        self._stopping.set()
        for event in self._wake.values():
            event.set()
        for thread in self._threads:
            thread.join(timeout_s)

    def submit_ingest(
        self, scope: Scope, files: Sequence[UploadedOriginal], *, passwords: Sequence[str] = ()
    ) -> Job:
        """Queue uploaded files; they are moved into the matter's folder before this returns.

        `passwords` are tried on files that need one; they are kept in memory only.
        """
        job_id = random_id("job")
        folder = self._library.room_folder(scope.matter) / "incoming" / job_id
        folder.mkdir(mode=0o700, parents=True)
        names: list[JsonValue] = []
        size = 0
        for number, upload in enumerate(files):
            size += upload.file.stat().st_size
            # Numbered, because an uploaded name is not to be trusted as a path.
            shutil.move(upload.file, folder / f"{number:06}")
            names.append(upload.path)
        self._passwords[job_id] = tuple(passwords)
        job = self._jobs.add(
            scope,
            INGEST,
            {"paths": names, "actor": actor_json(scope.actor)},
            job_id=job_id,
            priority=_SOON if len(files) <= _SMALL_FILES and size <= _SMALL_BYTES else _LATER,
        )
        self._wake[INGEST].set()
        return job

    def submit_reread(
        self,
        scope: Scope,
        document_id: str,
        *,
        password: str | None = None,
        with_hidden: bool | None = None,
        ocr: OcrChoice | None = None,
    ) -> Job:
        """Queue the reading again of one document's kept file; see `Importer.reread`."""
        job_id = random_id("job")
        self._passwords[job_id] = () if password is None else (password,)
        payload: dict[str, JsonValue] = {
            "reread": document_id,
            "with_hidden": with_hidden,
            "ocr": ocr,
            "actor": actor_json(scope.actor),
        }
        job = self._jobs.add(scope, INGEST, payload, job_id=job_id, priority=_FIRST)
        self._wake[INGEST].set()
        return job

    def submit_summary(self, scope: Scope, request: SummaryRequest) -> Job:
        """Queue a summary; the job's id is also the summary's."""
        payload: dict[str, JsonValue] = {
            "title": request.title,
            "document_id": request.document_id,
            "template": request.template,
            "length": request.length,
            "actor": actor_json(scope.actor),
        }
        job = self._jobs.add(scope, SUMMARY, payload, job_id=random_id("summary"))
        self._wake[SUMMARY].set()
        return job

    def job(self, scope: Scope, job_id: str) -> Job:
        """How a job stands."""
        return self._jobs.job(scope, job_id)

    def jobs(self, scope: Scope) -> list[Job]:
        """The matter's newest jobs, newest first."""
        return self._jobs.of_matter(scope)

    def cancel(self, scope: Scope, job_id: str) -> None:
        """Ask a job to stop at its next step."""
        self._jobs.request_cancel(scope, job_id)

    def retry(self, scope: Scope, job_id: str) -> Job:
        """Queue again a job that failed or was stopped; its files are kept for a week."""
        job = self._jobs.retry(scope, job_id)
        self._wake[job.kind].set()
        return job

    def _loop(self, kind: str, step: Callable[[Job, Scope], Mapping[str, JsonValue]]) -> None:
        while not self._stopping.is_set():
            try:
                job = self._jobs.claim(kind)
                if job is not None:
                    self._run(job, step)
                    continue
            except MunimentError as error:
                # A full disk, most likely: the job stays as it is until there is room again.
                _log.error("jobs of kind %s wait: %s", kind, error)
            self._wake[kind].wait(_IDLE_WAIT_S)
            self._wake[kind].clear()

    def _run(self, job: Job, step: Callable[[Job, Scope], Mapping[str, JsonValue]]) -> None:
        try:
            name = next(one.name for one in self._library.matters() if one.id == job.matter_id)
            scope = self._access.scope(actor_of(job.payload["actor"]), name)
            result = step(job, scope)
        except SummaryPaused:
            return  # Left RUNNING: the next start queues it again.
        except _MadeWay:
            self._jobs.requeue(job.id)
            return
        except SummaryCancelled:
            self._jobs.finish(job.id, JobState.CANCELLED)
        except MunimentError as error:
            self._jobs.finish(job.id, JobState.FAILED, problem=str(error))
        except Exception:  # noqa: BLE001 - a defect in one job must not end the thread that does all others
            _log.exception("job %s of kind %s failed", job.id, job.kind)
            self._jobs.finish(
                job.id, JobState.FAILED, problem=f"an unexpected error stopped this work; quote {job.id}"
            )
        else:
            if self._stopping.is_set() and not self._jobs.cancelled(job.id):
                return  # Left RUNNING: the next start queues it again.
            if self._jobs.cancelled(job.id):
                self._jobs.finish(job.id, JobState.CANCELLED, result=result)
            else:
                self._jobs.finish(job.id, JobState.DONE, result=result)
                # Only now: a job that is not done needs its files at the next start, or when tried again.
                shutil.rmtree(self._incoming(job), ignore_errors=True)
        self._passwords.pop(job.id, None)

    def _interrupted(self, job: Job) -> bool:
        return self._stopping.is_set() or self._jobs.cancelled(job.id)

    def _ingest(self, job: Job, scope: Scope) -> Mapping[str, JsonValue]:
        report = self._taken_in(job, scope)
        if self._jobs.cancelled(job.id):
            self._give_up(job, scope)
        elif report.cancelled and not self._stopping.is_set():
            raise _MadeWay
        return report.to_json()

    def _give_up(self, job: Job, scope: Scope) -> None:
        """Say why a cancelled job's files were not read; what came before it waits for its own job."""
        resuming = not job.payload.get("paths") and "reread" not in job.payload
        for left in self._library.unfinished(scope):
            versions = self._library.versions(scope, left.id)
            came = next(one.received_at for one in versions if one.id == left.version_id)
            if resuming or came >= job.created_at:
                reason = f"{left.path!r} was not read: the upload was stopped; add it again"
                self._library.fail(scope, left.version_id, reason)

    def _taken_in(self, job: Job, scope: Scope) -> IngestReport:
        told = looked = 0.0
        make_way = False

        def tell(progress: IngestProgress) -> None:
            nonlocal told
            at = time.monotonic()
            if at - told > _TELL_EVERY_S or progress.files_done == progress.files_total:
                told = at
                self._jobs.report(job.id, progress_json(progress))

        def stop() -> bool:
            nonlocal looked, make_way
            at = time.monotonic()
            if at - looked > _TELL_EVERY_S:
                looked = at
                make_way = self._interrupted(job) or self._jobs.more_urgent(job)
            return make_way or self._stopping.is_set()

        wanted = cast("Mapping[str, Any]", job.payload)
        passwords = self._passwords.get(job.id, ())
        if "reread" in wanted:
            return self._importer.reread(
                scope,
                wanted["reread"],
                password=next(iter(passwords), None),
                with_hidden=wanted["with_hidden"],
                ocr=wanted["ocr"],
                on_progress=tell,
                cancelled=stop,
            )
        folder = self._incoming(job)
        files = [(str(path), folder / f"{number:06}") for number, path in enumerate(wanted["paths"])]
        # In the job's own folder: what a kill leaves there goes with the job.
        workspace = folder if folder.is_dir() else None
        with uploaded(files, self._limits, workspace=workspace) as sources:
            if not sources:
                return self._importer.resume(scope, on_progress=tell, cancelled=stop)
            return self._importer.run(
                scope,
                sources,
                passwords=passwords,
                since=job.created_at,
                on_progress=tell,
                cancelled=stop,
            )

    def _clear_incoming(self, scope: Scope) -> None:
        """Remove uploads that no job needs: those of a kill before the job was made, and old ones."""
        folder = self._library.room_folder(scope.matter) / "incoming"
        for one in folder.iterdir() if folder.is_dir() else ():
            try:
                job = self._jobs.job(scope, one.name)
            except NotFound:
                shutil.rmtree(one)
                continue
            ended = job.state not in (JobState.QUEUED, JobState.RUNNING)
            if job.state is JobState.DONE or (ended and job.updated_at < now() - _KEEP_STOPPED):
                shutil.rmtree(one)

    def _incoming(self, job: Job) -> Path:
        return self._library.home / "matters" / job.matter_id / "incoming" / job.id

    def _summarise(self, job: Job, scope: Scope) -> Mapping[str, JsonValue]:
        wanted = cast("Mapping[str, Any]", job.payload)

        def tell(done: int, total: int, label: str) -> None:
            self._jobs.report(job.id, {"done": done, "total": total, "label": label})

        summary = self._summariser.run(
            scope,
            summary_id=job.id,
            title=wanted["title"],
            document_id=wanted["document_id"],
            template=wanted["template"],
            length=wanted["length"],
            on_progress=tell,
            cancelled=lambda: self._jobs.cancelled(job.id),
            stopping=self._stopping.is_set,
        )
        body = summary.to_json()
        self._shelf.save_summary(
            scope, summary_id=job.id, title=summary.title, body=body, audit_index=summary.audit.index
        )
        return {"summary_id": job.id}
