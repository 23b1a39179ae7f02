"""The compiled passes against SciPy's, over shapes, spacings, types and awkward objects."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from proctor_metrics import MaskCase, resolve
from proctor_metrics.cases import MetricInputError, SurfaceDefinition
from proctor_metrics.segmentation import coded
from proctor_metrics.segmentation.kernels import pairs
from proctor_metrics.segmentation.kernels.pairs import structure_distances
from proctor_metrics.threads import thread_limit

DEFINITIONS = tuple(SurfaceDefinition)


def blobs(shape, n_labels, seed):
    """Labels in boxes that may touch the edges, one voxel of the last, and a little noise."""
    draws = np.random.RandomState(seed)
    array = np.zeros(shape, np.uint8)
    for label in range(1, n_labels + 1):
        low = [draws.randint(0, max(1, length // 2)) for length in shape]
        high = [draws.randint(a + 1, length + 1) for a, length in zip(low, shape, strict=True)]
        array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = label
    noisy = draws.rand(*shape) < 0.01
    array[noisy] = draws.randint(0, n_labels + 1, int(noisy.sum()))
    array.flat[draws.randint(array.size)] = n_labels
    return array


GRID = {
    "volume": ((12, 17, 23), (1.0, 1.0, 1.0)),
    "long rows": ((5, 6, 150), (1.5, 0.78, 0.78)),
    "thick slices": ((6, 40, 41), (5.0, 0.5, 0.5)),
    "one slice": ((1, 30, 31), (3.0, 1.0, 1.0)),
    "image": ((40, 33), (0.7, 1.3)),
    "a row": ((1, 64), (1.0, 1.0)),
    "narrow": ((9, 8, 1), (1.0, 2.0, 3.0)),
}


def both_ways(monkeypatch, prediction, reference, spacing, labels, regions=None):
    cases = []
    for smallest in (1 << 40, 0):
        monkeypatch.setattr(coded, "SMALL_VOXELS", smallest)
        cases.append(MaskCase("a", prediction, reference, spacing, labels, regions or {}))
    assert cases[0].coded is None
    assert cases[1].coded is not None
    return cases


def assert_same(first, second, definition):
    assert len(first.surfaces(definition)) == len(second.surfaces(definition))
    for one, other in zip(first.surfaces(definition), second.surfaces(definition), strict=True):
        assert (one is None) == (other is None)
        if one is None:
            continue
        for direction in ("to_reference", "to_prediction"):
            expected, found = getattr(one, direction), getattr(other, direction)
            assert_allclose(found.distances_mm, expected.distances_mm, rtol=1e-13, atol=0)
            assert_array_equal(found.weights, expected.weights)


@pytest.mark.parametrize("definition", DEFINITIONS)
@pytest.mark.parametrize("name", GRID)
def test_compiled_passes_find_what_scipy_finds(monkeypatch, name, definition):
    shape, spacing = GRID[name]
    for seed in range(3):
        first, second = both_ways(
            monkeypatch,
            blobs(shape, 3, seed),
            blobs(shape, 3, seed + 100),
            spacing,
            {1: "a", 2: "b", 3: "c"},
            {"all": (1, 2, 3), "some": (1, 3), "last": (3,), "second": (2,)},
        )
        for side in ("prediction", "reference", "overlap"):
            assert_array_equal(getattr(second.counts, side), getattr(first.counts, side))
        assert_same(first, second, definition)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_surfaces_too_large_to_be_held_together_are_measured_in_turn(monkeypatch, definition):
    regions = {"all": (1, 2, 3), "some": (1, 3), "last": (3,), "second": (2,)}
    sides = [blobs((9, 10, 11), 2, seed) for seed in (1, 2)]
    sides[0][0, 0, 0] = 3  # the last structure is in one of them alone
    given = (*sides, (2.0, 1.0, 1.5), {1: "a", 2: "b", 3: "c"}, regions)
    together = both_ways(monkeypatch, *given)[1]
    expected = together.surfaces(definition)
    assert expected[2] is None
    held = []

    def at_most_a_hundred(both):
        held.append(len(both.members))
        return structure_distances(both, 100)

    monkeypatch.setattr(pairs, "structure_distances", at_most_a_hundred)
    monkeypatch.setattr(pairs.distances_in_turn, "__defaults__", (100,))
    apart = both_ways(monkeypatch, *given)[1]
    assert held == []
    again = apart.surfaces(definition)
    assert held == [3]
    for _ in range(2):
        for one, other in zip(expected, again, strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                assert_array_equal(one.to_reference, other.to_reference)
                assert_array_equal(one.to_prediction, other.to_prediction)
    for name in ("hd95", "assd", "masd", "hd"):
        metric = resolve(name, {"definition": definition.value})
        assert_array_equal(metric.per_item(apart).values, metric.per_item(together).values)


@pytest.mark.parametrize("dtype", ["u1", "i1", "<i2", ">i2", ">u4", "<i8", ">i8", "u8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_integer_type_and_memory_order_gives_the_same(monkeypatch, dtype, order):
    prediction, reference = blobs((7, 8, 9), 3, 1), blobs((7, 8, 9), 3, 2)
    plain, _ = both_ways(
        monkeypatch, prediction, reference, (1.0, 2.0, 3.0), {1: "a", 2: "b", 3: "c"}
    )
    _, other = both_ways(
        monkeypatch,
        np.array(prediction, dtype=dtype, order=order),
        np.array(reference, dtype=dtype, order=order),
        (1.0, 2.0, 3.0),
        {1: "a", 2: "b", 3: "c"},
    )
    assert_array_equal(plain.counts.overlap, other.counts.overlap)
    surfel = SurfaceDefinition.SURFEL
    for one, two in zip(plain.surfaces(surfel), other.surfaces(surfel), strict=True):
        assert_allclose(
            np.sort(two.to_reference.distances_mm),
            np.sort(one.to_reference.distances_mm),
            rtol=1e-13,
        )
        assert_allclose(two.to_reference.weights.sum(), one.to_reference.weights.sum())


def test_labels_outside_a_byte_are_coded(monkeypatch):
    small = blobs((9, 10, 11), 3, 4)
    values = np.array([0, -5, 300, 70_000])
    first, second = both_ways(
        monkeypatch,
        values[small],
        values[blobs((9, 10, 11), 3, 5)],
        (1.0, 1.0, 1.0),
        {-5: "a", 300: "b", 70_000: "c"},
    )
    assert_array_equal(second.counts.overlap, first.counts.overlap)
    assert_same(first, second, SurfaceDefinition.VOXEL6)


def test_255_labels_are_taken_64_at_a_time(monkeypatch):
    draws = np.random.RandomState(0)
    labels = {value: str(value) for value in range(1, 256)}
    first, second = both_ways(
        monkeypatch,
        draws.randint(0, 256, (9, 12, 14)),
        draws.randint(0, 256, (9, 12, 14)),
        (1.0, 1.0, 2.0),
        labels,
    )
    assert_array_equal(second.counts.prediction, first.counts.prediction)
    assert_same(first, second, SurfaceDefinition.SURFEL)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
@pytest.mark.parametrize("side", ["prediction", "reference"])
def test_an_unknown_label_is_named_with_its_side(monkeypatch, side, dtype):
    monkeypatch.setattr(coded, "SMALL_VOXELS", 0)
    arrays = {name: np.zeros((4, 5, 6), dtype) for name in ("prediction", "reference")}
    arrays[side][1, 2, 3] = 7
    with pytest.raises(MetricInputError, match=f"the {side} holds unknown label 7"):
        MaskCase("a", arrays["prediction"], arrays["reference"], (1.0,) * 3, {1: "a"})


def test_the_number_of_threads_changes_nothing(monkeypatch):
    monkeypatch.setattr(coded, "SMALL_VOXELS", 0)
    found = []
    for limit in (1, 3):
        case = MaskCase(
            "a",
            blobs((20, 21, 22), 3, 1),
            blobs((20, 21, 22), 3, 2),
            (1.0, 1.0, 1.5),
            {1: "a", 2: "b", 3: "c"},
        )
        with thread_limit(limit):
            found.append(case.surfaces(SurfaceDefinition.SURFEL))
    for one, other in zip(*found, strict=True):
        assert_array_equal(one.to_reference.distances_mm, other.to_reference.distances_mm)
