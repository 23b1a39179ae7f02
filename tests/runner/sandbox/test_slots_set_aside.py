"""A slot whose container stays is set aside until it is gone, and the next job has another one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError, NotFound
from requests.exceptions import ConnectionError as DaemonAway

from proctor.spec.outcomes import PlatformError
from proctor.spec.work import Queue, Role, WorkerFacts
from proctor_runner.doctor.examination import describe_slots
from proctor_runner.doctor.findings import Standing
from proctor_runner.faults import Faults
from proctor_runner.jobs import WorkContext
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.leftovers import SLOT_LABEL, SLOTS_LABEL, container_name
from proctor_runner.sandbox.slots import Slots


class FakeEngine:
    """Has the container of each slot that is named, and removes those that are not stuck."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self.stuck: set[int] = set()
        self.there: set[int] = set()
        self.answers = True

    def info(self) -> dict[str, Any]:
        return {}

    def ping(self) -> None:
        if not self.answers:
            raise DaemonAway("no daemon")

    def remove_container(self, name: str, **_: Any) -> None:
        number = int(name.rpartition("-")[2]) if name[-1].isdecimal() else -1
        if not self.answers:
            raise DaemonAway("no daemon")
        if number in self.stuck:
            raise APIError("could not kill: tried to kill container, but got no exit event")
        if number not in self.there:
            raise NotFound("none")
        self.there.remove(number)

    def remove_volume(self, name: str, **_: Any) -> None:
        raise NotFound(name)

    def containers(self, **_: Any) -> list[dict[str, Any]]:
        return [
            {
                "Names": [f"/{container_name(self._slots.id, number)}"],
                "Labels": {SLOTS_LABEL: self._slots.id, SLOT_LABEL: str(number)},
            }
            for number in sorted(self.there | self.stuck)
        ]

    def volumes(self, **_: Any) -> dict[str, Any]:
        return {"Volumes": []}


@pytest.fixture
def slots(tmp_path: Path) -> Slots:
    return Slots(tmp_path / "slots")


@pytest.fixture
def engine(slots: Slots) -> FakeEngine:
    return FakeEngine(slots)


def open_sandbox(engine: FakeEngine, slots: Slots, tmp_path: Path) -> DockerSandbox:
    client: Any = SimpleNamespace(api=engine)
    return DockerSandbox(client, tmp_path / "state", slots)


def held(slots: Slots) -> list[int]:
    found = []
    for number in range(4):
        with slots.if_free(number) as slot:
            if slot is None:
                found.append(number)
    return found


def test_the_next_job_has_another_slot_until_the_container_is_gone(
    engine: FakeEngine, slots: Slots, tmp_path: Path
) -> None:
    engine.stuck = {0}
    first = open_sandbox(engine, slots, tmp_path)
    assert held(slots) == [1]
    assert "could not kill" in slots.aside()[0]
    second = open_sandbox(engine, slots, tmp_path)
    assert held(slots) == [1, 2]

    with pytest.raises(PlatformError, match="could not kill"):
        first.sweep()
    assert list(slots.aside()) == [0]
    engine.stuck = set()
    first.sweep()
    assert slots.aside() == {}
    third = open_sandbox(engine, slots, tmp_path)
    assert held(slots) == [0, 1, 2]
    for sandbox in (first, second, third):
        sandbox.close()


def test_a_container_that_stays_keeps_no_other_from_being_removed(
    engine: FakeEngine, slots: Slots, tmp_path: Path
) -> None:
    sandbox = open_sandbox(engine, slots, tmp_path)
    engine.stuck, engine.there = {1}, {2, 3}
    with pytest.raises(PlatformError, match="could not kill"):
        sandbox.sweep()
    assert (engine.there, list(slots.aside())) == (set(), [1])
    sandbox.close()


def test_a_daemon_that_is_away_sets_no_slot_aside(
    engine: FakeEngine, slots: Slots, tmp_path: Path
) -> None:
    engine.answers = False
    with pytest.raises(PlatformError, match="no daemon"):
        open_sandbox(engine, slots, tmp_path)
    assert (slots.aside(), held(slots)) == ({}, [])


def test_operators_are_told_of_a_slot_that_is_set_aside(
    engine: FakeEngine, slots: Slots, tmp_path: Path
) -> None:
    context = WorkContext(
        api=None,  # type: ignore[arg-type]
        queue=Queue.RUN_CPU,
        worker="w",
        state=tmp_path,
        cache_bytes=1,
        workshop=None,  # type: ignore[arg-type]
        faults=Faults(),
        facts=WorkerFacts(
            version="1", role=Role.RUN, slots=1, sandbox="docker", host="h", cache_bytes=1
        ),
        problems=slots.told_aside,
    )
    assert describe_slots(slots).standing is Standing.FACT
    claim = context.claim()
    assert claim.facts is not None
    assert claim.facts.problems == ()

    engine.stuck = {0}
    open_sandbox(engine, slots, tmp_path).close()
    finding, claim = describe_slots(slots), context.claim()
    assert finding.standing is Standing.ADVICE
    assert "Slot 0 is set aside" in finding.found
    assert claim.facts is not None
    assert claim.facts.problems == (finding.found,)
