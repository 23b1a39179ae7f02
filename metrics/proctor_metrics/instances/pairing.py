"""Which predicted object is which object of the reference, and what that comes to in counts.

Above an IoU of 0.5 an object has one partner at most, whatever rule is used. Below, and by
distance, it may have several, and the rule decides.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from scipy.spatial import cKDTree

from proctor_metrics.cases import FloatArray
from proctor_metrics.instances.objects import Objects
from proctor_metrics.metric import number_text
from proctor_metrics.parameters import Parameters

_SURE = 0.5
_MANY_PAIRS = 1 << 24
_SLACK = 1e-9


class ObjectCriterion(StrEnum):
    """By what two objects are held for the same.

    `iou`: their IoU is above `iou`; below 0.5 such pairs are made that their IoU add up to the
    most. `overlap`: likewise if they share a voxel at all. `center_distance`: their centers lie
    within `distance_mm`; the closest two first.
    """

    IOU = "iou"
    OVERLAP = "overlap"
    CENTER_DISTANCE = "center_distance"


@dataclass(frozen=True)
class ObjectRule:
    """A criterion with its limit: an IoU, or a distance in mm."""

    criterion: ObjectCriterion = ObjectCriterion.IOU
    limit: float = _SURE

    @classmethod
    def read(cls, parameters: Parameters) -> "ObjectRule":
        """Read `match`, and `iou` (0.5) or `distance_mm` as it asks.

        Raises:
            MetricParameterError: a limit is missing or out of range.
        """
        criterion = parameters.choice("match", ObjectCriterion.IOU)
        match criterion:
            case ObjectCriterion.IOU:
                return cls(criterion, parameters.number("iou", _SURE, above=0, at_most=0.999))
            case ObjectCriterion.OVERLAP:
                return cls(criterion, 0.0)
            case ObjectCriterion.CENTER_DISTANCE:
                limit = parameters.number("distance_mm", None, above=0, at_most=1e6)
                return cls(criterion, limit)

    @property
    def text(self) -> str:
        """Return how a definition id writes it."""
        if self.criterion is ObjectCriterion.OVERLAP:
            return "match=overlap"
        sign = ">" if self.criterion is ObjectCriterion.IOU else "@"
        return f"match={self.criterion}{sign}{number_text(self.limit)}"

    @property
    def sentence(self) -> str:
        """Return the sentence for the board."""
        match self.criterion:
            case ObjectCriterion.IOU if self.limit >= _SURE:
                return f"Two objects are one if their IoU is above {number_text(self.limit)}."
            case ObjectCriterion.IOU:
                return (
                    f"Two objects may be one if their IoU is above {number_text(self.limit)};"
                    " pairs are made so that their IoU add up to the most."
                )
            case ObjectCriterion.OVERLAP:
                return (
                    "Two objects may be one if they share a voxel; pairs are made so that their"
                    " IoU add up to the most."
                )
            case ObjectCriterion.CENTER_DISTANCE:
                return (
                    f"Two objects may be one if their centers lie within {number_text(self.limit)}"
                    " mm; the closest two are paired first."
                )


HALF_IOU = ObjectRule()
"""An IoU above 0.5, the rule of panoptic quality."""


class Tally(NamedTuple):
    """Objects of one class: pairs, what is wrong, what is overlooked, and the IoU of all pairs."""

    paired: int
    wrong: int
    overlooked: int
    iou_sum: float


def tally(objects: Objects, rule: ObjectRule) -> Tally:
    """Pair the objects of a class and count."""
    match rule.criterion:
        case ObjectCriterion.IOU | ObjectCriterion.OVERLAP:
            chosen = _by_iou(objects, rule.limit)
            paired, iou_sum = chosen.size, float(objects.iou[chosen].sum())
        case ObjectCriterion.CENTER_DISTANCE:
            pairs = _by_distance(objects, rule.limit)
            paired, iou_sum = len(pairs), sum(objects.iou_of(*pair) for pair in pairs)
    wrong, overlooked = objects.predicted.sizes.size, objects.reference.sizes.size
    return Tally(paired, wrong - paired, overlooked - paired, iou_sum)


def _by_iou(objects: Objects, limit: float) -> npt.NDArray[np.intp]:
    """Return the positions of the pairs among those that share a voxel."""
    iou = objects.iou
    allowed = np.flatnonzero(iou > limit)
    if limit >= _SURE or allowed.size == 0:
        return allowed
    kept = heaviest(objects.rows[allowed], objects.columns[allowed], iou[allowed])
    return allowed[kept]


def heaviest(
    rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], weights: FloatArray
) -> npt.NDArray[np.intp]:
    """Return the positions of those pairs that share no partner and weigh the most together.

    A prediction may be a million specks. Who is in no pair is left out, and partners are looked for
    from the side that has fewer: the search takes time in both numbers' product.

    Args:
        rows: int64 of shape (n_pairs,).
        columns: int64 of shape (n_pairs,).
        weights: float64 of shape (n_pairs,), in (0, 1].

    >>> heaviest(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([0.4, 0.3, 0.2]))
    array([1, 2])
    """
    sides = [np.unique(side, return_inverse=True) for side in (rows, columns)]
    (few, of_few), (many, of_many) = sorted(sides, key=lambda side: side[0].size)
    every = np.arange(few.size)
    # A partner of its own lets each stay alone, at a cost that any pair is cheaper than.
    costs = csr_array(
        (
            np.concatenate([2 - weights, np.full(few.size, 2.0)]),
            (np.concatenate([of_few, every]), np.concatenate([of_many, many.size + every])),
        ),
        shape=(few.size, many.size + few.size),
    )
    partner = np.full(few.size, -1)
    found, with_whom = min_weight_full_bipartite_matching(costs)
    partner[found] = with_whom
    return np.flatnonzero(partner[of_few] == of_many)


def _by_distance(objects: Objects, limit_mm: float) -> list[tuple[int, int]]:
    predicted, reference = objects.predicted.centers_mm, objects.reference.centers_mm
    if len(predicted) == 0 or len(reference) == 0:
        return []
    near = _near(predicted, reference, limit_mm)
    free_rows, free_columns = set(range(len(predicted))), set(range(len(reference)))
    pairs = []
    for row, column in near.tolist():
        if row in free_rows and column in free_columns:
            free_rows.remove(row)
            free_columns.remove(column)
            pairs.append((row, column))
    return pairs


def _near(predicted: FloatArray, reference: FloatArray, limit_mm: float) -> npt.NDArray[np.int64]:
    """Return the rows and columns of those within the limit, the closest first: int64 (n, 2)."""
    if len(predicted) * len(reference) > _MANY_PAIRS >= min(len(predicted), len(reference)) ** 2:
        rows, columns, apart = _nearest_of_many(predicted, reference, limit_mm)
    else:
        trees = cKDTree(predicted), cKDTree(reference)
        near = trees[0].sparse_distance_matrix(trees[1], limit_mm, output_type="ndarray")
        rows, columns, apart = near["i"], near["j"], near["v"]
    return np.stack([rows, columns], axis=1)[np.lexsort((columns, rows, apart))]


def _nearest_of_many(
    predicted: FloatArray, reference: FloatArray, limit_mm: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], FloatArray]:
    """Return rows, columns and distances of all that can be paired; one side has many more.

    Of n objects each is paired with one of its n nearest, for n - 1 of them at most are taken.
    """
    few, many = sorted((predicted, reference), key=len)
    tree = cKDTree(many)
    reach, _ = tree.query(few, k=[len(few)])
    # A little more, so that of several that are as far away all are among them.
    limits = np.minimum(np.asarray(reach)[:, 0] * (1 + _SLACK), limit_mm)
    near = tree.query_ball_point(few, limits)
    which = np.repeat(np.arange(len(few)), [len(one) for one in near])
    others = np.concatenate([np.asarray(one, dtype=np.int64) for one in near])
    apart = np.sqrt(np.square(few[which] - many[others]).sum(axis=1))
    return (which, others, apart) if few is predicted else (others, which, apart)
