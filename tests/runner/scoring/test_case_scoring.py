"""Cases scored side by side come to what they come to one by one, or to an error with an owner."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from proctor.spec.base import FileRef
from proctor.spec.digests import digest_bytes
from proctor.spec.outcomes import Code, OrganizerError, PlatformError
from proctor.spec.work import ScoreOrder
from proctor_runner import case_scoring
from proctor_runner.desk import StoppedError
from proctor_runner.score_work import score_cases


class Desk:
    """Hands out files of a folder, and says stop after so many looks."""

    def __init__(self, folder: Path, looks: int = 1_000_000) -> None:
        self.folder, self.looks, self.most_done = folder, looks, 0

    def fetch(self, file: FileRef) -> Path:
        return self.folder / file.digest.removeprefix("sha256:")

    def progress(self, stage: str, cases_done: int, cases_total: int) -> None:
        self.most_done = max(self.most_done, cases_done)

    def stopped(self) -> bool:
        self.looks -= 1
        return self.looks < 0


@pytest.fixture
def side_by_side(monkeypatch):
    """Start processes after the first case, whatever it took."""
    monkeypatch.setattr(case_scoring, "WORTH_S", -1.0)


def keep(folder: Path, array: np.ndarray) -> dict[str, object]:
    path = folder / "new.npy"
    np.save(path, array)
    content = path.read_bytes()
    digest = digest_bytes(content)
    path.rename(folder / digest.removeprefix("sha256:"))
    return {"digest": digest, "size": len(content)}


def order(folder: Path, n_cases: int, broken: int | None = None) -> ScoreOrder:
    draws = np.random.RandomState(0)
    task = {
        "slug": "sort",
        "title": "Sort",
        "items_per_case": 4,
        "inputs": {"images": {"type": "array", "file": "{case}.npy"}},
        "outputs": {"p": {"type": "table", "file": "p.csv", "columns": ["a", "b"]}},
        "reference": {"labels": {"type": "labels", "file": "{case}.npy"}},
        "labels": {0: "a", 1: "b"},
        "data": {
            "hidden": {"inputs": "", "reference": ""},
            "sample": {"inputs": "", "reference": ""},
        },
        "metrics": [
            {"id": "top1", "name": "accuracy", "output": "p", "reference": "labels"},
            {"id": "auc", "name": "auroc", "output": "p", "reference": "labels"},
        ],
        "primary": "top1",
    }
    cases = [
        {
            "id": f"c{number}",
            "group": f"c{number}",
            "strata": {},
            "items": 4,
            "outcome": "OK" if number != 2 else "CRASH",
            "predictions": {"p": keep(folder, draws.rand(4, 2))},
            "reference": {
                "labels": keep(folder, np.array([0, 1, 1, 9 if number == broken else 0]))
            },
        }
        for number in range(n_cases)
    ]
    return ScoreOrder.model_validate(
        {
            "id": "eva_1",
            "fence": 1,
            "token": "",
            "lease_s": 0,
            "run": "run_1",
            "challenge": "tiny",
            "task": task,
            "cases": cases,
            "inputs_digest": "sha256:" + "0" * 64,
            "bootstrap": {"samples": 100},
        }
    )


def no_bench():
    raise AssertionError("no metric here needs a sandbox")


def test_the_number_of_processes_changes_no_number(tmp_path, side_by_side):
    asked = order(tmp_path, 7)
    one_by_one = score_cases(asked, Desk(tmp_path), no_bench)
    desk = Desk(tmp_path)
    assert score_cases(asked, desk, no_bench, 2) == one_by_one
    assert desk.most_done == 7


def test_a_scoring_process_that_dies_is_a_failure_of_ours(tmp_path, side_by_side, monkeypatch):
    elsewhere = SimpleNamespace(__file__="other metrics than the process finds, so that it ends")
    monkeypatch.setattr(case_scoring, "proctor_metrics", elsewhere)
    with pytest.raises(PlatformError, match="a process died that scored case 'c") as caught:
        score_cases(order(tmp_path, 4), Desk(tmp_path), no_bench, 2)
    assert caught.value.code is Code.INTERNAL


def test_a_pool_that_broke_before_it_is_given_a_case_is_a_failure_of_ours(
    tmp_path, side_by_side, monkeypatch
):
    def broken(*_given):
        raise BrokenProcessPool("it broke a moment ago")

    monkeypatch.setattr(ProcessPoolExecutor, "submit", broken)
    with pytest.raises(PlatformError, match="a process died that scored case 'c") as caught:
        score_cases(order(tmp_path, 4), Desk(tmp_path), no_bench, 2)
    assert caught.value.code is Code.INTERNAL


def test_what_is_wrong_in_another_process_keeps_its_owner(tmp_path, side_by_side):
    with pytest.raises(OrganizerError) as caught:
        score_cases(order(tmp_path, 5, broken=3), Desk(tmp_path), no_bench, 2)
    assert caught.value.code is Code.REFERENCE_INVALID
    assert "c3" in caught.value.detail


def test_a_stop_ends_scoring_side_by_side(tmp_path, side_by_side):
    with pytest.raises(StoppedError):
        score_cases(order(tmp_path, 6), Desk(tmp_path, looks=2), no_bench, 2)


def test_few_quick_cases_start_no_process(tmp_path, monkeypatch):
    monkeypatch.setattr(case_scoring, "_pool", None)
    score_cases(order(tmp_path, 3), Desk(tmp_path), no_bench, 8)
