"""Whose turn it is: participants alternate, caps hold, and only work that fits is handed out."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

GB = 1_000_000_000


def gpu(uuid: str = "GPU-1", vram_gb: int = 24, name: str = "NVIDIA A10") -> dict[str, Any]:
    return {
        "uuid": uuid,
        "name": name,
        "vram_bytes": vram_gb * GB,
        "compute_capability": "8.6",
        "driver": "535.104.5",
    }


def facts(*gpus: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "version": "1",
        "role": "run",
        "slots": 1,
        "sandbox": "docker",
        "host": "h",
        "gpus": list(gpus),
        "cache_bytes": 1,
        **fields,
    }


@pytest.fixture
def opened(
    tiny: Any, organizer: Any, tiny_phase: Callable[..., dict[str, Any]]
) -> Callable[..., Any]:
    """Publish the tiny challenge with a phase of this kind that has no quota."""

    def publish(**changes: Any) -> Any:
        answer = tiny.publish(
            organizer, phases=[tiny_phase(quota={"per_day": None}, tryout=False, **changes)]
        )
        assert answer.status_code == 201, answer.text
        return tiny

    return publish


def submit(challenge: Any, who: Any) -> str:
    answer = who.submit(challenge.model, challenge.card)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["runs"][0]["id"])


def enter_all(challenge: Any, who: Any, times: int) -> list[str]:
    first = challenge.enter(who)
    assert first.status_code == 201, first.text
    return [first.json()["runs"][0]["id"], *(submit(challenge, who) for _ in range(times - 1))]


def submit_first(challenge: Any, who: Any) -> str:
    return enter_all(challenge, who, 1)[0]


def finish(held: Any) -> None:
    for case in held.order["cases"]:
        held.case(case["id"])
    assert held.complete_run().status_code == 204


def test_a_hundred_jobs_of_one_delay_the_first_of_another_by_one_job(
    opened: Any, fake: Any, participant: Any, other: Any
) -> None:
    challenge = opened()
    many = enter_all(challenge, participant, 100)
    finish(fake.claim())
    begun = fake.claim()
    late = submit_first(challenge, other)
    finish(begun)
    assert [begun.id, fake.claim().id] == [many[1], late]


def test_participants_alternate_whoever_came_first(
    opened: Any, fake: Any, participant: Any, other: Any
) -> None:
    challenge = opened()
    first, second = enter_all(challenge, participant, 3), enter_all(challenge, other, 3)
    done = []
    for _ in range(6):
        held = fake.claim()
        done.append(held.id)
        finish(held)
    assert done == [first[0], second[0], first[1], second[1], first[2], second[2]]


def test_whoever_has_fewer_runs_going_on_is_next(
    opened: Any, fake: Any, participant: Any, other: Any
) -> None:
    challenge = opened()
    enter_all(challenge, participant, 4)
    busy = [fake.claim(), fake.claim()]
    theirs = enter_all(challenge, other, 3)
    assert [fake.claim().id, fake.claim().id] == theirs[:2]
    assert len(busy) == 2


def test_a_phase_says_how_many_runs_of_one_participant_go_on_at_once(
    opened: Any, fake: Any, participant: Any, other: Any
) -> None:
    challenge = opened(running=2)
    mine = enter_all(challenge, participant, 4)
    first, second = fake.claim(), fake.claim()
    assert {first.id, second.id} == set(mine[:2])
    assert fake.ask().status_code == 204
    theirs = submit_first(challenge, other)
    assert fake.claim().id == theirs
    assert fake.ask().status_code == 204
    finish(second)
    assert fake.claim().id == mine[2]
    assert fake.ask().status_code == 204


def test_eight_claimers_share_eight_runs_and_none_goes_home_without(
    opened: Any, fake: Any, participant: Any
) -> None:
    runs = enter_all(opened(), participant, 8)
    with ThreadPoolExecutor(8) as pool:
        held = list(pool.map(lambda _: fake.claim().id, range(8)))
    assert sorted(held) == sorted(runs)


def test_eight_claimers_at_once_keep_the_cap(opened: Any, fake: Any, participant: Any) -> None:
    enter_all(opened(running=2), participant, 8)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: fake.ask().status_code, range(8)))
    # Two of one moment may each see the other and leave both places for the next to ask.
    begun = answers.count(200) + sum(fake.ask().status_code == 200 for _ in range(2))
    assert begun == 2


def test_scorings_take_turns_as_well(opened: Any, fake: Any, participant: Any, other: Any) -> None:
    challenge = opened()
    enter_all(challenge, participant, 3)
    for _ in range(3):
        finish(fake.claim())
    submit_first(challenge, other)
    late = fake.claim()
    finish(late)
    assert [fake.claim("score").order["run"] == late.id for _ in range(2)] == [False, True]


@pytest.mark.parametrize(
    ("asked", "given", "served"),
    [
        ({}, [gpu()], True),
        ({}, [], False),
        ({"min_vram_bytes": 40 * GB}, [gpu(vram_gb=24)], False),
        ({"min_vram_bytes": 40 * GB}, [gpu(vram_gb=80)], True),
        ({"count": 2}, [gpu("GPU-1"), gpu("GPU-2")], True),
        ({"count": 2, "min_vram_bytes": 40 * GB}, [gpu("GPU-1", 80), gpu("GPU-2", 24)], False),
        ({"models": ["H100", "a10"]}, [gpu()], True),
        ({"models": ["H100"]}, [gpu()], False),
        ({"min_compute_capability": "8.6"}, [gpu()], True),
        ({"min_compute_capability": "9.0"}, [gpu()], False),
        ({"min_compute_capability": "10.0"}, [gpu()], False),
        ({"min_driver": "535.104"}, [gpu()], True),
        ({"min_driver": "550"}, [gpu()], False),
    ],
)
def test_only_a_worker_whose_gpus_fit_gets_the_work(
    opened: Any,
    fake: Any,
    participant: Any,
    asked: dict[str, Any],
    given: list[dict[str, Any]],
    served: bool,
) -> None:
    enter_all(opened(limits={"gpu": asked}), participant, 1)
    assert fake.ask().status_code == 204
    answer = fake.ask("run.gpu", facts=facts(*given))
    assert answer.status_code == (200 if served else 204)


def test_work_that_nobody_can_do_holds_up_nothing_that_somebody_can(
    tiny: Any, organizer: Any, tiny_phase: Any, fake: Any, participant: Any
) -> None:
    phases = [
        tiny_phase(tryout=False, limits={"gpu": {"min_vram_bytes": 80 * GB}}),
        tiny_phase("small", tryout=False, limits={"gpu": {"count": 1}}),
    ]
    assert tiny.publish(organizer, phases=phases).status_code == 201
    tiny.enter(participant)
    small = participant.submit(tiny.model, tiny.card, phase="small").json()["runs"][0]["id"]
    assert fake.claim("run.gpu", facts=facts(gpu())).id == small


def test_a_bare_number_of_gpus_is_short_for_their_count(
    opened: Any, tiny_phase: Any, organizer: Any, fake: Any, participant: Any
) -> None:
    challenge = opened(limits={"gpus": 2})
    enter_all(challenge, participant, 1)
    assert fake.ask("run.gpu", facts=facts(gpu())).status_code == 204
    assert fake.ask("run.gpu", facts=facts(gpu("GPU-1"), gpu("GPU-2"))).status_code == 200
    both = tiny_phase(limits={"gpus": 1, "gpu": {"count": 1}})
    answer = challenge.publish(organizer, phases=[both])
    assert answer.status_code == 422
    assert "gpus is the short form of gpu" in answer.text
