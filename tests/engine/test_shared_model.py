"""Many people, one model: what each of them hears, and what the log says of each of their questions."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from threading import Event, Semaphore, Thread
from typing import Any, cast

import pytest

from engine.answer_events import Retrieved
from engine.answers import Answer, Outcome
from engine.assistant import Assistant
from engine.models.base import Waiting
from engine.models.host import ModelHost
from engine.models.scripted import ScriptedGenerator
from storage.audit import AuditLog
from storage.database import Database
from tests.engine.test_assistant import QUESTION, SCOPE, FixedSearch, Found, OnePageLibrary, passage

REPLY = "Either party may terminate on 90 days' prior written notice [1]."
LONG_S = 30.0


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(Database.in_folder(tmp_path))


def assistant(host: ModelHost, log: AuditLog) -> Assistant:
    return Assistant(OnePageLibrary(), FixedSearch(Found([passage()])), host, log)


class Door:
    """Holds the model up before its first token until it is opened, and says when it stands there."""

    def __init__(self) -> None:
        self.there, self.opened = Semaphore(0), Event()

    def __call__(self, token: int) -> None:
        if token == 0:
            self.there.release()
        assert self.opened.wait(LONG_S)


class Asker(Thread):
    def __init__(self, parts: Assistant, user: str, cancel: Event | None = None) -> None:
        super().__init__(daemon=True)
        self._parts, self._user, self._cancel = parts, user, cancel
        self.settled = Event()
        """Set when a place in the line is told, or the answer is there."""
        self.answer: Answer | None = None
        self.start()

    def run(self) -> None:
        scope = replace(SCOPE, actor=replace(SCOPE.actor, id=self._user))
        try:
            for event in self._parts.stream(scope, QUESTION, cancel=self._cancel):
                if isinstance(event, Waiting):
                    self.settled.set()
                self.answer = getattr(event, "answer", None)
        finally:
            self.settled.set()


def ends(log: AuditLog) -> Counter[tuple[str, str | None]]:
    """How the questions in the log ended, each question once."""
    entries = [(entry.kind, json.loads(entry.canonical)["data"], entry.index) for entry in log.entries()]
    asked = {index for kind, _data, index in entries if kind == "question.asked"}
    closed = [(data["question"], kind, data.get("error")) for kind, data, _ in entries if "question" in data]
    assert sorted(question for question, *_ in closed) == sorted(asked)
    return Counter((kind, error) for _question, kind, error in closed)


def test_every_one_of_many_askers_has_an_honest_answer_and_an_end_in_the_log(log: AuditLog) -> None:
    door = Door()
    parts = assistant(ModelHost(ScriptedGenerator(REPLY, before_token=door), length=4), log)
    askers = [Asker(parts, "user_0")]
    assert door.there.acquire(timeout=LONG_S)
    cancel = Event()
    for number in range(1, 10):
        askers.append(Asker(parts, f"user_{number}", cancel if number == 1 else None))
        assert askers[-1].settled.wait(LONG_S)
    cancel.set()
    askers[1].join(LONG_S)
    door.opened.set()
    for one in askers:
        one.join(LONG_S)
    answers = [cast("Answer", one.answer) for one in askers]
    assert [answer.outcome for answer in answers] == [
        Outcome.GROUNDED,
        Outcome.FAILED,
        *[Outcome.GROUNDED] * 3,
        *[Outcome.FAILED] * 5,
    ]
    assert answers[1].note == "The answer was stopped."
    assert answers[-1].note == (
        "The model could not answer: busy: 4 requests wait for the model already; ask again in a minute"
    )
    assert ends(log) == {
        ("answer.given", None): 4,
        ("answer.failed", None): 1,
        ("answer.failed", "Busy"): 5,
    }
    assert parts.ask(SCOPE, QUESTION).outcome is Outcome.GROUNDED


def test_who_leaves_while_waiting_gives_the_place_up_and_is_on_record(log: AuditLog) -> None:
    door = Door()
    host = ModelHost(ScriptedGenerator(REPLY, before_token=door))
    parts = assistant(host, log)
    first = Asker(parts, "user_0")
    assert door.there.acquire(timeout=LONG_S)
    stream = parts.stream(SCOPE, QUESTION)
    assert isinstance(next(stream), Retrieved)
    assert next(stream) == Waiting(1)
    cast("Any", stream).close()
    assert host.waiting == 0
    door.opened.set()
    first.join(LONG_S)
    entries = [json.loads(entry.canonical) for entry in log.entries()]
    outcomes = [one["data"]["outcome"] for one in entries if one["kind"] == "answer.failed"]
    assert outcomes == ["abandoned"]
    assert sum(ends(log).values()) == 2


def test_a_model_that_fails_is_a_failed_answer_on_record_and_the_next_question_is_answered(
    log: AuditLog,
) -> None:
    killed = ScriptedGenerator(REPLY)
    parts = assistant(ModelHost(killed, reopen=lambda: ScriptedGenerator(REPLY)), log)
    killed.close()
    assert parts.ask(SCOPE, QUESTION).outcome is Outcome.FAILED
    assert parts.ask(SCOPE, QUESTION).outcome is Outcome.GROUNDED
    assert ends(log) == {("answer.failed", "Broken"): 1, ("answer.given", None): 1}
