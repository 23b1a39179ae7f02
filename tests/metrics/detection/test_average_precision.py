"""Average precision by hand, against pycocotools, and what must not change it."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from proctor_metrics import MetricInputError, resolve
from proctor_metrics.cases import BoxCase, ReferenceBoxes, Role

CLASSES = ("cat", "dog", "owl")
VALUES = (3, 7, 11)
AREAS = ("all", "small", "medium", "large")


def made_up(
    seed: int, n_items: int = 30, scores: int = 10_000, crowds: bool = True
) -> tuple[ReferenceBoxes, np.ndarray]:
    """Draw references of every size, and predictions near them, between them and twice."""
    random = np.random.default_rng(seed)
    n = 4 * n_items
    corners = random.uniform(0, 300, (n, 2))
    sides = random.choice([8, 20, 50, 90, 150], (n, 2)) * random.uniform(0.7, 1.3, (n, 2))
    places = np.hstack([corners, corners + sides])
    items, classes = random.integers(0, n_items, n), random.choice(VALUES, n)
    roles = random.choice([Role.COUNTED, Role.CROWD], n, p=[0.85, 0.15] if crowds else [1, 0])
    own = np.prod(places[:, 2:] - places[:, :2], axis=1)
    # A segmentation covers less than its box, so COCO's area is another number than the box's.
    sizes = own * random.uniform(0.5, 1, n)
    nothing = np.full(n, np.nan)
    there = ReferenceBoxes(items, classes, places, roles.astype(np.int64), sizes, nothing)
    found = []
    for copies, noise in ((3, 0.05), (2, 0.2), (1, 2.0)):
        for _ in range(copies):
            moved = places + random.normal(0, noise, places.shape) * np.hstack([sides, sides])
            low, high = (
                np.minimum(moved[:, :2], moved[:, 2:]),
                np.maximum(moved[:, :2], moved[:, 2:]),
            )
            rank = random.integers(1, scores, n) / scores
            found.append(np.column_stack([items, classes, rank, low, high]))
    rows = np.concatenate(found)
    return there, rows[random.random(len(rows)) < 0.8]


def case_of(
    there: ReferenceBoxes, found: np.ndarray, n_items: int = 30, name: str = "c"
) -> BoxCase:
    return BoxCase(name, found, there, n_items, CLASSES, VALUES)


def coco(case: BoxCase, most: tuple[int, ...] = (1, 10, 100)) -> COCOeval:
    """Score a case by pycocotools; rows go in as the case orders them, so that ties agree."""
    there, found = case.reference, case.prediction

    def box(place: np.ndarray) -> list[float]:
        return [place[0], place[1], place[2] - place[0], place[3] - place[1]]

    references, results = COCO(), COCO()
    images = [{"id": item} for item in range(case.n_items)]
    categories = [{"id": value} for value in VALUES]
    references.dataset = {
        "images": images,
        "categories": categories,
        "annotations": [
            {
                "id": index + 1,
                "image_id": int(there.items[index]),
                "category_id": int(there.classes[index]),
                "bbox": box(there.places[index]),
                "area": float(there.sizes[index]),
                "iscrowd": int(there.roles[index] == Role.CROWD),
            }
            for index in range(len(there.items))
        ],
    }
    results.dataset = {
        "images": images,
        "categories": categories,
        "annotations": [
            {
                "id": index + 1,
                "image_id": int(row[0]),
                "category_id": int(row[1]),
                "score": row[2],
                "bbox": box(row[3:]),
                "area": (row[5] - row[3]) * (row[6] - row[4]),
                "iscrowd": 0,
            }
            for index, row in enumerate(found)
        ],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        references.createIndex()
        results.createIndex()
        evaluation = COCOeval(references, results, "bbox")
        evaluation.params.maxDets = list(most)
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def coco_mean(evaluation: COCOeval, area: int, most: int, iou: int | None = None) -> float:
    precision = evaluation.eval["precision"][:, :, :, area, most]
    if iou is not None:
        precision = precision[iou : iou + 1]
    return float(precision[precision > -1].mean())


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("scores", [10_000, 12], ids=["no ties", "ties"])
def test_coco_says_the_same_of_every_area_and_number_of_boxes(seed: int, scores: int) -> None:
    case = case_of(*made_up(seed, scores=scores))
    evaluation = coco(case)
    for area_index, area in enumerate(AREAS):
        for most_index, most in enumerate((1, 10, 100)):
            metric = resolve("mean_average_precision", {"area": area, "most": most})
            expected = coco_mean(evaluation, area_index, most_index)
            assert metric.pooled([case])[0] == pytest.approx(expected, abs=1e-12)
    for index, iou in enumerate(evaluation.params.iouThrs):
        metric = resolve("average_precision_at_iou", {"iou": float(iou)})
        assert metric.pooled([case])[0] == pytest.approx(
            coco_mean(evaluation, 0, 2, index), abs=1e-12
        )


def test_a_box_in_space_is_never_too_large_to_count() -> None:
    # A lesion of 3 mm in micrometers; COCO's largest area would leave it out.
    there = ReferenceBoxes.of_rows([[0, 3, 0, 0, 0, 3000, 3000, 3000]], 6)
    found = np.array([[0, 3, 0.5, 0, 0, 0, 3000, 3000, 3000], [0, 3, 0.9, 9, 9, 9, 5e4, 5e4, 5e4]])
    (value,) = resolve("map", {}).pooled([case_of(there, found)])  # type: ignore[attr-defined]
    assert value == pytest.approx(0.5)


def test_each_class_has_the_value_of_coco() -> None:
    case = case_of(*made_up(5))
    precision = coco(case).eval["precision"][:, :, :, 0, 2]
    metric = resolve("mean_average_precision", {"average": "per_class"})
    assert metric.labels(case) == CLASSES
    np.testing.assert_allclose(
        metric.pooled([case]), precision.mean(axis=(0, 1)), rtol=0, atol=1e-12
    )


def test_a_set_cut_into_cases_scores_as_a_whole() -> None:
    there, found = made_up(2)
    whole = case_of(there, found)
    parts = []
    for first in range(0, 30, 10):
        mine = np.flatnonzero((there.items >= first) & (there.items < first + 10))
        part = there.taken(mine)
        part = ReferenceBoxes(
            part.items - first, part.classes, part.places, part.roles, part.sizes, part.radii
        )
        rows = found[(found[:, 0] >= first) & (found[:, 0] < first + 10)]
        rows = rows - np.array([first, 0, 0, 0, 0, 0, 0])
        parts.append(case_of(part, rows, 10, f"c{first}"))
    metric = resolve("mean_average_precision", {})
    np.testing.assert_array_equal(metric.pooled(parts), metric.pooled([whole]))


@pytest.mark.parametrize("interpolation", ["coco-101", "voc-all-points"])
def test_a_weight_counts_an_item_so_often(interpolation: str) -> None:
    there, found = made_up(3, n_items=12)
    case = case_of(there, found, 12)
    metric = resolve("average_precision_at_iou", {"interpolation": interpolation})
    random = np.random.default_rng(0)
    weights = random.multinomial(12, [1 / 12] * 12, size=20)
    replicates = metric.replicates([case], weights)[0]
    for weight, value in zip(weights, replicates, strict=True):
        drawn = np.repeat(np.arange(12), weight)
        chosen = [np.flatnonzero(there.items == item) for item in drawn]
        copies = there.taken(np.concatenate(chosen))
        copies = ReferenceBoxes(
            np.repeat(np.arange(12), [len(one) for one in chosen]),
            copies.classes,
            copies.places,
            copies.roles,
            copies.sizes,
            copies.radii,
        )
        rows = [found[found[:, 0] == item] for item in drawn]
        again = np.concatenate(rows)
        again[:, 0] = np.repeat(np.arange(12), [len(one) for one in rows])
        assert value == pytest.approx(metric.pooled([case_of(copies, again, 12)])[0], abs=1e-12)


def square(x: float, side: float = 10.0) -> list[float]:
    return [x, 0.0, x + side, 10.0]


def simple(found: list[list[float]], there: list[list[float]], n_items: int = 1) -> BoxCase:
    rows = np.array(found).reshape(-1, 7)
    return BoxCase("c", rows, ReferenceBoxes.of_rows(there, 4), n_items, ("cell",), (1,))


def test_voc_by_hand() -> None:
    """Three references; right, a second box on the first, right, wrong: 1/3 x 1 + 1/3 x 2/3."""
    there = [[0, 1, *square(0)], [0, 1, *square(100)], [0, 1, *square(200)]]
    found = [
        [0, 1, 0.9, *square(1)],
        [0, 1, 0.8, *square(2)],
        [0, 1, 0.7, *square(101)],
        [0, 1, 0.6, *square(500)],
    ]
    metric = resolve("average_precision_at_iou", {"interpolation": "voc-all-points"})
    assert metric.pooled([simple(found, there)])[0] == pytest.approx(1 / 3 + 2 / 9)


def test_voc_looks_at_the_closest_reference_alone_and_coco_takes_the_next() -> None:
    there = [[0, 1, *square(0)], [0, 1, *square(3)]]
    found = [[0, 1, 0.9, *square(0)], [0, 1, 0.8, *square(1)]]
    case = simple(found, there)
    voc = resolve("average_precision_at_iou", {"interpolation": "voc-all-points"})
    assert voc.pooled([case])[0] == 0.5
    assert resolve("average_precision_at_iou", {}).pooled([case])[0] == pytest.approx(1.0)


def test_nothing_found_is_0_nothing_to_find_undefined() -> None:
    metric = resolve("mean_average_precision", {})
    assert metric.pooled([simple([], [[0, 1, *square(0)]])])[0] == 0
    assert np.isnan(metric.pooled([simple([[0, 1, 0.5, *square(0)]], [])])[0])
    assert np.isnan(metric.pooled([simple([], [])])[0])


def test_a_class_without_reference_is_left_out_of_the_mean_only() -> None:
    there = ReferenceBoxes.of_rows([[0, 3, *square(0)]], 4)
    case = case_of(there, np.array([[0, 3, 0.5, *square(0)], [0, 7, 0.5, *square(0)]]), 1)
    assert resolve("mean_average_precision", {}).pooled([case])[0] == pytest.approx(1)
    each = resolve("mean_average_precision", {"average": "per_class"}).pooled([case])
    np.testing.assert_array_equal(np.isnan(each), [False, True, True])


def test_a_missing_case_is_wrong_above_all_others() -> None:
    """A right box, and above it two wrong ones: for the lost reference and the lost empty item."""
    answered = simple([[0, 1, 0.9, *square(0)]], [[0, 1, *square(0)]])
    there = ReferenceBoxes.of_rows([[0, 1, *square(0)]], 4)
    lost = BoxCase.missing("lost", there, 2, ("cell",), (1,))
    metric = resolve("average_precision_at_iou", {"interpolation": "voc-all-points"})
    assert metric.pooled([answered, lost])[0] == pytest.approx(1 / 2 * 1 / 3)


def test_a_range_of_area_is_for_the_plane() -> None:
    there = ReferenceBoxes.of_rows([[0, 1, 0, 0, 0, 1, 1, 1]], 6)
    case = BoxCase("c", np.zeros((0, 9)), there, 1, ("cell",), (1,))
    assert resolve("mean_average_precision", {}).labels(case) == ("all",)
    with pytest.raises(MetricInputError, match="ranges of area are for boxes in the plane"):
        resolve("mean_average_precision", {"area": "small"}).labels(case)


def test_boxes_in_space_are_compared_by_their_volume() -> None:
    """Two cubes of side 2, one moved by 1: 4 of 12."""
    there = ReferenceBoxes.of_rows([[0, 1, 0, 0, 0, 2, 2, 2]], 6)
    case = BoxCase("c", np.array([[0, 1, 0.5, 1, 0, 0, 3, 2, 2.0]]), there, 1, ("cell",), (1,))
    for iou, expected in ((1 / 3, 1.0), (0.34, 0.0)):
        metric = resolve("average_precision_at_iou", {"iou": iou})
        assert metric.pooled([case])[0] == pytest.approx(expected)


def test_points_have_no_iou() -> None:
    case = BoxCase("c", np.zeros((0, 5)), ReferenceBoxes.of_rows([], 2), 1, ("cell",), (1,))
    with pytest.raises(MetricInputError, match="matching by iou needs boxes"):
        resolve("mean_average_precision", {}).labels(case)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), ties=st.booleans())
def test_the_order_of_rows_changes_nothing(seed: int, ties: bool) -> None:
    there, found = made_up(seed, n_items=4, scores=5 if ties else 10_000)
    random = np.random.default_rng(seed)
    mixed = case_of(there.taken(random.permutation(len(there.items))), random.permutation(found), 4)
    for name in ("mean_average_precision", "average_precision_at_iou"):
        metric = resolve(name, {})
        np.testing.assert_array_equal(
            metric.pooled([case_of(there, found, 4)]), metric.pooled([mixed])
        )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([0.5, 2.0, 4.0]))
def test_scale_and_scores_by_their_order_change_nothing(seed: int, scale: float) -> None:
    there, found = made_up(seed, n_items=4, crowds=False)
    larger = ReferenceBoxes(
        there.items, there.classes, there.places * scale, there.roles, there.sizes, there.radii
    )
    rows = np.column_stack([found[:, :2], found[:, 2] ** 3 - 5, found[:, 3:] * scale])
    metric = resolve("mean_average_precision", {})
    value = metric.pooled([case_of(there, found, 4)])
    np.testing.assert_allclose(metric.pooled([case_of(larger, rows, 4)]), value, atol=1e-12)
    assert 0 <= value[0] <= 1
