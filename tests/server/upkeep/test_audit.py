"""The history's chain: it grows beside the transitions, and shows what was done to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import col, func, select
from structlog.testing import capture_logs
from typer.testing import CliRunner

from proctor.cli.admin import admin
from proctor.cli.failures import CommandError
from proctor_platform.chain import Head, link
from proctor_platform.database import Database
from proctor_platform.events import record
from proctor_platform.queueing.sealer import Sealer, content_of, newest
from proctor_platform.settings import PlatformSettings
from proctor_platform.tables import EventRow
from proctor_platform.upkeep.audit import Audit, audit
from proctor_platform.upkeep.errors import UpkeepError
from proctor_platform.upkeep.exported_history import check_export, export_history

LONGEST_WAIT_S = 120


@pytest.fixture
def happen(database: Database) -> Callable[[int], None]:
    """Let events happen, each in a transaction of its own."""

    def make(times: int) -> None:
        for number in range(times):
            with database.writing() as session:
                facts = {"number": number, "nested": {"ü": [1.5, None, True]}}
                record(session, f"run_{number}", "run_claimed", "worker ü", facts)
                session.commit()

    return make


@pytest.fixture
def sealed(database: Database, happen: Callable[[int], None]) -> int:
    happen(5)
    Sealer(database).once()
    return 5


def tamper(database: Database, statement: str) -> None:
    with database.writing() as session:
        session.execute(text(statement))
        session.commit()


def head_of(database: Database) -> Head:
    with database.reading() as session:
        return newest(session)


def found(settings: PlatformSettings, noted: Head | None = None) -> tuple[int | None, str]:
    broken = audit(settings, noted).broken
    assert broken is not None
    return broken.position, broken.reason


def test_what_happens_is_sealed_in_one_chain(
    published: Any, participant: Any, database: Database, settings: PlatformSettings
) -> None:
    published.enter(participant)
    sealer = Sealer(database)
    with capture_logs() as logs:
        sealer.once()
        sealer.once()
    head = head_of(database)
    assert [(row["position"], row["digest"]) for row in logs] == [tuple(head)]
    assert audit(settings) == Audit(head, 0, None)
    with database.reading() as session:
        assert head.position == session.exec(select(func.count(col(EventRow.id)))).one()


def test_an_event_waits_for_its_place_and_then_has_the_next(
    sealed: int, happen: Callable[[int], None], database: Database, settings: PlatformSettings
) -> None:
    before = head_of(database)
    happen(2)
    assert audit(settings) == Audit(before, 2, None)
    Sealer(database).once()
    assert audit(settings, before) == Audit(head_of(database), 0, None)
    assert head_of(database).position == sealed + 2


@pytest.mark.parametrize(
    "change",
    [
        "name = 'run_failed'",
        "actor = 'usr_x'",
        "subject = 'run_9'",
        "facts = '{}'",
        "at = '2020-01-02 03:04:05+00:00'",
        "digest = 'sha256:0'",
        "id = 1000",
    ],
)
def test_a_changed_event_is_named(
    change: str, sealed: int, database: Database, settings: PlatformSettings
) -> None:
    tamper(database, f"UPDATE event SET {change} WHERE position = 3")
    position, reason = found(settings)
    assert position == 3
    assert "is not what was sealed" in reason


def test_a_removed_event_is_missed(
    sealed: int, database: Database, settings: PlatformSettings
) -> None:
    tamper(database, "DELETE FROM event WHERE position = 3")
    assert found(settings) == (3, "no event is at this place; the next is run_claimed of run_3")


def test_a_gap_that_was_closed_is_found(
    sealed: int, database: Database, settings: PlatformSettings
) -> None:
    tamper(database, "DELETE FROM event WHERE position = 3")
    for place in (4, 5):
        tamper(database, f"UPDATE event SET position = {place - 1} WHERE position = {place}")
    assert found(settings)[0] == 3


def test_an_event_put_in_between_is_found(
    sealed: int, database: Database, settings: PlatformSettings
) -> None:
    for place in (5, 4, 3):
        tamper(database, f"UPDATE event SET position = {place + 1} WHERE position = {place}")
    with database.writing() as session:
        session.add(
            EventRow(subject="run_x", name="run_scored", actor="", position=3, digest="sha256:0")
        )
        session.commit()
    assert found(settings) == (3, "run_scored of run_x is not what was sealed")


def test_an_event_of_long_ago_that_comes_now_is_found_before_its_seal_and_after(
    sealed: int, database: Database, settings: PlatformSettings
) -> None:
    with database.writing() as session:
        record(session, "run_x", "run_scored", "somebody")
        session.commit()
    tamper(database, "UPDATE event SET at = '2020-01-02 03:04:05+00:00' WHERE subject = 'run_x'")
    position, reason = found(settings)
    assert position is None
    assert reason.startswith("run_scored of run_x says 2020-01-02 03:04:05 UTC and came after")
    Sealer(database).once()
    assert found(settings) == (6, reason)


def test_an_end_cut_off_and_a_chain_written_anew_are_found_by_a_noted_head(
    sealed: int, database: Database, settings: PlatformSettings
) -> None:
    noted = head_of(database)
    tamper(database, "DELETE FROM event WHERE position = 5")
    assert audit(settings).broken is None
    assert found(settings, noted) == (5, "the chain ends at 4; 5 was noted")
    tamper(database, "UPDATE event SET position = NULL, digest = NULL, actor = 'x'")
    with database.writing() as session:
        record(session, "run_5", "run_claimed", "x")
        session.commit()
    Sealer(database).once()
    assert audit(settings).broken is None
    position, reason = found(settings, noted)
    assert position == 5
    assert "it was written anew" in reason


def test_platforms_that_seal_at_once_make_one_chain_while_events_come(
    database: Database, settings: PlatformSettings, happen: Callable[[int], None]
) -> None:
    start = threading.Barrier(5)

    def write() -> None:
        start.wait(LONGEST_WAIT_S)
        happen(20)

    def seal() -> None:
        start.wait(LONGEST_WAIT_S)
        for _ in range(15):
            Sealer(database).once()

    threads = [threading.Thread(target=task) for task in (write, write, seal, seal, seal)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    Sealer(database).once()
    assert audit(settings) == Audit(head_of(database), 0, None)
    assert head_of(database).position == 40


def test_a_place_that_another_took_is_left_to_it(
    database: Database,
    settings: PlatformSettings,
    happen: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    happen(2)
    # As another platform on PostgreSQL sees it that looked before this one had committed.
    with database.writing() as session:
        first = session.exec(select(EventRow).order_by(col(EventRow.id))).all()[0]
        place = link(Head(0, "sha256:" + "0" * 64), content_of(first))
        first.position, first.digest = place
        session.add(first)
        session.commit()
    with monkeypatch.context() as stale:
        stale.setattr(
            "proctor_platform.queueing.sealer.newest",
            lambda _: Head(0, "sha256:" + "0" * 64),
        )
        Sealer(database).once()
    assert audit(settings) == Audit(place, 1, None)
    Sealer(database).once()
    assert head_of(database).position == 2


def command(settings: PlatformSettings, *arguments: str) -> Any:
    environment = {"PROCTOR_DATABASE_URL": settings.database_url}
    line = ["audit-log", "--home", str(settings.home), *arguments]
    return CliRunner().invoke(admin, line, env=environment)


def test_the_operator_sees_the_head_and_notes_it(
    sealed: int, database: Database, settings: PlatformSettings
) -> None:
    result = command(settings)
    assert (result.exit_code, result.stdout) == (0, f"{head_of(database)}\n")
    assert "5 events are as they were sealed; 0 wait for it." in result.stderr
    assert command(settings, "--noted", result.stdout.strip()).exit_code == 0


def test_the_operator_is_told_the_first_broken_event(
    sealed: int, database: Database, settings: PlatformSettings
) -> None:
    tamper(database, "UPDATE event SET actor = 'nobody' WHERE position > 1")
    result = command(settings)
    assert isinstance(result.exception, CommandError)
    assert "broken at place 2, event " in result.exception.message
    assert "run_claimed of run_1 is not what was sealed" in result.exception.message
    assert "whole up to 1:sha256:" in result.exception.hint
    wrong = command(settings, "--noted", "five")
    assert isinstance(wrong.exception, CommandError)
    assert wrong.exception.code == 2


def test_the_history_is_exported_and_checked_where_no_database_is(
    sealed: int, database: Database, settings: PlatformSettings, tmp_path: Path
) -> None:
    file = tmp_path / "history.jsonl"
    assert command(settings, "--export", str(file)).exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    lines = file.read_text().splitlines()
    assert [json.loads(line)["position"] for line in lines] == [1, 2, 3, 4, 5]
    assert json.loads(lines[2])["facts"] == {"number": 2, "nested": {"ü": [1.5, None, True]}}
    head = str(head_of(database))
    elsewhere = ["audit-log", "--exported", str(file), "--noted", head]
    assert CliRunner().invoke(admin, elsewhere).stdout == f"{head}\n"
    again = command(settings, "--export", str(file))
    assert isinstance(again.exception, UpkeepError)


@pytest.mark.parametrize(
    ("change", "position", "says"),
    [
        (lambda lines: [*lines[:2], lines[2].replace("ü", "u"), *lines[3:]], 3, "is not what was"),
        (lambda lines: [*lines[:2], *lines[3:]], 3, "no event is at this place"),
        (lambda lines: [*lines[:4], "{}"], 5, "line 5 is no event"),
        (lambda lines: lines[:4], 5, "the chain ends at 4; 5 was noted"),
    ],
)
def test_an_exported_history_that_was_changed_is_found(
    change: Callable[[list[str]], list[str]],
    position: int,
    says: str,
    sealed: int,
    database: Database,
    settings: PlatformSettings,
    tmp_path: Path,
) -> None:
    file = tmp_path / "history.jsonl"
    export_history(settings, file)
    file.write_text("\n".join(change(file.read_text().splitlines())) + "\n")
    broken = check_export(file, head_of(database)).broken
    assert broken is not None
    assert (broken.position, says in broken.reason) == (position, True)


def test_what_people_do_is_kept_with_address_token_before_and_after(
    published: Any, organizer: Any, participant: Any, other: Any, database: Database
) -> None:
    spare = participant.post("/tokens", {}).json()["id"]
    assert participant.request("DELETE", f"/tokens/{spare}").status_code == 204
    for organizes in (False, True):
        member = {"user": other.name, "organizer": organizes}
        assert organizer.post("/challenges/tiny/members", member).status_code == 204
    assert published.publish(organizer, title="Another title").status_code == 201
    made = published.enter(participant).json()["id"]
    with database.reading() as session:
        events = session.exec(select(EventRow).order_by(col(EventRow.id))).all()
    told = {(event.name, event.subject): event.facts for event in events}
    token = participant.token.partition(".")[0]
    origin = {"address": "testclient", "token": token}
    assert told["submission_received", made]["origin"] == origin
    revoked = told["token_revoked", spare]
    assert (revoked["before"], revoked["after"], revoked["origin"]) == ("valid", "revoked", origin)
    parts = [event.facts for event in events if event.name == "member_added"]
    assert [(facts["before"], facts["after"]) for facts in parts] == [
        (None, "member"),
        ("member", "organizer"),
    ]
    versions = [event.facts for event in events if event.name == "challenge_published"]
    assert versions[0]["before"] is None
    assert versions[-1]["before"] == versions[-2]["after"]
    for who in (participant, organizer):
        seen = who.get(f"/submissions/{made}/events")
        assert seen.status_code == 200
        assert "testclient" not in seen.text


def test_a_database_without_a_chain_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UpkeepError, match="no chain"):
        audit(PlatformSettings(home=tmp_path))
