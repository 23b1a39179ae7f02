"""What a connection to PostgreSQL needs before its first use.

Imported when there is one, for the driver is of no use to SQLite.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.types.string import StrDumper

_SETTINGS_MS = {
    # As long as SQLite waits for another writer.
    "lock_timeout": 15_000,
    "statement_timeout": 120_000,
    # A platform that hangs between two statements must not keep its locks for ever.
    "idle_in_transaction_session_timeout": 300_000,
}


def prepare(connection: Connection[Any], _: object) -> None:
    """Set the limits of a new connection, and how it takes text."""
    connection.adapters.register_dumper(str, _TextWithoutZero)
    for name, value in _SETTINGS_MS.items():
        connection.execute(f"SET {name} = {value}")
    connection.commit()


class _TextWithoutZero(StrDumper):
    """PostgreSQL holds no text with a zero byte; SQLite does, and people may send one."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\x00", "\ufffd"))
