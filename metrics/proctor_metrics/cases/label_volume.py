"""A large label map without its background, where an array would do as well.

It is what a file is read into when it need never be in memory as a whole. Metrics that count
labels and measure surfaces work on it as it is; others get an array of it.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases.faults import IntArray

if TYPE_CHECKING:
    from proctor_metrics.segmentation.kernels.label_rows import LabelRows


@dataclass(frozen=True, eq=False)
class LabelVolume:
    """Three axes of integers, with those of NumPy's attributes that a case looks at.

    Attributes:
        rows: of the volume in C order.
        reversed_axes: whether the axes are those of `rows` the other way round, as in a NIfTI
            file, whose first axis runs fastest.
    """

    rows: "LabelRows"
    reversed_axes: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the lengths of the axes."""
        return self.rows.shape[::-1] if self.reversed_axes else self.rows.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the type of a label."""
        return self.rows.labels.dtype

    @property
    def ndim(self) -> int:
        """Return the number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Return the number of voxels."""
        return int(np.prod(self.shape))

    @property
    def T(self) -> "LabelVolume":  # noqa: N802
        """Return it with its axes the other way round."""
        return LabelVolume(self.rows, not self.reversed_axes)

    def in_order(self) -> "LabelVolume":
        """Return it with rows along its last axis."""
        if not self.reversed_axes:
            return self
        from proctor_metrics.segmentation.kernels.label_rows import turned

        return LabelVolume(turned(self.rows))

    def empty(self) -> "LabelVolume":
        """Return a label map of the same shape that is background everywhere."""
        rows = self.rows
        labels, extents = np.zeros_like(rows.labels[:1], shape=16), np.zeros_like(rows.extents)
        return LabelVolume(
            rows._replace(labels=labels, starts=np.zeros_like(rows.starts), extents=extents),
            self.reversed_axes,
        )

    def __getitem__(self, place: tuple[slice, ...]) -> IntArray:
        return self._dense[place]

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError("an array of a label volume is always new")
        return self._dense.astype(dtype or self.dtype, copy=bool(copy))

    @cached_property
    def _dense(self) -> IntArray:
        from proctor_metrics.segmentation.kernels.label_rows import filled

        array = np.zeros(self.rows.shape, self.dtype)
        filled(*self.rows[:3], array.reshape(-1), self.rows.shape[2])
        return array.T if self.reversed_axes else array


LabelArray = IntArray | LabelVolume
