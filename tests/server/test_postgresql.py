"""What only a database server can do to a platform: restart, hang, refuse a text or a number."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DataError
from starlette.testclient import TestClient

from proctor_platform.app import create_app
from proctor_platform.database import Database
from proctor_platform.settings import PlatformSettings
from proctor_platform.tables import User

LONGEST_WAIT_S = 120

pytestmark = pytest.mark.postgresql


@pytest.fixture
def database_url(databases: Any, empty_postgresql: str) -> Iterator[str]:
    """Of one kind only."""
    url: str = databases.make(empty_postgresql)
    yield url
    databases.drop(url)


def end_connections(engine: Engine, url: str) -> None:
    """Do to a database's connections what a restart of the server does."""
    with engine.connect() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": make_url(url).database},
        )


def test_a_platform_goes_on_after_its_server_was_restarted(
    participant: Any, databases: Any, database_url: str
) -> None:
    assert participant.get("/me").status_code == 200
    end_connections(databases.engine, database_url)
    assert participant.get("/me").json()["name"] == participant.name
    assert participant.put_blob(b"after").size == 5


def test_nobody_waits_for_ever_for_a_row_that_another_holds(
    participant: Any, database: Database
) -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with database.writing() as session:
            wanted = text('SELECT id FROM "user" WHERE id = :id FOR UPDATE')
            session.connection().execute(wanted, {"id": participant.id})
            held.set()
            done.wait(LONGEST_WAIT_S)

    holder = threading.Thread(target=hold, daemon=True)
    holder.start()
    try:
        assert held.wait(LONGEST_WAIT_S)
        with database.engine.connect() as connection:
            assert connection.scalar(text("SHOW lock_timeout")) == "15s"
        with database.writing() as session:
            session.connection().execute(text("SET LOCAL lock_timeout = 50"))
            wanted = text('SELECT id FROM "user" WHERE id = :id FOR UPDATE')
            with pytest.raises(Exception, match="lock timeout"):
                session.connection().execute(wanted, {"id": participant.id})
    finally:
        done.set()
        holder.join(LONGEST_WAIT_S)


def test_a_database_that_is_away_is_said_and_not_a_traceback(
    settings: PlatformSettings, participant: Any, databases: Any, database_url: str
) -> None:
    name = make_url(database_url).database
    with databases.engine.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
    end_connections(databases.engine, database_url)
    answer = participant.get("/me")
    health = participant.client.get("/healthz")
    with databases.engine.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
    assert answer.status_code == 503
    assert answer.json()["code"] == "STORAGE_FAILED"
    assert "Traceback" not in answer.text
    assert (health.status_code, health.json()["database"]) == (503, False)
    assert participant.get("/me").status_code == 200


def test_a_text_with_a_zero_byte_is_kept_without_it(database: Database) -> None:
    with database.writing() as session:
        session.add(User(id="usr_1", name="a\x00b"))
        session.commit()
    with database.reading() as session:
        assert session.get_one(User, "usr_1").name == "a\ufffdb"


def test_a_number_that_no_column_holds_is_the_askers_fault(app: FastAPI) -> None:
    def refuse() -> None:
        raise DataError("INSERT", {}, ValueError("integer out of range"))

    app.add_api_route("/refuse", refuse)
    with TestClient(app) as client:
        answer = client.get("/refuse")
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")
    assert "INSERT" not in answer.text


def test_a_reader_sees_one_moment(database: Database) -> None:
    with database.reading() as session:
        before = session.connection().scalar(text('SELECT count(*) FROM "user"'))
        with database.writing() as other:
            other.add(User(id="usr_2", name="late"))
            other.commit()
        assert session.connection().scalar(text('SELECT count(*) FROM "user"')) == before


@pytest.mark.parametrize("url", ["mysql://someone:secret@there/db", "not a url with secret"])
def test_another_kind_of_database_is_refused_without_telling_the_password(
    tmp_path: Any, url: str
) -> None:
    with pytest.raises(ValueError, match="must begin with") as caught:
        create_app(PlatformSettings(home=tmp_path, database_url=url))
    assert "secret" not in str(caught.value)
