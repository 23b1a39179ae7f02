"""Shares of surfaces, rims and centerlines: by hand and against plain readings of the papers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from skimage.morphology import skeletonize

from proctor_metrics import MetricInputError, Side, resolve

Value = Callable[..., float]
LINE = (1.0, 1.0)


def row(*cells: int) -> np.ndarray:
    return np.array([cells], dtype=np.uint8)


def test_each_structure_has_a_tolerance_of_its_own(score: Any) -> None:
    predicted, true = row(1, 0, 0, 2, 0, 0, 0), row(0, 1, 0, 0, 0, 2, 0)
    given = {"labels": {1: "near", 2: "far"}, "definition": "voxel6"}
    shares = [
        score("nsd", predicted, true, LINE, tolerance_mm=mm, **given).values.ravel().tolist()
        for mm in (1, 2, {"near": 0.5, "far": 2}, {"far": 1.9, "near": 1})
    ]
    assert shares == [[1, 0], [1, 1], [0, 1], [1, 0]]


def test_a_distance_of_exactly_the_tolerance_is_within_however_it_is_rounded(score: Any) -> None:
    """Three voxels of 0.1 mm are 0.30000000000000004 mm in floating point."""
    predicted, true = row(1, 0, 0, 0), row(0, 0, 0, 1)
    for tolerance_mm, share in ((0.3, 1.0), (0.2999999, 0.0)):
        found = score(
            "nsd", predicted, true, (1.0, 0.1), definition="voxel6", tolerance_mm=tolerance_mm
        )
        assert found.values.tolist() == [[share]]


@pytest.mark.parametrize("given", [{"near": 1}, {"near": 1, "far": 1, "else": 1}, {"nera": 1}])
def test_a_structure_without_tolerance_or_a_wrong_name_is_the_organizers(
    given: dict[str, float], score: Any
) -> None:
    with pytest.raises(MetricInputError, match="every structure that is scored") as caught:
        score("nsd", row(1), row(1), LINE, labels={1: "near", 2: "far"}, tolerance_mm=given)
    assert caught.value.side is Side.TASK


def test_a_surface_on_itself_is_within_any_tolerance(pair: Any, value: Value) -> None:
    same = pair._replace(predicted=pair.true)
    for definition in ("surfel", "voxel6", "itk-6-26"):
        assert value("nsd", same, definition=definition, tolerance_mm=0) == 1.0


def rim(mask: np.ndarray, spacing: tuple[float, ...], distance_mm: float) -> np.ndarray:
    """Return the voxels of a mask that are near one with a face neighbor outside, by all pairs."""
    padded, voxels = np.pad(mask, 1), np.argwhere(mask)
    steps = [step for step in product((-1, 0, 1), repeat=mask.ndim) if sum(map(abs, step)) == 1]
    edge = [v for v in voxels if not all(padded[tuple(v + 1 + step)] for step in steps)]
    near = cdist(voxels * np.asarray(spacing), np.array(edge) * np.asarray(spacing)).min(axis=1)
    found = np.zeros_like(mask)
    found[tuple(voxels[near < distance_mm * (1 - 1e-12)].T)] = True
    return found


@pytest.mark.parametrize("distance_mm", [0.5, 1.0, 2.1])
def test_boundary_iou_compares_voxels_near_the_border(
    distance_mm: float, pair: Any, value: Value
) -> None:
    first, second = (rim(mask, pair.spacing, distance_mm) for mask in pair[:2])
    expected = np.count_nonzero(first & second) / np.count_nonzero(first | second)
    assert value("boundary_iou", pair, distance_mm=distance_mm) == expected


@pytest.mark.parametrize("width", [1, 2, 3])
def test_boundary_iou_by_erosion_takes_away_rings_of_voxels(
    width: int, pair: Any, value: Value
) -> None:
    def ring(mask: np.ndarray) -> np.ndarray:
        core = np.pad(mask, width)
        for _ in range(width):
            shifts = product((-1, 0, 1), repeat=mask.ndim)
            core = np.logical_and.reduce(
                [np.roll(core, step, tuple(range(mask.ndim))) for step in shifts]
            )
        return mask & ~core[(slice(width, -width),) * mask.ndim]

    first, second = map(ring, pair[:2])
    expected = np.count_nonzero(first & second) / np.count_nonzero(first | second)
    found = value("boundary_iou", pair, definition="erosion", width_voxels=width)
    assert found == expected


def test_a_centerline_that_is_broken_counts_by_its_length(score: Any) -> None:
    """Three rows thick, so that only the middle one is skeleton; a gap of 3 of 20 columns."""
    true = np.zeros((5, 20), dtype=np.uint8)
    true[1:4] = 1
    predicted = true.copy()
    predicted[:, 9:12] = 0
    found = float(score("cldice", predicted, true, LINE).values[0, 0])
    skeleton = skeletonize(true.astype(bool))
    inside = np.count_nonzero(skeleton & predicted.astype(bool)) / np.count_nonzero(skeleton)
    assert found == pytest.approx(2 * inside / (inside + 1))
    assert inside < 1


def test_centerlines_that_do_not_meet_score_nothing(score: Any) -> None:
    assert score("cldice", row(1, 0, 0), row(0, 0, 1), LINE).values.tolist() == [[0]]


def test_centerline_dice_follows_its_paper(pair: Any, value: Value) -> None:
    predicted, true, _ = pair
    skeletons = [skeletonize(mask) for mask in (predicted, true)]
    first, second = (
        found if found.any() else mask
        for found, mask in zip(skeletons, (predicted, true), strict=True)
    )
    precision = np.count_nonzero(first & true) / np.count_nonzero(first)
    sensitivity = np.count_nonzero(second & predicted) / np.count_nonzero(second)
    total = precision + sensitivity
    expected = 2 * precision * sensitivity / total if total else 0.0
    assert value("cldice", pair) == pytest.approx(expected, rel=1e-15)


def test_a_mask_that_thins_to_nothing_is_its_own_skeleton(score: Any) -> None:
    generator = np.random.default_rng(0)
    vanishing = (
        mask
        for mask in (generator.random((5, 5, 5)) < 0.05 * (i % 20) for i in range(5000))
        if mask.any() and not skeletonize(mask).any()
    )
    mask = next(vanishing)
    assert score("cldice", mask, mask, (1.0, 1.0, 1.0)).values.tolist() == [[1.0]]


def test_without_scikit_image_centerlines_are_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proctor_metrics.segmentation.centerline.find_spec", lambda _: None)
    with pytest.raises(ValueError, match="pip install scikit-image"):
        resolve("cldice", {})
