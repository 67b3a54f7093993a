"""What of a matter may leave this machine; nothing, until somebody says otherwise."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("matter", sa.Column("sending", sa.Text(), nullable=False, server_default="local_only"))
