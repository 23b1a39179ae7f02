"""Objects against a count of every two of them, and what must not change what they come to."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from proctor_metrics import MaskCase, MetricInputError, MetricParameterError, resolve
from proctor_metrics.cases import InstanceCase, Side
from proctor_metrics.instances import pairing
from proctor_metrics.instances.pairing import heaviest

CELL = {1: "cell"}
EVERY_RULE = (
    {},
    {"match": "iou", "iou": 0.2},
    {"match": "overlap"},
    {"match": "center_distance", "distance_mm": 2.5},
)


def case_of(predicted, reference, **changes) -> InstanceCase:
    facts = {"spacing_mm": (1.0,) * np.ndim(predicted), "labels": CELL} | changes
    return InstanceCase("c", np.asarray(predicted), np.asarray(reference), **facts)


def maps(seed: int, shape: tuple[int, ...] = (9, 8)) -> tuple[np.ndarray, np.ndarray]:
    """Draw blobs that overlap in part."""
    random = np.random.default_rng(seed)
    rough = [ndimage.uniform_filter(random.random(shape), 3) for _ in range(2)]
    reference = ndimage.label(rough[0] > 0.52)[0]
    mixed = 0.6 * rough[0] + 0.4 * rough[1]
    return ndimage.label(mixed > 0.51)[0], reference


def value(name: str, case, **parameters) -> float:
    metric = resolve(name, parameters)
    return float(metric.per_item(case).values[0, 0])  # type: ignore[attr-defined]


def best_tally(case: InstanceCase, rule: dict) -> tuple[int, int, int, float]:
    """Try every way to pair the objects that may be one."""
    spacing = np.array(case.spacing_mm)

    def objects(array: np.ndarray) -> list[np.ndarray]:
        return [array == value for value in np.unique(array[array > 0])]

    predicted, reference = objects(case.prediction), objects(case.reference)
    iou = np.array([[(p & r).sum() / (p | r).sum() for r in reference] for p in predicted])
    iou = iou.reshape(len(predicted), len(reference))
    if rule.get("match") == "center_distance":
        centers = [
            [np.mean(np.nonzero(one), axis=1) * spacing for one in side]
            for side in (predicted, reference)
        ]
        distance = np.array([[np.linalg.norm(p - r) for r in centers[1]] for p in centers[0]])
        distance = distance.reshape(iou.shape)
        rows, columns = np.nonzero(distance <= rule["distance_mm"])
        near = sorted(zip(distance[rows, columns], rows, columns, strict=True))
        pairs: list[tuple[int, int]] = []
        for _, row, column in near:
            if all(row != one and column != other for one, other in pairs):
                pairs.append((row, column))
        total = sum(iou[pair] for pair in pairs)
        return len(pairs), len(predicted) - len(pairs), len(reference) - len(pairs), total
    limit = 0.0 if rule.get("match") == "overlap" else rule.get("iou", 0.5)
    weights = np.where(iou > limit, iou, 0)
    if len(predicted) > len(reference):
        weights = weights.T
    ways = itertools.permutations(range(weights.shape[1]), weights.shape[0])
    best = max((weights[np.arange(weights.shape[0]), list(way)] for way in ways), key=np.sum)
    paired = int((best > 0).sum())
    return paired, len(predicted) - paired, len(reference) - paired, float(best.sum())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 100_000), rule=st.sampled_from(EVERY_RULE))
def test_every_two_objects_are_compared(seed: int, rule: dict) -> None:
    case = case_of(*maps(seed), spacing_mm=(1.0, 1.5))
    paired, wrong, overlooked, iou_sum = best_tally(case, rule)
    if not paired + wrong + overlooked:
        assert value("item_panoptic_quality", case, **rule) == 1
        return
    half = paired + (wrong + overlooked) / 2
    for part, expected in (
        ("pq", iou_sum / half),
        ("rq", paired / half),
        ("sq", iou_sum / paired if paired else 0),
    ):
        found = value("item_panoptic_quality", case, part=part, **rule)
        assert found == pytest.approx(expected, abs=1e-12)
    assert value("item_instance_f_score", case, **rule) == pytest.approx(paired / half)
    counted = resolve("instance_count_error", {"of": "false_negative"} | rule, worst=99.0)
    assert counted.per_item(case).values[0, 0] == overlooked  # type: ignore[attr-defined]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 100_000), rule=st.sampled_from(EVERY_RULE))
def test_numbers_places_and_sides_do_not_matter(seed: int, rule: dict) -> None:
    predicted, reference = maps(seed)
    found = value("item_panoptic_quality", case_of(predicted, reference), **rule)
    random = np.random.default_rng(seed)
    numbers = np.concatenate([[0], random.permutation(np.arange(50, 400))])
    renumbered = case_of(numbers[predicted], numbers[reference])
    assert value("item_panoptic_quality", renumbered, **rule) == found
    moved = case_of(np.pad(predicted, 3), np.pad(reference, 3))
    assert value("item_panoptic_quality", moved, **rule) == pytest.approx(found, abs=1e-12)
    swapped = value("item_panoptic_quality", case_of(reference, predicted), **rule)
    assert swapped == pytest.approx(found, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    weights=st.lists(st.lists(st.integers(0, 8), min_size=3, max_size=3), min_size=1, max_size=4)
)
def test_pairs_weigh_the_most_together(weights: list[list[int]]) -> None:
    table = np.array(weights) / 8
    rows, columns = np.nonzero(table)
    kept = heaviest(rows, columns, table[rows, columns])
    assert len(set(rows[kept])) == len(set(columns[kept])) == kept.size
    small = table if table.shape[0] <= table.shape[1] else table.T
    ways = itertools.permutations(range(small.shape[1]), small.shape[0])
    most = max(small[np.arange(small.shape[0]), list(way)].sum() for way in ways)
    assert table[rows[kept], columns[kept]].sum() == pytest.approx(most)


def test_a_prediction_of_specks_is_paired_at_once() -> None:
    # Time in the square of their number would be a quarter of an hour.
    specks = np.arange(200_000)
    weights = np.full(specks.size, 0.1)
    weights[77] = 0.2
    assert heaviest(specks, np.zeros_like(specks), weights).tolist() == [77]
    assert heaviest(np.zeros_like(specks), specks, weights).tolist() == [77]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("distance_mm", [1.0, 3.0, 1000.0])
def test_only_the_nearest_of_many_objects_are_looked_at(
    seed: int, distance_mm: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few objects on a side and many specks on the other, many of them as far away."""
    draws = np.random.default_rng(seed)
    few = np.zeros((20, 20), dtype=int)
    for number, (row, column) in enumerate(draws.integers(0, 18, (4, 2)), start=1):
        few[row : row + 2, column : column + 2] = number
    many = np.where(draws.random(few.shape) < 0.3, np.arange(few.size).reshape(few.shape), 0)
    rule = {"match": "center_distance", "distance_mm": distance_mm}
    for sides in ((many, few), (few, many)):
        found = []
        for most in (1 << 24, 16):
            monkeypatch.setattr(pairing, "_MANY_PAIRS", most)
            found.append(value("item_panoptic_quality", case_of(*sides), **rule))
        assert found[0] == found[1]
        assert found[0] > 0


def test_an_iou_of_half_is_not_above_it() -> None:
    case = case_of([[1, 1, 0, 0]], [[1, 0, 0, 0]])
    assert value("item_panoptic_quality", case) == 0
    assert value("item_panoptic_quality", case, iou=0.49) == 0.5


def test_components_of_a_mask_touch_as_the_task_says() -> None:
    """Two voxels in a corner, one more by an edge of the first: 3, 2 or 1 objects."""
    mask = np.zeros((3, 3, 3), dtype=np.uint8)
    mask[0, 0, 0] = mask[1, 1, 1] = mask[0, 1, 0] = 1
    nothing = MaskCase("c", np.zeros_like(mask), mask, (1.0, 1.0, 1.0), CELL)
    apart = mask.copy()
    apart[0, 1, 0], apart[0, 1, 1] = 0, 1
    other = MaskCase("c", np.zeros_like(mask), apart, (1.0, 1.0, 1.0), CELL)
    for components, expected in ((6, (2, 2)), (18, (1, 1)), (26, (1, 1))):
        metric = resolve("instance_count_error", {"components": components}, worst=9.0)
        found = [metric.per_item(case).values[0, 0] for case in (nothing, other)]  # type: ignore[attr-defined]
        assert tuple(found) == expected
    corner = mask.copy()
    corner[0, 1, 0] = 0
    case = MaskCase("c", np.zeros_like(mask), corner, (1.0, 1.0, 1.0), CELL)
    for components, count in ((6, 2), (18, 2), (26, 1)):
        metric = resolve("instance_count_error", {"components": components}, worst=9.0)
        assert metric.per_item(case).values[0, 0] == count  # type: ignore[attr-defined]


def test_regions_of_a_mask_are_cut_up_each_by_itself() -> None:
    predicted, reference = np.array([[1, 2, 0, 2]]), np.array([[1, 2, 0, 0]])
    regions = {"whole": (1, 2), "core": (2,)}
    case = MaskCase("c", predicted, reference, (1.0, 1.0), {1: "edema", 2: "core"}, regions)
    metric = resolve("item_instance_f_score", {})
    assert metric.labels(case) == ("whole", "core")
    found = metric.per_item(case)  # type: ignore[attr-defined]
    np.testing.assert_allclose(found.values, [[2 / 3], [2 / 3]])


def test_classes_are_told_by_their_divisor() -> None:
    """Class 1 is right; class 2 is found as class 1."""
    predicted, reference = [[1001, 0, 1007, 0]], [[105, 0, 206, 0]]
    case = case_of(
        predicted, reference, labels={1: "a", 2: "b", 3: "c"}, class_divisors=(1000, 100)
    )
    found = resolve("item_instance_f_score", {}).per_item(case)  # type: ignore[attr-defined]
    assert found.labels == ("a", "b", "c")
    np.testing.assert_allclose(found.values[:, 0], [2 / 3, 0, 1])
    assert found.flags["both_empty"][:, 0].tolist() == [False, False, True]
    assert found.flags["prediction_empty"][:, 0].tolist() == [False, True, False]
    pooled = resolve("panoptic_quality", {}).pooled([case])
    np.testing.assert_array_equal(pooled, [2 / 3, 0, np.nan])


def test_a_class_called_0_may_have_objects() -> None:
    case = case_of([[3, 0]], [[5, 0]], labels={0: "a", 1: "b"}, class_divisors=(10, 10))
    found = resolve("item_instance_f_score", {}).per_item(case)  # type: ignore[attr-defined]
    assert found.values[:, 0].tolist() == [1, 1]
    assert found.flags["both_empty"][:, 0].tolist() == [False, True]


def test_a_set_is_counted_as_one_and_weights_count_its_cases() -> None:
    """One pair of IoU 1; one wrong and one overlooked: PQ 1 / 2, or by the weights."""
    cases = [case_of([[1, 0]], [[1, 0]]), case_of([[1, 0]], [[0, 1]])]
    found = resolve("panoptic_quality", {}).replicates(cases, np.array([[1, 1], [2, 1], [0, 2]]))
    np.testing.assert_allclose(found, [[1 / 2, 2 / 3, 0]])


def test_a_missing_case_counts_as_overlooked_and_wrong() -> None:
    """A right object; then one overlooked and one wrong; then, of nothing, one wrong."""
    right = case_of([[1, 0]], [[1, 0]])
    spacing = (1.0, 1.0)
    lost = InstanceCase.missing("x", np.array([[0, 4]]), spacing, CELL, (None, None))
    empty = InstanceCase.missing("y", np.array([[0, 0]]), spacing, CELL, (None, None))
    metric = resolve("instance_f_score", {})
    assert metric.pooled([right, lost, empty])[0] == pytest.approx(2 / (2 + 2 + 1))


@pytest.mark.parametrize(
    ("changes", "side", "says"),
    [
        ({"predicted": [[-1, 0]]}, Side.PREDICTION, "numbered by integers from 1"),
        ({"predicted": [[0.5, 0]]}, Side.PREDICTION, "numbered by integers from 1"),
        ({"predicted": [[1, 0, 0]]}, Side.PREDICTION, "both must lie on one grid"),
        ({"reference": [[205, 0]]}, Side.REFERENCE, "holds an object of class 2"),
        ({"predicted": [[5, 0]]}, Side.PREDICTION, "holds an object of class 0"),
        ({"spacing_mm": (1.0,)}, Side.REFERENCE, "one positive length for each"),
        ({"labels": {1: "a", 2: "b"}, "class_divisors": (None, 100)}, Side.TASK, "need a divisor"),
    ],
)
def test_maps_that_are_not_sound_are_refused(changes: dict, side: Side, says: str) -> None:
    facts = {"predicted": [[101, 0]], "reference": [[101, 0]], "class_divisors": (100, 100)}
    with pytest.raises(MetricInputError, match=says) as caught:
        case_of(**(facts | changes))
    assert caught.value.side is side


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("panoptic_quality", {"match": "center_distance"}, "'distance_mm': is required"),
        ("panoptic_quality", {"components": 6}, "'components': is unknown"),
        ("item_panoptic_quality", {"components": 8}, "one of '26', '18', '6'"),
        ("instance_count_error", {}, "no natural worst value; declare one"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(name: str, parameters: dict, message: str) -> None:
    with pytest.raises(MetricParameterError, match=message):
        resolve(name, parameters)


def test_ten_thousand_objects_are_paired_in_a_moment() -> None:
    """Every object overlaps two: the best of both sides has to be found, not every way tried."""
    line = np.arange(40_000)
    case = case_of((line // 4 + 1)[np.newaxis], ((line + 2) // 4 + 1)[np.newaxis])
    found = value("item_instance_f_score", case, match="overlap")
    assert found == pytest.approx(2 * 10_000 / 20_001)
