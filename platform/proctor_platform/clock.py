"""The database's clock: the one clock that leases, windows and quotas are measured by.

``now()`` is a SQL expression, so two machines whose clocks differ still agree on what has lapsed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, TypeDecorator
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

_SQLITE_FORMAT = "%Y-%m-%d %H:%M:%f"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC: aware in Python, ``timestamptz`` on PostgreSQL, sortable text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware moment into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give SQLite's naive moments their zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class now(FunctionElement[datetime]):  # noqa: N801 - reads as a SQL function
    """The present moment by the database's clock, plus ``offset_s`` seconds."""

    type = UtcDateTime()
    inherit_cache = False

    def __init__(self, offset_s: float = 0.0) -> None:
        super().__init__()
        self.offset_s = offset_s


@compiles(now, "sqlite")
def _now_on_sqlite(element: now, compiler: Any, **_: Any) -> str:
    # SQLAlchemy stores six digits of a second; pad so that text comparison stays right.
    return f"strftime('{_SQLITE_FORMAT}', 'now', '{element.offset_s:+.3f} seconds') || '000'"


@compiles(now, "postgresql")
def _now_on_postgresql(element: now, compiler: Any, **_: Any) -> str:
    return f"(clock_timestamp() + interval '{element.offset_s:.3f} seconds')"
