"""Every named point of a piece of work meets every fault, and nothing is lost, doubled or charged.

The faults are those of ``storm/harms.py``; what must hold afterwards is in ``storm/oracle.py``.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from storm import oracle
from storm.driver import calm, storm
from storm.engine import Engine, engine, missing
from storm.engine_harms import ENGINE_HARMS
from storm.entries import publish
from storm.harms import HARMS
from storm.visit import every_pair
from storm.world import wait_until, world

from proctor_runner.faults import FaultPoint

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.faults,
    pytest.mark.skipif(os.getuid() != 0, reason="needs root, to mount small disks"),
]

NO_FENCE = "without_a_fence"
Plan = Mapping[str, list[str]]
DOCKER_POINTS = ["claim", "create", "start", "run", "collect", "decode", "upload", "complete"]
POINTS = [point.value for point in FaultPoint]


def survive(
    folder: Path,
    challenge: Path,
    capsys: Any,
    plan: Plan,
    engine: Engine | None = None,
    mutation: str = "",
    **amount: Any,
) -> int:
    """Weather a storm, and return how many faults it had."""
    wanted = {(point, harm) for point, harms in plan.items() for harm in harms}
    began_at = time.monotonic()
    # Boards grow with every submission: 422 of them fill 96 MiB.
    options: dict[str, Any] = {"disk_bytes": max(96, amount["submissions"]) << 20}
    if engine is not None:
        options = {"sandbox": "docker", "disk_bytes": 1 << 30}
    with world(folder, engine=engine, mutation=mutation, **options) as made:
        publish(made, challenge, docker=engine is not None)
        entries, director = storm(made, plan, **amount)
        faults = sum(director.hits.values())
        with capsys.disabled():
            took_s = time.monotonic() - began_at
            print(f"\n{faults} faults over {len(entries)} submissions in {took_s:.0f} s")
            for harm in sorted({harm for _, harm in wanted}):
                hits = " ".join(f"{director.hits[point, harm]:2}" for point in POINTS)
                print(f"{harm:22} {hits} {director.took_s[harm]:6.1f} s")
        assert not director.errors, director.errors
        assert oracle.judge(made, entries) == []
        assert wanted - set(director.hits) == set()
        assert len(entries) >= amount["submissions"]
        wait_until(lambda: not oracle.leftovers(made), str(oracle.leftovers(made)))
    return faults


@pytest.mark.parametrize(
    ("seed", "submissions", "rounds"),
    [(1, 100, 1), pytest.param(2, 500, 3, marks=pytest.mark.slow)],
)
def test_every_fault_at_every_point_costs_nobody_anything(
    short_path: Path,
    one_case: Path,
    capsys: pytest.CaptureFixture[str],
    seed: int,
    submissions: int,
    rounds: int,
) -> None:
    generator = random.Random(int(os.environ.get("PROCTOR_TEST_SEED", seed)))
    plan = every_pair(POINTS, list(HARMS), rounds, generator)
    amount = {"submissions": submissions, "patience_s": 6 * submissions, "generator": generator}
    assert survive(short_path, one_case, capsys, plan, **amount) >= submissions


@pytest.mark.slow
@pytest.mark.docker
@pytest.mark.skipif(bool(missing()), reason=f"{missing()} is not installed")
def test_every_fault_of_docker_at_every_point_costs_nobody_anything(
    short_path: Path, one_case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = random.Random(4)
    of_containers = ["container_killed", "container_removed"]
    of_daemons = [harm for harm in ENGINE_HARMS if harm not in of_containers]
    plan = every_pair(DOCKER_POINTS, of_daemons, 1, generator)
    plan["start"] += of_containers
    plan["run"] += of_containers[1:]
    amount = {"submissions": 20, "patience_s": 1200, "generator": generator}
    with engine(short_path / "e") as made:
        assert survive(short_path, one_case, capsys, plan, made, **amount) >= len(DOCKER_POINTS)


def test_the_oracle_sees_a_platform_without_a_fence(short_path: Path, one_case: Path) -> None:
    """Reports of attempts that are over are heard again, which a fence makes harmless."""
    with world(short_path, mutation=NO_FENCE) as made:
        publish(made, one_case, docker=False)
        entries = calm(made, submissions=2)
        for message in made.proxy.heard:
            made.proxy.pass_on(message)
        assert any("has evaluations" in finding for finding in oracle.judge(made, entries))


@pytest.mark.slow
def test_no_platform_without_a_fence_comes_through_a_storm(
    short_path: Path, one_case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = random.Random(5)
    plan = every_pair(POINTS, ["messages_stale", "messages_reordered"], 1, generator)
    amount = {"submissions": 20, "patience_s": 60, "settle_s": 5, "generator": generator}
    with pytest.raises(AssertionError, match=r"has evaluations|ended \[|was told of"):
        survive(short_path, one_case, capsys, plan, mutation=NO_FENCE, **amount)
