from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from engine.answer_events import Delta, Finished, Retrieved, SentenceChecked, Withdrawn
from engine.answers import NOT_FOUND, Outcome, Verdict
from engine.assistant import Assistant
from engine.explaining import NOTHING_NAMED, Named
from engine.models.base import FinishReason
from engine.models.embedded import EmbeddedGenerator, embedded_weights
from engine.models.scripted import ScriptedGenerator
from engine.numbers import missing_from
from engine.searched import Searched
from storage.audit import AuditLog
from storage.database import Database
from storage.errors import Broken, Refused, WrongUse
from storage.records import (
    Actor,
    AuditEntry,
    Chunk,
    Document,
    JsonValue,
    Matter,
    Page,
    Passage,
    ReadBy,
    Role,
    Scope,
    Span,
    Twin,
    VersionState,
    Why,
)

NOW = datetime(2024, 1, 2, tzinfo=UTC)
ACTOR = Actor("user_1", "Mara Lind", Role.MEMBER, "browser")
SCOPE = Scope(Matter("matter_1", "Harbour", NOW, "user_1"), ACTOR)
PAGE = (
    "Either party may terminate this Agreement upon ninety (90) days' prior written notice. "
    "The Tenant shall pay an early termination fee of $2.5 million."
)
QUESTION = "What is the notice period for termination?"
BOTH = "What are the notice period and the fee for early termination?"


def passage(text: str = PAGE, rank: int = 1) -> Passage:
    chunk = Chunk(f"chunk_{rank}", "doc_1", "version_1", rank, Span(1, 0, len(text)), (), text, "lease.pdf")
    return Passage(chunk, "lease.pdf", rank, 0.5, {"dense": 0.5})


@dataclass
class Found:
    passages: Sequence[Passage]
    confident: bool = True
    timings_ms: Mapping[str, float] = field(default_factory=lambda: {"dense": 1.0})
    named: Named = NOTHING_NAMED


@dataclass
class FixedSearch:
    found: Found

    def search(self, scope: Scope, query: str, *, limit: int = 10) -> Found:
        return self.found


class OnePageLibrary:
    def documents(self, scope: Scope) -> list[Document]:
        return [
            Document(
                "doc_1", "matter_1", "lease.pdf", "version_1", VersionState.LIVE, "application/pdf", "0" * 64,
                1, None, 1, 1, None, NOW, "user_1",
            )
        ]  # fmt: skip

    def page(self, scope: Scope, document_id: str, number: int) -> Page:
        return Page(number, PAGE, ReadBy.TEXT, 1.0)


class FailingLog:
    """Writes the first `good` entries, then reports a full disk."""

    def __init__(self, log: AuditLog, good: int) -> None:
        self._log, self._good = log, good

    def append(
        self, kind: str, actor: Actor, *, matter_id: str | None = None, data: Mapping[str, JsonValue]
    ) -> AuditEntry:
        if self._good == 0:
            raise Broken("the audit log cannot be written: no space left")
        self._good -= 1
        return self._log.append(kind, actor, matter_id=matter_id, data=data)


class MemoryShelf:
    def __init__(self) -> None:
        self.bodies: list[Any] = []

    def save_answer(
        self, scope: Scope, *, thread_id: str, question: str, body: JsonValue, audit_index: int
    ) -> str:
        self.bodies.append(body)
        return f"answer_{len(self.bodies)}"


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(Database.in_folder(tmp_path))


def assistant(log: object, *replies: str, found: Found | None = None, **script: object) -> Assistant:
    generator = ScriptedGenerator(*replies, **script)  # type: ignore[arg-type]
    return Assistant(
        OnePageLibrary(),
        FixedSearch(found or Found([passage()])),
        generator,
        log,  # type: ignore[arg-type]
        MemoryShelf(),
    )


def kinds(log: AuditLog) -> list[str]:
    return [entry.kind for entry in sorted(log.entries(), key=lambda entry: entry.index)]


def recorded(log: AuditLog, kind: str) -> dict[str, object]:
    entry = next(entry for entry in log.entries() if entry.kind == kind)
    data: dict[str, object] = json.loads(entry.canonical)["data"]
    return data


def test_an_answer_whose_sentences_all_check_out_is_grounded(log: AuditLog) -> None:
    answer = assistant(log, "Either party may terminate on 90 days' prior written notice [1].").ask(
        SCOPE, QUESTION
    )
    assert answer.outcome is Outcome.GROUNDED
    assert answer.text == "Either party may terminate on 90 days' prior written notice. [1]"
    assert answer.citations[0].quote == PAGE[: PAGE.index(" The Tenant")]
    assert answer.audit is not None
    assert kinds(log) == ["question.asked", "answer.given"]


def test_a_sentence_that_fails_is_replaced_by_the_passage_itself(log: AuditLog) -> None:
    answer = assistant(log, "The notice period is 9 days [1].").ask(SCOPE, QUESTION)
    assert answer.outcome is Outcome.QUOTED
    (sentence,) = answer.sentences
    assert sentence.text == PAGE[: PAGE.index(" The Tenant")]
    assert "9" in sentence.reason
    assert [dropped.verdict for dropped in answer.dropped] == [Verdict.NUMBER_MISMATCH]
    assert "9 days" not in answer.text


def test_some_good_and_some_bad_sentences_make_a_partial_answer(log: AuditLog) -> None:
    reply = "The early termination fee is $2.5 million [1]. The notice period is 9 days [1]."
    answer = assistant(log, reply).ask(SCOPE, BOTH)
    assert answer.outcome is Outcome.PARTIAL
    assert [sentence.quoted for sentence in answer.sentences] == [False, True]


@pytest.mark.parametrize(
    "reply",
    [
        "The notice period is for termination of this Agreement [1].",
        "The termination notice.",
    ],
)
def test_a_sentence_that_only_repeats_the_question_is_no_answer(log: AuditLog, reply: str) -> None:
    answer = assistant(log, reply).ask(SCOPE, "What is the notice period for termination of this Agreement?")
    assert answer.outcome is Outcome.QUOTED


def test_a_sentence_said_twice_is_shown_once(log: AuditLog) -> None:
    reply = "The early termination fee is $2.5 million [1]. The termination fee is $2.5 million [1]."
    answer = assistant(log, reply).ask(SCOPE, "What must the tenant pay?")
    assert answer.outcome is Outcome.GROUNDED
    assert len(answer.sentences) == 1


def test_a_reply_cut_off_at_the_limit_is_never_grounded(log: AuditLog) -> None:
    reply = (
        "The early termination fee is $2.5 million [1]. Either party may terminate this Agreement upon ninety"
    )
    answer = assistant(log, reply, preferred_output_tokens=20).ask(SCOPE, BOTH)
    assert answer.outcome is Outcome.PARTIAL
    assert answer.finish_reason == "length"


@pytest.mark.parametrize("end", [".", ""])
def test_a_reply_that_broke_off_in_the_model_is_never_grounded(log: AuditLog, end: str) -> None:
    reply = f"The early termination fee is $2.5 million [1]{end}"
    answer = assistant(log, reply, ends=FinishReason.INCOMPLETE).ask(SCOPE, "What must the tenant pay?")
    assert answer.outcome is (Outcome.PARTIAL if end else Outcome.QUOTED)
    assert answer.finish_reason == "incomplete"
    assert answer.to_record()["finish_reason"] == "incomplete"


@pytest.mark.parametrize("found", [Found([passage()], confident=False), Found([])])
def test_below_the_floor_the_model_is_not_asked(log: AuditLog, found: Found) -> None:
    generator = ScriptedGenerator("never said")
    asked = Assistant(OnePageLibrary(), FixedSearch(found), generator, log)
    answer = asked.ask(SCOPE, "What is the capital of France?")
    assert answer.outcome is Outcome.ABSTAINED
    assert answer.text.startswith(NOT_FOUND)
    assert "1 document was searched" in answer.text
    assert answer.searched == Searched(documents=1, pages=1, pages_unread=0, documents_unread=0, coming=0)
    assert generator.generations == 0
    assert kinds(log) == ["question.asked", "answer.given"]


def test_a_model_that_finds_nothing_in_the_passages_abstains_in_the_same_words(log: AuditLog) -> None:
    answer = assistant(log, "Not in the passages.").ask(SCOPE, QUESTION)
    assert answer.outcome is Outcome.ABSTAINED
    assert answer.text.startswith(NOT_FOUND)


def test_a_model_that_fails_gives_a_failed_answer_with_its_passages(log: AuditLog) -> None:
    answer = assistant(log, "Some words that never end", fails_after=2).ask(SCOPE, QUESTION)
    assert answer.outcome is Outcome.FAILED
    assert answer.passages
    assert kinds(log) == ["question.asked", "answer.failed"]


def test_a_cancelled_answer_is_recorded_as_failed(log: AuditLog) -> None:
    cancel = Event()
    cancel.set()
    answer = assistant(log, "Some words.").ask(SCOPE, QUESTION, cancel=cancel)
    assert (answer.outcome, answer.finish_reason) == (Outcome.FAILED, "cancelled")
    assert kinds(log) == ["question.asked", "answer.failed"]


def test_the_stream_tells_what_happens_in_order(log: AuditLog) -> None:
    reply = "The early termination fee is $2.5 million [1]. It rains."
    events = list(assistant(log, reply).stream(SCOPE, BOTH))
    assert isinstance(events[0], Retrieved)
    assert isinstance(events[-1], Finished)
    assert "".join(event.text for event in events if isinstance(event, Delta)) == reply
    checked = [event.sentence.verdict for event in events if isinstance(event, SentenceChecked)]
    assert checked == [Verdict.SUPPORTED, Verdict.UNCITED]


def test_a_question_that_cannot_be_recorded_is_never_answered(log: AuditLog) -> None:
    generator = ScriptedGenerator()
    asked = Assistant(OnePageLibrary(), FixedSearch(Found([passage()])), generator, FailingLog(log, 0))
    with pytest.raises(Broken, match="no space left"):
        asked.ask(SCOPE, QUESTION)
    assert generator.generations == 0


def test_an_answer_that_cannot_be_recorded_is_withdrawn(log: AuditLog) -> None:
    stream = assistant(FailingLog(log, 1), "The fee is $2.5 million [1].").stream(SCOPE, QUESTION)
    events = []
    with pytest.raises(Broken, match="withheld"):
        for event in stream:
            events.append(event)  # noqa: PERF402 - the ones before the error are looked at
    assert isinstance(events[-1], Withdrawn)
    assert not any(isinstance(event, Finished) for event in events)
    assert kinds(log) == ["question.asked"]


def test_a_reader_who_walks_away_leaves_an_abandoned_answer_on_record(log: AuditLog) -> None:
    stream = assistant(log, "The early termination fee is $2.5 million [1].").stream(SCOPE, QUESTION)
    next(stream)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert kinds(log) == ["question.asked", "answer.failed"]
    assert recorded(log, "answer.failed")["outcome"] == "abandoned"


def test_the_log_holds_hashes_and_no_words_of_a_document_or_question(log: AuditLog) -> None:
    assistant(log, "The early termination fee is $2.5 million [1].").ask(SCOPE, QUESTION)
    written = b" ".join(entry.canonical for entry in log.entries())
    for words in (b"ninety", b"termination", b"notice"):
        assert words not in written
    assert recorded(log, "answer.given")["prompt"]["template_sha256"]  # type: ignore[index]


def test_the_json_of_an_answer_has_the_fields_that_programs_rely_on(log: AuditLog) -> None:
    value = assistant(log, "The early termination fee is $2.5 million [1].").ask(SCOPE, QUESTION).to_json()
    assert set(value) == {
        "answer", "outcome", "sentences", "citations", "passages", "route", "searched", "model", "usage",
        "timings_ms", "audit",
    }  # fmt: skip
    assert set(value["citations"][0]) == {
        "n", "document", "document_id", "page", "start", "end", "quote", "boxes",
    }  # fmt: skip
    assert set(value["sentences"][0]) == {"text", "citations", "verdict", "reason"}
    assert set(value["timings_ms"]) == {"retrieve", "first_token", "total"}
    assert set(value["audit"]) == {"index", "head"}


def test_a_finished_answer_is_kept_on_the_shelf_as_it_was_shown(log: AuditLog) -> None:
    shelf = MemoryShelf()
    generator = ScriptedGenerator(
        "The early termination fee is $2.5 million [1]. The notice period is 9 days [1]."
    )
    asked = Assistant(OnePageLibrary(), FixedSearch(Found([passage()])), generator, log, shelf)
    answer = asked.ask(SCOPE, BOTH, thread_id="thread_1")
    [kept] = shelf.bodies
    assert kept == answer.to_record()
    assert kept.keys() > answer.to_json().keys()
    assert (kept["given"], kept["finish_reason"]) == ([1], "stop")
    assert [one["quoted"] for one in kept["sentences"]] == [False, True]
    assert [one["text"] for one in kept["dropped"]] == ["The notice period is 9 days."]
    assert answer.answer_id == "answer_1"


@pytest.mark.parametrize(("question", "error"), [("x" * 4_001, Refused), ("  ", WrongUse)])
def test_a_question_that_is_too_long_or_empty_is_turned_down_with_the_limit(
    log: AuditLog, question: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        assistant(log, "x").ask(SCOPE, question)
    assert kinds(log) == []


@pytest.mark.model
def test_the_embedded_model_answers_and_nothing_unproved_is_shown(log: AuditLog) -> None:
    if embedded_weights() is None:
        pytest.skip("the embedded model's weights are not installed")
    generator = EmbeddedGenerator(preferred_output_tokens=48)
    try:
        answer = Assistant(OnePageLibrary(), FixedSearch(Found([passage()])), generator, log).ask(
            SCOPE, QUESTION
        )
    finally:
        generator.close()
    assert answer.outcome in (Outcome.GROUNDED, Outcome.PARTIAL, Outcome.QUOTED)
    assert answer.model.id == "SmolLM2-135M-Instruct"
    assert all(PAGE[c.span.start : c.span.end] == c.quote for c in answer.citations)
    for sentence in answer.sentences:
        assert sentence.supported
        quotes = "\n".join(answer.citation(n).quote for n in sentence.citations)
        assert missing_from(sentence.text, quotes) == []


class OneDefinition:
    """Brings what passages cannot be read without: the same each time."""

    def of(
        self, scope: Scope, question: str, passages: Sequence[Passage], *, read: int
    ) -> tuple[Passage, ...]:
        why = Why((), (), brought="definition of \u201cFee\u201d, used in passage 1")
        brought = passage("\u201cFee\u201d means a sum of $9,000 for each month.", rank=len(passages) + 1)
        return (replace(brought, score=0.0, scores={}, why=why),)


def test_a_companion_is_read_cited_and_recorded_like_any_passage(log: AuditLog) -> None:
    generator = ScriptedGenerator("The Fee is a sum of $9,000 for each month [2].")
    asked = Assistant(
        OnePageLibrary(), FixedSearch(Found([passage()])), generator, log, companions=OneDefinition()
    )
    answer = asked.ask(SCOPE, "What does Fee mean?")
    assert [one.text for one in generator.conversations[-1].passages][1].startswith("\u201cFee\u201d means")
    assert [one.quote for one in answer.citations] == [
        "\u201cFee\u201d means a sum of $9,000 for each month."
    ]
    assert answer.given == (1, 2)
    assert answer.to_json()["passages"][1]["why"]["brought"].startswith("definition of")
    held: Any = recorded(log, "answer.given")["passages"]
    assert [one["given"] for one in held] == [True, True]


def test_where_the_words_of_a_passage_stand_again_is_shown_and_recorded_without_a_name(
    log: AuditLog,
) -> None:
    twin = Twin("draft 2.pdf", "doc_2", Span(4, 0, 9))
    generator = ScriptedGenerator("The early termination fee is $2.5 million [1].")
    found = Found([replace(passage(), also_in=(twin,))])
    answer = Assistant(OnePageLibrary(), FixedSearch(found), generator, log).ask(SCOPE, QUESTION)
    place = {"document_id": "doc_2", "page": 4, "start": 0, "end": 9}
    assert answer.to_json()["passages"][0]["also_in"] == [{"document": "draft 2.pdf", **place}]
    held: Any = recorded(log, "answer.given")["passages"]
    assert held[0]["also_in"] == [place]
