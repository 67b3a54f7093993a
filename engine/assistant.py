"""Question in, checked and recorded answer out.

Nothing happens before the question is in the audit log, and no answer stands before its own record is: one
that was already streamed is withdrawn when that record cannot be written. The log gets hashes, ids and
verdicts, never the words of a document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event as CancelEvent
from time import monotonic

from engine.answer_events import AnswerEvent, Finished
from engine.answering import Answering, Asked, Beside, Log, Pages, Parts, Search, Shelf, Surveys
from engine.answers import Answer
from engine.circumstances import Circumstances
from engine.models.base import Generator
from engine.prompting import checked_question
from engine.quoting import Similarity
from engine.sending import Outgoing, Sender
from storage.ids import random_id, sha256_of
from storage.records import Scope


class Assistant:
    """Answers questions about the documents of a scope with one model."""

    def __init__(
        self,
        library: Pages,
        retriever: Search,
        generator: Generator,
        audit: Log,
        shelf: Shelf | None = None,
        *,
        similarity: Similarity | None = None,
        surveyor: Surveys | None = None,
        circumstances: Circumstances | None = None,
        companions: Beside | None = None,
        sender: Sender | None = None,
        limit: int = 10,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._parts = Parts(
            library=library,
            retriever=retriever,
            generator=generator,
            audit=audit,
            shelf=shelf,
            similarity=similarity,
            surveyor=surveyor,
            circumstances=circumstances or Circumstances(),
            companions=companions,
            sender=sender,
            limit=limit,
            clock=clock,
        )

    def ask(
        self,
        scope: Scope,
        question: str,
        *,
        effort: str = "low",
        thread_id: str | None = None,
        cancel: CancelEvent | None = None,
        consent: str | None = None,
    ) -> Answer:
        """The whole answer at once; as `stream`."""
        answer: Answer | None = None
        for event in self.stream(
            scope, question, effort=effort, thread_id=thread_id, cancel=cancel, consent=consent
        ):
            if isinstance(event, Finished):
                answer = event.answer
        assert answer is not None, "a stream ends with Finished or raises"
        return answer

    def preview(self, scope: Scope, question: str, *, effort: str = "low") -> Outgoing | None:
        """What would leave this machine if the remote model were asked; None where no model would be.

        Raises:
            Refused: the matter is local only, no remote model is set, or the question is too long.
        """
        asked = Asked(scope=scope, question=checked_question(question), effort=effort)
        return Answering(self._parts, asked).preview()

    def stream(
        self,
        scope: Scope,
        question: str,
        *,
        effort: str = "low",
        thread_id: str | None = None,
        cancel: CancelEvent | None = None,
        consent: str | None = None,
    ) -> Iterator[AnswerEvent]:
        """Answer as the model writes; the last event is the checked answer.

        The model on this machine is asked, unless `consent` is the digest of what `preview` showed: then the
        remote one is, with exactly that, or the question is refused.

        Raises:
            WrongUse, Refused: the question is empty or too long; it may not be sent, or not as it was shown.
            Broken: the search, the index or the audit log failed; nothing of the answer may be kept.
        """
        question = checked_question(question)
        thread_id = thread_id or random_id("thread")
        asked = self._parts.audit.append(
            "question.asked",
            scope.actor,
            matter_id=scope.matter.id,
            data={
                "thread_id": thread_id,
                "question_sha256": sha256_of(question.encode()),
                "characters": len(question),
                "effort": effort,
                "document_ids": None if scope.document_ids is None else tuple(sorted(scope.document_ids)),
            },
        )
        work = Answering(
            self._parts,
            Asked(
                scope=scope,
                question=question,
                effort=effort,
                thread_id=thread_id,
                cancel=cancel,
                consent=consent,
            ),
        )
        how = "failed"
        try:
            yield from work.run(asked.index)
        except Exception:
            raise
        except BaseException:
            # The reader went away: a closed page ends the stream with GeneratorExit, past any Exception.
            how = "abandoned"
            raise
        finally:
            if not work.recorded:
                self._parts.audit.append(
                    "answer.failed",
                    scope.actor,
                    matter_id=scope.matter.id,
                    data={"question": asked.index, "outcome": how},
                )
