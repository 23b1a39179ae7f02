"""Rows of a table as lines of JSON, alike on every database.

The first line names the columns and how their values are written; every other one is a row. It
reads the tables as the database has them, so that a backup of an older platform can be read too.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, BinaryIO

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    DateTime,
    Engine,
    LargeBinary,
    MetaData,
    Table,
    insert,
    select,
)

_AT_ONCE = 1_000
# The database's own, and what is of no use once the process that waits for it has ended.
_LEFT_OUT = frozenset({"alembic_version", "question", "visit"})


class _Kind(StrEnum):
    PLAIN = "plain"
    MOMENT = "moment"
    BYTES = "bytes"


def tables_of(engine: Engine) -> list[Table]:
    """Return the tables of a database that are worth keeping, those that others refer to first."""
    metadata = MetaData()
    metadata.reflect(engine)
    for table in metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, JSON):
                # A column that is NULL and one that holds JSON's null are not the same.
                column.type.none_as_null = True
    return [table for table in metadata.sorted_tables if table.name not in _LEFT_OUT]


def write_rows(connection: Connection, table: Table, into: BinaryIO) -> tuple[int, str]:
    """Write a table's rows and return how many they are, and the digest of what was written."""
    state, rows = hashlib.sha256(), 0
    columns = list(table.columns)
    kinds = [_kind_of(column) for column in columns]
    head = {column.name: kind.value for column, kind in zip(columns, kinds, strict=True)}
    state.update(line := _line(head))
    into.write(line)
    wanted = select(table).order_by(*table.primary_key.columns)
    found = connection.execute(wanted, execution_options={"yield_per": _AT_ONCE})
    for row in found:
        values = [_written(value, kind) for value, kind in zip(row, kinds, strict=True)]
        state.update(line := _line(values))
        into.write(line)
        rows += 1
    return rows, f"sha256:{state.hexdigest()}"


def read_rows(connection: Connection, table: Table, source: BinaryIO) -> int:
    """Insert the rows that ``write_rows`` wrote and return how many."""
    head: dict[str, str] = json.loads(source.readline())
    kinds = [(name, _Kind(kind)) for name, kind in head.items()]
    waiting: list[dict[str, Any]] = []
    rows = 0
    for values in _lines(source):
        waiting.append(
            {name: _read(value, kind) for (name, kind), value in zip(kinds, values, strict=True)}
        )
        rows += 1
        if len(waiting) == _AT_ONCE:
            connection.execute(insert(table), waiting)
            waiting.clear()
    if waiting:
        connection.execute(insert(table), waiting)
    return rows


def _kind_of(column: Column[Any]) -> _Kind:
    if isinstance(column.type, DateTime):
        return _Kind.MOMENT
    return _Kind.BYTES if isinstance(column.type, LargeBinary) else _Kind.PLAIN


def _written(value: Any, kind: _Kind) -> Any:
    if value is None or kind is _Kind.PLAIN:
        return value
    if kind is _Kind.BYTES:
        return base64.b64encode(value).decode()
    # SQLite keeps moments without a zone, in UTC.
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return aware.isoformat()


def _read(value: Any, kind: _Kind) -> Any:
    if value is None or kind is _Kind.PLAIN:
        return value
    if kind is _Kind.BYTES:
        return base64.b64decode(value)
    return datetime.fromisoformat(value)


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _lines(source: BinaryIO) -> Iterator[list[Any]]:
    for line in source:
        yield json.loads(line)
