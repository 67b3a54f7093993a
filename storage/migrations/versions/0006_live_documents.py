"""Live documents are counted without reading their rows."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("document_by_live", "document", ["matter_id", "live_version_id"], unique=False)
