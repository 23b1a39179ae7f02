"""The elements of a large surface in blocks of 8 x 8 x 8, so that most are judged by their block.

The surface of a whole volume may be held against a hundred lesions. A block tells how near and how
far its elements can be, and only those are looked at one by one that this leaves open.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import BoolArray, FloatArray

Places = npt.NDArray[np.int32]
"""Of shape (n_axes, n)."""

_EDGE_BITS = 3


@dataclass(frozen=True, eq=False)
class Blocks:
    """The blocks of one surface that hold anything.

    Attributes:
        order: int64 of shape (n,), the elements of one block after those of another.
        starts: int64 of shape (n_blocks + 1,), where each block begins in it, and the end.
        low: int32 of shape (n_axes, n_blocks), the low corner of the box around its elements.
        high: likewise the high corner.
        areas: float64 of shape (n_blocks,), of its elements together.
    """

    order: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    low: Places
    high: Places
    areas: FloatArray

    @classmethod
    def of(cls, places: Places, areas: FloatArray) -> "Blocks":
        """Sort the elements of a surface, of which there is one at least."""
        from proctor_metrics.segmentation.kernels.blocks import in_blocks

        n_axes = len(places)
        box = np.zeros(6, np.int64)
        box[3 - n_axes : 3], box[6 - n_axes :] = places.min(axis=1), places.max(axis=1)
        order, starts, boxes = in_blocks(packed(places), box, _EDGE_BITS)
        low, high = boxes[:, 3 - n_axes : 3].T, boxes[:, 6 - n_axes :].T
        return cls(
            order,
            starts,
            low.astype(np.int32),
            high.astype(np.int32),
            np.add.reduceat(areas[order], starts[:-1]),
        )

    def squares_to_box(
        self, low: Places, high: Places, spacing_mm: tuple[float, ...]
    ) -> FloatArray:
        """Return the squared distance of each block to a box, in mm2: (n_blocks,)."""
        total = np.zeros(self.areas.size)
        for axis, edge in enumerate(spacing_mm):
            gap = np.maximum(low[axis] - self.high[axis], self.low[axis] - high[axis])
            total += (np.maximum(gap, 0) * edge) ** 2
        return total

    def squares_at_most(
        self, point: npt.NDArray[np.generic], spacing_mm: tuple[float, ...]
    ) -> FloatArray:
        """Return the squared distance of each block's farthest corner to a point, in mm2."""
        total = np.zeros(self.areas.size)
        for low, high, here, edge in zip(self.low, self.high, point, spacing_mm, strict=True):
            total += (np.maximum(abs(low - here), abs(high - here)) * edge) ** 2
        return total

    def elements(self, chosen: BoolArray) -> npt.NDArray[np.int64]:
        """Return the elements of the chosen blocks, in ascending order."""
        wanted = np.flatnonzero(chosen)
        ends = zip(self.starts[wanted].tolist(), self.starts[wanted + 1].tolist(), strict=True)
        parts = [self.order[first:end] for first, end in ends]
        there = np.zeros(self.order.size, dtype=bool)
        for part in parts:
            there[part] = True
        return np.flatnonzero(there)


def packed(places: Places) -> npt.NDArray[np.int64]:
    """Return places as the compiled passes take them, see `kernels.borders.Positions`."""
    found = np.zeros(places.shape[1], dtype=np.int64)
    for axis, along in enumerate(places[::-1]):
        found += along.astype(np.int64) << 21 * axis
    return found
