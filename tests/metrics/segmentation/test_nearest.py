"""Near, far and hopeless searches give the distances that a tree of all points gives."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial import KDTree

from proctor_metrics.segmentation.kernels.nearest import WORK_A_VOXEL, nearest_distances
from proctor_metrics.segmentation.kernels.rows import neighborhood

CASES = {
    "few far points": ((40, 60, 170), (1.0, 1.0, 1.0), 900, 5),
    "thick slices": ((30, 40, 70), (5.0, 0.5, 0.5), 900, 900),
    "an image": ((1, 200, 300), (1.0, 0.3, 2.0), 800, 20),
    "a line of slices": ((100, 1, 1), (1.0, 2.0, 3.0), 20, 3),
    "points everywhere": ((30, 40, 40), (1.5, 0.78, 0.78), 30, 5_000),
    "one point": ((80, 80, 80), (0.3, 4.0, 1.0), 200, 1),
}


def scattered(shape: tuple[int, ...], count: int, seed: int) -> np.ndarray:
    draws = np.random.RandomState(seed)
    points = np.stack([draws.randint(0, length, count) for length in shape], axis=1)
    return np.unique(points, axis=0).astype(np.int64)


def packed(points: np.ndarray) -> np.ndarray:
    return points[:, 0] << 42 | points[:, 1] << 21 | points[:, 2]


@pytest.mark.parametrize(
    ("work_a_voxel", "many"),
    [(WORK_A_VOXEL, 10**6), (10**6, 10**6), (0.01, 10**6), (-1, 10**6), (10**6, 7), (10**6, 1)],
)
@pytest.mark.parametrize("name", CASES)
def test_every_search_is_exact(name: str, work_a_voxel: float, many: int) -> None:
    shape, spacing, n_queries, n_points = CASES[name]
    queries, points = scattered(shape, n_queries, 1), scattered(shape, n_points, 2)
    expected, _ = KDTree(points * spacing).query(queries * spacing)
    found = nearest_distances(
        packed(queries),
        packed(points),
        spacing,
        neighborhood(spacing, flat=shape[0] == 1),
        work_a_voxel,
        many,
    )
    assert_allclose(found, expected, rtol=1e-13, atol=0)
