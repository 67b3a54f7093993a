"""Pages and chunks come in pieces; bytes can be read again; files inside files have parents."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COPY = """
INSERT INTO version_anew (
    id, matter_id, document_id, path, sha256, size, media_type, title, state, problem, flags, received_at,
    received_by
) SELECT
    id, matter_id, document_id, path, sha256, size, media_type, title, state, problem, flags, received_at,
    received_by
FROM version
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _version_anew()
    else:
        for column in _version_columns():
            op.add_column("version", column)
        op.drop_constraint("version_matter_id_document_id_sha256_key", "version", type_="unique")
        op.create_unique_constraint(None, "version", ["matter_id", "document_id", "sha256", "reading"])
    for name in ("label", "places", "hidden"):
        op.add_column("page", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("chunk", sa.Column("embedded_as", sa.Text(), nullable=True))
    op.create_index("chunk_by_embedded", "chunk", ["embedded_as"], unique=False)
    op.add_column("job", sa.Column("priority", sa.Integer(), nullable=False, server_default="1"))
    op.create_table(
        "attachment",
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["version_id"], ["version.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("version_id", "ordinal"),
        comment="Files inside a version's file: documents of their own, or refused with a reason.",
    )
    op.create_index("attachment_by_document", "attachment", ["document_id"], unique=False)


def _version_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("reading", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("options", sa.Text(), nullable=False, server_default="{}"),
        sa.Column("page_count", sa.Integer(), nullable=True),
        sa.Column("hidden_pages", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("needs_password", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("rendition", sa.Text(), nullable=True),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
    ]


def _version_anew() -> None:
    # SQLite cannot change a constraint: the table is made again. With foreign keys on, dropping the old one
    # would take all pages and chunks along; env.py turns them on again. One transaction, or a kill in
    # between would leave half of it.
    op.execute("PRAGMA foreign_keys=OFF")
    op.execute("BEGIN IMMEDIATE")
    op.create_table(
        "version_anew",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("matter_id", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("received_at", sa.Text(), nullable=False),
        sa.Column("received_by", sa.Text(), nullable=False),
        *_version_columns(),
        sa.ForeignKeyConstraint(["matter_id"], ["matter.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("matter_id", "document_id", "sha256", "reading"),
    )
    op.execute(_COPY)
    op.drop_table("version")
    op.rename_table("version_anew", "version")
    op.create_index("version_by_content", "version", ["matter_id", "sha256"], unique=False)
    op.create_index("version_by_document", "version", ["matter_id", "document_id"], unique=False)
