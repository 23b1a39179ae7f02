"""The history's chain: an event's place in it and its digest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.add_column("event", sa.Column("position", sa.BigInteger(), nullable=True))
    op.add_column("event", sa.Column("digest", sa.String(), nullable=True))
    op.create_index("event_position", "event", ["position"], unique=True)


def downgrade() -> None:
    """Take this revision back."""
    op.drop_index("event_position", "event")
    op.drop_column("event", "digest")
    op.drop_column("event", "position")
