"""A container sees aliases and neutral names, and exactly what the contract says."""

from __future__ import annotations

import json

import pytest

from proctor.spec.base import FileRef
from proctor.spec.case import CaseFile
from proctor.spec.task import TaskSpec
from proctor.spec.work import OrderCase
from proctor_runner.contracts.native import prepare, suffix

FILE = FileRef(digest="sha256:" + "a" * 64, size=3)
DATA = {"inputs": "i", "reference": "r"}
TASK = TaskSpec.model_validate(
    {
        "slug": "tissue",
        "title": "Tissue",
        "inputs": {
            "t1": {"type": "volume", "file": "scanner-A/{case}_label2.nii.gz"},
            "notes": {"type": "table", "file": "{case}.csv"},
        },
        "outputs": {"seg": {"type": "mask_image", "file": "seg.nii.gz", "grid": "t1"}},
        "reference": {"labels": {"type": "mask_image", "file": "{case}.nii.gz"}},
        "labels": {1: "one"},
        "data": {"hidden": DATA, "sample": DATA},
        "metrics": [{"id": "m", "name": "dice", "output": "seg", "reference": "labels"}],
        "primary": "m",
        "seed": 7,
    }
)
CASE = OrderCase(id="patient-7", alias="x4f2", items=1, files={"t1": FILE, "notes": FILE})


def test_a_case_is_told_by_its_alias_and_its_inputs_by_their_names() -> None:
    prepared = prepare(TASK, CASE)

    assert json.loads(prepared.document) == {
        "contract": 1,
        "case": "x4f2",
        "items": ["0"],
        "inputs": {
            "t1": {"type": "volume", "file": "t1.nii.gz"},
            "notes": {"type": "table", "file": "notes.csv"},
        },
        "meta": {},
        "outputs": {
            "seg": {"type": "mask_image", "file": "seg.nii.gz", "columns": [], "grid": "t1"}
        },
        "seed": 7,
    }
    assert CaseFile.model_validate_json(prepared.document).case == "x4f2"
    assert prepared.inputs == {"t1.nii.gz": FILE, "notes.csv": FILE}
    assert prepared.input_files == {"t1": "t1.nii.gz", "notes": "notes.csv"}
    assert prepared.outputs == ("seg.nii.gz",)
    for secret in (b"patient", b"scanner", b"label2", b"labels"):
        assert secret not in prepared.document


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("{case}.nii.gz", ".nii.gz"),
        ("a.b/{case}.npy", ".npy"),
        ("{case}", ""),
        ("v1.2/{case}_0.5.nii", ".nii"),
        ("x.tar.gz", ".tar.gz"),
    ],
)
def test_a_suffix_tells_the_format(file: str, expected: str) -> None:
    assert suffix(file) == expected
