"""Regions of a task: what an organizer may declare, and what is told otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from proctor.spec.task import TaskSpec

LABELS = {1: "necrosis", 2: "edema", 3: "enhancing"}


def task(regions: Any, kind: str = "mask_image") -> TaskSpec:
    mask = kind == "mask_image"
    split = {"inputs": "inputs", "reference": "reference"}
    return TaskSpec.model_validate(
        {
            "slug": "segment",
            "title": "Segment",
            "inputs": {"t1": {"type": "volume", "file": "{case}.nii.gz"}},
            "outputs": {
                "out": {"type": "mask_image", "file": "seg.nii.gz", "grid": "t1"}
                if mask
                else {"type": "label_list", "file": "labels.csv"}
            },
            "reference": {"ref": {"type": kind, "file": "{case}.nii.gz" if mask else "{case}.npy"}},
            "labels": LABELS,
            "regions": regions,
            "data": {"hidden": split, "sample": split},
            "metrics": [{"id": "dice", "name": "dice", "output": "out", "reference": "ref"}],
            "primary": "dice",
        }
    )


def test_regions_are_scored_in_the_order_in_which_they_are_declared() -> None:
    declared = {"whole": [1, 2, 3], "core": [1, 3], "enhancing": [3]}
    found = task(declared)
    assert list(found.structures) == ["whole", "core", "enhancing"]
    again = TaskSpec.model_validate_json(found.model_dump_json())
    assert list(again.structures) == list(found.structures)


def test_without_regions_the_labels_are_scored_by_number() -> None:
    assert task({}).structures == {"necrosis": (1,), "edema": (2,), "enhancing": (3,)}


@pytest.mark.parametrize(
    ("regions", "told"),
    [
        ({"core": [1, 4]}, r"regions.core: label 4 is not declared; labels are \[1, 2, 3\]"),
        ({"core": [0]}, "label 0 is not declared"),
        ({"core": []}, "at least one label"),
        ({"core": [1, 1]}, "each once"),
        ({"mean": [1]}, "the mean of all regions"),
        ({"edema": [1, 2]}, "regions.edema: label 2 has this name"),
    ],
)
def test_a_region_that_cannot_be_scored_is_told_by_its_name(regions: Any, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        task(regions)


def test_only_a_mask_has_regions() -> None:
    with pytest.raises(ValidationError, match="no reference is a mask_image"):
        task({"core": [1]}, kind="labels")
