"""Backup and restore: one moment, every blob, into another place and another kind of database."""

from __future__ import annotations

import json
import os
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import SQLModel, select
from starlette.testclient import TestClient

from proctor.spec.work import Role
from proctor_platform import migrate
from proctor_platform.app import create_app
from proctor_platform.database import Database
from proctor_platform.first_start import make_secrets
from proctor_platform.leaderboards.snapshot import make_board
from proctor_platform.settings import PlatformSettings
from proctor_platform.tables import Challenge
from proctor_platform.upkeep.backup import FORMAT, back_up
from proctor_platform.upkeep.errors import UpkeepError
from proctor_platform.upkeep.restore import restore

LONGEST_WAIT_S = 120


@pytest.fixture
def ranked(published: Any, participant: Any, fake: Any, scores: Any, database: Database) -> str:
    """A submission that was run, scored and put on a board."""
    entered: str = published.enter(participant).json()["id"]
    fake.run()
    fake.score(scores(0.5, 0.75, 1.0))
    with database.reading() as session:
        challenge = session.exec(select(Challenge.id)).one()
    make_board(database, challenge, "main")
    return entered


@pytest.fixture(params=["the same kind", "the other kind"])
def elsewhere(
    request: pytest.FixtureRequest, settings: PlatformSettings, tmp_path: Path
) -> Iterator[PlatformSettings]:
    """The settings of another, empty platform."""
    home = tmp_path / "elsewhere"
    file = f"sqlite:///{tmp_path / 'elsewhere.sqlite3'}"
    if settings.database_url.startswith("sqlite") == (request.param == "the same kind"):
        yield PlatformSettings(home=home, database_url=file)
        return
    databases = request.getfixturevalue("databases")
    url = databases.make()
    yield PlatformSettings(home=home, database_url=url)
    databases.drop(url)


def rows_of(url: str) -> dict[str, list[dict[str, Any]]]:
    """Return every row of a database."""
    database = Database(url)
    with database.reading() as session:
        rows = {
            table.name: [
                dict(row)
                for row in session.connection()
                .execute(table.select().order_by(*table.primary_key.columns))
                .mappings()
            ]
            for table in SQLModel.metadata.sorted_tables
        }
    database.close()
    return rows


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
def test_a_restored_platform_has_every_row_and_every_blob(
    ranked: str,
    settings: PlatformSettings,
    elsewhere: PlatformSettings,
    participant: Any,
    tmp_path: Path,
    name: str,
) -> None:
    address = "/challenges/tiny/phases/main/leaderboards"
    boards = participant.get(address).json()
    made = back_up(settings, tmp_path / name)
    done = restore(elsewhere, tmp_path / name)
    assert (done.rows, done.blobs) == (made.rows, made.blobs)
    assert rows_of(elsewhere.database_address) == rows_of(settings.database_address)
    files = {path.name: path.read_bytes() for path in settings.blobs.glob("??/??/*")}
    assert files
    assert files == {path.name: path.read_bytes() for path in elsewhere.blobs.glob("??/??/*")}
    with TestClient(create_app(elsewhere, rounds=False)) as client:
        again = client.get(f"/api/v1{address}").json()
        me = client.get("/api/v1/me", headers=participant.headers)
    assert again == boards
    assert me.json()["name"] == participant.name


def test_what_is_restored_into_a_folder_that_others_may_read_is_for_its_owner_alone(
    ranked: str, settings: PlatformSettings, tmp_path: Path
) -> None:
    home = tmp_path / "open"
    home.mkdir()
    home.chmod(0o755)
    back_up(settings, tmp_path / "backup")
    restore(PlatformSettings(home=home, database_url=""), tmp_path / "backup")
    modes = {path.name: path.stat().st_mode & 0o077 for path in home.iterdir()}
    assert modes == {"blobs": 0, "proctor.sqlite3": 0}


def test_a_restored_platform_goes_on_with_a_rerun_that_is_identical(
    ranked: str,
    settings: PlatformSettings,
    elsewhere: PlatformSettings,
    organizer: Any,
    fake: Any,
    tmp_path: Path,
) -> None:
    back_up(settings, tmp_path / "backup")
    restore(elsewhere, tmp_path / "backup")
    with TestClient(create_app(elsewhere, rounds=False)) as client:
        here = type(fake)(
            runner=type(organizer)(client, "", "run", fake.runner.token),
            scorer=type(organizer)(client, "", "score", fake.scorer.token),
        )
        asker = type(organizer)(client, organizer.id, organizer.name, organizer.token)
        asked = asker.post(f"/submissions/{ranked}/reruns", {})
        assert asked.status_code in (200, 201, 202), asked.text
        here.run()
        view = asker.get(f"/submissions/{ranked}").json()
    rerun = next(run for run in view["runs"] if run["purpose"] == "rerun")
    assert rerun["verdict"] == "identical"


def test_a_backup_under_load_is_of_one_moment(
    published: Any,
    settings: PlatformSettings,
    elsewhere: PlatformSettings,
    participant: Any,
    tmp_path: Path,
) -> None:
    stop = threading.Event()
    began = threading.Event()

    def keep_uploading() -> None:
        number = 0
        while not stop.is_set():
            participant.put_blob(f"load {number}".encode())
            number += 1
            began.set()

    load = threading.Thread(target=keep_uploading)
    load.start()
    try:
        assert began.wait(LONGEST_WAIT_S)
        back_up(settings, tmp_path / "backup.tar")
    finally:
        stop.set()
        load.join()
    done = restore(elsewhere, tmp_path / "backup.tar")
    rows = rows_of(elsewhere.database_address)
    known = {row["digest"] for row in rows["blob"]}
    assert len(known) == done.blobs
    assert {row["digest"] for row in rows["blob_grant"]} <= known
    assert {f"sha256:{path.name}" for path in elsewhere.blobs.glob("??/??/*")} == known


def test_restore_refuses_a_platform_that_is_not_empty(
    ranked: str, settings: PlatformSettings, tmp_path: Path
) -> None:
    back_up(settings, tmp_path / "backup")
    before = rows_of(settings.database_address)
    with pytest.raises(UpkeepError, match=r"has blobs already|has rows already"):
        restore(settings, tmp_path / "backup")
    assert rows_of(settings.database_address) == before


def test_restore_refuses_a_home_with_secrets(
    settings: PlatformSettings, database: Database, elsewhere: PlatformSettings, tmp_path: Path
) -> None:
    make_secrets(database, settings.home)
    back_up(settings, tmp_path / "backup")
    elsewhere.home.mkdir()
    (elsewhere.home / "admin-token").write_text("mine")
    with pytest.raises(UpkeepError, match="this home has a platform"):
        restore(elsewhere, tmp_path / "backup")


def test_secrets_are_left_out_and_named(
    settings: PlatformSettings, database: Database, tmp_path: Path
) -> None:
    make_secrets(database, settings.home)
    made = back_up(settings, tmp_path / "backup")
    assert {path.name for path in made.secrets_left_out} == {
        "admin-token",
        *(f"worker-{role.value}-token" for role in Role),
    }
    secrets = [path.read_text().strip() for path in made.secrets_left_out]
    kept = b"".join(
        path.read_bytes() for path in (tmp_path / "backup").rglob("*") if path.is_file()
    )
    assert all(secret.partition(".")[2].encode() not in kept for secret in secrets)


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("part", "spoil", "said"),
    [
        ("tables/user.jsonl", damage, r"tables/user\.jsonl of the backup is damaged"),
        ("tables/user.jsonl", Path.unlink, r"lacks tables/user\.jsonl"),
        ("blobs/??/*", damage, r"blobs/../[0-9a-f]{64} of the backup is damaged"),
        ("blobs/??/*", Path.unlink, r"lacks blobs/../[0-9a-f]{64}"),
        ("backup.json", damage, r"backup\.json is damaged"),
        ("backup.json", Path.unlink, r"lacks backup\.json"),
    ],
)
def test_a_damaged_backup_is_refused_by_the_name_of_its_part(
    ranked: str,
    settings: PlatformSettings,
    tmp_path: Path,
    part: str,
    spoil: Callable[[Path], None],
    said: str,
) -> None:
    back_up(settings, tmp_path / "backup")
    spoil(next((tmp_path / "backup").glob(part)))
    empty = PlatformSettings(home=tmp_path / "empty")
    with pytest.raises(UpkeepError, match=said):
        restore(empty, tmp_path / "backup")
    assert not empty.home.exists()


def test_a_backup_that_was_cut_off_is_refused(
    ranked: str, settings: PlatformSettings, tmp_path: Path
) -> None:
    back_up(settings, tmp_path / "backup.tar")
    size = (tmp_path / "backup.tar").stat().st_size
    os.truncate(tmp_path / "backup.tar", size // 2)
    with pytest.raises(UpkeepError, match=r"lacks backup\.json|damaged"):
        restore(PlatformSettings(home=tmp_path / "empty"), tmp_path / "backup.tar")


@pytest.mark.parametrize("change", [{"format": FORMAT + 1}, {"revision": "9999"}])
def test_a_backup_of_a_newer_proctor_is_refused_with_its_version(
    settings: PlatformSettings, app: FastAPI, tmp_path: Path, change: dict[str, Any]
) -> None:
    back_up(settings, tmp_path / "backup")
    file = tmp_path / "backup" / "backup.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | change | {"proctor": "7.0"}))
    with pytest.raises(UpkeepError, match=r"Proctor 7\.0") as caught:
        restore(PlatformSettings(home=tmp_path / "empty"), tmp_path / "backup")
    assert "or a newer one" in caught.value.hint


def test_a_backup_of_an_older_proctor_is_restored_and_brought_up_to_date(
    elsewhere: PlatformSettings, tmp_path: Path
) -> None:
    old = PlatformSettings(home=tmp_path / "old")
    old.home.mkdir()
    database = Database(old.database_address)
    migrate.upgrade(database.engine, "0001")
    with database.writing() as session:
        session.connection().exec_driver_sql(
            'INSERT INTO "user" (id, name, admin, created_at)'
            " VALUES ('usr_1', 'olga', 0, '2026-01-02 03:04:05.000000')"
        )
        session.commit()
    database.close()
    back_up(old, tmp_path / "backup")
    restore(elsewhere, tmp_path / "backup")
    rows = rows_of(elsewhere.database_address)
    assert [row["name"] for row in rows["user"]] == ["olga"]
    assert rows["worker"] == []


def test_a_backup_fails_by_name_where_a_blob_is_damaged_and_leaves_nothing(
    ranked: str, settings: PlatformSettings, tmp_path: Path
) -> None:
    blob = next(settings.blobs.glob("??/??/*"))
    damage(blob)
    with pytest.raises(UpkeepError, match=blob.name):
        back_up(settings, tmp_path / "kept" / "backup.tar")
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_backup_never_writes_over_another(
    app: FastAPI, settings: PlatformSettings, tmp_path: Path
) -> None:
    (tmp_path / "backup.tar").write_text("precious")
    with pytest.raises(UpkeepError, match="is there already"):
        back_up(settings, tmp_path / "backup.tar")
    assert (tmp_path / "backup.tar").read_text() == "precious"


def test_a_home_without_a_platform_has_nothing_to_back_up(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with pytest.raises(UpkeepError, match="There is no platform"):
        back_up(PlatformSettings(home=tmp_path / "home"), tmp_path / "backup")


def test_names_in_a_strange_archive_are_never_followed(tmp_path: Path) -> None:
    (tmp_path / "evil").write_text("evil")
    with tarfile.open(tmp_path / "backup.tar", "w") as archive:
        archive.add(tmp_path / "evil", "../outside")
    with pytest.raises(UpkeepError, match=r"lacks backup\.json"):
        restore(PlatformSettings(home=tmp_path / "empty"), tmp_path / "backup.tar")
    assert not (tmp_path.parent / "outside").exists()
