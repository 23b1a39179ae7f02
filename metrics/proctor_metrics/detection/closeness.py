"""How close predicted and reference boxes are, and from where on two of them may be a pair.

Closeness grows as two places come together, whatever it is measured by, so that matching knows
one rule only: a pair is allowed where its closeness reaches a limit.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from proctor_metrics.cases import AXES_OF_PLACE, BoolArray, FloatArray


class Criterion(StrEnum):
    """By what a predicted and a reference box are held for the same.

    `iou`: area or volume of both over that of either. `center_distance`: distance of their
    centers, in the units of the places. `radius`: the center of the prediction lies within the
    reference's own radius. `inside`: it lies in the reference's box, edges included.
    """

    IOU = "iou"
    CENTER_DISTANCE = "center_distance"
    RADIUS = "radius"
    INSIDE = "inside"


@dataclass(frozen=True)
class Closeness:
    """A criterion with its limit: the least IoU, or the largest distance; none for the others."""

    criterion: Criterion
    limit: float = 0.0

    def least(self) -> float:
        """Return the closeness from which on a pair is allowed."""
        match self.criterion:
            case Criterion.IOU:
                return self.limit
            case Criterion.CENTER_DISTANCE:
                return -self.limit
            case Criterion.RADIUS:
                return -1.0
            case Criterion.INSIDE:
                return -np.inf


def closeness(
    criterion: Criterion,
    predicted: FloatArray,
    reference: FloatArray,
    radii: FloatArray,
    crowd: BoolArray,
) -> FloatArray:
    """Return the closeness of every predicted to every reference place; NaN where none counts.

    Args:
        criterion: what it is measured by.
        predicted: float64 of shape (n, numbers of a place).
        reference: float64 of shape (m, numbers of a place).
        radii: float64 of shape (m,); read by `radius` alone.
        crowd: booleans of shape (m,); the IoU with a crowd is the share of the prediction in it.

    Returns:
        float64 of shape (n, m): an IoU, or minus a distance (for `radius` as a share of it).
    """
    if criterion is Criterion.IOU:
        return _iou(predicted, reference, crowd)
    centers, targets = center(predicted), center(reference)
    apart = centers[:, np.newaxis] - targets[np.newaxis]
    distances: FloatArray = np.sqrt((apart**2).sum(axis=2))
    match criterion:
        case Criterion.RADIUS:
            shares = np.full(distances.shape, np.nan)
            np.divide(distances, radii, out=shares, where=radii > 0)
            return -shares
        case Criterion.INSIDE:
            half = reference.shape[1] // 2
            low, high = reference[:, :half], reference[:, half:]
            within = (low <= centers[:, np.newaxis]) & (centers[:, np.newaxis] <= high)
            return np.where(within.all(axis=2), -distances, np.nan)
        case _:
            return -distances


def center(places: FloatArray) -> FloatArray:
    """Return the middle of each box, or the point itself.

    >>> center(np.array([[0.0, 0.0, 4.0, 2.0]]))
    array([[2., 1.]])
    """
    axes = AXES_OF_PLACE[places.shape[1]]
    if places.shape[1] == axes:
        return places
    return (places[:, :axes] + places[:, axes:]) / 2


def size(places: FloatArray) -> FloatArray:
    """Return the area or volume of each box; 0 for a point."""
    axes = AXES_OF_PLACE[places.shape[1]]
    if places.shape[1] == axes:
        return np.zeros(len(places))
    return np.asarray((places[:, axes:] - places[:, :axes]).prod(axis=1))


def _iou(predicted: FloatArray, reference: FloatArray, crowd: BoolArray) -> FloatArray:
    axes = predicted.shape[1] // 2
    low = np.maximum(predicted[:, np.newaxis, :axes], reference[np.newaxis, :, :axes])
    high = np.minimum(predicted[:, np.newaxis, axes:], reference[np.newaxis, :, axes:])
    both = np.maximum(high - low, 0).prod(axis=2)
    own = size(predicted)[:, np.newaxis]
    either = np.where(crowd, own, own + size(reference) - both)
    result = np.zeros(both.shape)
    np.divide(both, either, out=result, where=either > 0)
    return result
