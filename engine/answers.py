"""What an answer is: sentences with verdicts, citations, an outcome derived from them, and how it was made.

An outcome cannot disagree with its sentences, because it is computed from them. This module knows neither
models nor documents; it holds what the checker and the assistant have found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from engine.explaining import NOTHING_NAMED, Named, route_to_json, why_to_json
from engine.models.base import ModelIdentity, Usage
from engine.searched import Searched
from storage.records import JsonValue, Passage, Span, Twin

NOT_FOUND = "Not found in these documents."
"""The one wording of an abstention, whatever the reason, so that it tells nothing about other documents."""


class Verdict(StrEnum):
    """What checking a sentence against its cited text came to."""

    SUPPORTED = "supported"
    NUMBER_MISMATCH = "number_mismatch"
    UNSUPPORTED = "unsupported"
    UNCITED = "uncited"


class Outcome(StrEnum):
    """What an answer came to as a whole."""

    GROUNDED = "grounded"
    PARTIAL = "partial"
    QUOTED = "quoted"
    ABSTAINED = "abstained"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page image, as fractions of its width and height from the top left corner."""

    left: float
    top: float
    right: float
    bottom: float

    def to_json(self) -> list[JsonValue]:
        """`[left, top, right, bottom]`."""
        return [self.left, self.top, self.right, self.bottom]


@dataclass(frozen=True, slots=True)
class Citation:
    """One numbered source: the quote is exactly the page's text at the span."""

    n: int
    """From 1, in order of first use in the answer: what the reader sees."""
    document: str
    """The document's path, as people know it."""
    document_id: str
    version_id: str
    chunk_id: str
    span: Span
    quote: str
    boxes: tuple[Box, ...] = ()

    def to_json(self) -> dict[str, JsonValue]:
        """A member of the `citations` list."""
        return {
            "n": self.n,
            "document": self.document,
            "document_id": self.document_id,
            "page": self.span.page,
            "start": self.span.start,
            "end": self.span.end,
            "quote": self.quote,
            "boxes": [box.to_json() for box in self.boxes],
        }


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer, without its markers, and what checking it came to."""

    text: str
    citations: tuple[int, ...]
    """Numbers of the answer's citations."""
    verdict: Verdict
    reason: str = ""
    quoted: bool = False
    """True where the text is a verbatim quote that stands in for a sentence that did not check out."""

    @property
    def supported(self) -> bool:
        return self.verdict is Verdict.SUPPORTED

    def to_json(self) -> dict[str, JsonValue]:
        """A member of the `sentences` list."""
        return {
            "text": self.text,
            "citations": list(self.citations),
            "verdict": self.verdict.value,
            "reason": self.reason,
        }

    def to_record(self) -> dict[str, JsonValue]:
        """What is kept of it: `to_json` with whether it is a quote."""
        return {**self.to_json(), "quoted": self.quoted}


class RowStatus(StrEnum):
    """What a pass over every document came to for one of them."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    NOT_SEARCHABLE = "not_searchable"


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One document in the answer to a question about every document."""

    document: str
    document_id: str
    status: RowStatus
    reason: str = ""
    """Why it could not be searched, or what of it could not."""
    citation: int | None = None
    """The quote of its nearest passage, where it was found."""

    def to_json(self) -> dict[str, JsonValue]:
        """A member of the `documents` list."""
        return {
            "document": self.document,
            "document_id": self.document_id,
            "status": self.status.value,
            "reason": self.reason,
            "citation": self.citation,
        }


def outcome_of(
    sentences: Sequence[Sentence], dropped: Sequence[Sentence] = (), *, incomplete: bool = False
) -> Outcome:
    """The outcome of an answer whose model was not stopped.

    Grounded: every sentence that the model wrote is supported and shown, and none is missing. Quoted: none of
    them is, and quotes stand in their place. Partial: some are. Nothing at all is an abstention. `dropped`
    are those of the model's sentences that are not shown; `incomplete` says that its reply broke off.
    """
    if not sentences:
        return Outcome.ABSTAINED
    own = [sentence for sentence in sentences if sentence.supported and not sentence.quoted]
    if len(own) == len(sentences) and not dropped and not incomplete:
        return Outcome.GROUNDED
    return Outcome.PARTIAL if own else Outcome.QUOTED


@dataclass(frozen=True, slots=True)
class AuditReference:
    """Where the audit log holds this answer: entry index, and the log's root with that entry in it."""

    index: int
    head: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A checked answer and how it came to be."""

    question: str
    outcome: Outcome
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    """All that the search found, best first."""
    model: ModelIdentity
    note: str = ""
    """For an abstention or a failure: the words shown in place of sentences."""
    dropped: tuple[Sentence, ...] = ()
    """The model's own sentences that did not check out and are not part of the answer."""
    given: tuple[int, ...] = ()
    """Ranks of the passages that the model was given, in prompt order."""
    usage: Usage = field(default_factory=Usage)
    finish_reason: str = ""
    """`stop`, `length`, `incomplete` or `cancelled`; empty when no model was asked."""
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    """`retrieve`, `first_token` (0 when there was none) and `total`."""
    named: Named = NOTHING_NAMED
    """What the search took the question to name."""
    documents: tuple[DocumentRow, ...] = ()
    """Every document in scope, where the question is about every one; `note` then says what was looked at."""
    searched: Searched | None = None
    """How much of the matter was searched, when the question was asked."""
    reply: str = ""
    """All that the model wrote, unchecked: never shown, kept for a replay to find the word that differs."""
    audit: AuditReference | None = None
    answer_id: str | None = None

    @property
    def text(self) -> str:
        """The answer as one text with markers, or the note that stands in its place."""
        if not self.sentences:
            return self.note
        if self.documents:
            return "\n".join([self.note, *map(self._row_line, self.documents)])
        return " ".join(_with_markers(sentence) for sentence in self.sentences)

    def citation(self, n: int) -> Citation:
        """Citation number `n`."""
        return self.citations[n - 1]

    def _row_line(self, row: DocumentRow) -> str:
        if row.citation is None:
            return f"{row.document}: {row.reason or 'not found'}"
        return f"{row.document}: \u201c{self.citation(row.citation).quote}\u201d [{row.citation}]"

    def with_boxes(self, locate: Callable[[Citation], Sequence[Box]]) -> Answer:
        """The same answer with each citation's boxes on its page image filled in."""
        return replace(
            self,
            citations=tuple(replace(citation, boxes=tuple(locate(citation))) for citation in self.citations),
        )

    def to_json(self) -> dict[str, Any]:
        """The object that `muniment ask --json` prints."""
        documents = [row.to_json() for row in self.documents]
        return {
            "answer": self.text,
            "outcome": self.outcome.value,
            "sentences": [sentence.to_json() for sentence in self.sentences],
            "citations": [citation.to_json() for citation in self.citations],
            "passages": [passage_to_json(passage) for passage in self.passages],
            "route": route_to_json(self.named, self.passages),
            "searched": None if self.searched is None else self.searched.to_json(),
            "model": {
                "id": self.model.id,
                "runtime": self.model.runtime,
                "quantization": self.model.quantization,
                "digest": self.model.digest,
            },
            "usage": self.usage.to_json(),
            "timings_ms": dict(self.timings_ms),
            "audit": None if self.audit is None else {"index": self.audit.index, "head": self.audit.head},
            **({"coverage": self.note, "documents": documents} if documents else {}),
        }

    def to_record(self) -> dict[str, Any]:
        """What the shelf keeps: `to_json` with all that is needed to show the answer again as it was."""
        return {
            **self.to_json(),
            "sentences": [sentence.to_record() for sentence in self.sentences],
            "dropped": [sentence.to_record() for sentence in self.dropped],
            "given": list(self.given),
            "finish_reason": self.finish_reason,
            "reply": self.reply,
        }


def twin_to_json(twin: Twin) -> dict[str, JsonValue]:
    """The place without the document's name, as a log may keep it."""
    span = twin.span
    return {"document_id": twin.document_id, "page": span.page, "start": span.start, "end": span.end}


def passage_to_json(passage: Passage) -> dict[str, JsonValue]:
    """A member of the `passages` list of `search --json` and `ask --json`."""
    span = passage.chunk.span
    return {
        "rank": passage.rank,
        "score": passage.score,
        "scores": dict(passage.scores),
        "document": passage.document,
        "document_id": passage.chunk.document_id,
        "page": span.page,
        "start": span.start,
        "end": span.end,
        "text": passage.chunk.text,
        "ranks": dict(passage.ranks),
        "why": None if passage.why is None else why_to_json(passage.why),
        "also_in": [{"document": twin.document, **twin_to_json(twin)} for twin in passage.also_in],
    }


def _with_markers(sentence: Sentence) -> str:
    markers = "".join(f"[{n}]" for n in sentence.citations)
    return f"{sentence.text} {markers}" if markers else sentence.text
