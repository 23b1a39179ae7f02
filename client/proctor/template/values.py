"""What a model gets to see of a file, beside numpy arrays and what Python has of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike, NDArray


@dataclass(frozen=True, eq=False)
class Volume:
    """An image in space; `numpy.asarray` of it is its `data`.

    Attributes:
        data: Voxels as stored, indexed (i, j, k).
        affine: 4 x 4, from voxel indices to millimeters, x to the right, y to the front, z up.
        spacing_mm: Voxel size along i, j, k.
    """

    data: NDArray[np.generic]
    affine: NDArray[np.float64]
    spacing_mm: tuple[float, float, float]

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> NDArray[np.generic]:
        return _array(self.data, dtype, copy)


@dataclass(frozen=True, eq=False)
class Audio:
    """A recording; `numpy.asarray` of it is its `samples`.

    Attributes:
        samples: Of shape (frames, channels).
        rate_hz: Frames a second.
    """

    samples: NDArray[np.generic]
    rate_hz: int

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> NDArray[np.generic]:
        return _array(self.samples, dtype, copy)


def _array(
    data: NDArray[np.generic], dtype: DTypeLike | None, copy: bool | None
) -> NDArray[np.generic]:
    if dtype is not None and data.dtype != dtype:
        return data.astype(dtype)
    return data.copy() if copy else data
