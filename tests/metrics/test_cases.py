"""What a case refuses, and whose fault it says it is."""

import numpy as np
import pytest

from proctor_metrics import MaskCase, MetricInputError, Side, TableCase, resolve
from proctor_metrics.cases import SurfaceDefinition
from proctor_metrics.loaders import spacing_from_affine
from proctor_metrics.metric import PerItemMetric

GRID = np.zeros((2, 3), dtype=np.uint8)
LABELS = {1: "one"}
SPACING = (1.0, 1.0)


def test_masks_of_different_shapes_are_refused_with_both_shapes() -> None:
    with pytest.raises(MetricInputError) as caught:
        MaskCase("p01", np.zeros((2, 4), dtype=int), GRID, SPACING, LABELS)
    assert caught.value.side is Side.PREDICTION
    for expected in ("'p01'", "(2, 4)", "(2, 3)", "one grid"):
        assert expected in str(caught.value)


@pytest.mark.parametrize("side", [Side.PREDICTION, Side.REFERENCE])
def test_an_unknown_label_is_refused_and_named(side: Side) -> None:
    wrong = np.array([[0, 1, 9], [0, 0, 0]])
    pair = (wrong, GRID) if side is Side.PREDICTION else (GRID, wrong)
    with pytest.raises(MetricInputError, match=r"label 9; known labels are \[0, 1\]") as caught:
        MaskCase("p01", *pair, SPACING, LABELS)
    assert caught.value.side is side


def test_regions_overlap_and_are_counted_in_the_order_in_which_they_are_declared() -> None:
    reference = np.array([[1, 2, 3, 3, 0]])
    prediction = np.array([[2, 2, 1, 3, 3]])
    names = {1: "necrosis", 2: "edema", 3: "enhancing"}
    regions = {"whole": (1, 2, 3), "core": (3, 1), "enhancing": (3,)}
    case = MaskCase("p01", prediction, reference, SPACING, names, regions)
    assert case.label_names == ("whole", "core", "enhancing")
    assert case.counts.reference.tolist() == [4, 3, 2]
    assert case.counts.prediction.tolist() == [5, 3, 2]
    assert case.counts.overlap.tolist() == [4, 2, 1]


@pytest.mark.parametrize("values", [(), (0,), (1, 9)])
def test_a_region_is_made_of_labels_alone(values: tuple[int, ...]) -> None:
    with pytest.raises(MetricInputError, match=r"'core' .*these are \[1\]") as caught:
        MaskCase("p01", GRID, GRID, SPACING, LABELS, {"core": values})
    assert caught.value.side is Side.TASK


def test_distances_are_found_once_and_only_where_both_sides_have_a_surface() -> None:
    prediction, reference = np.array([[1, 0, 2]]), np.array([[0, 1, 0]])
    case = MaskCase("p01", prediction, reference, SPACING, {1: "one", 2: "two", 3: "three"})
    first, second, third = case.surfaces(SurfaceDefinition.VOXEL6)
    assert first is not None
    assert first.to_reference.distances_mm.tolist() == [1.0]
    assert first.to_prediction.weights.tolist() == [1.0]
    assert (second, third) == (None, None)
    assert case.surfaces(SurfaceDefinition.VOXEL6)[0] is first
    assert case.surfaces(SurfaceDefinition.SURFEL)[0] is not first


def test_a_negative_label_is_unknown() -> None:
    with pytest.raises(MetricInputError, match="label -1"):
        MaskCase("p01", np.full((2, 3), -1), GRID, SPACING, LABELS)


@pytest.mark.parametrize("kind", [np.float32, np.bool_, np.complex128])
def test_a_mask_that_is_not_of_integers_is_refused(kind: type) -> None:
    told = (
        f"the prediction is of type {np.dtype(kind)}, the reference of uint8; .*array of integers"
    )
    with pytest.raises(MetricInputError, match=told):
        MaskCase("p01", GRID.astype(kind), GRID, SPACING, LABELS)


@pytest.mark.parametrize("spacing", [(1.0,), (1.0, 0.0), (1.0, -1.0), (1.0, float("nan"))])
def test_a_spacing_that_does_not_fit_is_the_organizers_fault(spacing: tuple[float, ...]) -> None:
    with pytest.raises(MetricInputError, match="one positive length for each axis") as caught:
        MaskCase("p01", GRID, GRID, spacing, LABELS)
    assert caught.value.side is Side.REFERENCE


@pytest.mark.parametrize("shape", [(), (3,), (2, 2, 2, 2), (0, 3)])
def test_a_mask_has_two_or_three_axes_and_a_voxel(shape: tuple[int, ...]) -> None:
    array = np.zeros(shape, dtype=int)
    with pytest.raises(MetricInputError, match="2 or 3 axes"):
        MaskCase("p01", array, array, (1.0,) * len(shape), LABELS)


@pytest.mark.parametrize("labels", [{}, {0: "background", 1: "one"}])
def test_background_is_no_label(labels: dict[int, str]) -> None:
    with pytest.raises(MetricInputError, match="0 is background") as caught:
        MaskCase("p01", GRID, GRID, SPACING, labels)
    assert caught.value.side is Side.TASK


def table(prediction: object, reference: object = (0, 1)) -> TableCase:
    return TableCase("t01", np.asarray(prediction), np.asarray(reference), ("cat", "dog"), (0, 1))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_score_that_is_not_finite_is_refused_with_its_place(value: float) -> None:
    with pytest.raises(MetricInputError, match="row 1, column 'dog'") as caught:
        table([[0.5, 0.5], [0.5, value]])
    assert caught.value.side is Side.PREDICTION


@pytest.mark.parametrize("prediction", [[[0.5, 0.5]], [[0.5], [0.5]], [0.5, 0.5]])
def test_half_a_table_is_refused_with_the_shape_that_was_expected(prediction: object) -> None:
    with pytest.raises(MetricInputError, match=r"shape \(2, 2\) is expected"):
        table(prediction)


def test_a_table_of_text_is_refused() -> None:
    with pytest.raises(MetricInputError, match="table of numbers"):
        table([["a", "b"], ["c", "d"]])


def test_a_reference_without_a_column_is_the_organizers_fault_and_stays_secret() -> None:
    with pytest.raises(MetricInputError, match="no column scores") as caught:
        table([[0.5, 0.5], [0.5, 0.5]], [0, 77])
    assert caught.value.side is Side.REFERENCE
    assert "77" not in str(caught.value)


@pytest.mark.parametrize("reference", [[0.0, 1.0], [[0, 1]]])
def test_a_reference_is_one_integer_for_each_item(reference: object) -> None:
    with pytest.raises(MetricInputError, match="one integer for each item"):
        table([[0.5, 0.5], [0.5, 0.5]], reference)


@pytest.mark.parametrize("values", [(0,), (1, 1)])
def test_each_column_scores_a_class_of_its_own(values: tuple[int, ...]) -> None:
    with pytest.raises(MetricInputError, match="one class of its own"):
        TableCase("t01", np.zeros((1, 2)), np.array([1]), ("a", "b"), values)


def test_columns_may_stand_in_any_order_of_their_class_values() -> None:
    case = TableCase("t01", np.zeros((3, 3)), np.array([5, -2, 9]), ("a", "b", "c"), (9, 5, -2))
    assert case.true_columns.tolist() == [1, 2, 0]


def test_a_metric_refuses_the_wrong_kind_of_case() -> None:
    dice, accuracy = resolve("dice", {}), resolve("accuracy", {})
    assert isinstance(dice, PerItemMetric)
    assert isinstance(accuracy, PerItemMetric)
    with pytest.raises(MetricInputError, match="dice is computed from masks"):
        dice.per_item(table([[0.5, 0.5], [0.5, 0.5]]))
    with pytest.raises(MetricInputError, match="accuracy is computed from tables"):
        accuracy.per_item(MaskCase("p01", GRID, GRID, SPACING, LABELS))


def test_a_lost_case_is_not_scored_per_item() -> None:
    lost = TableCase.missing("t01", np.array([0, 1]), ("cat", "dog"), (0, 1))
    accuracy = resolve("accuracy", {})
    assert isinstance(accuracy, PerItemMetric)
    with pytest.raises(MetricInputError, match="takes the worst value"):
        accuracy.per_item(lost)


def test_scoring_leaves_the_callers_arrays_alone() -> None:
    array = np.asfortranarray(np.arange(6).reshape(2, 3) % 2)
    before = array.copy()
    case = MaskCase("p01", array, array, SPACING, LABELS)
    dice = resolve("dice", {})
    assert isinstance(dice, PerItemMetric)
    dice.per_item(case)
    np.testing.assert_array_equal(array, before)
    assert array.flags.f_contiguous


def test_spacing_comes_from_the_columns_of_an_affine() -> None:
    turned = np.array([[0, -2.0, 0, 9], [3.0, 0, 0, 9], [0, 0, 5.0, 9], [0, 0, 0, 1]])
    assert spacing_from_affine(turned) == (3.0, 2.0, 5.0)
    with pytest.raises(ValueError, match="flatten an axis"):
        spacing_from_affine(np.diag([1.0, 0.0, 1.0, 1.0]))
    with pytest.raises(ValueError, match=r"shape \(4, 4\)"):
        spacing_from_affine(np.eye(3))


def test_a_case_holds_its_masks_in_one_native_form() -> None:
    foreign = np.zeros((2, 3), dtype=np.dtype("u2").newbyteorder("S"), order="F")
    case = MaskCase("p01", foreign, foreign, SPACING, LABELS)
    for array in (case.prediction, case.reference):
        assert array.dtype.isnative
        assert array.dtype == np.uint16
        assert array.flags.c_contiguous


@pytest.mark.parametrize("values", [(3, 9), (3, 70_000), (-4, 2)])
def test_boxes_are_as_small_as_can_be_whatever_the_numbers_of_labels(
    values: tuple[int, int],
) -> None:
    array = np.zeros((6, 7), dtype=np.int64)
    array[1:4, 2], array[5, 3:6] = values
    labels = {values[0]: "one", values[1]: "two", 11: "nowhere"}
    prediction = np.roll(array, 1, axis=1)
    regions = {"both": values, "one": values[:1], "nowhere": (11,)}
    case = MaskCase("p01", prediction, array, SPACING, labels, regions)
    assert case.extents == (
        (slice(1, 6), slice(2, 7)),
        (slice(1, 4), slice(2, 4)),
        None,
    )
