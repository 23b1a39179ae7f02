"""Maps of objects from strangers become numbers on the grid of an input, or a sentence."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.grid import Grid
from proctor_runner.decode.instances import MOST_INSTANCES, read_instances

SHAPE = (5, 6, 7)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
GRID = Grid(SHAPE, AFFINE)


def read(
    path: Path, voxels: np.ndarray, divisor: int | None = None, affine: np.ndarray = AFFINE
) -> np.ndarray:
    nib.save(nib.Nifti1Image(voxels, affine), path)
    grid = Grid(voxels.shape, AFFINE)
    return read_instances(path, "seg.nii.gz", grid, "t1", [1, 2], divisor)


def test_numbers_are_kept_whatever_their_type(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).choice([0, 3, 70_000, 4_000_000_000], SHAPE)
    for dtype in (np.uint32, np.float64):
        found = read(tmp_path / "a.nii.gz", numbers.astype(dtype))
        assert found.dtype == np.uint32
        np.testing.assert_array_equal(found, numbers)


def test_a_flipped_map_is_brought_in_the_order_of_the_grid(tmp_path: Path) -> None:
    numbers = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)
    flipped = AFFINE.copy()
    flipped[0, 0], flipped[0, 3] = -2.0, 2.0 * (SHAPE[0] - 1)
    found = read(tmp_path / "a.nii.gz", numbers[::-1], affine=flipped)
    np.testing.assert_array_equal(found, numbers)


def test_a_map_may_hold_no_object(tmp_path: Path) -> None:
    assert not read(tmp_path / "a.nii.gz", np.zeros(SHAPE, np.uint8), 1000).any()


def one(number: float, dtype: type = np.float64) -> np.ndarray:
    voxels = np.zeros(SHAPE, dtype)
    voxels[1, 2, 3] = number
    return voxels


@pytest.mark.parametrize(
    ("voxels", "divisor", "says"),
    [
        (one(0.5), None, "holds 0.5 in 1 of 210 voxels"),
        (one(float("nan")), None, "expected whole label numbers"),
        (one(-1, np.int16), None, "holds the number -1; expected objects from 1 to 4294967295"),
        (one(2.0**32), None, "holds the number 4.29497e\\+09"),
        (one(3001, np.int32), 1000, "the object 3001 of class 3 .* knows the classes 1, 2"),
        (one(7, np.uint8), 1000, "the object 7 of class 0"),
        (
            np.arange(MOST_INSTANCES + 40, dtype=np.uint32).reshape(-1, 40, 1),
            None,
            "holds 50039 objects; expected 50000 at most",
        ),
    ],
)
def test_each_fault_of_a_map_is_said(
    tmp_path: Path, voxels: np.ndarray, divisor: int | None, says: str
) -> None:
    with pytest.raises(InvalidOutputError, match=says):
        read(tmp_path / "a.nii.gz", voxels, divisor)


def test_a_map_on_another_grid_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOutputError, match="expected the grid of t1"):
        read(tmp_path / "a.nii.gz", one(1, np.uint8), affine=np.eye(4))
