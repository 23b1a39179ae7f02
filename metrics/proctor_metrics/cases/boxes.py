"""Boxes and points: what was found in each item against what is there.

A row is a box or a point with a class; a predicted one has a score. How many numbers a place
takes tells what it is: 2 or 3 a point in the plane or in space, 4 or 6 a box. The hard part is
that a score must not depend on the order in which rows were written: every case brings its rows
in one order, in which equal scores follow each other by class and then by place.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases.faults import FloatArray, MetricInputError, Side
from proctor_metrics.cases.remembering import Remembering

LEADING_COLUMNS = 3
"""Columns of a predicted row before its place: item, class and score."""

AXES_OF_PLACE = {2: 2, 3: 3, 4: 2, 6: 3}
"""Axes by how many numbers a place takes; the last two are boxes, by lower and upper corner."""


class Role(IntEnum):
    """What a reference box asks for.

    `COUNTED`: to be found. `IGNORED`: neither to be found nor wrong to find. `CROWD`: likewise,
    and it stands for many, so any number of predictions may lie in it.
    """

    COUNTED = 0
    IGNORED = 1
    CROWD = 2


@dataclass(frozen=True, eq=False)
class ReferenceBoxes:
    """The boxes or points that are there.

    Attributes:
        items: int64 of shape (n,), the item of each, from 0.
        classes: int64 of shape (n,), its class value.
        places: float64 of shape (n, 2 | 3 | 4 | 6): x, y (, z), or x0, y0 (, z0), x1, y1 (, z1).
        roles: int64 of shape (n,), a `Role` each.
        sizes: float64 of shape (n,), by which ranges of area go; NaN for the box's own area.
        radii: float64 of shape (n,), how far from its center it is still met; NaN for none.
    """

    items: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64]
    places: FloatArray
    roles: npt.NDArray[np.int64]
    sizes: FloatArray
    radii: FloatArray

    @classmethod
    def of_rows(cls, rows: npt.ArrayLike, n_numbers: int) -> "ReferenceBoxes":
        """Make them from rows of item, class and place, all of them to be found.

        Args:
            rows: numbers of shape (n, 2 + n_numbers); may be empty.
            n_numbers: how many numbers a place takes.
        """
        table = np.asarray(rows, dtype=np.float64).reshape(-1, 2 + n_numbers)
        nothing = np.full(len(table), np.nan)
        return cls(
            items=table[:, 0].astype(np.int64),
            classes=table[:, 1].astype(np.int64),
            places=table[:, 2:],
            roles=np.full(len(table), Role.COUNTED, dtype=np.int64),
            sizes=nothing,
            radii=nothing,
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the places."""
        return self.places.shape

    def taken(self, chosen: npt.NDArray[np.intp]) -> "ReferenceBoxes":
        """Return those at the positions `chosen`, in that order."""
        return ReferenceBoxes(
            self.items[chosen],
            self.classes[chosen],
            self.places[chosen],
            self.roles[chosen],
            self.sizes[chosen],
            self.radii[chosen],
        )


@dataclass(frozen=True, eq=False)
class BoxCase(Remembering):
    """What was found in the items of a case against what is there.

    Attributes:
        case: id of the case, used in errors.
        prediction: float64 of shape (n, 3 + numbers of a place); columns are item, class value,
            score, and the place. Rows may come in any order.
        reference: what is there.
        n_items: how many items the case holds; one without boxes is an item like any other.
        classes: names of the classes.
        class_values: the class value of each class, in the order of `classes`.
        lost: True for a case that was never answered (see `BoxCase.missing`).

    Raises:
        MetricInputError: a row names no item or class, a number is not finite, or an upper
            corner lies below its lower one.
    """

    case: str
    prediction: FloatArray
    reference: ReferenceBoxes
    n_items: int
    classes: tuple[str, ...]
    class_values: tuple[int, ...]
    lost: bool = False

    def __post_init__(self) -> None:
        if not self.classes or len(set(self.class_values)) != len(self.classes):
            raise MetricInputError(
                self.case,
                Side.TASK,
                f"there are {len(self.classes)} classes for class values {self.class_values}",
                "each class must have a value of its own",
            )
        self._check_shapes()
        reference = self.reference
        self._check_rows(Side.REFERENCE, reference.items, reference.classes, reference.places)
        rows = np.ascontiguousarray(self.prediction, dtype=np.float64)
        self._check_rows(Side.PREDICTION, rows[:, 0], rows[:, 1], rows[:, LEADING_COLUMNS:])
        if not np.isfinite(rows[:, 2]).all():
            raise MetricInputError(
                self.case,
                Side.PREDICTION,
                f"a score is not finite in row {int(np.argmin(np.isfinite(rows[:, 2])))}",
                "every score must be finite",
            )
        object.__setattr__(self, "prediction", rows[in_order(rows)])
        order = np.lexsort((*reference.places.T[::-1], reference.classes, reference.items))
        object.__setattr__(self, "reference", reference.taken(order))

    @classmethod
    def missing(
        cls,
        case: str,
        reference: ReferenceBoxes,
        n_items: int,
        classes: tuple[str, ...],
        class_values: tuple[int, ...],
    ) -> "BoxCase":
        """Return the stand-in for a case without predictions, for pooled metrics."""
        nothing = np.zeros((0, LEADING_COLUMNS + reference.shape[1]))
        return cls(case, nothing, reference, n_items, classes, class_values, lost=True)

    @property
    def n_axes(self) -> int:
        """Return 2 or 3."""
        return AXES_OF_PLACE[self.reference.shape[1]]

    def positions(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.intp]:
        """Return the position among `classes` of each class value."""
        order = np.argsort(self.class_values)
        ascending = np.asarray(self.class_values)[order]
        return np.asarray(order[np.searchsorted(ascending, values)], dtype=np.intp)

    def _check_shapes(self) -> None:
        places = self.reference.places
        if places.ndim != 2 or places.shape[1] not in AXES_OF_PLACE:
            raise MetricInputError(
                self.case,
                Side.REFERENCE,
                f"the places have shape {places.shape}",
                "a point takes 2 or 3 numbers, a box 4 or 6",
            )
        shape = self.prediction.shape
        numbers = shape[1] - LEADING_COLUMNS if len(shape) == 2 else 0
        if AXES_OF_PLACE.get(numbers) != self.n_axes:
            raise MetricInputError(
                self.case,
                Side.PREDICTION,
                f"the prediction has shape {shape}",
                f"each row holds item, class, score and a place in {self.n_axes} axes",
            )

    def _check_rows(
        self,
        side: Side,
        items: npt.NDArray[np.generic],
        classes: npt.NDArray[np.generic],
        places: FloatArray,
    ) -> None:
        half = places.shape[1] // 2
        corners = places.shape[1] in (4, 6)
        inverted = (
            (places[:, half:] < places[:, :half]).any(axis=1)
            if corners
            else np.zeros(len(places), dtype=bool)
        )
        for wrong, found, rule in (
            (
                ~np.isin(items, np.arange(self.n_items)),
                "names an item that the case does not hold",
                f"items are numbered from 0 to {self.n_items - 1}",
            ),
            (
                ~np.isin(classes, np.asarray(self.class_values)),
                "names a class that the task does not know",
                f"class values are {list(self.class_values)}",
            ),
            (
                ~np.isfinite(places).all(axis=1),
                "holds a place that is not finite",
                "every number of a place must be finite",
            ),
            (
                inverted,
                "holds a box whose upper corner lies below its lower one",
                "x0 is at most x1, and so on",
            ),
        ):
            if wrong.any():
                row = f"row {int(np.argmax(wrong))} of the {side}"
                raise MetricInputError(self.case, side, f"{row} {found}", rule)


def in_order(rows: FloatArray) -> npt.NDArray[np.intp]:
    """Return the order of predicted rows: by item, score from above, class, then place.

    >>> rows = np.array([[0, 1, 0.5, 9, 9], [0, 1, 0.5, 2, 2], [0, 1, 0.9, 5, 5]])
    >>> in_order(rows)
    array([2, 1, 0])
    """
    places = rows[:, LEADING_COLUMNS:]
    return np.lexsort((*places.T[::-1], rows[:, 1], -rows[:, 2], rows[:, 0]))
