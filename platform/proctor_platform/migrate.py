"""Bring the tables of a database to the newest revision."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

_LOCK = 0x70726F63746F72  # "proctor": any number that no other program of the server takes
_ONE_AT_A_TIME = threading.Lock()  # Alembic keeps what it works on in its modules
_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Run every migration that the database lacks, up to ``revision``."""
    _run(engine, command.upgrade, revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take migrations back, down to ``revision``."""
    _run(engine, command.downgrade, revision)


def revisions() -> frozenset[str]:
    """Return every revision that is known here."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    history = ScriptDirectory.from_config(config).walk_revisions()
    return frozenset(script.revision for script in history)


def _run(engine: Engine, step: Callable[[Config, str], None], revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    with _ONE_AT_A_TIME, engine.execution_options(proctor_writes=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            # Two platforms that start at once wait here for each other, however long it takes.
            connection.exec_driver_sql(
                "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0"
            )
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        config.attributes["connection"] = connection
        step(config, revision)
