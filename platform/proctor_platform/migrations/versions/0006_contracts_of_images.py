"""The contract that an image keeps, beside its content, so that lists need not read that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.add_column(
        "submission", sa.Column("contract", sa.String(), nullable=False, server_default="native")
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_column("submission", "contract")
