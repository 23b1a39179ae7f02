"""Run by Alembic: migrate over the connection that ``proctor_platform.migrate`` hands in."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

import proctor_platform.hosting.tables
import proctor_platform.score_tables
import proctor_platform.tables  # noqa: F401 - this too

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
