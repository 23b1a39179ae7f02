"""Where a mask may lie, and what is said of one that lies elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from proctor_runner.decode.grid import Grid, Reordering, difference, reordering

SHAPE = (5, 6, 7)
AFFINE = np.array([[2.0, 0, 0, -10], [0, 2, 0, -20], [0, 0, 3, 30], [0, 0, 0, 1]])
GRID = Grid(SHAPE, AFFINE)


def moved(row: int, column: int, by: float) -> Grid:
    affine = AFFINE.copy()
    affine[row, column] += by
    return Grid(SHAPE, affine)


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        (moved(0, 3, 0.0011), "the origin is 0.0011 mm off, 0.001 mm is allowed"),
        (moved(2, 2, 0.25), "voxels are 0.25 mm off, 0.001 mm is allowed"),
        (moved(0, 1, 0.0003), "directions are 0.00015 off, 0.0001 is allowed"),
        (Grid((5, 6, 8), AFFINE), "no order of its axes has that shape"),
    ],
)
def test_another_grid_is_told_by_how_far_it_is_off_and_what_is_allowed(
    grid: Grid, told: str
) -> None:
    assert reordering(grid, GRID) is None
    assert difference(grid, GRID) == told


@pytest.mark.parametrize("by", [(0, 3, 0.0009), (2, 2, 0.0009), (0, 1, 0.00015)])
def test_within_the_tolerance_it_is_the_same_grid(by: tuple[int, int, float]) -> None:
    assert reordering(moved(*by), GRID) == Reordering((0, 1, 2), ())


def test_of_all_orders_the_best_is_told() -> None:
    """Turned around and shifted: only the shift is wrong."""
    affine = AFFINE[:, [2, 0, 1, 3]].copy()
    affine[:3, 0] *= -1
    affine[2, 3] += 3.0 * 6 + 0.5
    assert difference(Grid((7, 5, 6), affine), GRID) == (
        "the origin is 0.5 mm off, 0.001 mm is allowed"
    )
