"""Long work in SQL, so that a closed page or a killed process loses none of it.

The threads that do the work are `app.jobs`; this module keeps what is queued, how far it is and how it ended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, insert, select, update

from storage.database import Database
from storage.errors import NotFound, WrongUse
from storage.ids import moment, now, random_id, timestamp
from storage.records import Job, JobState, JsonValue, Scope
from storage.tables import job

_OPEN = (JobState.QUEUED, JobState.RUNNING)
_STOPPED = (JobState.FAILED, JobState.CANCELLED)


class Jobs:
    """The table of jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        scope: Scope,
        kind: str,
        payload: Mapping[str, JsonValue],
        *,
        job_id: str | None = None,
        priority: int = 1,
    ) -> Job:
        """Queue work of a kind; `payload` must be all that a later process needs to do it.

        Lower priorities go first, equal ones in the order they came.
        """
        made_at = timestamp(now())
        with self._database.write() as connection:
            row = connection.execute(
                insert(job)
                .values(
                    id=job_id or random_id("job"),
                    kind=kind,
                    matter_id=scope.matter.id,
                    requested_by=scope.actor.id,
                    state=JobState.QUEUED,
                    payload=json.dumps(payload),
                    progress=json.dumps({"done": 0, "total": 0, "label": "waiting"}),
                    cancel_requested=False,
                    priority=priority,
                    created_at=made_at,
                    updated_at=made_at,
                )
                .returning(job)
            ).one()
        return _job(row)

    def job(self, scope: Scope, job_id: str) -> Job:
        """One job of the matter.

        Raises:
            NotFound: there is none of that id.
        """
        with self._database.read() as connection:
            row = connection.execute(
                select(job).where(job.c.id == job_id, job.c.matter_id == scope.matter.id)
            ).first()
        if row is None:
            raise NotFound(f"no job {job_id} in matter {scope.matter.name!r}")
        return _job(row)

    def of_matter(self, scope: Scope, *, limit: int = 50) -> list[Job]:
        """The matter's newest jobs, newest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(job)
                .where(job.c.matter_id == scope.matter.id)
                .order_by(job.c.created_at.desc())
                .limit(limit)
            )
            return [_job(row) for row in rows]

    def claim(self, kind: str) -> Job | None:
        """Take the most urgent queued job of a kind, the oldest of those, or None; it is then RUNNING."""
        with self._database.write() as connection:
            row = connection.execute(
                select(job)
                .where(job.c.kind == kind, job.c.state == JobState.QUEUED)
                .order_by(job.c.priority, job.c.created_at)
                .limit(1)
            ).first()
            if row is None:
                return None
            taken = connection.execute(
                update(job)
                .where(job.c.id == row.id)
                .values(state=JobState.RUNNING, updated_at=timestamp(now()))
                .returning(job)
            ).one()
        return _job(taken)

    def more_urgent(self, than: Job) -> bool:
        """Whether a job of the same kind waits that goes before this one."""
        with self._database.read() as connection:
            waiting = select(job.c.id).where(
                job.c.kind == than.kind, job.c.state == JobState.QUEUED, job.c.priority < than.priority
            )
            return connection.execute(waiting.limit(1)).first() is not None

    def requeue(self, job_id: str) -> None:
        """Put a running job back into the queue, to go on later."""
        with self._database.write() as connection:
            running = (job.c.id == job_id) & (job.c.state == JobState.RUNNING)
            connection.execute(update(job).where(running).values(state=JobState.QUEUED))

    def retry(self, scope: Scope, job_id: str) -> Job:
        """Queue again a job that failed or was cancelled.

        Raises:
            NotFound: there is none of that id.
            WrongUse: it has not ended, or it is done.
        """
        with self._database.write() as connection:
            row = connection.execute(
                update(job)
                .where(job.c.id == job_id, job.c.matter_id == scope.matter.id, job.c.state.in_(_STOPPED))
                .values(
                    state=JobState.QUEUED,
                    problem=None,
                    result=None,
                    cancel_requested=False,
                    updated_at=timestamp(now()),
                )
                .returning(job)
            ).first()
        if row is not None:
            return _job(row)
        state = self.job(scope, job_id).state.value
        raise WrongUse(f"job {job_id} is {state}; only one that failed or was stopped can be tried again")

    def report(self, job_id: str, progress: Mapping[str, JsonValue]) -> bool:
        """Record progress; returns False once somebody asked to cancel."""
        with self._database.write() as connection:
            asked = connection.execute(
                update(job)
                .where(job.c.id == job_id)
                .values(progress=json.dumps(progress), updated_at=timestamp(now()))
                .returning(job.c.cancel_requested)
            ).scalar()
        return not asked

    def cancelled(self, job_id: str) -> bool:
        """Whether somebody asked to cancel the job, or its matter is gone."""
        with self._database.read() as connection:
            asked = connection.execute(select(job.c.cancel_requested).where(job.c.id == job_id)).scalar()
        return asked is None or bool(asked)

    def request_cancel(self, scope: Scope, job_id: str) -> None:
        """Ask a job to stop; a queued one is cancelled at once."""
        with self._database.write() as connection:
            mine = (job.c.id == job_id) & (job.c.matter_id == scope.matter.id)
            connection.execute(update(job).where(mine).values(cancel_requested=True))
            connection.execute(
                update(job).where(mine, job.c.state == JobState.QUEUED).values(state=JobState.CANCELLED)
            )

    def finish(
        self,
        job_id: str,
        state: JobState,
        *,
        result: Mapping[str, JsonValue] | None = None,
        problem: str | None = None,
    ) -> None:
        """Record how a job ended."""
        with self._database.write() as connection:
            connection.execute(
                update(job)
                .where(job.c.id == job_id)
                .values(
                    state=state,
                    result=None if result is None else json.dumps(result),
                    problem=problem,
                    updated_at=timestamp(now()),
                )
            )

    def requeue_interrupted(self) -> int:
        """Queue again what a dead process was doing; returns how many. For the owner of the store alone."""
        with self._database.write() as connection:
            rows = connection.execute(
                update(job)
                .where(job.c.state == JobState.RUNNING)
                .values(state=JobState.QUEUED)
                .returning(job.c.id)
            ).all()
        return len(rows)

    def open_count(self, scope: Scope) -> int:
        """How many of the matter's jobs are queued or running."""
        return sum(one.state in _OPEN for one in self.of_matter(scope))


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        kind=row.kind,
        matter_id=row.matter_id,
        requested_by=row.requested_by,
        state=JobState(row.state),
        payload=json.loads(row.payload),
        progress=json.loads(row.progress),
        result=None if row.result is None else json.loads(row.result),
        problem=row.problem,
        cancel_requested=bool(row.cancel_requested),
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
        priority=row.priority,
    )
