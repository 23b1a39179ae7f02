"""HD95 under each definition: by hand, by other libraries, and by its invariants."""

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy
from medpy.metric import binary as medpy

from proctor_metrics import ItemScores, MaskCase, PerItemMetric, resolve
from proctor_metrics.segmentation.surfel import area_table

Bools = npt.NDArray[np.bool_]
DEFINITIONS = ("surfel", "voxel6", "voxel6-pooled")


def distance(
    predicted: Bools, true: Bools, spacing: tuple[float, ...], **parameters: object
) -> float:
    return float(scored(predicted, true, spacing, **parameters).values[0, 0])


def scored(
    predicted: Bools, true: Bools, spacing: tuple[float, ...], **parameters: object
) -> ItemScores:
    metric = resolve("hd95", parameters)
    assert isinstance(metric, PerItemMetric)
    case = MaskCase("a", predicted.astype(np.uint8), true.astype(np.uint8), spacing, {1: "x"})
    return metric.per_item(case)


def box(shape: tuple[int, ...], low: tuple[int, ...], high: tuple[int, ...]) -> Bools:
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


def ellipsoid(shape: tuple[int, ...], center: tuple[float, ...], radii: tuple[float, ...]) -> Bools:
    axes = np.ogrid[tuple(slice(n) for n in shape)]
    terms = [((x - c) / r) ** 2 for x, c, r in zip(axes, center, radii, strict=True)]
    return np.asarray(sum(terms) <= 1)


def waves(shape: tuple[int, ...], phase: float) -> Bools:
    axes = np.ogrid[tuple(slice(n) for n in shape)]
    return np.asarray(sum(np.sin(0.9 * (i + 1) * x + phase) for i, x in enumerate(axes)) > 0.4)


ORGAN = ellipsoid((12, 30, 30), (6, 8, 8), (4, 5, 5))

# Distances at percentile 50, 95 and 100 that surface-distance 1f805ce gives.
PUBLISHED = [
    pytest.param(
        box((5, 5, 5), (2, 2, 2), (3, 3, 3)),
        box((5, 5, 5), (2, 2, 3), (3, 3, 4)),
        (1.0, 1.0, 1.0),
        (0.0, 1.0, 1.0),
        id="one voxel beside another",
    ),
    pytest.param(
        box((3, 9, 9), (0, 0, 0), (1, 1, 1)),
        box((3, 9, 9), (2, 8, 8), (3, 9, 9)),
        (5.0, 0.5, 0.5),
        (7.54983443527075, 11.489125293076057, 11.489125293076057),
        id="one voxel far away, thick slices",
    ),
    pytest.param(
        ellipsoid((16, 20, 22), (8, 10, 11), (5, 7, 8)),
        ellipsoid((16, 20, 22), (8, 11, 12), (6, 6, 8)),
        (1.0, 1.0, 1.0),
        (1.0, 1.7320508075688772, 2.23606797749979),
        id="ellipsoids",
    ),
    pytest.param(
        ellipsoid((9, 40, 40), (4, 20, 20), (3, 12, 14)),
        ellipsoid((9, 40, 40), (5, 22, 19), (3, 13, 12)),
        (5.0, 0.5, 0.5),
        (0.7071067811865476, 4.5, 5.220153254455275),
        id="ellipsoids, thick slices",
    ),
    pytest.param(
        box((6, 7, 8), (0, 0, 0), (6, 3, 8)),
        box((6, 7, 8), (0, 0, 0), (5, 7, 4)),
        (2.0, 1.0, 0.75),
        (1.0, 4.0, 4.0),
        id="touching the border",
    ),
    pytest.param(
        waves((12, 13, 14), 0.0),
        waves((12, 13, 14), 0.5),
        (1.3, 0.7, 2.9),
        (0.0, 0.7, 1.47648230602334),
        id="waves",
    ),
    pytest.param(
        ORGAN | box((12, 30, 30), (10, 27, 27), (12, 30, 30)),
        ORGAN,
        (1.5, 0.78, 0.78),
        (0.0, 18.24739981476813, 20.359106070748787),
        id="a far island",
    ),
    pytest.param(
        ellipsoid((30, 40), (14, 19), (9, 13)),
        ellipsoid((30, 40), (15, 21), (10, 11)),
        (0.5, 2.0),
        (0.5, 6.020797289396148, 8.0156097709407),
        id="ellipses",
    ),
    pytest.param(
        waves((25, 31), 0.0),
        waves((25, 31), 0.7),
        (1.0, 0.3),
        (0.0, 1.0, 1.044030650891055),
        id="plane waves",
    ),
    pytest.param(
        box((9, 9), (4, 4), (5, 5)),
        box((9, 9), (4, 0), (5, 9)),
        (1.0, 1.0),
        (2.0, 4.0, 4.0),
        id="one pixel and a bar",
    ),
]


@pytest.mark.parametrize(("predicted", "true", "spacing", "expected"), PUBLISHED)
def test_surfel_equals_surface_distance(
    predicted: Bools, true: Bools, spacing: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    found = [distance(predicted, true, spacing, percentile=p) for p in (50, 95, 100)]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize(("predicted", "true", "spacing", "expected"), PUBLISHED)
def test_voxel6_pooled_equals_medpy(
    predicted: Bools, true: Bools, spacing: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    found = distance(predicted, true, spacing, definition="voxel6-pooled")
    assert found == pytest.approx(medpy.hd95(predicted, true, spacing), rel=1e-14)
    largest = distance(predicted, true, spacing, definition="voxel6", percentile=100)
    assert largest == pytest.approx(medpy.hd(predicted, true, spacing), rel=1e-14)


def brute_force_surfel(
    predicted: Bools, true: Bools, spacing: tuple[float, ...], percentile: float
) -> float:
    """Follow the published definition with loops: every corner, every pair, no crop."""

    def elements(mask: Bools) -> list[tuple[tuple[float, ...], float]]:
        found = []
        for corner in product(*(range(n + 1) for n in mask.shape)):
            code = 0
            for bit, offset in enumerate(product((0, 1), repeat=mask.ndim)):
                voxel = tuple(c - 1 + o for c, o in zip(corner, offset, strict=True))
                inside = all(0 <= v < n for v, n in zip(voxel, mask.shape, strict=True))
                if inside and mask[voxel]:
                    code |= 1 << bit
            if code not in (0, 2 ** (2**mask.ndim) - 1):
                place = tuple(c * s for c, s in zip(corner, spacing, strict=True))
                found.append((place, float(area_table(spacing)[code])))
        return found

    def directed(
        source: list[tuple[tuple[float, ...], float]],
        target: list[tuple[tuple[float, ...], float]],
    ) -> float:
        nearest = sorted(
            (min(float(np.linalg.norm(np.subtract(place, other))) for other, _ in target), area)
            for place, area in source
        )
        total, reached = sum(area for _, area in nearest), 0.0
        for length, area in nearest:
            reached += area
            if reached >= percentile / 100 * total * (1 - 1e-12):
                return length
        raise AssertionError("the whole area lies within the largest distance")

    first, second = elements(predicted), elements(true)
    return max(directed(first, second), directed(second, first))


masks = hypothesis_numpy.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=4).flatmap(
    lambda shape: st.tuples(
        hypothesis_numpy.arrays(bool, shape),
        hypothesis_numpy.arrays(bool, shape),
        st.tuples(*[st.sampled_from([0.5, 0.78, 1.0, 5.0])] * len(shape)),
    )
)


@settings(max_examples=60, deadline=None)
@given(masks, st.sampled_from([50.0, 95.0, 100.0]))
def test_surfel_equals_a_loop_over_all_corners(
    drawn: tuple[Bools, Bools, tuple[float, ...]], percentile: float
) -> None:
    predicted, true, spacing = drawn
    if not predicted.any() or not true.any():
        return
    found = distance(predicted, true, spacing, percentile=percentile)
    assert found == pytest.approx(brute_force_surfel(predicted, true, spacing, percentile))


@settings(max_examples=60, deadline=None)
@given(masks, st.sampled_from(DEFINITIONS))
def test_distances_are_bounded_symmetric_and_scale_with_the_spacing(
    drawn: tuple[Bools, Bools, tuple[float, ...]], definition: str
) -> None:
    predicted, true, spacing = drawn
    found = distance(predicted, true, spacing, definition=definition)
    worst = resolve("hd95", {"definition": definition}).worst(true.shape, spacing)
    assert 0 <= found <= worst * (1 + 1e-12)
    assert found == pytest.approx(distance(true, predicted, spacing, definition=definition))
    assert distance(true, true, spacing, definition=definition) == 0
    twice = tuple(2 * length for length in spacing)
    assert distance(predicted, true, twice, definition=definition) == pytest.approx(2 * found)
    turned = distance(predicted.T, true.T, spacing[::-1], definition=definition)
    assert turned == pytest.approx(found)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_two_voxels_are_as_far_apart_as_they_are(definition: str) -> None:
    predicted = box((1, 1, 8), (0, 0, 0), (1, 1, 1))
    true = box((1, 1, 8), (0, 0, 6), (1, 1, 7))
    assert distance(predicted, true, (1.0, 1.0, 0.5), definition=definition) == 3.0


def test_the_definition_changes_the_distance_of_a_far_island() -> None:
    """One false voxel: pooled halves its share, directed takes it whole, surfel weighs it."""
    true = box((1, 20), (0, 0), (1, 12))
    predicted = true | box((1, 20), (0, 19), (1, 20))
    found = {name: distance(predicted, true, (1.0, 1.0), definition=name) for name in DEFINITIONS}
    # voxel6: 13 predicted border voxels, twelve at 0 and one at 8: interpolated at 0.95 * 12.
    assert found["voxel6"] == pytest.approx(0.4 * 8)
    # pooled: 25 distances, 24 of them 0: position 0.95 * 24 = 22.8 is still 0.
    assert found["voxel6-pooled"] == 0
    # surfel: the island is 2.83 of 27.66 mm of contour, half of it at 7 and half at 8 mm.
    assert found["surfel"] == 8.0


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_two_empty_masks_are_zero_apart_and_flagged(definition: str) -> None:
    empty = np.zeros((3, 4), dtype=bool)
    scores = scored(empty, empty, (1.0, 1.0), definition=definition)
    assert scores.values.tolist() == [[0.0]]
    assert scores.flags["both_empty"].tolist() == [[True]]


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_one_empty_mask_takes_the_image_diagonal_and_is_flagged(definition: str) -> None:
    empty, full = np.zeros((3, 4), dtype=bool), np.ones((3, 4), dtype=bool)
    lost = scored(empty, full, (1.0, 1.0), definition=definition)
    invented = scored(full, empty, (1.0, 1.0), definition=definition)
    assert lost.values.tolist() == invented.values.tolist() == [[5.0]]
    assert lost.flags["prediction_empty"].all()
    assert not lost.flags["reference_empty"].any()
    assert invented.flags["reference_empty"].all()


def test_a_declared_worst_value_holds_for_empty_masks_and_missing_cases() -> None:
    metric = resolve("hd95", {}, worst=374.0)
    assert isinstance(metric, PerItemMetric)
    empty, full = np.zeros((3, 4), dtype=int), np.ones((3, 4), dtype=int)
    scores = metric.per_item(MaskCase("a", empty, full, (1.0, 1.0), {1: "x"}))
    assert scores.values.tolist() == [[374.0]]
    assert metric.worst((3, 4), (1.0, 1.0)) == 374.0
    assert metric.definition_id == "hd_perc.surfel.v1;percentile=95;edge=v1;worst=374"
    assert "374 mm" in metric.edge_rules[1]


def test_labels_do_not_disturb_each_other() -> None:
    predicted, true = np.zeros((2, 12), dtype=np.int16), np.zeros((2, 12), dtype=np.int16)
    predicted[0, 0:2], true[0, 1:3] = 7, 7
    predicted[1, 9], true[1, 11] = 300, 300
    metric = resolve("hd95", {"percentile": 100})
    assert isinstance(metric, PerItemMetric)
    scores = metric.per_item(
        MaskCase("a", predicted, true, (1.0, 1.0), {300: "late", 7: "early", 9: "absent"})
    )
    assert scores.labels == ("early", "absent", "late")
    assert scores.values[:, 0].tolist() == [1.0, 0.0, 2.0]
