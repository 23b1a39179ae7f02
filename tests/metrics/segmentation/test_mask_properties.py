"""What must hold for any two masks, drawn at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy

Bools = npt.NDArray[np.bool_]
Drawn = tuple[Bools, Bools, tuple[float, ...]]
OVERLAPS: list[tuple[str, dict[str, Any]]] = [
    ("dice", {}),
    ("iou", {}),
    ("voxel_f_beta", {"beta": 1}),
    ("nsd", {"tolerance_mm": 1}),
    ("nsd", {"tolerance_mm": 0.6, "definition": "voxel6"}),
    ("boundary_iou", {"distance_mm": 1}),
    ("boundary_iou", {"definition": "erosion", "width_voxels": 1}),
    ("cldice", {}),
]
DISTANCES: list[tuple[str, dict[str, Any]]] = [
    (name, {"definition": definition})
    for name in ("hd", "hd95", "assd", "masd")
    for definition in ("surfel", "voxel6", "itk-6-26")
] + [("hd95", {"definition": "voxel6-pooled"})]
AGREEMENTS: list[tuple[str, dict[str, Any]]] = [("voxel_mcc", {}), ("voxel_kappa", {})]
RATES: list[tuple[str, dict[str, Any]]] = [
    ("voxel_sensitivity", {}),
    ("voxel_specificity", {}),
    ("voxel_precision", {}),
    ("voxel_npv", {}),
]
SYMMETRIC = [*OVERLAPS, *DISTANCES, *AGREEMENTS]
POSITIONAL = [*OVERLAPS, *DISTANCES, RATES[0], RATES[2]]
"""Those in which background at the edge of an image counts nothing."""

drawn_masks = hypothesis_numpy.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=5).flatmap(
    lambda shape: st.tuples(
        hypothesis_numpy.arrays(bool, shape).filter(np.any),
        hypothesis_numpy.arrays(bool, shape).filter(np.any),
        st.tuples(*[st.sampled_from([0.5, 0.78, 1.0, 5.0])] * len(shape)),
    )
)


def random(examples: int) -> Any:
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
    )


def by_name(case: tuple[str, dict[str, Any]]) -> str:
    name, parameters = case
    return f"{name} {' '.join(str(value) for value in parameters.values())}".strip()


def of(score: Any, case: tuple[str, dict[str, Any]], masks: Drawn, **changed: Any) -> float:
    name, parameters = case
    return float(score(name, *masks, **parameters | changed).values[0, 0])


@pytest.mark.parametrize("case", SYMMETRIC, ids=by_name)
@random(15)
@given(masks=drawn_masks)
def test_prediction_and_reference_may_be_exchanged(case: Any, masks: Drawn, score: Any) -> None:
    first, second, spacing = masks
    forth, back = of(score, case, masks), of(score, case, (second, first, spacing))
    np.testing.assert_allclose(forth, back, rtol=1e-12)


@random(15)
@given(masks=drawn_masks)
def test_precision_is_sensitivity_from_the_other_side(masks: Drawn, score: Any) -> None:
    first, second, spacing = masks
    for rate, other in (
        ("voxel_precision", "voxel_sensitivity"),
        ("voxel_npv", "voxel_specificity"),
    ):
        if rate == "voxel_npv" and first.all():  # Then it is 0, and the other has no value.
            continue
        found = of(score, (other, {}), (second, first, spacing))
        np.testing.assert_equal(of(score, (rate, {}), masks), found)


@pytest.mark.parametrize("case", [*SYMMETRIC, *RATES], ids=by_name)
@random(15)
@given(masks=drawn_masks)
def test_values_stay_in_their_range_and_the_reference_itself_is_perfect(
    case: Any, masks: Drawn, score: Any
) -> None:
    _, true, spacing = masks
    found, itself = of(score, case, masks), of(score, case, (true, true, spacing))
    if case in DISTANCES:
        diagonal_mm = np.hypot.reduce(np.multiply(true.shape, spacing))
        assert 0 <= found <= diagonal_mm * (1 + 1e-12)
        assert itself == 0
        return
    lowest = -1 if case in AGREEMENTS else 0
    assert np.isnan(found) or lowest <= found <= 1
    assert np.isnan(itself) or itself == 1


@pytest.mark.parametrize("case", POSITIONAL, ids=by_name)
@random(15)
@given(masks=drawn_masks, before=st.integers(0, 3), after=st.integers(0, 3))
def test_more_background_around_or_another_place_changes_nothing(
    case: Any, masks: Drawn, before: int, after: int, score: Any
) -> None:
    predicted, true, spacing = masks
    padded = (*(np.pad(mask, (before, after)) for mask in (predicted, true)), spacing)
    np.testing.assert_allclose(of(score, case, padded), of(score, case, masks), rtol=1e-12)


@pytest.mark.parametrize("case", [*DISTANCES, *OVERLAPS], ids=by_name)
@random(15)
@given(masks=drawn_masks, factor=st.sampled_from([0.1, 0.37, 3.0, 1000.0]))
def test_distances_grow_with_the_spacing_and_shares_with_spacing_and_tolerance_stay(
    case: Any, masks: Drawn, factor: float, score: Any
) -> None:
    predicted, true, spacing = masks
    scaled = (predicted, true, tuple(length * factor for length in spacing))
    changed = {
        key: value * factor
        for key, value in case[1].items()
        if key in ("tolerance_mm", "distance_mm")
    }
    expected = of(score, case, masks) * (factor if case in DISTANCES else 1)
    assert of(score, case, scaled, **changed) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("case", SYMMETRIC, ids=by_name)
@random(10)
@given(masks=drawn_masks)
def test_axes_may_be_turned_and_mirrored(case: Any, masks: Drawn, score: Any) -> None:
    if case[0] == "cldice":  # Thinning goes from one side to the other.
        return
    predicted, true, spacing = masks
    turned = (predicted.T[::-1], true.T[::-1], spacing[::-1])
    np.testing.assert_allclose(of(score, case, turned), of(score, case, masks), rtol=1e-9)


@random(25)
@given(masks=drawn_masks)
def test_distances_of_one_name_are_in_the_order_of_their_definitions(
    masks: Drawn, score: Any
) -> None:
    def distance(name: str, **parameters: Any) -> float:
        return of(score, (name, parameters), masks)

    for definition in ("surfel", "voxel6", "itk-6-26"):
        largest = distance("hd", definition=definition)
        assert distance("hd95", definition=definition, percentile=100) == largest
        assert distance("hd95", definition=definition) <= largest
        assert distance("masd", definition=definition) <= largest * (1 + 1e-12)
        assert distance("assd", definition=definition) <= largest * (1 + 1e-12)
    assert distance("hd", definition="itk-6-26") <= distance("hd", definition="voxel6")


@random(25)
@given(masks=drawn_masks)
def test_overlaps_of_one_case_are_functions_of_each_other(masks: Drawn, score: Any) -> None:
    dice, iou = of(score, ("dice", {}), masks), of(score, ("iou", {}), masks)
    assert iou == pytest.approx(dice / (2 - dice))
    precision = of(score, ("voxel_precision", {}), masks)
    sensitivity = of(score, ("voxel_sensitivity", {}), masks)
    if precision + sensitivity:
        harmonic = 2 * precision * sensitivity / (precision + sensitivity)
        assert dice == pytest.approx(harmonic)
    tolerances = [of(score, ("nsd", {"tolerance_mm": mm}), masks) for mm in (0, 0.5, 2, 100)]
    assert tolerances == sorted(tolerances)
    assert tolerances[-1] == pytest.approx(1)
