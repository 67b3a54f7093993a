"""One question on its way to an answer, by the parts that an assistant has.

An answer is put on record before it is one: what was already streamed is withdrawn when its record cannot be
written. The log gets hashes, ids and verdicts, never the words of a document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Event as CancelEvent
from typing import Protocol

from engine.answer_events import AnswerEvent, Delta, Finished, Retrieved, SentenceChecked, Withdrawn
from engine.answer_records import answer_record
from engine.answers import NOT_FOUND, Answer, AuditReference, Outcome
from engine.circumstances import Circumstances
from engine.composing import Composer
from engine.explaining import NOTHING_NAMED, Named, explained, with_left_out
from engine.hearing import Heard
from engine.models.base import FinalDelta, FinishReason, Generator, ModelIdentity, Waiting
from engine.models.host import lane_of
from engine.models.line import Ticket
from engine.prompting import Prompt, fit
from engine.quoting import Similarity
from engine.searched import Searched, searched_note, searched_of
from engine.sending import Outgoing, Sender
from engine.survey_questions import Survey, survey_of
from storage.errors import Broken, MunimentError, Refused
from storage.records import Actor, AuditEntry, Document, JsonValue, Page, Passage, Scope

_TEMPERATURE = 0.0
_SEED = 0


class Found(Protocol):
    """What a search gives."""

    @property
    def passages(self) -> Sequence[Passage]: ...
    @property
    def timings_ms(self) -> Mapping[str, float]: ...
    @property
    def confident(self) -> bool: ...
    @property
    def named(self) -> Named: ...


class Search(Protocol):
    """The retriever, as far as an answer needs it."""

    def search(self, scope: Scope, query: str, *, limit: int = 10) -> Found: ...


class Beside(Protocol):
    """What passages cannot be read without, as far as an answer needs it."""

    def of(
        self, scope: Scope, question: str, passages: Sequence[Passage], *, read: int
    ) -> tuple[Passage, ...]: ...


class Surveys(Protocol):
    """The pass over every document, as far as an answer needs it."""

    def answer(self, scope: Scope, question: str, survey: Survey, model: ModelIdentity) -> Answer: ...


class Pages(Protocol):
    """The library, as far as an answer needs it."""

    def documents(self, scope: Scope) -> list[Document]: ...
    def page(self, scope: Scope, document_id: str, number: int) -> Page: ...


class Log(Protocol):
    """The audit log, as far as an answer needs it."""

    def append(
        self, kind: str, actor: Actor, *, matter_id: str | None = None, data: Mapping[str, JsonValue]
    ) -> AuditEntry: ...


class Shelf(Protocol):
    """Where finished answers are kept for their asker."""

    def save_answer(
        self, scope: Scope, *, thread_id: str, question: str, body: JsonValue, audit_index: int
    ) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What answers are made with; what is None is done without."""

    library: Pages
    retriever: Search
    generator: Generator
    audit: Log
    shelf: Shelf | None
    similarity: Similarity | None
    surveyor: Surveys | None
    circumstances: Circumstances
    companions: Beside | None
    sender: Sender | None
    limit: int
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question as it was put. `consent` is the digest of what may leave this machine for it."""

    scope: Scope
    question: str
    effort: str
    thread_id: str = ""
    cancel: CancelEvent | None = None
    consent: str | None = None


class Answering:
    """One question on its way to an answer."""

    def __init__(self, parts: Parts, asked: Asked) -> None:
        self._parts, self._asked, self._scope = parts, asked, asked.scope
        self._generator = lane_of(parts.generator, Ticket(asked.scope.actor.id))
        self._started = parts.clock()
        self._entry = -1
        """The question's index in the audit log, once it is there."""
        self._named = NOTHING_NAMED
        self._searched: Searched | None = None
        self._error: str | None = None
        self._heard: Heard | None = None
        self._made_with: dict[str, JsonValue] | None = None
        self._timings: dict[str, float] = {"retrieve": 0.0, "first_token": 0.0, "total": 0.0}
        self.recorded = False
        """True once the log says how this question ended."""

    def preview(self) -> Outgoing | None:
        """What would leave this machine; as `Assistant.preview`."""
        if self._survey() is not None:
            return None
        found = self._parts.retriever.search(self._scope, self._asked.question, limit=self._parts.limit)
        passages = explained(self._asked.question, found.passages, found.named)
        if not passages or not found.confident:
            return None
        return self._outgoing(self._remote_prompt(passages))

    def run(self, entry: int) -> Iterator[AnswerEvent]:
        """Answer the question that stands at `entry` in the audit log."""
        self._entry = entry
        self._searched = searched_of(self._parts.library.documents(self._scope), self._scope.document_ids)
        survey = self._survey()
        if self._parts.surveyor is not None and survey is not None:
            answer = self._parts.surveyor.answer(
                self._scope, self._asked.question, survey, self._generator.identity
            )
            self._timings["retrieve"] = self._elapsed()
            yield Retrieved(answer.passages, {}, 0)
            yield from self._close(answer, None)
            return
        found = self._parts.retriever.search(self._scope, self._asked.question, limit=self._parts.limit)
        passages = explained(self._asked.question, found.passages, found.named)
        self._named = found.named
        self._timings["retrieve"] = self._elapsed()
        if not passages or not found.confident:
            yield Retrieved(passages, found.timings_ms, 0)
            yield from self._close(self._blank(passages, Outcome.ABSTAINED, self._not_found()), None)
            return
        prompt = self._prompt(passages) if self._asked.consent is None else self._remote_prompt(passages)
        sources = (*prompt.sources, *prompt.left_out)
        passages = tuple(sorted((one.passage for one in sources), key=lambda one: one.rank))
        # Before the model writes: after a failure it may not be there to ask.
        self._made_with = self._parts.circumstances.of(self._generator)
        if self._asked.consent is not None and self._parts.sender is not None:
            self._parts.sender.record(
                self._scope, self._outgoing(prompt), question=self._entry, consent=self._asked.consent
            )
        yield Retrieved(passages, found.timings_ms, len(prompt.sources))
        # What did not fit the model's prompt may still hold the answer, and a quote needs no model.
        composer = Composer(
            self._asked.question,
            prompt.sources,
            quotable=(*prompt.sources, *prompt.left_out),
            similarity=self._parts.similarity,
        )
        heard = self._heard = Heard(self._parts.clock)
        problem = "The answer was stopped."
        try:
            for event in self._generator.generate(
                prompt.ids,
                max_tokens=prompt.max_output_tokens,
                temperature=_TEMPERATURE,
                seed=_SEED,
                cancel=self._asked.cancel,
            ):
                heard.take(event)
                if isinstance(event, Waiting):
                    yield event
                elif isinstance(event, FinalDelta):
                    self._timings["first_token"] = self._timings["first_token"] or self._elapsed()
                    yield Delta(event.text)
                    for sentence in composer.feed(event.text):
                        yield SentenceChecked(sentence, composer.citations)
        except MunimentError as error:
            problem = f"The model could not answer: {error}"
            self._error = type(error).__name__
        done = heard.done
        if done is None or done.finish_reason is FinishReason.CANCELLED:
            failed = self._blank(passages, Outcome.FAILED, problem, given=len(prompt.sources))
            failed = replace(failed, reply=heard.reply)
            if done is not None:
                failed = replace(failed, usage=done.usage, finish_reason=done.finish_reason.value)
            yield from self._close(failed, prompt)
            return
        for sentence in composer.finish(done.finish_reason):
            yield SentenceChecked(sentence, composer.citations)
        answer = composer.compose().answer(
            self._asked.question,
            done=done,
            reply=heard.reply,
            sources=prompt.sources,
            passages=passages,
            model=self._generator.identity,
            not_found=self._not_found,
        )
        yield from self._close(answer, prompt)

    def _survey(self) -> Survey | None:
        several = self._scope.document_ids is None or len(self._scope.document_ids) > 1
        return survey_of(self._asked.question) if several and self._parts.surveyor is not None else None

    def _prompt(self, passages: Sequence[Passage]) -> Prompt:
        return fit(
            self._asked.question,
            passages,
            self._generator,
            effort=self._asked.effort,
            page_text=self._page_text,
            companions=lambda read: self._beside(passages, read),
        )

    def _remote_prompt(self, passages: Sequence[Passage]) -> Prompt:
        """The prompt for the remote model, which from here on is this question's, and no other."""
        if self._parts.sender is None:
            raise Refused("no remote model is set, and nothing was sent; ask the model on this machine")
        self._generator = self._parts.sender.model(self._scope, self._asked.question, passages)
        prompt = self._prompt(passages)
        # Once more: what came beside the passages may tell whose surname stands in them.
        given = [one.passage for one in (*prompt.sources, *prompt.left_out)]
        self._generator = self._parts.sender.model(self._scope, self._asked.question, given)
        return self._prompt(passages)

    def _outgoing(self, prompt: Prompt) -> Outgoing:
        assert self._parts.sender is not None, "the prompt is the remote model's"
        return self._parts.sender.outgoing(self._generator, prompt, temperature=_TEMPERATURE, seed=_SEED)

    def _close(self, answer: Answer, prompt: Prompt | None) -> Iterator[AnswerEvent]:
        """Put the answer on record and on the shelf; only then is it one."""
        self._timings["total"] = self._elapsed()
        answer = replace(
            answer,
            passages=answer.passages
            if answer.documents
            else with_left_out(answer.passages, answer.given, confident=prompt is not None),
            named=self._named,
            searched=self._searched,
            timings_ms={name: round(ms, 1) for name, ms in self._timings.items()},
        )
        kind = "answer.failed" if answer.outcome is Outcome.FAILED else "answer.given"
        record = answer_record(
            answer,
            prompt,
            question=self._entry,
            thread_id=self._asked.thread_id,
            sampling={"temperature": _TEMPERATURE, "seed": _SEED, "effort": self._asked.effort},
            made_with=self._made_with or self._parts.circumstances.of(self._generator, asked=False),
            heard=self._heard,
            error=self._error,
        )
        try:
            entry = self._append(kind, record)
            self.recorded = True
            answer = replace(answer, audit=AuditReference(entry.index, entry.head))
            if self._parts.shelf is not None:
                body: JsonValue = answer.to_record()
                kept = self._parts.shelf.save_answer(
                    self._scope,
                    thread_id=self._asked.thread_id,
                    question=self._asked.question,
                    body=body,
                    audit_index=entry.index,
                )
                answer = replace(answer, answer_id=kept)
        except MunimentError as error:
            yield Withdrawn(str(error))
            self._withhold()
            raise Broken(f"the answer is withheld because it could not be put on record: {error}") from error
        yield Finished(answer)

    def _withhold(self) -> None:
        try:
            self._append("answer.withheld", {"question": self._entry})
        except MunimentError:
            # The log still cannot be written: the question in it without an end is what says so.
            return
        finally:
            self.recorded = True

    def _append(self, kind: str, data: Mapping[str, JsonValue]) -> AuditEntry:
        return self._parts.audit.append(kind, self._scope.actor, matter_id=self._scope.matter.id, data=data)

    def _blank(self, passages: tuple[Passage, ...], outcome: Outcome, note: str, *, given: int = 0) -> Answer:
        """An answer without sentences."""
        return Answer(
            question=self._asked.question,
            outcome=outcome,
            sentences=(),
            citations=(),
            passages=passages,
            model=self._generator.identity,
            note=note,
            given=tuple(passage.rank for passage in passages[:given]),
        )

    def _not_found(self) -> str:
        assert self._searched is not None, "nothing is not found before it was searched"
        return f"{NOT_FOUND} {searched_note(self._searched)}"

    def _beside(self, passages: Sequence[Passage], read: int) -> tuple[Passage, ...]:
        if self._parts.companions is None:
            return ()
        return self._parts.companions.of(self._scope, self._asked.question, passages, read=read)

    def _page_text(self, passage: Passage) -> str:
        span = passage.chunk.span
        return self._parts.library.page(self._scope, passage.chunk.document_id, span.page).text

    def _elapsed(self) -> float:
        return (self._parts.clock() - self._started) * 1_000
