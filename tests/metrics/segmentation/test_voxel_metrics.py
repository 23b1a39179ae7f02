"""What is made of counts of voxels: by hand, by scikit-learn and MedPy, and exactly."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest
from medpy.metric import binary as medpy
from sklearn import metrics as sklearn

from proctor_metrics.segmentation.voxel_agreement import VoxelKappa, VoxelMatthewsCorrelation

Value = Callable[..., float]
# By hand: 2 true positives, 1 false positive, 3 false negatives, 4 true negatives.
PREDICTED = np.array([[1, 1, 1, 0, 0, 0, 0, 0, 0, 0]])
TRUE = np.array([[1, 1, 0, 1, 1, 1, 0, 0, 0, 0]])
SPACING = (10.0, 20.0)


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("dice", {}, 4 / 8),
        ("iou", {}, 2 / 6),
        ("voxel_f_beta", {"beta": 1}, 4 / 8),
        ("voxel_f_beta", {"beta": 2}, 10 / (10 + 12 + 1)),
        ("voxel_f_beta", {"beta": 0.5}, 2.5 / (2.5 + 0.75 + 1)),
        ("voxel_sensitivity", {}, 2 / 5),
        ("voxel_specificity", {}, 4 / 5),
        ("voxel_precision", {}, 2 / 3),
        ("voxel_npv", {}, 4 / 7),
        # po = 6/10, pe = (3 * 5 + 7 * 5) / 100.
        ("voxel_kappa", {}, (0.6 - 0.5) / 0.5),
        ("voxel_mcc", {}, (2 * 4 - 1 * 3) / sqrt(3 * 5 * 5 * 7)),
        ("voxel_count", {}, 1),
        ("voxel_count", {"of": "false_negative"}, 3),
        ("voxel_count", {"of": "true_positive"}, 2),
        ("voxel_count", {"of": "prediction"}, 3),
        ("voxel_count", {"of": "reference"}, 5),
        # 3 and 5 pixels of 200 mm2.
        ("volume_error", {"form": "absolute_ml"}, 0.4),
        ("volume_error", {"form": "signed_ml", "worst": 9.0}, -0.4),
        ("volume_error", {"form": "absolute_percent", "worst": 9.0}, 40),
        ("volume_error", {"form": "signed_percent", "worst": 9.0}, -40),
        ("volume_error", {"form": "absolute_ratio", "worst": 9.0}, 0.4),
        ("volume_error", {"form": "signed_ratio", "worst": 9.0}, -0.4),
    ],
)
def test_values_worked_out_by_hand(
    name: str, parameters: dict[str, Any], expected: float, score: Any
) -> None:
    found = score(name, PREDICTED, TRUE, SPACING, **parameters)
    assert float(found.values[0, 0]) == pytest.approx(expected, rel=1e-15)
    assert not any(flag.any() for flag in found.flags.values())


def test_counts_of_voxels_are_scikit_learns(pair: Any, value: Value) -> None:
    true, predicted = pair.true.ravel(), pair.predicted.ravel()
    expected = {
        "dice": sklearn.f1_score(true, predicted),
        "iou": sklearn.jaccard_score(true, predicted),
        "voxel_sensitivity": sklearn.recall_score(true, predicted),
        "voxel_precision": sklearn.precision_score(true, predicted),
        "voxel_specificity": sklearn.recall_score(~true, ~predicted),
        "voxel_mcc": sklearn.matthews_corrcoef(true, predicted),
        "voxel_kappa": sklearn.cohen_kappa_score(true, predicted),
    }
    if not predicted.all():
        expected["voxel_npv"] = sklearn.precision_score(~true, ~predicted)
    for name, number in expected.items():
        assert value(name, pair) == pytest.approx(number, rel=1e-13, abs=1e-15), name
    for beta in (0.5, 1.0, 3.0):
        number = sklearn.fbeta_score(true, predicted, beta=beta)
        assert value("voxel_f_beta", pair, beta=beta) == pytest.approx(number, rel=1e-14)


def test_overlaps_and_volumes_are_medpys(pair: Any, value: Value) -> None:
    predicted, true, _ = pair
    assert value("dice", pair) == medpy.dc(predicted, true)
    assert value("iou", pair) == medpy.jc(predicted, true)
    assert value("voxel_sensitivity", pair) == medpy.recall(predicted, true)
    assert value("voxel_precision", pair) == medpy.precision(predicted, true)
    assert value("voxel_specificity", pair) == medpy.specificity(predicted, true)
    ratio = value("volume_error", pair, form="signed_ratio", worst=9.0)
    assert ratio == pytest.approx(medpy.ravd(predicted, true), abs=1e-15)


@pytest.mark.parametrize("metric", [VoxelMatthewsCorrelation(), VoxelKappa()])
def test_volumes_of_a_billion_voxels_do_not_overflow(metric: Any) -> None:
    third = 3_333_333_337
    assert metric._value(third, 0, 0, third) == 1.0
    assert metric._value(0, third, third, 0) == -1.0
    assert metric._value(third, third, third, third) == 0.0
    # The same shares of a small image.
    assert metric._value(2 * third, third, 3 * third, 4 * third) == metric._value(2, 1, 3, 4)


def test_a_false_voxel_more_never_raises_an_overlap(value: Value, pair: Any) -> None:
    free = np.argwhere(~pair.predicted & ~pair.true)
    if not free.size:
        return
    more = pair.predicted.copy()
    more[tuple(free[0])] = True
    worse = pair._replace(predicted=more)
    for name in ("dice", "iou", "voxel_f_beta", "voxel_precision", "voxel_specificity"):
        assert value(name, worse) <= value(name, pair)
