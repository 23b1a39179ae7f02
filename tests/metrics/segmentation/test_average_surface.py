"""ASSD under each definition, and IoU: by hand, by MedPy, and by their invariants."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy
from medpy.metric import binary as medpy

from proctor_metrics import ItemScores, MaskCase, PerItemMetric, resolve
from proctor_metrics.segmentation.surfel import surfels

Bools = npt.NDArray[np.bool_]
DEFINITIONS = ("surfel", "voxel6")
MASKS = hypothesis_numpy.arrays(np.bool_, (4, 5, 6), elements=st.booleans()).filter(np.any)
SPACING = (2.0, 1.0, 0.5)


def scored(name: str, predicted: Bools, true: Bools, **parameters: object) -> ItemScores:
    metric = resolve(name, parameters)
    assert isinstance(metric, PerItemMetric)
    spacing = SPACING[-predicted.ndim :]
    case = MaskCase("a", predicted.astype(np.uint8), true.astype(np.uint8), spacing, {1: "x"})
    return metric.per_item(case)


def value(name: str, predicted: Bools, true: Bools, **parameters: object) -> float:
    return float(scored(name, predicted, true, **parameters).values[0, 0])


def row(*cells: int) -> Bools:
    return np.array([cells], dtype=bool)


def test_all_distances_of_both_directions_weigh_the_same() -> None:
    # Pixels of 1 x 0.5 mm. Forth 0, 0.5, 1 and 1.5 mm, back 0: five distances, not two means.
    found = value("assd", row(1, 1, 1, 1), row(1, 0, 0, 0), definition="voxel6")
    assert found == pytest.approx((0.5 + 1.0 + 1.5) / 5)


@settings(max_examples=30, deadline=None)
@given(MASKS, MASKS)
def test_voxel6_is_medpys(a: Bools, b: Bools) -> None:
    assert value("assd", a, b, definition="voxel6") == pytest.approx(medpy.assd(a, b, SPACING))


@settings(max_examples=30, deadline=None)
@given(MASKS, MASKS)
def test_surfel_weighs_every_distance_by_its_area(a: Bools, b: Bools) -> None:
    first, second = surfels(a, SPACING), surfels(b, SPACING)
    points = [np.argwhere(part.border) * SPACING for part in (first, second)]
    gaps = np.linalg.norm(points[0][:, np.newaxis] - points[1][np.newaxis], axis=2)
    distances = np.concatenate([gaps.min(axis=1), gaps.min(axis=0)])
    areas = np.concatenate([first.areas, second.areas])
    assert value("assd", a, b) == pytest.approx(np.average(distances, weights=areas))


@pytest.mark.parametrize("definition", DEFINITIONS)
@settings(max_examples=15, deadline=None)
@given(MASKS, MASKS)
def test_it_is_a_symmetric_distance(definition: str, a: Bools, b: Bools) -> None:
    there = value("assd", a, b, definition=definition)
    assert there == pytest.approx(value("assd", b, a, definition=definition))
    assert value("assd", a, a, definition=definition) == 0.0
    diagonal = float(np.hypot.reduce(np.array(a.shape) * SPACING))
    assert 0.0 <= there <= diagonal


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_empty_masks_take_zero_or_the_worst_value_and_are_flagged(definition: str) -> None:
    some, none = row(1, 0, 0, 0), row(0, 0, 0, 0)
    both = scored("assd", none, none, definition=definition)
    assert both.values == 0.0
    assert both.flags["both_empty"].all()
    diagonal = float(np.hypot(1 * 1.0, 4 * 0.5))
    for predicted, true, flag in (
        (none, some, "prediction_empty"),
        (some, none, "reference_empty"),
    ):
        found = scored("assd", predicted, true, definition=definition)
        assert found.values == pytest.approx(diagonal)
        assert found.flags[flag].all()


@settings(max_examples=30, deadline=None)
@given(MASKS, MASKS)
def test_iou_is_medpys_and_agrees_with_dice(a: Bools, b: Bools) -> None:
    found, dice = value("iou", a, b), value("dice", a, b)
    assert found == pytest.approx(medpy.jc(a, b))
    assert found == pytest.approx(dice / (2 - dice))


def test_iou_of_empty_masks_follows_the_rules() -> None:
    some, none = row(1, 0, 0, 0), row(0, 0, 0, 0)
    assert value("iou", none, none) == 1.0
    assert scored("iou", none, none).flags["both_empty"].all()
    assert value("iou", none, some) == value("iou", some, none) == 0.0
