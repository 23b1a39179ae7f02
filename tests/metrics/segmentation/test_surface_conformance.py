"""Distances between surfaces against other libraries and against all pairs of points."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK
from medpy.metric import binary as medpy
from scipy.spatial.distance import cdist, directed_hausdorff

Value = Callable[..., float]
Floats = npt.NDArray[np.float64]
TOLERANCES_MM = (0.0, 0.9, 2.0, 5.0)


def border(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the voxels with a background face neighbor, neighbor by neighbor."""
    padded = np.pad(mask, 1)
    inside = np.ones_like(mask)
    middle = (slice(1, -1),) * mask.ndim
    for axis in range(mask.ndim):
        for step in (-1, 1):
            inside &= np.roll(padded, step, axis)[middle]
    return mask & ~inside


def all_pairs(pair: Any) -> tuple[Floats, Floats]:
    """Return the distance from every border voxel to the nearest of the other mask's, by cdist."""
    first, second = (
        np.argwhere(border(mask)) * np.asarray(pair.spacing) for mask in (pair.predicted, pair.true)
    )
    between = cdist(first, second)
    return between.min(axis=1), between.min(axis=0)


def test_voxel6_equals_all_pairs_of_border_voxels(pair: Any, value: Value) -> None:
    forth, back = all_pairs(pair)
    both = np.concatenate([forth, back])
    expected = {
        "hd": both.max(),
        "assd": both.mean(),
        "masd": (forth.mean() + back.mean()) / 2,
    }
    for name, distance_mm in expected.items():
        assert value(name, pair, definition="voxel6") == pytest.approx(distance_mm, rel=1e-12)
    for percentile in (5, 50, 95, 99.5, 100):
        directed = max(np.percentile(side, percentile) for side in (forth, back))
        given = {"percentile": percentile, "definition": "voxel6"}
        assert value("hd95", pair, **given) == pytest.approx(directed, rel=1e-12)
        given["definition"] = "voxel6-pooled"
        pooled = np.percentile(both, percentile)
        assert value("hd95", pair, **given) == pytest.approx(pooled, rel=1e-12)


def test_the_share_within_tolerance_counts_the_voxels_of_both_borders(
    pair: Any, value: Value
) -> None:
    both = np.concatenate(all_pairs(pair))
    for tolerance_mm in TOLERANCES_MM:
        near = np.count_nonzero(both <= tolerance_mm * (1 + 1e-12)) / both.size
        assert value("nsd", pair, definition="voxel6", tolerance_mm=tolerance_mm) == near


def test_the_hausdorff_distance_is_scipys(pair: Any, value: Value) -> None:
    points = [np.argwhere(mask) * np.asarray(pair.spacing) for mask in map(border, pair[:2])]
    expected = max(directed_hausdorff(*points)[0], directed_hausdorff(*points[::-1])[0])
    assert value("hd", pair, definition="voxel6") == pytest.approx(expected, rel=1e-12)


def test_voxel6_and_its_pooled_form_are_medpys(pair: Any, value: Value) -> None:
    masks, spacing = pair[:2], pair.spacing
    assert value("hd", pair, definition="voxel6") == medpy.hd(*masks, spacing)
    pooled = value("hd95", pair, definition="voxel6-pooled")
    assert pooled == pytest.approx(medpy.hd95(*masks, spacing), rel=1e-14)
    means = [medpy.asd(*masks, spacing), medpy.asd(*masks[::-1], spacing)]
    assert value("masd", pair, definition="voxel6") == pytest.approx(np.mean(means), rel=1e-14)


def published(pair: Any) -> tuple[Any, dict[str, Any]]:
    """Return the surface-distance library and what it finds."""
    # It reads a name that NumPy 2 has no more, and calls SciPy by names that will go.
    np.Inf = np.inf  # type: ignore[attr-defined]
    import surface_distance

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found = surface_distance.compute_surface_distances(pair.true, pair.predicted, pair.spacing)
    return surface_distance, found


def test_surfel_is_surface_distances(solid_pair: Any, value: Value) -> None:
    library, found = published(solid_pair)
    for percentile in (5, 50, 95, 100):
        expected = library.compute_robust_hausdorff(found, percentile)
        given = value("hd95", solid_pair, percentile=percentile)
        assert given == pytest.approx(expected, rel=1e-13)
    assert value("hd", solid_pair) == pytest.approx(
        library.compute_robust_hausdorff(found, 100), rel=1e-13
    )
    means = library.compute_average_surface_distance(found)
    assert value("masd", solid_pair) == pytest.approx(np.mean(means), rel=1e-13)
    for tolerance_mm in TOLERANCES_MM:
        expected = library.compute_surface_dice_at_tolerance(found, tolerance_mm)
        given = value("nsd", solid_pair, tolerance_mm=tolerance_mm)
        assert given == pytest.approx(expected, rel=1e-13)


def test_itk_6_26_is_the_usual_recipe_with_simpleitk(solid_pair: Any, value: Value) -> None:
    """Its contour filter sees no border at the edge of an image, so that the masks are padded."""
    images = []
    for mask in solid_pair[:2]:
        image = SimpleITK.GetImageFromArray(np.pad(mask, 2).astype(np.uint8))
        image.SetSpacing(solid_pair.spacing[::-1])
        images.append(image)
    directed = []
    for source, target in (images, images[::-1]):
        distance_map = SimpleITK.Abs(
            SimpleITK.SignedMaurerDistanceMap(target, squaredDistance=False, useImageSpacing=True)
        )
        distances = SimpleITK.GetArrayFromImage(distance_map)
        directed.append(distances[SimpleITK.GetArrayFromImage(SimpleITK.LabelContour(source)) > 0])
    both = np.concatenate(directed)
    # The filter gives float32.
    for name, expected in (
        ("hd", both.max()),
        ("hd95", max(np.percentile(side, 95) for side in directed)),
        ("assd", both.mean(dtype=np.float64)),
        ("masd", np.mean([side.mean(dtype=np.float64) for side in directed])),
    ):
        found = value(name, solid_pair, definition="itk-6-26")
        assert found == pytest.approx(float(expected), rel=1e-5, abs=1e-6)


def test_of_one_far_voxel_each_definition_says_something_else(value: Value) -> None:
    """26 neighbors make a thicker border, so that its distances are never larger."""
    from proctor_metrics import MaskCase, resolve

    true = np.zeros((12, 12), dtype=np.uint8)
    true[2:8, 2:8] = 1
    predicted = true.copy()
    predicted[11, 11] = 1
    case = MaskCase("a", predicted, true, (1.0, 1.0), {1: "x"})
    found = {}
    for definition in ("surfel", "voxel6", "voxel6-pooled", "itk-6-26"):
        metric = resolve("hd95", {"definition": definition, "percentile": 97})
        found[definition] = float(metric.per_item(case).values[0, 0])  # type: ignore[attr-defined]
    assert found["itk-6-26"] <= found["voxel6"]
    assert len({round(mm, 6) for mm in found.values()}) >= 3
