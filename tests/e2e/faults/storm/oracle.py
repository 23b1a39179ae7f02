"""What must hold after faults, read from rows, bytes and the host; never from a log."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from storm.engine import Engine
from storm.entries import Entry
from storm.world import World

_FINAL = ("succeeded", "failed", "cancelled", "scored")


def unfinished(world: World) -> int:
    """Count the submissions that have not come to their end."""
    (row,) = world.read(
        "select count(*) as number from submission where not exists (select 1 from run"
        " where run.submission_id = submission.id) or exists (select 1 from run left join"
        " evaluation on evaluation.run_id = run.id where run.submission_id = submission.id and ("
        "run.state not in ('succeeded', 'failed', 'cancelled') or (run.state = 'succeeded' and"
        " (evaluation.id is null or evaluation.state not in ('scored', 'failed', 'cancelled')))))"
    )
    number: int = row["number"]
    return number


def board_is_missing(world: World, scored: int) -> bool:
    """Tell whether the newest board lacks a submission."""
    rows = world.read("select total_rows from leaderboard order by number desc limit 1")
    return not rows or rows[0]["total_rows"] < scored


def judge(world: World, entries: Sequence[Entry]) -> list[str]:
    """Return everything that is not as it must be, in words."""
    wrong = [finding for entry in entries for finding in _of_entry(world, entry)]
    known = {row["id"] for row in world.read("select id from submission")}
    wrong += [f"{entry.submission} is lost" for entry in entries if entry.submission not in known]
    if len(known) != len(entries):
        wrong.append(f"{len(entries)} were accepted and {len(known)} are there")
    return wrong + _of_board(world, entries) + _of_leases(world) + _of_blobs(world)


def leftovers(world: World) -> list[str]:
    """Return what is left on the host of work that is over."""
    left = []
    for state in world.states.iterdir():
        left += [str(path) for path in (state / "scratch").glob("*")]
        for slot in (state / "sandbox").glob("slot-*"):
            left += [str(path) for path in slot.iterdir()]
    left += [str(path) for path in (world.blobs / "incoming").iterdir()]
    unfinished = (world.blobs / "unfinished").rglob("*")
    left += [str(path) for path in unfinished if path.is_file() and path.name != "guard"]
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    left += [line for line in mounts if f" {world.states}/" in line]
    left += [f"a process: {words}" for words in _models(world)]
    return left + (_of_engine(world.engine) if world.engine is not None else [])


def _of_engine(engine: Engine) -> list[str]:
    """Return containers and volumes that are still there."""
    client = engine.client()
    try:
        containers = client.containers.list(all=True, filters={"label": "proctor.slots"})
        volumes = client.volumes.list(filters={"label": "proctor.slots"})
        return [f"{one.name} in Docker" for one in (*containers, *volumes)]
    finally:
        client.close()


def _of_entry(world: World, entry: Entry) -> list[str]:
    wrong: list[str] = []

    def say(what: str) -> None:
        wrong.append(f"{entry.submission} {what}")

    rows = world.read("select * from submission where id = ?", entry.submission)
    if not rows:
        return []
    if rows[0]["state"] != "accepted":
        say(f"is {rows[0]['state']}: {rows[0]['detail']}")
    if not rows[0]["charged"]:
        say("is not charged for its own doing")
    runs = world.read("select * from run where submission_id = ?", entry.submission)
    if len(runs) != 1:
        say(f"has {len(runs)} runs")
        return wrong
    run = runs[0]
    state, outcome = ("failed", "CRASH") if entry.score is None else ("succeeded", "OK")
    if (run["state"], run["outcome"]) != (state, outcome):
        say(f"ended {run['state']} {run['outcome']}: {run['detail']} after {_logs(world, run)}")
    cases = world.read("select * from case_result where run_id = ?", run["id"])
    if [case["outcome"] for case in cases] != [outcome] * run["cases_total"]:
        say(f"has cases {[(case['outcome'], case['detail']) for case in cases]}")
    evaluations = world.read("select * from evaluation where run_id = ?", run["id"])
    ends = [row["state"] for row in evaluations]
    if ends != ([] if entry.score is None else ["scored"]):
        say(f"has evaluations {ends}")
    for subject in (run, *evaluations):
        _events(world, subject["id"], subject["state"], subject["fence"], say)
    for evaluation in evaluations:
        scores = world.read(
            "select value from aggregate_score where evaluation_id = ? and metric = 'top1'",
            evaluation["id"],
        )
        if [row["value"] for row in scores] != [entry.score]:
            say(f"has scores {[row['value'] for row in scores]} and not {entry.score}")
    return wrong


def _logs(world: World, run: sqlite3.Row) -> list[str]:
    """Return the end of what a run printed at each case, for whoever looks into a finding."""
    found = []
    for row in world.read("select log from case_result where run_id = ?", run["id"]):
        path = _blob(world, json.loads(row["log"] or "{}").get("digest", ""))
        found.append(path.read_text(errors="replace")[-2000:] if path.is_file() else "")
    return found


def _events(world: World, subject: str, state: str, fence: int, say: object) -> None:
    assert callable(say)
    rows = world.read("select name, facts from event where subject = ? order by id", subject)
    ends = [row["name"] for row in rows if row["name"].partition("_")[2] in _FINAL]
    if len(ends) != 1:
        say(f"{subject} ended {ends}")
    fences = [json.loads(row["facts"]).get("fence", 0) for row in rows]
    if fences != sorted(fences) or (fences and fences[-1] != fence):
        say(f"{subject} at fence {fence} was told of in the order {fences}")


def _of_board(world: World, entries: Sequence[Entry]) -> list[str]:
    heads = world.read("select id from leaderboard order by number desc limit 1")
    if not heads:
        return ["there is no board"]
    rows = world.read(
        "select submission_id from leaderboard_row where leaderboard_id = ?", heads[0]["id"]
    )
    seen = Counter(row["submission_id"] for row in rows)
    wanted = Counter(entry.submission for entry in entries if entry.score is not None)
    return [
        f"{name} is {seen[name]} times on the board"
        for name in seen | wanted
        if seen[name] != wanted[name]
    ]


def _of_leases(world: World) -> list[str]:
    return [
        f"{row['id']} is {row['state']} and has a lease"
        for table in ("run", "evaluation")
        for row in world.read(f"select id, state from {table} where lease_until is not null")
    ]


def _of_blobs(world: World) -> list[str]:
    wrong = []
    for row in world.read("select digest, size from blob"):
        path = _blob(world, row["digest"])
        content = path.read_bytes() if path.exists() else b""
        if len(content) != row["size"] or hashlib.sha256(content).hexdigest() != path.name:
            wrong.append(f"{row['digest']} is not its bytes")
    for row in world.read("select predictions from case_result"):
        for file in json.loads(row["predictions"]).values():
            if not world.read("select 1 from blob where digest = ?", file["digest"]):
                wrong.append(f"{file['digest']} was predicted and is not here")
    return wrong


def _blob(world: World, digest: str) -> Path:
    name = digest.removeprefix("sha256:")
    return world.blobs / name[:2] / name[2:4] / name


def _models(world: World) -> list[str]:
    """Return the models that run, by what they were told of their places."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if f"PROCTOR_INPUT={world.states}/".encode() in environment:
            found.append(words.replace(b"\0", b" ").decode())
    return found
