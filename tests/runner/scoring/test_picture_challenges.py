"""Pictures that are answered with pictures, from a model's answer to its scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from proctor.cli.constant_mask import write_constant_image, write_constant_mask
from proctor.spec.task import TaskSpec
from proctor_runner.checks import check_challenge
from proctor_runner.local import run_local
from proctor_runner.mask_reference import load_mask

MODEL = """
class Model:
    def predict(self, inputs):
        photo = inputs["photo"].astype(float)
        cells = photo[:, :, 0] > 40
        return {
            "twice": photo * 2, "mean": photo.mean(axis=2) / 7, "cells": cells,
            "objects": cells * 70_000, "outline": [[0, 3], [6, 3], [6, 5], [0, 5]],
        }
"""
IO = {
    "inputs": {"photo": {"type": "image", "formats": ["image/png"]}},
    "outputs": {
        "twice": {"type": "image"},
        "mean": {"type": "image"},
        "cells": {"type": "mask_image"},
        "objects": {"type": "instances"},
        "outline": {"type": "contour"},
    },
}
DATA = {
    split: {"inputs": f"{split}/inputs", "reference": f"{split}/reference"}
    for split in ("hidden", "sample")
}
TASK: dict[str, Any] = {
    "slug": "brighten",
    "title": "Brighten",
    "inputs": {
        "photo": {"type": "file", "file": "{case}.png"},
        "flat": {"type": "array", "file": "{case}.npy"},
    },
    "outputs": {
        "twice": {"type": "image", "file": "twice.png", "grid": "photo"},
        "mean": {"type": "image", "file": "mean.tif", "grid": "flat"},
        "cells": {"type": "mask_image", "file": "cells.png", "grid": "photo"},
        "objects": {"type": "instances", "file": "objects.tif", "grid": "photo"},
        "outline": {"type": "contour", "file": "outline.json", "grid": "photo"},
    },
    "reference": {
        "twice": {"type": "image", "file": "{case}.png"},
        "mean": {"type": "image", "file": "{case}.tif"},
        "cells": {"type": "mask_image", "file": "{case}.tiff"},
        "objects": {"type": "instances", "file": "{case}.npy"},
    },
    "labels": {1: "cell"},
    "data": DATA,
    "metrics": [
        {"id": "mae", "name": "image_mae", "output": "twice", "reference": "twice", "worst": 255},
        {"id": "gray", "name": "image_mae", "output": "mean", "reference": "mean", "worst": 255},
        {"id": "dice", "name": "dice", "output": "cells", "reference": "cells"},
        {"id": "hd95", "name": "hd95", "output": "cells", "reference": "cells", "worst": 9},
        {"id": "filled", "name": "dice", "output": "outline", "reference": "cells"},
        {"id": "pq", "name": "panoptic_quality", "output": "objects", "reference": "objects"},
    ],
    "primary": "mae",
}


@pytest.fixture
def challenge(tmp_path: Path) -> Path:
    photo = np.arange(5 * 6 * 3, dtype=np.uint8).reshape(5, 6, 3)
    mean = (photo.mean(axis=2) / 7).astype(np.float32)
    for split in ("hidden", "sample"):
        for part in ("inputs", "reference"):
            (tmp_path / split / part).mkdir(parents=True)
        Image.fromarray(photo).save(tmp_path / split / "inputs/c1.png")
        np.save(tmp_path / split / "inputs/c1.npy", mean)
        Image.fromarray(photo * 2 + 3).save(tmp_path / split / "reference/c1.png")
        Image.fromarray(mean).save(tmp_path / split / "reference/c1.tif")
        # The lower rows, and one pixel above them.
        cells = np.zeros((5, 6), np.uint8)
        cells[3:] = cells[0, 0] = 1
        Image.fromarray(cells).save(tmp_path / split / "reference/c1.tiff")
        np.save(tmp_path / split / "reference/c1.npy", (cells * 9).astype(np.int32))
    document = {
        "schema": 1,
        "slug": "pictures",
        "title": "Pictures",
        "runtimes": ["runtime-cpu"],
        "baselines": ["model"],
        "tasks": [TASK],
        "phases": [
            {
                "slug": "main",
                "title": "Main",
                "tasks": ["brighten"],
                "opens_at": "2026-01-01T00:00:00Z",
                "closes_at": "2027-01-01T00:00:00Z",
                "ranking": {"bootstrap": {"samples": 100}},
            }
        ],
    }
    (tmp_path / "challenge.yaml").write_text(yaml.safe_dump(document))
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.py").write_text(MODEL)
    card = {"name": "twice", "runtime": "runtime-cpu", "protocols": ["case"], "io": IO}
    (model / "model.json").write_text(json.dumps(card))
    return tmp_path


def test_pictures_are_checked_answered_and_scored_as_the_numbers_in_them(challenge: Path) -> None:
    problems = check_challenge(challenge, allow_identifiers=True)
    assert [problem.message for problem in problems] == []
    (report,) = run_local(challenge, challenge / "model", sandbox="process")
    assert [case.detail for case in report.cases if case.outcome != "OK"] == []
    assert report.scores is not None
    found = {one.metric: one.value for one in report.scores.aggregates}
    assert found.pop("hd95") > 0
    distance = report.scores.metrics["hd95"]
    assert distance.unit == "pixels"
    assert "9 pixels" in " ".join(distance.edge_rules)
    assert "mm" not in " ".join(distance.edge_rules)
    expected = {"mae": 3.0, "gray": 0.0, "dice": 24 / 29, "filled": 24 / 25, "pq": 12 / 17}
    assert found == pytest.approx(expected, abs=1e-6)


def test_what_a_picture_cannot_hold_is_said_of_the_model(challenge: Path) -> None:
    (challenge / "model" / "model.py").write_text(MODEL.replace("* 2", "* -2"))
    (report,) = run_local(challenge, challenge / "model", sandbox="process")
    said = "".join(log.decode() for log in report.logs.values())
    assert "twice.png holds whole numbers from 0 to 255" in said


def test_a_reference_of_another_size_is_told_before_anybody_is_scored(challenge: Path) -> None:
    Image.new("RGB", (3, 3)).save(challenge / "hidden/reference/c1.png")
    Image.new("L", (6, 5)).save(challenge / "sample/reference/c1.tif", "PNG")
    messages = " ".join(one.message for one in check_challenge(challenge, allow_identifiers=True))
    assert "has shape (3, 3, 3), its grid input 'photo' (5, 6, 3)" in messages
    assert "is no readable picture" in messages


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (
            {"type": "mask_image", "file": "a.png", "grid": "scan"},
            "array, or file that is a picture",
        ),
        (
            {"type": "mask_image", "file": "a.nii", "grid": "photo"},
            "no input 'photo' of type volume",
        ),
        ({"type": "image", "file": "a.png", "grid": "scan"}, "array, or file that is a picture"),
        ({"type": "image", "file": "a.png", "grid": "sound"}, "no input 'sound' of type array"),
        ({"type": "image", "file": "a.nii", "grid": "photo"}, "no input 'photo' of type volume"),
    ],
)
def test_a_picture_lies_on_an_array_or_a_picture(output: dict[str, str], said: str) -> None:
    inputs = TASK["inputs"] | {
        "scan": {"type": "volume", "file": "{case}.nii"},
        "sound": {"type": "file", "file": "{case}.wav"},
    }
    outputs = TASK["outputs"] | {"twice": output}
    with pytest.raises(ValueError, match=said):
        TaskSpec.model_validate(TASK | {"inputs": inputs, "outputs": outputs})


def test_the_mask_of_a_volume_says_how_long_a_voxel_is() -> None:
    inputs = TASK["inputs"] | {"scan": {"type": "volume", "file": "{case}.nii"}}
    outputs = TASK["outputs"] | {"cells": {"type": "mask_image", "file": "a.npy", "grid": "scan"}}
    with pytest.raises(ValueError, match=r"reference\.cells\.file: of a volume it is \.nii"):
        TaskSpec.model_validate(TASK | {"inputs": inputs, "outputs": outputs})


@pytest.mark.parametrize("name", ["c.png", "c.tif"])
def test_a_constant_answer_is_a_picture_of_the_inputs_size(tmp_path: Path, name: str) -> None:
    Image.new("RGB", (6, 5)).save(tmp_path / "photo.jpg")
    write_constant_image(tmp_path / "photo.jpg", 0.0, tmp_path / name)
    with Image.open(tmp_path / name) as made:
        assert (made.size, made.mode, made.getextrema()) == ((6, 5), "RGB", ((0, 0),) * 3)


@pytest.mark.parametrize(("name", "label"), [("c.png", 300), ("c.tif", 70_000), ("c.npy", 7)])
def test_a_constant_mask_of_a_picture_has_its_rows_and_columns(
    tmp_path: Path, name: str, label: int
) -> None:
    Image.new("RGB", (6, 5)).save(tmp_path / "photo.jpg")
    write_constant_mask(tmp_path / "photo.jpg", label, tmp_path / name)
    made = load_mask(tmp_path / name, Path(name).suffix)
    assert (np.asarray(made.values) == np.full((5, 6), label)).all()
