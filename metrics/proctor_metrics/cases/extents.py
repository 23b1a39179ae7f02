"""The smallest boxes around the labels of a label map, found in one pass for all of them."""

from collections.abc import Collection, Iterable

import numpy as np

from proctor_metrics.cases.faults import IntArray

Extent = tuple[slice, ...]
_LARGEST_LISTED = 0xFFFF
"""Boxes come as a list by label, so that a large number would cost memory for nothing."""


def label_extents(array: IntArray, values: Collection[int]) -> dict[int, Extent]:
    """Return the box around each of the values that occurs.

    >>> label_extents(np.array([[0, 7, 7], [0, 0, 7]]), (3, 7))
    {7: (slice(0, 2, None), slice(1, 3, None))}
    """
    if max(values) > _LARGEST_LISTED or min(values) < 1:
        order = np.array(sorted(values))
        places = np.searchsorted(order, array)
        found = order[np.minimum(places, order.size - 1)] == array
        numbered = np.where(found, places + 1, 0)
        boxes = label_extents(numbered, range(1, order.size + 1))
        return {int(order[place - 1]): box for place, box in boxes.items()}
    # Importing it takes longer than most tables, which hold no mask.
    from scipy import ndimage

    listed = ndimage.find_objects(array, max(values))
    return {value: box for value in values if (box := listed[value - 1]) is not None}


def united(boxes: Iterable[Extent]) -> Extent | None:
    """Return the smallest box around boxes; None where there are none.

    >>> united([(slice(0, 2),), (slice(1, 5),)])
    (slice(0, 5, None),)
    """
    by_axis = list(zip(*boxes, strict=True))
    if not by_axis:
        return None
    return tuple(
        slice(min(one.start for one in axis), max(one.stop for one in axis)) for axis in by_axis
    )
