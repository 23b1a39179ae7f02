"""The database engine and its sessions.

Two kinds of session: a reading one and a writing one. On SQLite the writing one begins with
``BEGIN IMMEDIATE``: a transaction that reads first and writes later would otherwise fail in the
middle when another one wrote in between. On PostgreSQL the reading one sees one moment, as it does
on SQLite, and code that reads before it writes takes row locks (``with_for_update``), which SQLite
leaves out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from sqlalchemy import Connection, CursorResult, Engine, create_engine, event, make_url
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session as AnySession
from sqlalchemy.orm import UOWTransaction, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session, SQLModel

from proctor_platform.tables import Outbox

_WRITES = "proctor_writes"
_DATABASE = "proctor_database"
_BUSY_TIMEOUT_MS = 15_000
_CONNECTIONS = 48  # more than the server has threads, so that no request waits for another's
_ONE_MOMENT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class Database:
    """The engine, its two kinds of session, and who is told when an outbox row was committed."""

    def __init__(self, address: str) -> None:
        self.engine = _make_engine(address)
        self.kick: Callable[[], None] = lambda: None
        reading = {} if self.is_sqlite else _ONE_MOMENT
        self._read = sessionmaker(
            self.engine.execution_options(**reading), class_=Session, expire_on_commit=False
        )
        self._write = sessionmaker(
            self.engine.execution_options(**{_WRITES: True}),
            class_=Session,
            expire_on_commit=False,
            info={_WRITES: True, _DATABASE: self},
        )
        # SQLAlchemy keeps its listeners for ever: one that knew this database would keep it too.
        event.listen(self._write, "after_flush", _note_outbox)
        event.listen(self._write, "after_commit", _kick_after_outbox)

    @property
    def is_sqlite(self) -> bool:
        """Tell whether it is one file, and not a server."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that only reads."""
        with self._read() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a session that writes; what is not committed inside is rolled back."""
        with self._write() as session:
            yield session

    def close(self) -> None:
        """Close every connection; one that a late request still has, once it gives it back."""
        event.listen(self.engine.pool, "checkin", _close_late)
        self.engine.dispose()


def writes(session: AnySession) -> bool:
    """Tell whether a session is a writing one."""
    return bool(session.info.get(_WRITES))


def insert_once(session: Session, table: type[SQLModel], values: Mapping[str, Any]) -> bool:
    """Insert a row unless one with its key is there; tell whether it was inserted."""
    insert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    statement = insert(table).values(**values).on_conflict_do_nothing()
    return bool(cast("CursorResult[Any]", session.execute(statement)).rowcount)


def _note_outbox(session: AnySession, _: UOWTransaction) -> None:
    if any(isinstance(row, Outbox) for row in session.new):
        session.info["outbox"] = True


def _kick_after_outbox(session: AnySession) -> None:
    if session.info.pop("outbox", False):
        session.info[_DATABASE].kick()


def _close_late(_: object, record: ConnectionPoolEntry) -> None:
    record.invalidate()


def _make_engine(address: str) -> Engine:
    """Make the engine.

    Raises:
        ValueError: the URL is none, or of another kind of database.
    """
    try:
        kind = make_url(address).get_backend_name()
    except ArgumentError:
        kind = ""  # a wrong URL may hold a password, so it is not told
    if kind == "postgresql":
        engine = create_engine(address, pool_size=_CONNECTIONS, pool_pre_ping=True)
        from proctor_platform import postgresql

        event.listen(engine, "connect", postgresql.prepare)
        return engine
    if kind != "sqlite":
        raise ValueError(
            "PROCTOR_DATABASE_URL must begin with sqlite:/// or postgresql+psycopg://"
            + (f"; it begins with {kind}." if kind else "; it is no URL.")
        )
    engine = create_engine(
        address, pool_size=_CONNECTIONS, connect_args={"check_same_thread": False}
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_on_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    # The driver's own idea of when to begin a transaction is switched off; `begin` does it.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_on_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def database_of(request: Request) -> Database:
    """Return the application's database."""
    database: Database = request.app.state.database
    return database


def _reading_session(database: Annotated[Database, Depends(database_of)]) -> Iterator[Session]:
    with database.reading() as session:
        yield session


def _writing_session(database: Annotated[Database, Depends(database_of)]) -> Iterator[Session]:
    with database.writing() as session:
        yield session


# Scope `function`: the connection is free again before the answer is sent to a slow reader.
Reading = Annotated[Session, Depends(_reading_session, scope="function")]
Writing = Annotated[Session, Depends(_writing_session, scope="function")]
