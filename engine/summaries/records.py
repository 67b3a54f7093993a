"""What a summary is made of, and its JSON form.

Every statement is a checked sentence with its citations, and coverage is counted page by page: nothing here
is assumed. This module knows nothing of models, checkpoints or the library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from engine.answers import AuditReference, Citation, Outcome, Sentence, Verdict, outcome_of
from engine.counting import count
from engine.models.base import ModelIdentity, Usage
from storage.ids import canonical_json, moment, sha256_of, timestamp
from storage.records import JsonValue, Span


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a summary. It has at least one citation."""

    sentence: Sentence
    document: str
    """Path of the document that it is about."""
    section: str
    """The heading that it stands under, or its pages."""

    @property
    def text(self) -> str:
        return self.sentence.text

    @property
    def citations(self) -> tuple[int, ...]:
        """Numbers of the summary's citations."""
        return self.sentence.citations

    @property
    def verdict(self) -> Verdict:
        return self.sentence.verdict

    @property
    def quoted(self) -> bool:
        """True where the text is the document's own, in place of words that did not check out."""
        return self.sentence.quoted

    def to_json(self) -> dict[str, JsonValue]:
        """A member of the `statements` list."""
        return {
            **self.sentence.to_record(),
            "document": self.document,
            "section": self.section,
        }


@dataclass(frozen=True, slots=True)
class MissingPage:
    """A page that the summary does not speak about, and why."""

    page: int
    reason: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which pages of one document the summary was made from."""

    document: str
    document_id: str
    pages_total: int
    missing: tuple[MissingPage, ...] = ()
    problem: str | None = None
    """Why nothing of the document could be used, if so. Its pages may then never have been counted (0)."""

    @property
    def pages_covered(self) -> int:
        """Pages that the model read in full, and pages that are truly blank."""
        return self.pages_total - len(self.missing)

    def to_json(self) -> dict[str, JsonValue]:
        """A member of the `coverage` list."""
        return {
            "document": self.document,
            "document_id": self.document_id,
            "pages_total": self.pages_total,
            "pages_covered": self.pages_covered,
            "missing": [{"page": one.page, "reason": one.reason} for one in self.missing],
            "problem": self.problem,
        }


@dataclass(frozen=True, slots=True)
class Work:
    """How much was done for a summary, the part before a kill included."""

    sections: int
    silent_sections: int
    """Sections in which there was nothing to state."""
    left_out: int
    """Checked statements that are not shown: repetitions, and what the chosen length has no room for."""

    def to_json(self) -> dict[str, JsonValue]:
        """The `work` object of a summary."""
        return {
            "sections": self.sections,
            "silent_sections": self.silent_sections,
            "left_out": self.left_out,
        }


@dataclass(frozen=True, slots=True)
class Call:
    """What the model was asked about one section, and what it wrote, by place and hash."""

    version_id: str
    first: int
    """Ordinal of the section's first chunk; the others follow it."""
    chunks: int
    text_sha256: str
    """Over the chunks' texts, one after the other."""
    prompt_sha256: str
    reply_sha256: str | None
    """None where the section was too long to be read."""

    def to_json(self) -> dict[str, JsonValue]:
        """A member of a summary's `calls`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Summary:
    """A finished summary. It exists only once its record is in the audit log."""

    id: str
    title: str
    matter: str
    template: str
    length: str
    statements: tuple[Statement, ...]
    """In the order of the documents' paths and, within one, of its pages."""
    citations: tuple[Citation, ...]
    coverage: tuple[Coverage, ...]
    work: Work
    model: ModelIdentity
    usage: Usage
    made_at: datetime
    audit: AuditReference
    calls: tuple[Call, ...] = ()
    """What the model was asked, in order; empty in summaries of earlier versions."""

    @property
    def outcome(self) -> Outcome:
        """As of an answer: grounded, partial, quoted, or abstained when there was nothing to state."""
        return outcome_of([statement.sentence for statement in self.statements])

    @property
    def documents(self) -> tuple[str, ...]:
        return tuple(covered.document for covered in self.coverage)

    @property
    def pages_total(self) -> int:
        return sum(covered.pages_total for covered in self.coverage)

    @property
    def pages_covered(self) -> int:
        return sum(covered.pages_covered for covered in self.coverage)

    def citation(self, n: int) -> Citation:
        """Citation number `n`."""
        return self.citations[n - 1]

    def to_json(self) -> dict[str, JsonValue]:
        """The object that `muniment summarise --json` prints and the shelf keeps."""
        return {
            "id": self.id,
            "title": self.title,
            "matter": self.matter,
            "template": self.template,
            "length": self.length,
            "outcome": self.outcome.value,
            "documents": list(self.documents),
            "pages_covered": self.pages_covered,
            "pages_total": self.pages_total,
            "coverage": [covered.to_json() for covered in self.coverage],
            "statements": [statement.to_json() for statement in self.statements],
            "citations": [citation_to_json(citation) for citation in self.citations],
            "work": self.work.to_json(),
            "model": dict(self.model.to_json()),
            "usage": dict(self.usage.to_json()),
            "made_at": timestamp(self.made_at),
            "audit": {"index": self.audit.index, "head": self.audit.head},
            "calls": [call.to_json() for call in self.calls],
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Summary:
        """The inverse of `to_json`; what is derived is derived again."""
        return cls(
            id=body["id"],
            title=body["title"],
            matter=body["matter"],
            template=body["template"],
            length=body["length"],
            statements=tuple(_statement(one) for one in body["statements"]),
            citations=tuple(citation_from_json(one) for one in body["citations"]),
            coverage=tuple(_coverage(one) for one in body["coverage"]),
            work=Work(**body["work"]),
            model=ModelIdentity(**body["model"]),
            usage=Usage(**body["usage"]),
            made_at=moment(body["made_at"]),
            audit=AuditReference(**body["audit"]),
            calls=tuple(Call(**one) for one in body.get("calls", ())),
        )


def coverage_line(body: Mapping[str, Any]) -> str:
    """How much of what was asked for a summary's JSON form speaks about, in words for pages and exports.

    `Covers 4 of 4 pages of 2 documents; 1 document could not be read`: the pages are those of documents that
    could be read, so that no document hides behind the pages of others.
    """
    read = [one for one in body["coverage"] if not one["problem"]]
    unread = [one for one in body["coverage"] if one["problem"]]
    covered, total = (sum(one[name] for one in read) for name in ("pages_covered", "pages_total"))
    of = read[0]["document"] if len(read) == 1 and not unread else count(len(read), "document")
    line = f"Covers {covered:,} of {count(total, 'page')} of {of}"
    if not unread:
        return line
    pages = sum(one["pages_total"] for one in unread)
    of_pages = f" ({count(pages, 'page')})" if pages else ""
    return f"{line}; {count(len(unread), 'document')} could not be read{of_pages}"


def statements_digest(statements: Sequence[Statement]) -> str:
    """Hex SHA-256 of statements as they are shown."""
    return sha256_of(canonical_json([statement.to_json() for statement in statements]))


def calls_digest(calls: Sequence[Call]) -> str:
    """Hex SHA-256 of what the model was asked and wrote, call by call."""
    return sha256_of(canonical_json([call.to_json() for call in calls]))


def citation_to_json(citation: Citation) -> dict[str, JsonValue]:
    """The public form with the ids that lead back to the chunk."""
    return {**citation.to_json(), "version_id": citation.version_id, "chunk_id": citation.chunk_id}


def citation_from_json(body: Mapping[str, Any]) -> Citation:
    """The inverse of `citation_to_json`, without boxes: they are found again on the page when shown."""
    return Citation(
        n=body["n"],
        document=body["document"],
        document_id=body["document_id"],
        version_id=body["version_id"],
        chunk_id=body["chunk_id"],
        span=Span(body["page"], body["start"], body["end"]),
        quote=body["quote"],
    )


def sentence_from_json(body: Mapping[str, Any]) -> Sentence:
    """A sentence of a statement's JSON form."""
    return Sentence(
        text=body["text"],
        citations=tuple(body["citations"]),
        verdict=Verdict(body["verdict"]),
        reason=body["reason"],
        quoted=body["quoted"],
    )


def _statement(body: Mapping[str, Any]) -> Statement:
    return Statement(sentence_from_json(body), body["document"], body["section"])


def _coverage(body: Mapping[str, Any]) -> Coverage:
    return Coverage(
        document=body["document"],
        document_id=body["document_id"],
        pages_total=body["pages_total"],
        missing=tuple(MissingPage(one["page"], one["reason"]) for one in body["missing"]),
        problem=body["problem"],
    )
