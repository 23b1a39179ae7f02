"""Every named point of a piece of work meets every fault, and nothing is lost, doubled or charged.

The faults are those of ``storm/harms.py``; what must hold afterwards is in ``storm/oracle.py``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from storm import oracle
from storm.driver import calm, storm
from storm.entries import publish
from storm.harms import HARMS
from storm.world import wait_until, world

from proctor_runner.faults import FaultPoint

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.faults,
    pytest.mark.skipif(os.getuid() != 0, reason="needs root, to mount small disks"),
]

POINTS = [point.value for point in FaultPoint]


@pytest.fixture
def one_case(write_challenge: Callable[..., Path], tmp_path: Path) -> Path:
    """The folder of a challenge of one case, in which everybody may enter once."""
    folder = write_challenge(tmp_path / "half", "half", quota={"total": 1})
    for split in ("hidden", "sample"):
        for path in (folder / "data" / split).rglob("*.npy"):
            if path.name != "c1.npy":
                path.unlink()
    return folder


@pytest.fixture
def short_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose sockets have short names."""
    folder = tmp_path_factory.mktemp("f")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def survive(folder: Path, challenge: Path, capsys: Any, seed: int, **amount: Any) -> None:
    with world(folder) as made:
        publish(made, challenge, docker=False)
        entries, director = storm(made, POINTS, list(HARMS), seed=seed, **amount)
        with capsys.disabled():
            print(f"\n{sum(director.hits.values())} faults over {len(entries)} submissions")
            for harm in HARMS:
                print(f"{harm:22}", *(f"{director.hits[point, harm]:3}" for point in POINTS))
        assert not director.errors, director.errors
        assert oracle.judge(made, entries) == []
        unhit = [(p, h) for p in POINTS for h in HARMS if not director.hits[p, h]]
        assert unhit == []
        wait_until(lambda: not oracle.leftovers(made), str(oracle.leftovers(made)), 30)


@pytest.mark.slow
def test_every_fault_at_every_point_costs_nobody_anything(
    short_path: Path, one_case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    survive(short_path, one_case, capsys, 1, submissions=100, rounds=1, patience_s=900)


@pytest.mark.slow
def test_five_hundred_faults_over_five_hundred_submissions_cost_nobody_anything(
    short_path: Path, one_case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    survive(short_path, one_case, capsys, 2, submissions=500, rounds=3, patience_s=1800)


def test_the_oracle_sees_a_platform_without_a_fence(short_path: Path, one_case: Path) -> None:
    """Reports of attempts that are over are heard again, which a fence makes harmless."""

    def findings(name: str, mutation: str) -> list[str]:
        folder = short_path / name
        folder.mkdir()
        with world(folder, mutation=mutation) as made:
            publish(made, one_case, docker=False)
            entries = calm(made, submissions=2)
            for message in made.proxy.heard:
                made.proxy.pass_on(message)
            return oracle.judge(made, entries)

    assert findings("a", mutation="") == []
    assert any("has evaluations" in finding for finding in findings("b", "without_a_fence"))
