"""Heatmaps, vectors, contours and documents from a model's answer to its scores."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import yaml

from proctor_runner.checks import check_challenge
from proctor_runner.local import run_local

MODEL = """
import numpy as np

class Model:
    def predict(self, inputs):
        if "ages" in inputs:
            numbers = inputs["ages"] + np.array([0.0, 0.0, 1.0])
            return {"numbers": numbers, "said": {"total": numbers.sum(), "of": ["ages"]}}
        outline = [[1, 1, 1], [3, 1, 1], [3, 3, 1], [1, 3, 1]]
        return {
            "heat": inputs["t1"].data + 0.5,
            "outlines": [{"label": "cell", "points": outline}],
        }
"""
OWN = """
def score(prediction, reference, case):
    assert prediction["of"] == ["ages"]
    return abs(prediction["total"] - reference.sum()) + 0 * reference[:, 0]
"""
METRICS = [
    {"id": "auroc", "name": "voxel_auroc", "output": "heat", "reference": "mask"},
    {"id": "ap", "name": "voxel_average_precision", "output": "heat", "reference": "mask"},
    {"id": "error", "name": "image_mae", "output": "heat", "reference": "image", "worst": 9},
    {"id": "dice", "name": "dice", "output": "outlines", "reference": "mask"},
]


DATA = {
    split: {"inputs": f"{split}/inputs", "reference": f"{split}/reference"}
    for split in ("hidden", "sample")
}


def write(folder: Path) -> Path:
    """Write a task whose mask is a square of 2 x 2 voxels in slice 1, shown as it is, and another
    whose three numbers are.
    """
    mask = np.zeros((5, 5, 3), dtype=np.uint8)
    mask[1:3, 1:3, 1] = 2
    files = {"inputs": (mask / 2).astype(np.float32), "mask": mask, "image": mask / 2.0}
    for split in ("hidden", "sample"):
        for part, voxels in files.items():
            place = folder / split / ("inputs" if part == "inputs" else f"reference/{part}")
            place.mkdir(parents=True)
            nibabel.Nifti1Image(voxels, np.eye(4)).to_filename(place / "c1.nii.gz")
        for part in ("inputs", "reference"):
            np.save(folder / split / part / "ages.npy", np.array([1.0, 2.0, 3.0]))
    (folder / "metrics").mkdir()
    (folder / "metrics" / "score.py").write_text(OWN)
    model = folder / "baseline"
    model.mkdir()
    (model / "model.py").write_text(MODEL)
    (model / "model.json").write_text(json.dumps({"name": "outlines", "runtime": "runtime-cpu"}))
    task = {
        "slug": "find",
        "title": "Find",
        "inputs": {"t1": {"type": "volume", "file": "{case}.nii.gz"}},
        "outputs": {
            "heat": {"type": "heatmap", "file": "heat.nii.gz", "grid": "t1"},
            "outlines": {"type": "contour", "file": "outlines.json", "grid": "t1"},
        },
        "reference": {
            "mask": {"type": "mask_image", "file": "mask/{case}.nii.gz"},
            "image": {"type": "image", "file": "image/{case}.nii.gz"},
        },
        "labels": {2: "cell"},
        "data": DATA,
        "metrics": METRICS,
        "primary": "dice",
    }
    count = {
        "slug": "count",
        "title": "Count",
        "items_per_case": 3,
        "inputs": {"ages": {"type": "array", "file": "{case}.npy"}},
        "outputs": {
            "numbers": {"type": "vector", "file": "numbers.npy"},
            "said": {"type": "custom", "file": "said.json"},
        },
        "reference": {"values": {"type": "values", "file": "{case}.npy"}},
        "data": DATA,
        "metrics": [
            {"id": "mae", "name": "mae", "output": "numbers", "reference": "values", "worst": 9},
            {
                "id": "off",
                "custom": {"file": "metrics/score.py"},
                "direction": "lower",
                "output": "said",
                "reference": "values",
                "worst": 9,
            },
        ],
        "primary": "mae",
    }
    document = {
        "schema": 1,
        "slug": "outlines",
        "title": "Outlines",
        "runtimes": ["runtime-cpu"],
        "baselines": ["baseline"],
        "tasks": [task, count],
        "phases": [
            {
                "slug": "main",
                "title": "Main",
                "tasks": ["find", "count"],
                "opens_at": "2026-01-01T00:00:00Z",
                "closes_at": "2027-01-01T00:00:00Z",
                "ranking": {"bootstrap": {"samples": 100}},
            }
        ],
    }
    (folder / "challenge.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return folder


def test_a_challenge_of_heatmaps_vectors_contours_and_documents_is_checked_run_and_scored(
    tmp_path: Path,
) -> None:
    folder = write(tmp_path / "c")
    assert [problem.message for problem in check_challenge(folder, allow_identifiers=True)] == []
    found = {}
    for report in run_local(folder, folder / "baseline", sandbox="process"):
        assert [case.detail for case in report.cases if case.outcome != "OK"] == []
        assert report.scores is not None
        found |= {one.metric: one.value for one in report.scores.aggregates}
    assert found == pytest.approx(
        {"auroc": 1.0, "ap": 1.0, "error": 0.5, "mae": 1 / 3, "dice": 1.0, "off": 1.0}
    )
