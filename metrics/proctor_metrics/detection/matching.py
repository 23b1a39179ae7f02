"""The boxes of a case after matching: what each finds, and how many there were to find.

Matching is made once a case and rule and kept with the case. What comes after it, counting over
items drawn again and again, works on flat arrays and asks no box for its place.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import (
    AXES_OF_PLACE,
    BoolArray,
    BoxCase,
    FloatArray,
    MetricInputError,
    Role,
    Side,
)
from proctor_metrics.detection.assignment import Assignment, Found, assign
from proctor_metrics.detection.closeness import Closeness, Criterion, closeness, size

# COCO allows a pair at an IoU of 1 even where rounding has left a little less.
_NEARLY_ONE = 1 - 1e-10


@dataclass(frozen=True)
class MatchRule:
    """All that decides which predicted boxes are right.

    Attributes:
        by: the criterion, with one limit or, for several IoU, all of them.
        assignment: how pairs are made.
        most: of each item and class so many are looked at, the best-scored ones; None for all.
        least_score: predictions with a lower score are left out; None for none.
        smallest: references of less area or volume are ignored, and unpaired predictions too.
        largest: likewise for those of more.
    """

    by: tuple[Closeness, ...]
    assignment: Assignment
    most: int | None = None
    least_score: float | None = None
    smallest: float = 0.0
    largest: float = np.inf

    @property
    def criterion(self) -> Criterion:
        """Return what closeness is measured by."""
        return self.by[0].criterion

    def limits(self) -> FloatArray:
        """Return the closeness from which on a pair is allowed, float64 of shape (n_limits,)."""
        least = np.array([one.least() for one in self.by])
        return np.minimum(least, _NEARLY_ONE) if self.criterion is Criterion.IOU else least


@dataclass(frozen=True, eq=False)
class Matches:
    """The predictions of one case.

    Attributes:
        items: int64 of shape (n,), the item of each.
        classes: int64 of shape (n,), the position of its class.
        scores: float64 of shape (n,); inf for one that stands for an item never answered.
        hits: int64 of shape (n_limits, n), how many references it finds.
        wrong: booleans of shape (n_limits, n).
        to_find: int64 of shape (n_items, n_classes), references that count.
    """

    items: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64]
    scores: FloatArray
    hits: npt.NDArray[np.int64]
    wrong: BoolArray
    to_find: npt.NDArray[np.int64]

    def of_class(self, position: int) -> "Matches":
        """Return what is of one class alone."""
        mine = self.classes == position
        return Matches(
            self.items[mine],
            self.classes[mine],
            self.scores[mine],
            self.hits[:, mine],
            self.wrong[:, mine],
            self.to_find[:, position : position + 1],
        )


def matches(case: BoxCase, rule: MatchRule) -> Matches:
    """Match the boxes of a case; the first call with a rule does the work.

    A case that was never answered finds nothing, and is wrong above every score: once for each
    reference that counts, and once in every class in an item without any.

    Raises:
        MetricInputError: the rule asks for boxes or radii where there are none.
    """
    return case.once(rule, partial(_match, case, rule))


def check_rule(case: BoxCase, rule: MatchRule) -> None:
    """Refuse a rule that the geometry of a case cannot be held against.

    Raises:
        MetricInputError: the rule asks for boxes where there are points.
    """
    sides = {"reference": case.reference.shape[1], "prediction": case.prediction.shape[1] - 3}
    if rule.criterion is Criterion.INSIDE:
        del sides["prediction"]
    elif rule.criterion is not Criterion.IOU:
        return
    for side, numbers in sides.items():
        if numbers == AXES_OF_PLACE[numbers]:
            raise MetricInputError(
                case.case,
                Side.TASK,
                f"the {side} holds points",
                f"matching by {rule.criterion} needs boxes",
            )


def _match(case: BoxCase, rule: MatchRule) -> Matches:
    check_rule(case, rule)
    reference = case.reference
    sizes = np.where(np.isnan(reference.sizes), size(reference.places), reference.sizes)
    counted = (reference.roles == Role.COUNTED) & _within(sizes, rule)
    if rule.criterion is Criterion.RADIUS and not (reference.radii > 0).all():
        raise MetricInputError(
            case.case,
            Side.REFERENCE,
            "the reference gives a point no radius",
            "matching by radius needs a positive one for each",
        )
    reference_classes = case.positions(reference.classes)
    n_classes = len(case.classes)
    reference_groups = reference.items * n_classes + reference_classes
    order = np.argsort(reference_groups, kind="stable")
    reference, reference_groups = reference.taken(order), reference_groups[order]
    counted = counted[order]
    to_find = np.bincount(reference_groups[counted], minlength=case.n_items * n_classes)
    to_find = to_find.reshape(case.n_items, n_classes)
    if case.lost:
        return _unanswered(to_find, len(rule.by))
    rows = case.prediction
    if rule.least_score is not None:
        rows = rows[rows[:, 2] >= rule.least_score]
    groups = rows[:, 0].astype(np.int64) * n_classes + case.positions(rows[:, 1])
    # Within a group the rows stay in the order of their scores.
    order = np.argsort(groups, kind="stable")
    rows, groups = rows[order], groups[order]
    if rule.most is not None:
        starts = np.searchsorted(groups, groups, side="left")
        kept = np.arange(groups.size) - starts < rule.most
        rows, groups = rows[kept], groups[kept]
    hits = np.zeros((len(rule.by), len(rows)), dtype=np.int64)
    wrong = np.ones((len(rule.by), len(rows)), dtype=bool)
    limits = rule.limits()
    for group in np.intersect1d(groups, reference_groups).tolist():
        mine = _run(groups, group)
        theirs = _run(reference_groups, group)
        crowd = reference.roles[theirs] == Role.CROWD
        close = closeness(
            rule.criterion,
            rows[mine, 3:],
            reference.places[theirs],
            reference.radii[theirs],
            crowd,
        )
        found: Found = assign(rule.assignment, close, ~counted[theirs], crowd, limits)
        hits[:, mine], wrong[:, mine] = found.hits, found.wrong
    wrong &= _within(size(rows[:, 3:]), rule)
    items, classes = np.divmod(groups, n_classes)
    return Matches(items, classes, rows[:, 2], hits, wrong, to_find)


def _run(groups: npt.NDArray[np.int64], group: int) -> slice:
    first, last = np.searchsorted(groups, (group, group + 1)).tolist()
    return slice(first, last)


def _within(sizes: FloatArray, rule: MatchRule) -> BoolArray:
    return np.asarray((sizes >= rule.smallest) & (sizes <= rule.largest))


def _unanswered(to_find: npt.NDArray[np.int64], n_limits: int) -> Matches:
    empty = (to_find.sum(axis=1) == 0)[:, np.newaxis]
    each = np.where(empty, 1, to_find).ravel()
    groups = np.repeat(np.arange(each.size), each)
    items, classes = np.divmod(groups, to_find.shape[1])
    return Matches(
        items,
        classes,
        np.full(groups.size, np.inf),
        np.zeros((n_limits, groups.size), dtype=np.int64),
        np.ones((n_limits, groups.size), dtype=bool),
        to_find,
    )
