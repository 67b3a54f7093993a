"""Finished work that people come back to: answers in their threads, and summaries.

A body is the JSON that the engine made; this module does not look inside. Answers belong to the person who
asked, summaries to everyone in the matter.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select

from storage.database import Database
from storage.errors import NotFound
from storage.ids import canonical_json, moment, now, random_id, timestamp
from storage.records import JsonValue, Scope
from storage.tables import answer, summary


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """One answered question of a thread."""

    id: str
    thread_id: str
    question: str
    asked_at: datetime
    body: dict[str, Any]
    audit_index: int


@dataclass(frozen=True, slots=True)
class KeptSummary:
    """One finished summary of a matter."""

    id: str
    user_id: str
    title: str
    made_at: datetime
    body: dict[str, Any]
    audit_index: int


class Shelf:
    """Answers and summaries, kept with the matter that they came from."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_answer(
        self, scope: Scope, *, thread_id: str, question: str, body: JsonValue, audit_index: int
    ) -> str:
        """Keep an answer; returns its id."""
        kept = random_id("answer")
        with self._database.write() as connection:
            connection.execute(
                insert(answer).values(
                    id=kept,
                    matter_id=scope.matter.id,
                    user_id=scope.actor.id,
                    thread_id=thread_id,
                    question=question,
                    asked_at=timestamp(now()),
                    body=canonical_json(body).decode(),
                    audit_index=audit_index,
                )
            )
        return kept

    def answer(self, scope: Scope, answer_id: str) -> KeptAnswer:
        """One of the actor's own answers in this matter.

        Raises:
            NotFound: there is none of that id.
        """
        with self._database.read() as connection:
            row = connection.execute(_own_answers(scope).where(answer.c.id == answer_id)).first()
        if row is None:
            raise NotFound(f"no answer {answer_id} of yours in matter {scope.matter.name!r}")
        return _answer(row)

    def recorded_answer(self, scope: Scope, audit_index: int) -> KeptAnswer | None:
        """The answer that this audit entry is about, whoever asked; None when it is not kept."""
        query = select(answer).where(
            answer.c.matter_id == scope.matter.id, answer.c.audit_index == audit_index
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _answer(row)

    def thread(self, scope: Scope, thread_id: str) -> list[KeptAnswer]:
        """The actor's answers of one thread, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                _own_answers(scope).where(answer.c.thread_id == thread_id).order_by(answer.c.asked_at)
            )
            return [_answer(row) for row in rows]

    def threads(self, scope: Scope, *, limit: int = 50) -> list[KeptAnswer]:
        """The first answer of each of the actor's threads in the matter, newest thread first."""
        with self._database.read() as connection:
            rows = connection.execute(_own_answers(scope).order_by(answer.c.asked_at)).all()
        first: dict[str, KeptAnswer] = {}
        for row in rows:
            first.setdefault(row.thread_id, _answer(row))
        return sorted(first.values(), key=lambda one: one.asked_at, reverse=True)[:limit]

    def save_summary(
        self, scope: Scope, *, summary_id: str, title: str, body: JsonValue, audit_index: int
    ) -> None:
        """Keep a finished summary under the id that its job was given."""
        with self._database.write() as connection:
            connection.execute(
                insert(summary).values(
                    id=summary_id,
                    matter_id=scope.matter.id,
                    user_id=scope.actor.id,
                    title=title,
                    made_at=timestamp(now()),
                    body=canonical_json(body).decode(),
                    audit_index=audit_index,
                )
            )

    def summary(self, scope: Scope, summary_id: str) -> KeptSummary:
        """One summary of the matter.

        Raises:
            NotFound: there is none of that id.
        """
        with self._database.read() as connection:
            row = connection.execute(_summaries(scope).where(summary.c.id == summary_id)).first()
        if row is None:
            raise NotFound(f"no summary {summary_id} in matter {scope.matter.name!r}")
        return _summary(row)

    def recorded_summary(self, scope: Scope, audit_index: int) -> KeptSummary | None:
        """The summary that this audit entry is about; None when it is not kept."""
        with self._database.read() as connection:
            row = connection.execute(_summaries(scope).where(summary.c.audit_index == audit_index)).first()
        return None if row is None else _summary(row)

    def summaries(self, scope: Scope) -> list[KeptSummary]:
        """All summaries of the matter, newest first."""
        with self._database.read() as connection:
            rows = connection.execute(_summaries(scope).order_by(summary.c.made_at.desc()))
            return [_summary(row) for row in rows]


def _own_answers(scope: Scope) -> Any:
    return select(answer).where(answer.c.matter_id == scope.matter.id, answer.c.user_id == scope.actor.id)


def _summaries(scope: Scope) -> Any:
    return select(summary).where(summary.c.matter_id == scope.matter.id)


def _answer(row: Row[Any]) -> KeptAnswer:
    return KeptAnswer(
        row.id, row.thread_id, row.question, moment(row.asked_at), json.loads(row.body), row.audit_index
    )


def _summary(row: Row[Any]) -> KeptSummary:
    return KeptSummary(
        row.id, row.user_id, row.title, moment(row.made_at), json.loads(row.body), row.audit_index
    )
