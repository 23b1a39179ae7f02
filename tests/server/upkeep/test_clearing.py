"""Clearing out: what is of no use goes after a while, and nothing that is of use ever does."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import select

from proctor_platform.clock import now
from proctor_platform.database import Database
from proctor_platform.settings import PlatformSettings
from proctor_platform.storage import FolderStore
from proctor_platform.tables import Blob
from proctor_platform.upkeep.clearing import Clearing, clear_out

LONGEST_WAIT_S = 120
WEEK_S = 7 * 24 * 3600.0


@pytest.fixture
def store(app: FastAPI) -> FolderStore:
    found: FolderStore = app.state.store
    return found


def age(database: Database, settings: PlatformSettings, seconds: float = 2 * WEEK_S) -> None:
    """Let everything that is in the store be that much older."""
    then = time.time() - seconds
    for path in settings.blobs.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))
    with database.writing() as session:
        for blob in session.exec(select(Blob)):
            blob.created_at = now(-seconds)
            session.add(blob)
        session.commit()


def clear(settings: PlatformSettings, *, remove: bool = True) -> Clearing:
    return clear_out(settings, older_than_s=WEEK_S, remove=remove)


def digests(database: Database) -> set[str]:
    with database.reading() as session:
        return set(session.exec(select(Blob.digest)))


def files(settings: PlatformSettings) -> set[str]:
    return {f"sha256:{path.name}" for path in settings.blobs.glob("??/??/*")}


def test_what_nobody_entered_goes_after_a_week(
    participant: Any, settings: PlatformSettings, database: Database
) -> None:
    forgotten = participant.put_blob(b"forgotten")
    age(database, settings)
    fresh = participant.put_blob(b"fresh")
    assert clear(settings, remove=False).unused == (forgotten.digest,)
    assert digests(database) == {forgotten.digest, fresh.digest}
    cleared = clear(settings)
    assert (cleared.unused, cleared.size_bytes) == ((forgotten.digest,), forgotten.size)
    assert digests(database) == files(settings) == {fresh.digest}
    assert participant.get(f"/blobs/{forgotten.digest}").status_code == 404
    assert participant.put_blob(b"forgotten") == forgotten


def test_nothing_goes_that_a_challenge_a_submission_or_a_board_needs(
    published: Any,
    participant: Any,
    fake: Any,
    scores: Any,
    settings: PlatformSettings,
    database: Database,
) -> None:
    published.enter(participant)
    fake.run()
    fake.score(scores(0.5, 0.75, 1.0))
    age(database, settings)
    before = digests(database)
    named = {*published.blobs} - {published.image.config.digest, *_layers(published.image)}
    assert clear(settings).unknown == ()
    after = digests(database)
    assert named <= after
    assert files(settings) == after
    # What went is what was uploaded beside and never entered: the image of the fixture.
    assert before - after == {*published.blobs} - named


def _layers(image: Any) -> list[str]:
    return [layer.digest for layer in image.layers]


def test_a_file_that_no_row_knows_goes(
    participant: Any, settings: PlatformSettings, database: Database, store: FolderStore
) -> None:
    ref = participant.put_blob(b"kept or not")
    with database.writing() as session:
        session.connection().exec_driver_sql("DELETE FROM blob_grant")
        session.connection().exec_driver_sql("DELETE FROM blob")
        session.commit()
    assert clear(settings).unknown == ()
    age(database, settings)
    assert clear(settings).unknown == (store.path(ref.digest),)
    assert files(settings) == set()


def test_bytes_of_an_upload_that_broke_off_go(
    app: FastAPI, settings: PlatformSettings, database: Database
) -> None:
    incoming = settings.blobs / "incoming"
    (incoming / "old").write_bytes(b"12345")
    age(database, settings)
    (incoming / "young").write_bytes(b"1")
    assert clear(settings).broken_off == (incoming / "old",)
    assert [path.name for path in incoming.iterdir()] == ["young"]


def test_files_of_others_in_the_store_are_left_alone(
    app: FastAPI, settings: PlatformSettings, database: Database
) -> None:
    strange = settings.blobs / "ab" / "cd" / "notes.txt"
    strange.parent.mkdir(parents=True)
    strange.write_text("mine")
    age(database, settings)
    clear(settings)
    assert strange.read_text() == "mine"


def test_an_upload_of_the_same_bytes_meanwhile_is_never_lost(
    participant: Any, settings: PlatformSettings, database: Database, store: FolderStore
) -> None:
    contents = [f"again {number}".encode() for number in range(40)]
    refs = [participant.put_blob(content) for content in contents]
    age(database, settings)
    began = threading.Event()

    def upload() -> None:
        for content in reversed(contents):
            participant.put_blob(content)
            began.set()

    uploads = threading.Thread(target=upload)
    uploads.start()
    try:
        assert began.wait(LONGEST_WAIT_S)
        clear(settings)
    finally:
        uploads.join()
    for ref in refs:
        answer = participant.get(f"/blobs/{ref.digest}")
        # Either it was cleared before it was sent again, and then it is whole; never half.
        assert answer.status_code == 200, ref
    assert files(settings) == digests(database)


def test_a_home_that_is_elsewhere_is_said(tmp_path: Path, app: FastAPI) -> None:
    from typer.testing import CliRunner

    from proctor.cli.app import app as commands

    answer = CliRunner().invoke(commands, ["admin", "gc", "--home", str(tmp_path / "nowhere")])
    assert "There are no blobs" in str(answer.exception)
