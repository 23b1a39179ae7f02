"""Workers as admins and waiting participants see them, and workers that wait over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import update

from proctor.spec.work import Role
from proctor_platform.clock import now
from proctor_platform.database import Database
from proctor_platform.tables import Worker

GB = 1_000_000_000
LONGEST_WAIT_S = 120


def gpu(uuid: str = "GPU-1", vram_gb: int = 24) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "name": "NVIDIA A10",
        "vram_bytes": vram_gb * GB,
        "compute_capability": "8.6",
        "driver": "535.104.5",
    }


def facts(*gpus: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "1",
        "role": "run",
        "slots": 1,
        "sandbox": "docker",
        "host": "h",
        "gpus": list(gpus),
        "cache_bytes": 1,
    }


@pytest.fixture
def direct(tiny: Any, organizer: Any, tiny_phase: Any) -> Any:
    """Publish the tiny challenge without try-outs, with changes to its phase."""

    def publish(**changes: Any) -> Any:
        answer = tiny.publish(organizer, phases=[tiny_phase(tryout=False, **changes)])
        assert answer.status_code == 201, answer.text
        return tiny

    return publish


def listed(admin: Any) -> dict[str, tuple[str, str | None]]:
    answer = admin.get("/workers")
    assert answer.status_code == 200, answer.text
    return {row["name"]: (row["state"], row["work"]) for row in answer.json()}


def why_it_waits(participant: Any) -> str:
    return str(participant.get("/submissions").json()["items"][0]["runs"][0]["waiting"])


def test_admins_see_which_worker_is_idle_busy_or_silent(
    direct: Any, fake: Any, admin: Any, participant: Any, database: Database
) -> None:
    for name in ("a", "b", "c"):
        assert fake.ask(worker=name, facts=facts()).status_code == 204
    with database.writing() as session:
        session.execute(update(Worker).where(Worker.name == "c").values(seen_at=now(-61)))
        session.commit()
    direct().enter(participant)
    held = fake.claim(worker="b", facts=facts())
    assert listed(admin) == {"a": ("idle", None), "b": ("busy", held.id), "c": ("silent", None)}
    for case in held.order["cases"]:
        held.case(case["id"])
    held.complete_run()
    assert listed(admin)["b"] == ("idle", None)


def test_what_a_worker_says_of_itself_is_shown_as_it_said_it_last(fake: Any, admin: Any) -> None:
    fake.ask(facts=facts())
    fake.ask("run.gpu", facts=facts(gpu()) | {"problems": ["Slot 0 is set aside: it is stuck."]})
    (row,) = admin.get("/workers").json()
    assert (row["queue"], row["facts"]["gpus"]) == ("run.gpu", [gpu()])
    assert row["facts"]["problems"] == ["Slot 0 is set aside: it is stuck."]


def test_a_heartbeat_keeps_a_busy_worker_from_being_silent(
    direct: Any, fake: Any, admin: Any, participant: Any, database: Database
) -> None:
    direct().enter(participant)
    held = fake.claim(facts=facts())
    with database.writing() as session:
        session.execute(update(Worker).values(seen_at=now(-61)))
        session.commit()
    assert listed(admin)["w"] == ("silent", held.id)
    held.beat()
    assert listed(admin)["w"] == ("busy", held.id)


@pytest.mark.parametrize("role", list(Role))
def test_a_workers_token_says_what_it_is_good_for(worker: Any, role: Role) -> None:
    assert worker(role).get("/workers/me").json()["role"] == role.value


@pytest.mark.parametrize(
    ("asked", "gpus", "sentence"),
    [
        (
            {"min_vram_bytes": 40 * GB},
            [gpu()],
            "No worker with a GPU of ≥ 40 GB; the largest is 24 GB (worker w).",
        ),
        ({"count": 1}, [], "No worker with a GPU; no worker has any."),
        ({"count": 1}, None, "No worker with a GPU; no worker has any."),
        (
            {"count": 2},
            [gpu()],
            "No worker with 2 GPUs; w has NVIDIA A10 with 24 GB, compute capability 8.6,"
            " driver 535.104.5.",
        ),
        ({"min_vram_bytes": 24 * GB}, [gpu()], ""),
    ],
)
def test_its_owner_reads_why_a_run_finds_no_gpu(
    direct: Any, fake: Any, participant: Any, asked: Any, gpus: Any, sentence: str
) -> None:
    if gpus is not None:
        fake.ask("run.gpu", facts=facts(*gpus))
    direct(limits={"gpu": asked}).enter(participant)
    assert why_it_waits(participant) == sentence


def test_its_owner_reads_that_no_worker_is_there_or_that_enough_goes_on(
    direct: Any, fake: Any, participant: Any
) -> None:
    challenge = direct(running=1)
    challenge.enter(participant)
    assert why_it_waits(participant) == "No worker is connected that takes such runs."
    fake.claim(facts=facts())
    participant.submit(challenge.model, challenge.card)
    assert why_it_waits(participant) == (
        "At most 1 of one participant's runs are carried out at once; so many go on now."
    )


def test_a_worker_that_waits_is_answered_as_soon_as_there_is_work(
    direct: Any, fake: Any, participant: Any, app: Any, eventually: Any
) -> None:
    challenge = direct()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(fake.claim, wait_s=30)
        eventually(lambda: is_waited_in(app, 1))
        run = challenge.enter(participant).json()["runs"][0]["id"]
        assert waiting.result(LONGEST_WAIT_S).id == run


def test_a_worker_that_waits_in_vain_is_told_so_in_time(direct: Any, fake: Any) -> None:
    assert fake.ask(wait_s=0.2).status_code == 204
    assert fake.ask(wait_s=31).status_code == 422


def test_more_workers_wait_than_the_server_has_threads_and_connections(
    direct: Any, fake: Any, participant: Any, app: Any, eventually: Any
) -> None:
    challenge, workers = direct(), 48
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(fake.ask, wait_s=30) for _ in range(workers)]
        eventually(lambda: is_waited_in(app, workers))
        assert participant.get("/me").status_code == 200
        assert database_connections(app) == 0
        challenge.enter(participant)
        eventually(lambda: any(future.done() for future in waiting))
        app.state.waiting_room.close()
        answers = sorted(future.result(LONGEST_WAIT_S).status_code for future in waiting)
    assert answers == [200] + [204] * (workers - 1)


def is_waited_in(app: Any, workers: int) -> bool:
    return sum(len(seats) for seats in app.state.waiting_room._seats.values()) == workers


def database_connections(app: Any) -> int:
    return int(app.state.database.engine.pool.checkedout())
