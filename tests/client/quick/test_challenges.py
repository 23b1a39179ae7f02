"""A challenge from arrays, frames and folders, up to what is sent to the platform."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import proctor


@pytest.fixture
def host(platform: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A platform that takes every challenge as version 1."""
    for name in ("PROCTOR_DEBUG", "PROCTOR_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PROCTOR_HOST", platform.url)
    monkeypatch.setenv("PROCTOR_TOKEN", "tok_a.b")
    for name in ("PROCTOR_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))

    def published(call: Any) -> tuple[int, Any]:
        challenge = call.json()["challenge"]
        facts = {
            "hidden_cases": 1,
            "hidden_items": 1,
            "sample_cases": 1,
            "inputs_digest": "sha256:" + "1" * 64,
            "reference_digest": "sha256:" + "2" * 64,
        }
        return 201, {
            "challenge": challenge,
            "version": 1,
            "published_at": "2026-03-01T12:00:00Z",
            "organizers": ["olga"],
            "tasks": {task["slug"]: facts for task in challenge["tasks"]},
            "runtimes": {},
            "joined": False,
            "organizer": True,
        }

    platform.on("POST /challenges/mine/versions", published)
    return platform


def drawn(*shape: int) -> Any:
    return np.random.default_rng(0).random(shape)


def sent(host: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the task and the data that were published."""
    (call,) = host.made("POST /challenges/mine/versions")
    body = call.json()
    (task,) = body["challenge"]["tasks"]
    return task, body["data"][task["slug"]]


def create(inputs: Any, reference: Any, **options: Any) -> Any:
    return proctor.create_challenge(inputs, reference, name="mine", docker=False, **options)


def test_a_data_frame_becomes_a_classification(host: Any, tmp_path: Path) -> None:
    inputs = pd.DataFrame(drawn(50, 3), columns=list("abc"))
    kinds = pd.Series(np.where(inputs["a"] > 0.5, "malignant", "benign"))
    made = create(
        inputs,
        kinds,
        task="classification",
        metrics=["accuracy", {"name": "top_k_accuracy", "id": "top1", "parameters": {"k": 1}}],
        items_per_case=20,
        folder=tmp_path / "kept",
    )
    task, data = sent(host)
    assert (made.slug, made.version, made.folder) == ("mine", 1, tmp_path / "kept")
    assert task["outputs"]["probabilities"]["columns"] == ["benign", "malignant"]
    assert [metric["id"] for metric in task["metrics"]] == ["accuracy", "top1"]
    assert [case["items"] for case in data["hidden"]["inputs"]["cases"]] == [20, 20]
    assert [case["items"] for case in data["sample"]["inputs"]["cases"]] == [10]
    rows = [np.load(path) for path in sorted((tmp_path / "kept/data").rglob("inputs/*.npy"))]
    codes = [np.load(path) for path in sorted((tmp_path / "kept/data").rglob("reference/*.npy"))]
    together = np.concatenate(rows)
    assert sorted(map(tuple, together)) == sorted(map(tuple, inputs.to_numpy()))
    assert (np.concatenate(codes) == (together[:, 0] > 0.5)).all()


def test_numbers_become_a_regression_of_several_columns(host: Any) -> None:
    create(
        drawn(12, 4),
        drawn(12, 2),
        task="regression",
        metrics=[{"name": "mae", "worst": 1.0}, "r2"],
        runtimes=["runtime-torch"],
    )
    task, _ = sent(host)
    (call,) = host.made("POST /challenges/mine/versions")
    assert call.json()["challenge"]["runtimes"] == ["runtime-torch"]
    assert task["outputs"]["values"]["columns"] == ["value1", "value2"]
    (reference,) = task["reference"].values()
    assert (reference["type"], reference["file"]) == ("values", "{case}.npy")


def test_volumes_become_a_segmentation(host: Any, tmp_path: Path) -> None:
    masks = np.zeros((5, 6, 7, 8), dtype=np.uint8)
    masks[:, 2:4, 2:4, 2:4] = 2
    create(
        drawn(*masks.shape),
        masks,
        task="segmentation",
        metrics=["dice"],
        spacing_mm=(1.0, 2.0, 3.0),
        labels={2: "tumor"},
        folder=tmp_path / "kept",
    )
    task, data = sent(host)
    assert task["labels"] == {"2": "tumor"}
    assert len(data["hidden"]["reference"]["cases"]) == 4
    (volume,) = (tmp_path / "kept/data/sample/inputs").iterdir()
    assert nibabel.load(volume).header.get_zooms() == (1.0, 2.0, 3.0)


def test_two_folders_with_the_same_names_become_a_challenge(host: Any, tmp_path: Path) -> None:
    for half in ("scans", "masks"):
        (tmp_path / half).mkdir()
        for number in range(3):
            volume = np.ones((4, 4, 4), dtype=np.int16)
            nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tmp_path / half / f"p{number}.nii")
    create(tmp_path / "scans", tmp_path / "masks", task="segmentation", metrics=["dice"])
    task, data = sent(host)
    assert task["labels"] == {"1": "label 1"}
    cases = [c["id"] for part in data.values() for c in part["inputs"]["cases"]]
    assert sorted(cases) == ["p0", "p1", "p2"]


@pytest.mark.parametrize(
    ("image", "mask", "said"),
    [
        ((6, 7), -np.ones((6, 7), np.int8), "mask 0 holds labels from -1 to -1"),
        ((6, 7), np.full((6, 7), 1 << 33), "labels from 8589934592 to 8589934592; it is stored"),
        ((6, 7, 2), np.full((6, 7, 2), 40_000), "stored with labels from -32768 to 32767"),
        ((0, 7), np.zeros((0, 7), np.int8), r"image 0 has shape \(0, 7\); it holds nothing"),
    ],
)
def test_a_mask_that_a_file_does_not_hold_is_refused_by_its_number(
    host: Any, image: tuple[int, ...], mask: np.ndarray, said: str
) -> None:
    images = [np.zeros(image, np.uint8)] * 3
    with pytest.raises(ValueError, match=said):
        create(images, [mask] * 3, task="segmentation", metrics=["dice"])


@pytest.mark.parametrize("channels", [(), (3,)])
def test_pictures_become_a_segmentation(
    host: Any, tmp_path: Path, channels: tuple[int, ...]
) -> None:
    masks = np.zeros((5, 6, 7), dtype=bool)
    masks[:, 2:4, 2:4] = True
    photos = np.random.default_rng(0).integers(0, 255, (5, 6, 7, *channels), np.uint8)
    create(photos, masks, task="segmentation", metrics=["dice"], folder=tmp_path / "kept")
    task, _ = sent(host)
    assert task["inputs"]["photo"] == {"type": "file", "file": "{case}.png"}
    assert (task["outputs"]["mask"]["file"], task["outputs"]["mask"]["grid"]) == (
        "mask.png", "photo",
    )  # fmt: skip
    assert task["labels"] == {"1": "label 1"}
    (photo,) = (tmp_path / "kept/data/sample/inputs").iterdir()
    assert any(np.array_equal(np.asarray(Image.open(photo)), one) for one in photos)


def test_a_folder_of_photos_and_one_of_masks_become_a_challenge(host: Any, tmp_path: Path) -> None:
    for half in ("photos", "masks"):
        (tmp_path / half).mkdir()
    for number in range(3):
        Image.new("RGB", (9, 8), "red").save(tmp_path / f"photos/p{number}.jpg")
        Image.fromarray(np.eye(8, 9, dtype=np.uint8)).save(tmp_path / f"masks/p{number}.png")
    create(tmp_path / "photos", tmp_path / "masks", task="segmentation", metrics=["dice", "hd95"])
    task, data = sent(host)
    assert task["inputs"]["photo"]["file"] == "{case}.jpg"
    assert task["reference"]["mask"]["file"] == "{case}.png"
    cases = [case["id"] for part in data.values() for case in part["inputs"]["cases"]]
    assert sorted(cases) == ["p0", "p1", "p2"]
    Image.new("RGB", (9, 8), "red").save(tmp_path / "masks/p1.png")
    with pytest.raises(ValueError, match=r"p1\.png is no map of labels .* 3 numbers a pixel"):
        create(tmp_path / "photos", tmp_path / "masks", task="segmentation", metrics=["dice"])
    (tmp_path / "masks/p1.png").unlink()
    with pytest.raises(ValueError, match="p1 is not in both"):
        create(tmp_path / "photos", tmp_path / "masks", task="segmentation", metrics=["dice"])


def test_the_same_data_make_the_same_request(host: Any) -> None:
    data = np.arange(20.0).reshape(10, 2), np.arange(10) % 2
    for _ in range(2):
        create(*data, task="classification", metrics=["accuracy"])
    first, second = host.made("POST /challenges/mine/versions")
    assert first.body == second.body


@pytest.mark.parametrize(
    ("inputs", "reference", "options", "said"),
    [
        ([[1.0]] * 4, [0, 1], {}, "4 rows, reference 2"),
        ([["a"]] * 4, [0, 1] * 2, {}, "numbers are needed"),
        ([[1.0]], [0], {}, "at least two items"),
        ([[1.0]] * 4, [0, 1] * 2, {"sample": 1.5}, "for example 0.2"),
        ([[1.0]] * 4, [0, 1] * 2, {"metrics": []}, "at least one metric"),
        ([[1.0]] * 4, [0, 1] * 2, {"metrics": ["acuracy"]}, "did you mean accuracy"),
        ([[1.0]] * 4, [0, 1] * 2, {"task": "detection"}, "no task 'detection'"),
        ([[1.0]] * 4, [0.5, 1] * 2, {"task": "regression", "metrics": ["mae"]}, "worst"),
        ([[1.0]] * 4, [[0, 1]] * 4, {}, "one class an item"),
        (np.zeros((2, 3, 3)), np.zeros((2, 3, 3), int), {"task": "segmentation"}, "0 to 65535"),
        (np.zeros((2, 3, 9), int), np.zeros((2, 3, 3), int), {"task": "segmentation"}, "rows and"),
        (np.zeros((2, 3, 3, 3)), np.zeros((2, 3, 3, 3)), {"task": "segmentation"}, "whole label"),
        ("scans", [0, 1], {}, "inputs is a folder and reference is not: give a folder for both"),
        ([0, 1], "masks", {}, "reference is a folder and inputs is not: .* or read its files"),
    ],
)
def test_what_does_not_fit_is_told_and_nothing_is_sent(
    host: Any, inputs: Any, reference: Any, options: dict[str, Any], said: str
) -> None:
    usual: dict[str, Any] = {"task": "classification", "metrics": ["accuracy"]}
    with pytest.raises(ValueError, match=said):
        create(inputs, reference, **(usual | options))
    assert host.calls == []


def test_a_folder_that_holds_something_is_left_alone(host: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(ValueError, match="not empty"):
        create([[1.0]] * 4, [0, 1] * 2, task="classification", metrics=["dice"], folder=tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_importing_proctor_loads_neither_numpy_nor_an_http_library() -> None:
    asked = "import sys, proctor; print({'numpy', 'pandas', 'httpx2', 'pydantic'} & {*sys.modules})"
    finished = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "set()"
