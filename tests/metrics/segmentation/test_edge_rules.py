"""What empty structures count under every rule, and what the board says of it."""

from __future__ import annotations

from math import hypot, isnan, nan
from typing import Any

import numpy as np
import pytest

from proctor_metrics import resolve

EMPTY = np.zeros((3, 4), dtype=np.uint8)
SOME = np.pad(np.ones((1, 2), dtype=np.uint8), 1)
FULL = np.ones((3, 4), dtype=np.uint8)
SPACING = (3.0, 4.0)
DIAGONAL_MM = hypot(9, 16)
IN_NEITHER, IN_REFERENCE, IN_PREDICTION = (EMPTY, EMPTY), (EMPTY, SOME), (SOME, EMPTY)
OVERLAPS: dict[str, dict[str, Any]] = {
    "dice": {},
    "iou": {},
    "voxel_f_beta": {"beta": 2},
    "nsd": {"tolerance_mm": 1},
    "boundary_iou": {"distance_mm": 1},
    "cldice": {},
}
DISTANCES = ("hd", "hd95", "assd", "masd")
LEFT_OUT = {"both_empty": "nan", "reference_empty": "nan"}


def found(score: Any, name: str, masks: Any, **parameters: Any) -> float:
    return float(score(name, *masks, SPACING, **parameters).values[0, 0])


@pytest.mark.parametrize("name", OVERLAPS)
def test_overlaps_of_empty_masks(name: str, score: Any) -> None:
    usual = [
        found(score, name, masks, **OVERLAPS[name])
        for masks in (IN_NEITHER, IN_REFERENCE, IN_PREDICTION)
    ]
    assert usual == [1.0, 0.0, 0.0]
    left_out = [
        found(score, name, masks, **OVERLAPS[name], **LEFT_OUT)
        for masks in (IN_NEITHER, IN_REFERENCE, IN_PREDICTION)
    ]
    assert [isnan(value) for value in left_out] == [True, False, True]
    assert left_out[1] == 0.0


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize("definition", ["surfel", "voxel6", "itk-6-26"])
def test_distances_of_empty_masks(name: str, definition: str, score: Any) -> None:
    given = {"definition": definition}
    for worst, expected in ((None, DIAGONAL_MM), (374.0, 374.0)):
        assert found(score, name, IN_NEITHER, worst=worst, **given) == 0.0
        assert found(score, name, IN_REFERENCE, worst=worst, **given) == pytest.approx(expected)
        assert found(score, name, IN_PREDICTION, worst=worst, **given) == pytest.approx(expected)
    assert isnan(found(score, name, IN_NEITHER, **given, **LEFT_OUT))
    assert isnan(found(score, name, IN_PREDICTION, **given, **LEFT_OUT))
    assert found(score, name, IN_REFERENCE, **given, **LEFT_OUT) == pytest.approx(DIAGONAL_MM)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # In neither, the reference alone, the prediction alone; all of both, of one, of the other.
        ("voxel_sensitivity", [nan, 0, nan, 1, 1, 1 / 6]),
        ("voxel_specificity", [1, 1, 10 / 12, nan, 0, nan]),
        ("voxel_precision", [nan, 0, 0, 1, 1 / 6, 1]),
        ("voxel_npv", [1, 10 / 12, 1, nan, 0, 0]),
        ("voxel_kappa", [nan, 0, 0, nan, 0, 0]),
        ("voxel_mcc", [nan, 0, 0, nan, 0, 0]),
    ],
)
@pytest.mark.parametrize("undefined", ["nan", "0", "1"])
def test_rates_that_divide_nothing_by_nothing(
    name: str, expected: list[float], undefined: str, score: Any
) -> None:
    masks = (
        IN_NEITHER,
        IN_REFERENCE,
        IN_PREDICTION,
        (FULL, FULL),
        (FULL, SOME),
        (SOME, FULL),
    )
    values = [found(score, name, pair, undefined=undefined) for pair in masks]
    filled = [float(undefined) if isnan(number) else number for number in expected]
    np.testing.assert_allclose(values, filled, rtol=1e-15)


def test_volumes_of_empty_masks(score: Any) -> None:
    for form in ("absolute_ml", "absolute_percent", "absolute_ratio", "signed_ratio"):
        given = {"form": form, "worst": 7.0}
        assert found(score, "volume_error", IN_NEITHER, **given) == 0
        missed = found(score, "volume_error", IN_REFERENCE, **given)
        size = {"absolute_ml": 0.024, "absolute_percent": 100.0}.get(form, 1.0)
        assert missed == pytest.approx(-size if form == "signed_ratio" else size)
        invented = found(score, "volume_error", IN_PREDICTION, **given)
        assert invented == pytest.approx(0.024 if form == "absolute_ml" else 7.0)


@pytest.mark.parametrize("name", [*OVERLAPS, *DISTANCES, "voxel_mcc", "volume_error"])
def test_every_empty_side_is_flagged_and_only_it(name: str, score: Any) -> None:
    for masks, raised in (
        (IN_NEITHER, "both_empty"),
        (IN_REFERENCE, "prediction_empty"),
        (IN_PREDICTION, "reference_empty"),
        ((SOME, SOME), ""),
    ):
        flags = score(name, *masks, SPACING, worst=7.0, **OVERLAPS.get(name, {})).flags
        assert [flag for flag in flags if flags[flag].any() and flag != "undefined"] == (
            [raised] if raised else []
        )


def test_what_is_left_out_is_flagged_as_undefined(score: Any) -> None:
    flags = score("dice", *IN_NEITHER, SPACING, **LEFT_OUT).flags
    assert flags["undefined"].all()
    assert not score("dice", *IN_NEITHER, SPACING).flags["undefined"].any()


def test_the_board_says_which_rule_holds() -> None:
    left_out = "is left out of the mean and flagged."
    rules = resolve("dice", LEFT_OUT).edge_rules
    assert rules == (
        f"A structure that is empty in prediction and reference {left_out}",
        "A structure that is in the prediction alone is left out of the mean and flagged.",
        "A structure that is in the reference alone scores 0.",
    )
    assert resolve("hd", {"reference_empty": "nan"}, worst=374.0).edge_rules[1:] == (
        "A structure that is in the prediction alone is left out of the mean and flagged.",
        "A structure that is in the reference alone takes the worst value, 374 mm.",
    )
    assert resolve("ppv", {"undefined": 1}).edge_rules[0] == (
        "A structure that is empty in prediction and reference scores 1."
    )
    assert not resolve("dice", {}).can_be_undefined
    assert resolve("dice", {"both_empty": "nan"}).can_be_undefined


@pytest.mark.parametrize(
    ("name", "worst"),
    [
        ("dice", 0),
        ("nsd", 0),
        ("cldice", 0),
        ("voxel_npv", 0),
        ("voxel_mcc", -1),
        ("voxel_kappa", -1),
    ],
)
def test_a_missing_case_takes_the_lowest_value_there_is(name: str, worst: float) -> None:
    metric = resolve(name, OVERLAPS.get(name, {}))
    assert metric.worst((3, 4), SPACING) == worst
    assert resolve("hd", {}).worst((3, 4), SPACING) == pytest.approx(DIAGONAL_MM)
    assert resolve("voxel_count", {}).worst((3, 4), SPACING) == 12
