"""A PostgreSQL server for those who want one: started at the first asking, gone at the end."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, create_engine, make_url

from proctor.cli.services.postgresql import PostgresqlServer, postgresql_server, programs_folder
from proctor.cli.services.process_tree import ProcessTree


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresqlServer]:
    """A server of this process's own."""
    if programs_folder() is None:
        pytest.skip("PostgreSQL is not installed; `apt-get install postgresql` brings it")
    logs = tmp_path_factory.mktemp("postgresql")
    with ProcessTree(logs) as tree, postgresql_server(tree) as server:
        yield server


@dataclass(frozen=True)
class Databases:
    """The databases of the server."""

    server: PostgresqlServer
    engine: Engine
    numbers: Iterator[int]

    def make(self, template: str = "template1") -> str:
        """Make a database like another one and return its URL."""
        name = f"proctor_{next(self.numbers)}"
        self._do(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.server.url(name)

    def drop(self, url: str) -> None:
        """End a database, whoever is still connected."""
        self._do(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def _do(self, statement: str) -> None:
        with self.engine.connect() as connection:
            connection.exec_driver_sql(statement)


@pytest.fixture(scope="session")
def databases(postgresql: PostgresqlServer) -> Iterator[Databases]:
    """Make and drop databases of the server."""
    engine = create_engine(postgresql.url("postgres"), isolation_level="AUTOCOMMIT")
    yield Databases(postgresql, engine, itertools.count(1))
    engine.dispose()
