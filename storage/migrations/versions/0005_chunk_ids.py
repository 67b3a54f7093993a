"""Ids of a version's chunks, to be read without their text and vectors."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("chunk_ids_by_version", "chunk", ["version_id", "id"])
