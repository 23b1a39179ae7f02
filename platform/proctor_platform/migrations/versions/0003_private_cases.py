"""Cases that decide only when a phase is over: which, their scores, their boards; BCa."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    op.add_column("aggregate_score", sa.Column("low", sa.Float(), nullable=True))
    op.add_column("aggregate_score", sa.Column("high", sa.Float(), nullable=True))
    op.create_table(
        "private_case",
        sa.Column("challenge_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["challenge_id"], ["challenge.id"]),
        sa.PrimaryKeyConstraint("challenge_id", "version", "phase", "task", "case_id"),
    )
    op.create_table(
        "private_score",
        sa.Column("evaluation_id", sa.String(), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("n_items", sa.Integer(), nullable=False),
        sa.Column("flag", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["evaluation_id"], ["evaluation.id"]),
        sa.PrimaryKeyConstraint("evaluation_id", "case_id", "metric", "label"),
    )
    op.create_table(
        "private_aggregate_score",
        sa.Column("evaluation_id", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("deviation", sa.Float(), nullable=True),
        sa.Column("n_used", sa.Integer(), nullable=False),
        sa.Column("n_total", sa.Integer(), nullable=False),
        sa.Column("replicates", sa.LargeBinary(), nullable=False),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["evaluation_id"], ["evaluation.id"]),
        sa.PrimaryKeyConstraint("evaluation_id", "metric", "label"),
    )
    op.create_table(
        "private_stratum_score",
        sa.Column("evaluation_id", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("stratum", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("n_used", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["evaluation_id"], ["evaluation.id"]),
        sa.PrimaryKeyConstraint("evaluation_id", "metric", "label", "stratum", "level"),
    )
    op.create_table(
        "private_leaderboard",
        sa.Column("leaderboard_id", sa.String(), nullable=False),
        sa.Column("head", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["leaderboard_id"], ["leaderboard.id"]),
        sa.PrimaryKeyConstraint("leaderboard_id"),
    )
    op.create_table(
        "private_leaderboard_row",
        sa.Column("leaderboard_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["leaderboard_id"], ["leaderboard.id"]),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"]),
        sa.PrimaryKeyConstraint("leaderboard_id", "position"),
    )
    op.create_index(
        "ix_private_leaderboard_row_submission_id", "private_leaderboard_row", ["submission_id"]
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_private_leaderboard_row_submission_id", table_name="private_leaderboard_row")
    op.drop_table("private_leaderboard_row")
    op.drop_table("private_leaderboard")
    op.drop_table("private_stratum_score")
    op.drop_table("private_aggregate_score")
    op.drop_table("private_score")
    op.drop_table("private_case")
    op.drop_column("aggregate_score", "high")
    op.drop_column("aggregate_score", "low")
