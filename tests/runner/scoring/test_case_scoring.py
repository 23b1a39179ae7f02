"""Cases scored side by side come to what they come to one by one, or to an error with an owner."""

from __future__ import annotations

import resource
import signal
import threading
import time
from pathlib import Path

import nibabel
import numpy as np
import pytest

from proctor.spec.base import FileRef
from proctor.spec.digests import digest_bytes
from proctor.spec.limits import MIB
from proctor.spec.outcomes import Code, OrganizerError, PlatformError
from proctor.spec.work import ScoreOrder
from proctor_metrics.cases import MaskCase
from proctor_metrics.classification import Accuracy
from proctor_metrics.segmentation import HausdorffPercentile
from proctor_runner import case_scoring, memory_limit
from proctor_runner import side_by_side as crew
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
    monkeypatch.setattr(crew, "WORTH_S", -1.0)


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


def test_a_scoring_process_that_dies_is_a_failure_of_ours_that_says_how(
    tmp_path, side_by_side, monkeypatch
):
    monkeypatch.setattr(crew.proctor_metrics, "__file__", "/archive/metrics.py")
    with pytest.raises(PlatformError, match="the process that scored case 'c") as caught:
        score_cases(order(tmp_path, 4), Desk(tmp_path), no_bench, 2)
    assert caught.value.code is Code.INTERNAL
    assert "by top1, auc ended with exit status 1; it last said: found the" in caught.value.detail
    assert "in place of /archive/metrics.py" in caught.value.detail


def test_what_is_wrong_in_another_process_keeps_its_owner(tmp_path, side_by_side):
    with pytest.raises(OrganizerError) as caught:
        score_cases(order(tmp_path, 5, broken=3), Desk(tmp_path), no_bench, 2)
    assert caught.value.code is Code.REFERENCE_INVALID
    assert "c3" in caught.value.detail


def test_a_stop_ends_scoring_side_by_side(tmp_path, side_by_side):
    with pytest.raises(StoppedError):
        score_cases(order(tmp_path, 6), Desk(tmp_path, looks=2), no_bench, 2)


def test_few_quick_cases_start_no_process(tmp_path, monkeypatch):
    monkeypatch.setattr(crew, "_Crew", None)
    score_cases(order(tmp_path, 3), Desk(tmp_path), no_bench, 8)


@pytest.fixture
def endless(monkeypatch):
    """Make a metric that never ends, nor minds an error."""

    def compact(_metric, _case):
        while True:
            try:
                time.sleep(60)
            except Exception:
                continue

    monkeypatch.setattr(Accuracy, "per_item", compact)


def test_a_case_that_takes_longer_than_its_task_allows_is_the_organizers_failure(tmp_path, endless):
    asked = order(tmp_path, 3)
    asked = asked.model_copy(update={"task": asked.task.model_copy(update={"score_case_s": 0.5})})
    with pytest.raises(OrganizerError) as caught:
        score_cases(asked, Desk(tmp_path), no_bench)
    assert caught.value.code is Code.METRIC_FAILED
    assert "case 'c0' was not scored within 0.5 s" in caught.value.detail
    assert "score_case_s); metric 'top1' took" in caught.value.detail


RIGHT = np.pad(np.ones((3, 3, 3), np.uint8), 2)


def order_of_masks(folder: Path, predictions: dict[str, np.ndarray], limit_s: float) -> ScoreOrder:
    """An order of masks whose references are all the same."""
    content = nibabel.Nifti1Image(RIGHT, np.eye(4)).to_bytes()
    digest = digest_bytes(content)
    (folder / digest.removeprefix("sha256:")).write_bytes(content)
    document = order(folder, 1).model_dump(mode="json", exclude_unset=True)
    grid = {"type": "volume", "file": "{case}.nii"}
    document["task"] |= {
        "items_per_case": 1,
        "inputs": {"t1": grid},
        "outputs": {"p": {"type": "mask_image", "file": "p.nii", "grid": "t1"}},
        "reference": {"mask": {"type": "mask_image", "file": "{case}.nii"}},
        "labels": {1: "a"},
        "metrics": [
            {"id": "top1", "name": "dice", "output": "p", "reference": "mask"},
            {"id": "hd95", "name": "hd95", "output": "p", "reference": "mask", "worst": 50},
        ],
        "score_case_s": limit_s,
    }
    (case,) = document["cases"]
    reference = {"mask": {"digest": digest, "size": len(content)}}
    document["cases"] = [
        case
        | {
            "id": name,
            "group": name,
            "items": 1,
            "predictions": {"p": keep(folder, answer)},
            "reference": reference,
        }
        for name, answer in predictions.items()
    ]
    return ScoreOrder.model_validate(document)


@pytest.mark.parametrize("slow_where_right", [False, True])
def test_an_answer_that_takes_long_where_a_right_one_does_not_is_refused(
    tmp_path, monkeypatch, slow_where_right
):
    """A wrong answer takes for ever; a right one is scored at once, or takes for ever too."""
    monkeypatch.setattr(case_scoring, "_QUICK", 0.9)
    measure = HausdorffPercentile.per_item
    measure(HausdorffPercentile(), MaskCase("a", RIGHT, RIGHT, (1.0, 1.0, 1.0), {1: "a"}))

    def slow(metric, case):
        if slow_where_right or not np.array_equal(case.prediction, case.reference):
            time.sleep(60)
        return measure(metric, case)

    monkeypatch.setattr(HausdorffPercentile, "per_item", slow)
    asked = order_of_masks(tmp_path, {"a": RIGHT, "b": np.ones_like(RIGHT)}, 2.0)
    if slow_where_right:
        with pytest.raises(OrganizerError, match="metric 'hd95' took"):
            score_cases(asked, Desk(tmp_path), no_bench)
        return
    rows = score_cases(asked, Desk(tmp_path), no_bench).rows
    found = {(row.case, row.metric): (row.value, row.flag) for row in rows if row.label == "a"}
    assert found == {
        ("a", "top1"): (1.0, ""),
        ("a", "hd95"): (0.0, ""),
        ("b", "top1"): (0.0, "refused"),
        ("b", "hd95"): (50.0, "refused"),
    }


@pytest.mark.parametrize("large_where_right", [False, True])
def test_an_answer_that_takes_more_memory_than_there_is_is_refused_where_a_right_one_does_not(
    tmp_path, monkeypatch, large_where_right
):
    """Without a limit the kernel kills a process, of this work or of another's."""
    monkeypatch.setattr(case_scoring, "most_bytes", lambda processes: 256 * MIB // processes)
    measure = HausdorffPercentile.per_item
    measure(HausdorffPercentile(), MaskCase("a", RIGHT, RIGHT, (1.0, 1.0, 1.0), {1: "a"}))

    def large(metric, case):
        if large_where_right or not np.array_equal(case.prediction, case.reference):
            np.empty(2048 * MIB, np.uint8)
        return measure(metric, case)

    monkeypatch.setattr(HausdorffPercentile, "per_item", large)
    before = resource.getrlimit(resource.RLIMIT_DATA)
    asked = order_of_masks(tmp_path, {"a": RIGHT, "b": np.ones_like(RIGHT)}, 600)
    if large_where_right:
        with pytest.raises(PlatformError, match="more than 256 MiB of memory in metric 'hd95'"):
            score_cases(asked, Desk(tmp_path), no_bench)
    else:
        rows = score_cases(asked, Desk(tmp_path), no_bench).rows
        found = {(row.case, row.metric): row.flag for row in rows if row.label == "a"}
        assert found == {
            ("a", "top1"): "",
            ("a", "hd95"): "",
            ("b", "top1"): "refused",
            ("b", "hd95"): "refused",
        }
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_what_scoring_may_take_is_a_part_of_the_machine_for_each_process():
    assert 0 < memory_limit.most_bytes(4) == pytest.approx(memory_limit.most_bytes(1) / 4, abs=1)


def test_a_limit_leaves_no_alarm_behind(tmp_path):
    score_cases(order(tmp_path, 1), Desk(tmp_path), no_bench)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_thread_that_cannot_be_interrupted_scores_all_the_same(tmp_path):
    found = []
    asked = order(tmp_path, 2)
    thread = threading.Thread(
        target=lambda: found.append(score_cases(asked, Desk(tmp_path), no_bench))
    )
    thread.start()
    thread.join()
    assert found == [score_cases(asked, Desk(tmp_path), no_bench)]
