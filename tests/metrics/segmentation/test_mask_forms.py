"""Every metric of masks gives the same numbers in whatever form a mask comes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn

from proctor_metrics import names
from proctor_metrics.registry import metric_class
from proctor_metrics.segmentation.structure_metric import StructureMetric

GIVEN: dict[str, dict[str, Any]] = {
    "nsd": {"tolerance_mm": 1},
    "boundary_iou": {"distance_mm": 1},
    "volume_error": {"worst": 500.0},
}
METRICS = [name for name in names() if issubclass(metric_class(name), StructureMetric)]
SPACING = (5.0, 0.5, 0.5)
LABELS = {1: "one", 2: "two", 5: "five"}


def drawn(seed: int, shape: tuple[int, ...] = (4, 6, 7)) -> np.ndarray:
    values = np.random.default_rng(seed).choice(
        [0, 1, 2, 5], size=shape, p=[0.55, 0.25, 0.15, 0.05]
    )
    return values.astype(np.uint8)


FORMS = {
    kind: lambda array, kind=kind: array.astype(kind)
    for kind in ("u1", "<u2", ">u2", "<i2", ">i4", "<u4", ">u8", "<u8", ">i8", "<i8", "i1")
} | {
    "Fortran order": np.asfortranarray,
    "strides": lambda array: np.repeat(array, 2, axis=2)[:, :, ::2],
    "negative strides": lambda array: array[::-1].copy()[::-1],
    "read only": lambda array: np.frombuffer(array.tobytes(), np.uint8).reshape(array.shape),
}


@pytest.mark.parametrize("name", METRICS)
def test_types_and_memory_orders_make_no_difference(name: str, score: Any) -> None:
    predicted, true, given = drawn(1), drawn(2), GIVEN.get(name, {})
    expected = score(name, predicted, true, SPACING, LABELS, **given)
    assert expected.labels == ("one", "two", "five")
    for change in FORMS.values():
        mixed = score(name, change(predicted), true, SPACING, LABELS, **given)
        same = score(name, change(predicted), change(true), SPACING, LABELS, **given)
        # Arrays in Fortran order are walked through the other way, and sums round otherwise.
        rounding = 1e-14 if name in ("assd", "masd", "nsd") else 0
        for found in (mixed, same):
            np.testing.assert_allclose(found.values, expected.values, rtol=rounding)


@pytest.mark.parametrize("name", METRICS)
def test_a_region_is_scored_as_if_it_were_one_label(name: str, score: Any) -> None:
    predicted, true, given = drawn(3), drawn(4), GIVEN.get(name, {})
    regions = {"whole": (1, 2, 5), "core": (5, 1), "five": (5,)}
    found = score(name, predicted, true, SPACING, LABELS, regions, **given)
    assert found.labels == ("whole", "core", "five")
    for row, values in enumerate(regions.values()):
        alone = score(name, np.isin(predicted, values), np.isin(true, values), SPACING, **given)
        np.testing.assert_array_equal(found.values[row], alone.values[0])
        assert {flag: found.flags[flag][row, 0] for flag in found.flags} == {
            flag: alone.flags[flag][0, 0] for flag in alone.flags
        }


@pytest.mark.parametrize("name", METRICS)
def test_numbers_of_labels_are_names_and_nothing_more(name: str, score: Any) -> None:
    predicted, true, given = drawn(5), drawn(6), GIVEN.get(name, {})
    expected = score(name, predicted, true, SPACING, LABELS, **given)
    other = np.array([0, 70_000, 3, 0, 0, 255])
    renamed = {70_000: "one", 3: "two", 255: "five"}
    found = score(name, other[predicted], other[true], SPACING, renamed, **given)
    assert found.labels == ("two", "five", "one")
    np.testing.assert_array_equal(found.values[[2, 0, 1]], expected.values)


def test_a_centerline_does_not_depend_on_the_memory_order_of_two_files(score: Any) -> None:
    """Thinning goes from side to side, so that turned axes would give another skeleton."""
    generator = np.random.default_rng(11)
    predicted, true = (generator.random((12, 14, 16)) < 0.5 for _ in range(2))
    kept = score("cldice", predicted, true, SPACING).values
    turned = score("cldice", np.asfortranarray(predicted), np.asfortranarray(true), SPACING).values
    assert turned.tolist() == kept.tolist()
    axes_turned = score("cldice", predicted.T, true.T, SPACING).values
    assert axes_turned.tolist() != kept.tolist()


def test_255_labels_are_counted_in_one_pass(score: Any) -> None:
    generator = np.random.default_rng(7)
    predicted, true = (generator.integers(0, 256, (8, 40, 40), np.uint8) for _ in range(2))
    predicted[:, :30] = true[:, :30]
    labels = {value: f"label {value}" for value in range(1, 256)}
    expected = sklearn.f1_score(true.ravel(), predicted.ravel(), labels=list(labels), average=None)
    found = score("dice", predicted, true, SPACING, labels).values[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    distances = score("hd95", predicted, true, SPACING, labels).values[:, 0]
    for value in (1, 128, 255):
        alone = score("hd95", predicted == value, true == value, SPACING)
        assert distances[value - 1] == alone.values[0, 0]


@pytest.mark.parametrize("name", METRICS)
def test_a_label_that_is_nowhere_has_a_value_or_is_left_out(name: str, score: Any) -> None:
    nothing = np.zeros((3, 4, 5), dtype=np.uint8)
    found = score(name, nothing, nothing, SPACING, LABELS, **GIVEN.get(name, {}))
    assert found.values.shape == (3, 1)
    assert found.flags["both_empty"].all()
    # A flag that is nowhere raised may be absent.
    undefined = found.flags.get("undefined", np.zeros(found.values.shape, dtype=np.bool_))
    np.testing.assert_array_equal(undefined, np.isnan(found.values))
