"""Try-outs, predictions, sources, later test sets, metric wheels, workers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision.

    Column by column: a batch would make a table anew on SQLite, which rows that refer to it forbid.
    """
    op.add_column(
        "submission",
        sa.Column("check_only", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("submission", sa.Column("source", sa.JSON(), nullable=True))
    op.add_column("run", sa.Column("split", sa.String(), nullable=False, server_default="hidden"))
    op.add_column("run", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("run", sa.Column("protocol", sa.String(), nullable=True))
    op.execute(
        "UPDATE run SET version ="
        " (SELECT version FROM submission WHERE submission.id = run.submission_id)"
    )
    op.add_column("case_result", sa.Column("peak_gpu_memory_bytes", sa.BigInteger(), nullable=True))
    op.add_column("evaluation", sa.Column("code", sa.JSON(), nullable=True))
    op.create_table(
        "worker",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("token_id", sa.String(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("work_id", sa.String(), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["token.id"]),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index("ix_worker_token_id", "worker", ["token_id"], unique=False)
    op.create_table(
        "turn",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("served_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"]),
        sa.PrimaryKeyConstraint("user_id", "queue"),
    )
    op.create_index("run_turn", "run", ["state", "queue", "requested_by", "queued_at", "id"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index("run_turn", table_name="run")
    op.drop_table("turn")
    op.drop_index("ix_worker_token_id", table_name="worker")
    op.drop_table("worker")
    op.drop_column("evaluation", "code")
    op.drop_column("case_result", "peak_gpu_memory_bytes")
    op.drop_column("run", "protocol")
    op.drop_column("run", "version")
    op.drop_column("run", "split")
    op.drop_column("submission", "source")
    op.drop_column("submission", "check_only")
