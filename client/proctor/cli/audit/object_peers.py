"""Counts of objects, and what is made of them, by scikit-image and SciPy.

scikit-image cuts masks into components and lays objects over each other in one table, SciPy pairs
them as an assignment; what follows is written out from the definitions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from proctor.cli.audit.peers import FloatArray, function
from proctor.cli.audit.shape_peers import Mask, Measure
from proctor.spec.task import MetricSpec

_RANKS = {"6": 1, "18": 2, "26": 3}
_HALF = 0.5

Objects = npt.NDArray[np.integer]
"""The number of its object for every voxel, 0 for none."""


class ObjectTally(NamedTuple):
    """Objects of one class: pairs, what is wrong, what is overlooked, and the IoU of all pairs."""

    paired: int
    wrong: int
    overlooked: int
    iou: float


class ObjectPeer(NamedTuple):
    """How a metric is made of counts; None where there is no object that it could be made of."""

    library: str
    of: Callable[[ObjectTally], float | None]
    pooled: bool


def object_peer(metric: MetricSpec) -> ObjectPeer | None:
    """Return how else a metric of objects is computed; None where nobody here does."""
    given = metric.parameters
    match metric.name:
        case "panoptic_quality" | "item_panoptic_quality":
            of = _quality(str(given.get("part", "pq")))
        case "instance_f_score" | "item_instance_f_score":
            of = _f_score(float(str(given.get("beta", 1))))
        case "instance_count_error":
            of = _mistakes(str(given.get("of", "difference")))
        case _:
            return None
    pooled = metric.name in ("panoptic_quality", "instance_f_score")
    return ObjectPeer("scikit-image contingency_table", of, pooled)


def mask_measure(peer: ObjectPeer, given: Mapping[str, Any]) -> Measure:
    """Return the same for a mask, which is cut into its components."""

    def measure(predicted: Mask, true: Mask, spacing_mm: tuple[float, ...]) -> float | None:
        rank = min(_RANKS[str(given.get("components", "26"))], true.ndim)
        label = function("skimage.measure", "label")
        sides = [label(side, connectivity=rank) for side in (predicted, true)]
        return peer.of(tallied(sides[0], sides[1], spacing_mm, given))

    return measure


def tallied(
    predicted: Objects, true: Objects, spacing_mm: tuple[float, ...], given: Mapping[str, Any]
) -> ObjectTally:
    """Pair the objects of one class as a metric's parameters say, and count."""
    predicted, true = _in_order(predicted), _in_order(true)
    shared = function("skimage.metrics", "contingency_table")(true, predicted).tocoo()
    sizes = [np.bincount(side.ravel())[1:] for side in (predicted, true)]
    found: dict[tuple[int, int], float] = {}
    for there, here, voxels in zip(shared.row, shared.col, shared.data, strict=True):
        if there and here:
            either = sizes[0][here - 1] + sizes[1][there - 1] - voxels
            found[int(here) - 1, int(there) - 1] = float(voxels / either)
    match given.get("match", "iou"):
        case "center_distance":
            centers = [_centers(side, spacing_mm) for side in (predicted, true)]
            pairs = list(_closest(centers[0], centers[1], float(given["distance_mm"])))
        case "overlap":
            pairs = _most(found, 0.0)
        case _:
            pairs = _most(found, float(given.get("iou", _HALF)))
    paired = len(pairs)
    iou = math.fsum(found.get(pair, 0.0) for pair in pairs)
    return ObjectTally(paired, len(sizes[0]) - paired, len(sizes[1]) - paired, iou)


def added(tallies: Iterable[ObjectTally]) -> ObjectTally:
    """Return the counts of several cases together."""
    sums = [math.fsum(numbers) for numbers in zip(*tallies, strict=True)]
    return ObjectTally(int(sums[0]), int(sums[1]), int(sums[2]), sums[3])


def of_class(objects: npt.NDArray[Any], value: int, divisor: int | None) -> Objects:
    """Return the objects of one class alone."""
    numbers = objects.astype(np.int64)
    if divisor is None:
        return numbers
    return np.asarray(np.where((numbers > 0) & (numbers // divisor == value), numbers, 0))


def _in_order(objects: Objects) -> Objects:
    """Number objects from 1 as they come; of two pairs as close, the first is made."""
    values, first, places = np.unique(objects, return_index=True, return_inverse=True)
    there = np.flatnonzero(values)
    numbers = np.zeros(values.size, dtype=np.int64)
    numbers[there[np.argsort(first[there])]] = np.arange(1, there.size + 1)
    return np.asarray(numbers[places.reshape(objects.shape)])


def _most(found: Mapping[tuple[int, int], float], limit: float) -> list[tuple[int, int]]:
    """Return the pairs whose IoU add up to the most, of those above the limit."""
    allowed = {pair: iou for pair, iou in found.items() if iou > limit}
    if not allowed:
        return []
    rows, columns = (sorted(set(side)) for side in zip(*allowed, strict=True))
    table = np.zeros((len(rows), len(columns)))
    for (row, column), iou in allowed.items():
        table[rows.index(row), columns.index(column)] = iou
    solve = function("scipy.optimize", "linear_sum_assignment")
    chosen = zip(*solve(table, maximize=True), strict=True)
    made = [(rows[row], columns[column]) for row, column in chosen]
    return [pair for pair in made if pair in allowed]


def _closest(predicted: FloatArray, true: FloatArray, limit_mm: float) -> Iterable[tuple[int, int]]:
    apart = sorted(
        (distance, row, column)
        for row, here in enumerate(predicted.tolist())
        for column, there in enumerate(true.tolist())
        if (distance := math.dist(here, there)) <= limit_mm
    )
    taken: tuple[set[int], set[int]] = set(), set()
    for _, row, column in apart:
        if row not in taken[0] and column not in taken[1]:
            taken[0].add(row)
            taken[1].add(column)
            yield row, column


def _centers(objects: Objects, spacing_mm: tuple[float, ...]) -> FloatArray:
    regions = function("skimage.measure", "regionprops")(objects, spacing=spacing_mm)
    return np.array([region.centroid for region in regions]).reshape(len(regions), objects.ndim)


def _quality(part: str) -> Callable[[ObjectTally], float | None]:
    def of(tally: ObjectTally) -> float | None:
        if tally.paired + tally.wrong + tally.overlooked == 0:
            return None
        segmentation = tally.iou / tally.paired if tally.paired else 0.0
        mistakes = (tally.wrong + tally.overlooked) / 2
        recognition = tally.paired / (tally.paired + mistakes)
        return {"sq": segmentation, "rq": recognition, "pq": segmentation * recognition}[part]

    return of


def _f_score(beta: float) -> Callable[[ObjectTally], float | None]:
    def of(tally: ObjectTally) -> float | None:
        right = (1 + beta**2) * tally.paired
        total = right + tally.wrong + beta**2 * tally.overlooked
        return right / total if total else None

    return of


def _mistakes(kind: str) -> Callable[[ObjectTally], float | None]:
    def of(tally: ObjectTally) -> float:
        match kind:
            case "false_positive":
                return float(tally.wrong)
            case "false_negative":
                return float(tally.overlooked)
            case _:
                return float(abs(tally.wrong - tally.overlooked))

    return of
