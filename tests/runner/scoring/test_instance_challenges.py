"""A challenge of instances from its files to its scores, and masks scored object by object."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import yaml

from proctor.spec.challenge import ChallengeSpec
from proctor_runner.checks import check_challenge
from proctor_runner.local import run_local

MODEL = """
class Model:
    def predict(self, inputs):
        # The first object is right; the second is cut in two halves, of which neither is it.
        found = inputs["t1"].data.copy().astype(int)
        found[5:, 4:6, 1:3] = 0
        found[5:, 4, 1:3] = BASE + 8
        found[5:, 5, 1:3] = BASE + 9
        return found
"""
MAPS = [
    {"id": "pq", "name": "panoptic_quality"},
    {"id": "each", "name": "item_panoptic_quality", "parameters": {"part": "rq"}},
    {"id": "count", "name": "instance_count_error", "worst": 50},
]
MASKS = [
    {"id": "f1", "name": "item_instance_f_score", "parameters": {"components": 6}},
    {"id": "dice", "name": "lesion_wise_dice", "parameters": {"dilations": 0, "smallest_mm3": 1}},
    {"id": "hd95", "name": "lesion_wise_hd95", "parameters": {"dilations": 0, "smallest_mm3": 1}},
]


def write(folder: Path, base: int, kind: str, metrics: list[dict], labels: dict) -> Path:
    """Write a challenge of two cases with two objects each; the image shows their numbers."""
    numbers = np.zeros((8, 8, 4), dtype=np.int32)
    numbers[1:3, 1:3, 1:3] = base + 3
    numbers[5:, 4:6, 1:3] = base + 7
    if kind == "mask_image":
        numbers = (numbers > 0).astype(np.int32)
    divisor = {"class_divisor": 1000} if base else {}
    for split in ("hidden", "sample"):
        for part in ("inputs", "reference"):
            (folder / split / part).mkdir(parents=True)
            for case in ("c1", "c2"):
                image = nibabel.Nifti1Image(numbers, np.eye(4))
                image.to_filename(folder / split / part / f"{case}.nii.gz")
    model = folder / "baseline"
    model.mkdir()
    text = MODEL.replace("BASE", str(base))
    if kind == "mask_image":
        text = text.replace("0 + 8", "1").replace("0 + 9", "0")
    (model / "model.py").write_text(text)
    (model / "model.json").write_text(json.dumps({"name": "halves", "runtime": "runtime-cpu"}))
    task = {
        "slug": "find",
        "title": "Find",
        "inputs": {"t1": {"type": "volume", "file": "{case}.nii.gz"}},
        "outputs": {"out": {"type": kind, "file": "seg.nii.gz", "grid": "t1"} | divisor},
        "reference": {"ref": {"type": kind, "file": "{case}.nii.gz"} | divisor},
        "labels": labels,
        "data": {
            split: {"inputs": f"{split}/inputs", "reference": f"{split}/reference"}
            for split in ("hidden", "sample")
        },
        "metrics": [metric | {"output": "out", "reference": "ref"} for metric in metrics],
        "primary": metrics[0]["id"],
    }
    document = {
        "schema": 1,
        "slug": "objects",
        "title": "Objects",
        "runtimes": ["runtime-cpu"],
        "baselines": ["baseline"],
        "tasks": [task],
        "phases": [
            {
                "slug": "main",
                "title": "Main",
                "tasks": ["find"],
                "opens_at": "2026-01-01T00:00:00Z",
                "closes_at": "2027-01-01T00:00:00Z",
                "ranking": {"bootstrap": {"samples": 100}},
            }
        ],
    }
    (folder / "challenge.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return folder


def scores(folder: Path) -> dict[str, float | None]:
    assert [problem.message for problem in check_challenge(folder, allow_identifiers=True)] == []
    (report,) = run_local(folder, folder / "baseline", sandbox="process")
    assert {case.outcome for case in report.cases} == {"OK"}
    assert report.scores is not None
    return {f"{one.metric}/{one.label}": one.value for one in report.scores.aggregates}


@pytest.mark.parametrize("base", [0, 2000])
def test_a_challenge_of_instances_is_checked_run_and_scored(tmp_path: Path, base: int) -> None:
    """One of two objects is found; the halves of the other have an IoU of 0.5, which is no pair."""
    found = scores(write(tmp_path / "c", base, "instances", MAPS, {2: "cell"}))
    half = 1 / (1 + 2 / 2 + 1 / 2)
    assert found["pq/mean"] == pytest.approx(half)
    assert found["each/cell"] == pytest.approx(half)
    assert found["count/cell"] == 1


def test_a_mask_is_scored_object_by_object(tmp_path: Path) -> None:
    """Of the second object half is found: no pair, but a lesion with a Dice of 2/3."""
    found = scores(write(tmp_path / "c", 0, "mask_image", MASKS, {1: "lesion"}))
    assert found["f1/lesion"] == 0.5
    assert found["dice/lesion"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["hd95/lesion"] == pytest.approx(0.5)


def test_what_a_set_is_counted_on_has_to_be_maps(tmp_path: Path) -> None:
    folder = write(tmp_path / "c", 0, "mask_image", MAPS[:1], {1: "lesion"})
    (problem,) = check_challenge(folder, allow_identifiers=True)
    assert problem.message == (
        "panoptic_quality compares instances with instances, not mask_image with mask_image"
    )


def test_an_object_of_no_class_is_told_at_the_check(tmp_path: Path) -> None:
    folder = write(tmp_path / "c", 2000, "instances", MAPS, {1: "cell", 3: "owl"})
    found = {problem.message for problem in check_challenge(folder, allow_identifiers=True)}
    assert any("holds an object of class 2, which the task's labels do not" in one for one in found)


def test_several_classes_need_a_divisor(tmp_path: Path) -> None:
    folder = write(tmp_path / "c", 0, "instances", MAPS, {1: "cell", 2: "owl"})
    (problem,) = check_challenge(folder)
    assert "instances of 2 labels need a class_divisor" in problem.message
    document = yaml.safe_load((folder / "challenge.yaml").read_text())
    document["tasks"][0]["outputs"]["out"]["type"] = "mask_image"
    document["tasks"][0]["outputs"]["out"]["class_divisor"] = 10
    with pytest.raises(ValueError, match="class_divisor is for instances"):
        ChallengeSpec.model_validate(document)
