"""The tables' history: it can be walked both ways and ends at the tables of the code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlmodel import SQLModel, select

from proctor_platform import migrate
from proctor_platform.database import Database
from proctor_platform.tables import Evaluation, Run, Submission

LONGEST_WAIT_S = 120
MOMENT = "'2026-01-02 03:04:05.000000+00:00'"
FIRST_ROWS = f"""
INSERT INTO "user" (id, name, admin, created_at) VALUES ('usr_1', 'olga', FALSE, {MOMENT});
INSERT INTO challenge (id, slug, visibility, newest_version, created_at)
    VALUES ('cha_1', 'tiny', 'public', 2, {MOMENT});
INSERT INTO submission (id, challenge_id, version, phase, user_id, kind, content, content_digest,
    card, message, baseline, state, detail, charged, submitted_at)
    VALUES ('sub_1', 'cha_1', 2, 'main', 'usr_1', 'folder', '{{}}', 'sha256:0', '{{}}', '', FALSE,
    'accepted', '', TRUE, {MOMENT});
INSERT INTO run (id, submission_id, task, purpose, requested_by, alias_seed, shard, queue, state,
    fence, attempt, cancel_requested, stage, cases_done, cases_total, detail, verdict_detail,
    queued_at) VALUES ('run_1', 'sub_1', 'classify', 'first', 'usr_1', 'aa', 0, 'run.cpu',
    'succeeded', 1, 1, FALSE, '', 3, 3, '', '', {MOMENT});
INSERT INTO evaluation (id, run_id, version, state, fence, attempt, cancel_requested, detail,
    inputs_digest, reference_digest, metrics, code_digest, libraries, queued_at)
    VALUES ('eva_1', 'run_1', 2, 'scored', 1, 1, FALSE, '', 'sha256:1', 'sha256:2', '{{}}', '',
    '{{}}', {MOMENT});
"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'proctor.sqlite3'}")
        yield database
        database.close()
        return
    databases = request.getfixturevalue("databases")
    url = databases.make()
    database = Database(url)
    yield database
    database.close()
    databases.drop(url)


def test_migrations_walk_up_down_and_up_again_to_the_tables_of_the_code(bare: Database) -> None:
    migrate.upgrade(bare.engine)
    migrate.downgrade(bare.engine, "base")
    assert inspect(bare.engine).get_table_names() == ["alembic_version"]
    migrate.upgrade(bare.engine)
    with bare.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []


def test_rows_of_the_first_tables_come_through_every_later_migration_and_back(
    bare: Database,
) -> None:
    migrate.upgrade(bare.engine, "0001")
    with bare.engine.execution_options(proctor_writes=True).begin() as connection:
        for statement in FIRST_ROWS.strip().rstrip(";").split(";\n"):
            connection.exec_driver_sql(statement)
    migrate.upgrade(bare.engine)
    with bare.reading() as session:
        submission = session.exec(select(Submission)).one()
        run = session.exec(select(Run)).one()
        evaluation = session.exec(select(Evaluation)).one()
    assert (submission.check_only, submission.source) == (False, None)
    assert (run.split, run.version, run.protocol) == ("hidden", 2, None)
    assert (evaluation.id, evaluation.code) == ("eva_1", None)
    migrate.downgrade(bare.engine, "0001")
    with bare.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT state FROM run").scalars().all() == ["succeeded"]


def test_platforms_that_start_at_once_make_the_tables_once(bare: Database) -> None:
    program = (
        "import sys; from proctor_platform import migrate;"
        " from proctor_platform.database import Database;"
        " migrate.upgrade(Database(sys.argv[1]).engine)"
    )
    address = bare.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", program, address]
    twins = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [twin.communicate(timeout=LONGEST_WAIT_S)[1] for twin in twins]
    assert [twin.returncode for twin in twins] == [0, 0], said
    with bare.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []


def test_sqlite_keeps_foreign_keys_and_writes_ahead(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'proctor.sqlite3'}")
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    database.close()
