"""The SQL schema: what is kept, and the only truth. Search indexes are derived from it.

Timestamps are text in the form of `storage.ids.timestamp`, so that both engines sort and compare them alike.
Alembic makes and changes these tables (`storage/migrations`); a test holds the two together.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

setting = Table(
    "setting",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    comment="Facts about the store itself, such as the embedder that made its vectors.",
)

user = Table(
    "user_account",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("disabled_at", Text),
    Column("failed_attempts", Integer, nullable=False, default=0),
    Column("locked_until", Text),
)

session = Table(
    "session",
    metadata,
    Column("id", Text, primary_key=True),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("user_id", ForeignKey("user_account.id"), nullable=False),
    Column("address", Text),
    Column("created_at", Text, nullable=False),
    Column("seen_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("revoked_at", Text),
)

ticket = Table(
    "ticket",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("subject", Text),
    Column("expires_at", Text),
    Column("used_at", Text),
    comment="One-time links: the first welcome, and the hand-over of a session to the browser.",
)

matter = Table(
    "matter",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("sending", Text, nullable=False, default="local_only"),
)

member = Table(
    "member",
    metadata,
    Column("matter_id", ForeignKey("matter.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("user_account.id"), primary_key=True),
    Column("added_at", Text, nullable=False),
    Column("added_by", Text, nullable=False),
)

document = Table(
    "document",
    metadata,
    Column("matter_id", ForeignKey("matter.id", ondelete="CASCADE"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("path", Text, nullable=False),
    Column("live_version_id", Text),
    Column("added_at", Text, nullable=False),
    Column("added_by", Text, nullable=False),
    UniqueConstraint("matter_id", "path"),
    # Every search counts the documents that are live.
    Index("document_by_live", "matter_id", "live_version_id"),
)

version = Table(
    "version",
    metadata,
    Column("id", Text, primary_key=True),
    Column("matter_id", ForeignKey("matter.id", ondelete="CASCADE"), nullable=False),
    Column("document_id", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("title", Text),
    Column("state", Text, nullable=False),
    Column("problem", Text),
    Column("flags", Text, nullable=False, default="[]"),
    Column("received_at", Text, nullable=False),
    Column("received_by", Text, nullable=False),
    # The how-manieth reading of these bytes: read again, they are a version of their own until it is live.
    Column("reading", Integer, nullable=False, default=0),
    Column("options", Text, nullable=False, default="{}"),
    Column("page_count", Integer),
    Column("hidden_pages", Integer, nullable=False, default=0),
    Column("needs_password", Boolean, nullable=False, default=False),
    Column("rendition", Text),
    Column("signature", LargeBinary),
    UniqueConstraint("matter_id", "document_id", "sha256", "reading"),
    Index("version_by_content", "matter_id", "sha256"),
    Index("version_by_document", "matter_id", "document_id"),
)

attachment = Table(
    "attachment",
    metadata,
    Column("version_id", ForeignKey("version.id", ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("document_id", Text),
    Column("problem", Text),
    Index("attachment_by_document", "document_id"),
    comment="Files inside a version's file: documents of their own, or refused with a reason.",
)

page = Table(
    "page",
    metadata,
    Column("version_id", ForeignKey("version.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("how", Text, nullable=False),
    Column("quality", Float, nullable=False),
    Column("problem", Text),
    Column("label", Text),
    Column("places", Text),
    Column("hidden", Text),
)

chunk = Table(
    "chunk",
    metadata,
    Column("id", Text, primary_key=True),
    Column("version_id", ForeignKey("version.id", ondelete="CASCADE"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("page", Integer, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("heading_path", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    # Hash of the searched text and the embedder's identity: equal ones have equal vectors.
    Column("embedded_as", Text),
    Index("chunk_by_version", "version_id", "ordinal", unique=True),
    # What an index must hold is asked at each opening: without it, all text and vectors would be read.
    Index("chunk_ids_by_version", "version_id", "id"),
    Index("chunk_by_embedded", "embedded_as"),
)

card = Table(
    "card",
    metadata,
    Column("version_id", ForeignKey("version.id", ondelete="CASCADE"), primary_key=True),
    Column("form", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("beginning", Text, nullable=False),
    Column("marks", LargeBinary, nullable=False),
    comment="Stems of a version's name and beginning, made from its first chunks (`storage.cards`).",
)

job = Table(
    "job",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("matter_id", ForeignKey("matter.id", ondelete="CASCADE"), nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("progress", Text, nullable=False),
    Column("result", Text),
    Column("problem", Text),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("priority", Integer, nullable=False, default=1),
    Column("created_at", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
    Index("job_by_matter", "matter_id", "created_at"),
)

answer = Table(
    "answer",
    metadata,
    Column("id", Text, primary_key=True),
    Column("matter_id", ForeignKey("matter.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", Text, nullable=False),
    Column("thread_id", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("asked_at", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("audit_index", Integer, nullable=False),
    Index("answer_by_matter", "matter_id", "user_id", "asked_at"),
)

summary = Table(
    "summary",
    metadata,
    Column("id", Text, primary_key=True),
    Column("matter_id", ForeignKey("matter.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("made_at", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("audit_index", Integer, nullable=False),
    Index("summary_by_matter", "matter_id", "made_at"),
)

audit = Table(
    "audit_entry",
    metadata,
    Column("idx", Integer, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("matter_id", Text),
    Column("canonical", LargeBinary, nullable=False),
    Column("leaf_hash", Text, nullable=False),
    Column("head", Text, nullable=False),
    Index("audit_by_kind", "kind", "idx"),
    Index("audit_by_matter", "matter_id", "idx"),
)
