"""Dice and volume error: by hand, by MedPy, and by their invariants."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy
from medpy.metric import binary as medpy

from proctor_metrics import ItemScores, MaskCase, PerItemMetric, resolve

LABELS = {1: "one", 2: "two", 3: "three"}
Ints = npt.NDArray[np.integer]


def scored(
    name: str,
    predicted: Ints,
    true: Ints,
    spacing: tuple[float, ...] = (1.0, 1.0),
    worst: float | None = None,
    **parameters: object,
) -> ItemScores:
    metric = resolve(name, parameters, worst=worst)
    assert isinstance(metric, PerItemMetric)
    return metric.per_item(MaskCase("a", predicted, true, spacing, LABELS))


PREDICTED = np.array([[1, 1, 1, 0], [2, 2, 0, 0]])
TRUE = np.array([[1, 1, 0, 0], [0, 0, 0, 0]])


def test_dice_of_a_small_table_worked_out_by_hand() -> None:
    scores = scored("dice", PREDICTED, TRUE)
    assert scores.labels == ("one", "two", "three")
    # one: 2*2/(3+2); two is only predicted; three is nowhere.
    assert scores.values[:, 0].tolist() == [0.8, 0.0, 1.0]
    assert scores.flags["both_empty"][:, 0].tolist() == [False, False, True]


def test_volume_error_in_percent_worked_out_by_hand() -> None:
    scores = scored("volume_error", PREDICTED, TRUE, worst=500.0)
    assert scores.values[:, 0].tolist() == [50.0, 500.0, 0.0]
    assert scores.flags["reference_empty"][:, 0].tolist() == [False, True, False]
    assert scores.flags["both_empty"][:, 0].tolist() == [False, False, True]
    nothing = scored("volume_error", np.zeros_like(TRUE), TRUE, worst=500.0)
    assert nothing.values[0, 0] == 100.0


def test_volume_error_in_millilitres_worked_out_by_hand() -> None:
    # A voxel of 10 x 50 mm in the plane: 0.5 ml for each millimetre of depth.
    scores = scored("volume_error", PREDICTED, TRUE, (10.0, 50.0), form="absolute_ml")
    assert scores.values[:, 0].tolist() == [0.5, 1.0, 0.0]
    metric = resolve("volume_error", {"form": "absolute_ml"})
    assert metric.worst(TRUE.shape, (10.0, 50.0)) == 4.0
    assert metric.unit == "ml"


label_maps = hypothesis_numpy.array_shapes(min_dims=2, max_dims=3, max_side=5).flatmap(
    lambda shape: st.tuples(
        hypothesis_numpy.arrays(np.uint8, shape, elements=st.integers(0, 3)),
        hypothesis_numpy.arrays(np.uint8, shape, elements=st.integers(0, 3)),
    )
)


@settings(max_examples=80, deadline=None)
@given(label_maps)
def test_dice_and_volume_agree_with_medpy(pair: tuple[Ints, Ints]) -> None:
    predicted, true = pair
    spacing = (1.0,) * true.ndim
    dice = scored("dice", predicted, true, spacing).values[:, 0]
    volume = scored("volume_error", predicted, true, spacing, worst=1e6).values[:, 0]
    for index, label in enumerate(LABELS):
        if (true == label).any() and (predicted == label).any():
            assert dice[index] == medpy.dc(predicted == label, true == label)
            relative = abs(medpy.ravd(predicted == label, true == label))
            assert volume[index] == pytest.approx(100 * relative, abs=1e-9)


@settings(max_examples=80, deadline=None)
@given(label_maps, st.permutations([1, 2, 3]))
def test_dice_is_bounded_symmetric_and_blind_to_the_numbers_of_labels(
    pair: tuple[Ints, Ints], order: list[int]
) -> None:
    predicted, true = pair
    spacing = (1.0,) * true.ndim
    dice = scored("dice", predicted, true, spacing).values[:, 0]
    assert ((dice >= 0) & (dice <= 1)).all()
    np.testing.assert_array_equal(dice, scored("dice", true, predicted, spacing).values[:, 0])
    assert (scored("dice", true, true, spacing).values == 1).all()
    renamed = np.array([0, *order], dtype=np.uint8)
    again = scored("dice", renamed[predicted], renamed[true], spacing).values[:, 0]
    np.testing.assert_array_equal(again[np.array(order) - 1], dice)


@pytest.mark.parametrize("kind", ["u1", "i1", ">u2", "<i4", ">i8", "u8"])
@pytest.mark.parametrize("memory", ["C", "F"])
@pytest.mark.parametrize("name", ["dice", "hd95"])
def test_type_byte_order_and_memory_order_do_not_change_a_score(
    name: str, kind: str, memory: str
) -> None:
    generator = np.random.default_rng(3)
    predicted = generator.integers(0, 4, (4, 5, 6))
    true = generator.integers(0, 4, (4, 5, 6))
    spacing = (2.0, 1.0, 0.5)
    expected = scored(name, predicted, true, spacing).values
    found = scored(
        name,
        np.asarray(predicted, dtype=kind, order=memory),
        np.asarray(true, dtype=np.dtype(kind).newbyteorder("S"), order="C"),
        spacing,
    ).values
    np.testing.assert_array_equal(found, expected)


def test_counts_of_a_large_mask_do_not_overflow() -> None:
    full = np.ones((70_000, 1), dtype=np.uint8)
    assert scored("dice", full, full).values[0, 0] == 1.0
