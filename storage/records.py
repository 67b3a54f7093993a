"""The records that flow through Muniment. All are frozen; a step returns new ones.

Times are timezone-aware UTC. Character offsets count Unicode code points, the end excluded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

JsonValue: TypeAlias = (
    "bool | int | float | str | list[JsonValue] | tuple[JsonValue, ...] | Mapping[str, JsonValue] | None"
)
Vector: TypeAlias = npt.NDArray[np.float32]
"""One embedding, shape (dimensions,), unit length."""
Vectors: TypeAlias = npt.NDArray[np.float32]
"""Embeddings, shape (count, dimensions), each row of unit length."""


class Role(StrEnum):
    """What a person may administer. What a person may *read* is decided by membership alone."""

    ADMINISTRATOR = "administrator"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and by which door they came in."""

    id: str
    name: str
    role: Role
    via: str
    """`browser`, `command line` or `system`."""
    session_id: str | None = None
    address: str | None = None

    @property
    def is_operator(self) -> bool:
        """True for the command line and the system: whoever holds the data folder holds its content."""
        return self.via != "browser"


class Sending(StrEnum):
    """What of a matter may leave this machine, for a model that an administrator has set."""

    LOCAL_ONLY = "local_only"
    REDACT = "redact_then_remote"
    ALLOWED = "remote_allowed"


@dataclass(frozen=True, slots=True)
class Matter:
    """A client matter, deal or engagement: one room that nothing crosses."""

    id: str
    name: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Permission to read or change one matter, or some documents of it.

    Only `storage.access.Access.scope` makes one, after it has checked membership.
    Every call that touches a matter's content takes one.
    """

    matter: Matter
    actor: Actor
    document_ids: frozenset[str] | None = None
    """None means every document of the matter."""


class LiveVersion(NamedTuple):
    """Names what a document holds while it is live: none of that ever changes under this name."""

    version_id: str
    received_at: str
    """A version that was deleted and came again has its old id, but was perhaps read in another manner."""


class VersionState(StrEnum):
    """How far a version has come. Only LIVE ones are searched and cited."""

    RECEIVED = "received"
    PARSED = "parsed"
    EMBEDDED = "embedded"
    INDEXED = "indexed"
    LIVE = "live"
    SUPERSEDED = "superseded"
    FAILED = "failed"


Remedy: TypeAlias = Literal["password", "ocr", "accept_hidden", "retry"]
"""`password`: give the password; `ocr`: read every page as a picture; `accept_hidden`: let hidden text in;
`retry`: read the kept file again."""
OcrChoice: TypeAlias = Literal["auto", "always", "never"]


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a matter, known by the SHA-256 of its first bytes and the path it was uploaded under."""

    id: str
    matter_id: str
    path: str
    """Path relative to the uploaded folder, with forward slashes; shown as the document's name."""
    version_id: str
    """The live version, or the newest one when none is live yet."""
    state: VersionState
    media_type: str
    sha256: str
    size: int
    """Bytes."""
    title: str | None
    page_count: int
    pages_read: int
    problem: str | None
    added_at: datetime
    added_by: str
    flags: tuple[str, ...] = ()
    parent_id: str | None = None
    """The document inside which this one was found first, such as a message."""
    remedies: tuple[Remedy, ...] = ()
    """What a person can do about what was not read."""
    has_rendition: bool = False
    """Pages are drawn from a kept PDF, not from the file itself."""


@dataclass(frozen=True, slots=True)
class Version:
    """One reading of one content of a document. The old ones stay readable."""

    id: str
    document_id: str
    state: VersionState
    sha256: str
    size: int
    """Bytes."""
    media_type: str
    received_at: datetime
    received_by: str
    page_count: int
    pages_read: int
    problem: str | None
    flags: tuple[str, ...]
    with_hidden: bool
    """Hidden text was accepted and is part of the pages' text."""
    ocr: OcrChoice


@dataclass(frozen=True, slots=True)
class Attached:
    """A file inside a document's file: a document of its own, or refused."""

    name: str
    document_id: str | None
    problem: str | None = None
    """Why it was refused; None when it became a document."""


@dataclass(frozen=True, slots=True)
class Family:
    """Documents with nearly the same words, such as the drafts of one contract."""

    members: tuple[tuple[str, float], ...]
    """Document ids, the longest document first, each with its likeness to that one: 0 to 1."""


class ReadBy(StrEnum):
    """Which reader gave a page its text."""

    TEXT = "text"
    SECOND_READER = "second_reader"
    OCR = "ocr"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page's characters `start` up to `end` stand: fractions of the page, origin at its top left.

    Kept for text that cannot be found again in the file: words read from a picture, a form's values.
    """

    start: int
    end: int
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Hidden:
    """Text of a page that nobody who looks at it would see; left out of the page's text unless accepted."""

    text: str
    why: str
    """How it hides, as in `white on white` or `on a hidden sheet`."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page, read or not. A page that could not be read keeps its number and says why."""

    number: int
    """From 1."""
    text: str
    how: ReadBy
    quality: float
    """0 (nothing usable) to 1 (as good as printed)."""
    problem: str | None = None
    label: str | None = None
    """What people call the page where it is more than a number: a sheet's or a slide's name."""
    places: tuple[Place, ...] = ()
    """In the order of the text. Readers give them; `Library.places` alone gives them back."""
    hidden: tuple[Hidden, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters `start` up to, not including, `end` of page `page`."""

    page: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one page: `text` is exactly `page.text[span.start:span.end]`.

    A chunk never crosses a page, so that one box on one page image shows all of it.
    """

    id: str
    document_id: str
    version_id: str
    ordinal: int
    """Position in the document, from 0."""
    span: Span
    heading_path: tuple[str, ...]
    text: str
    context: str
    """Searched and embedded in front of `text`, never cited: document name and headings."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why a passage was found, in words, and whether the model read it."""

    reasons: tuple[str, ...]
    """For people, the most telling first, as in `says \u201cgoverning law\u201d`."""
    terms: tuple[str, ...]
    """What the passage shares with the question, as the passage prints it."""
    given: bool | None = None
    """Whether the model read it; None where no answer was asked for."""
    left_out: str = ""
    """Why the model did not read it."""
    brought: str = ""
    """What it is to another passage, as in `definition of "Rent", used in passage 2`; else empty."""


@dataclass(frozen=True, slots=True)
class Twin:
    """Another place with the same words."""

    document: str
    """The document's path, as people know it."""
    document_id: str
    span: Span


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as a search found it."""

    chunk: Chunk
    document: str
    """The document's path, as people know it."""
    rank: int
    """From 1."""
    score: float
    scores: Mapping[str, float] = field(default_factory=dict)
    """Score per stage: `dense` (cosine), `keyword` (BM25), `fused` (their sum), `reranker` if one is set."""
    ranks: Mapping[str, int] = field(default_factory=dict)
    """Rank from 1 in each stage that found it by itself."""
    why: Why | None = None
    """None until somebody wants to know (`engine.explaining`)."""
    also_in: tuple[Twin, ...] = ()
    """Where its text was found again; these took no place of their own."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act in the audit log."""

    index: int
    """Gap-free from 0."""
    at: datetime
    kind: str
    actor: str
    matter_id: str | None
    canonical: bytes
    """The RFC 8785 form of the whole entry: the truth that the columns repeat."""
    leaf_hash: str
    """Hex RFC 6962 leaf hash: SHA-256 of 0x00 and the canonical bytes."""
    head: str
    """Hex RFC 6962 root of entries 0 to `index`, this one included."""


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Job:
    """Long work that outlives a page reload and a killed process."""

    id: str
    kind: str
    """`ingest` or `summary`."""
    matter_id: str
    requested_by: str
    state: JobState
    payload: Mapping[str, JsonValue]
    progress: Mapping[str, JsonValue]
    """At least `done`, `total` and `label`."""
    result: Mapping[str, JsonValue] | None
    problem: str | None
    cancel_requested: bool
    created_at: datetime
    updated_at: datetime
    priority: int = 1
    """Lower goes first."""
