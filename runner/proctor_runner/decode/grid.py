"""Voxel grids: where a volume's voxels lie, and how one volume's order becomes another's.

All affines map voxel indices to millimeters with the axes right, anterior, superior.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_MISPLACED_MM = 1e-3
MOST_TURNED = 1e-4


@dataclass(frozen=True, eq=False)
class Grid:
    """A shape of three axes and the 4 x 4 affine of its voxels."""

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """Return the voxel size along each axis."""
        spacing: NDArray[np.float64] = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return spacing

    def describe(self) -> str:
        """Return shape, spacing and origin as one phrase."""
        shape = " x ".join(str(length) for length in self.shape)
        spacing = " x ".join(f"{size:.4g}" for size in self.spacing_mm)
        origin = ", ".join(f"{place:.4g}" for place in self.affine[:3, 3])
        return f"{shape} voxels of {spacing} mm at ({origin})"


@dataclass(frozen=True)
class Reordering:
    """Axes to take, then axes to flip, that lead from one grid to another without resampling."""

    axes: tuple[int, int, int]
    flips: tuple[int, ...]

    def apply(self, voxels: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the voxels in the new order."""
        return np.flip(voxels.transpose(self.axes), self.flips)


def reordering(source: Grid, target: Grid) -> Reordering | None:
    """Return how ``source`` is put in the order of ``target``; None when it is another grid."""
    for axes in itertools.permutations(range(3)):
        if tuple(source.shape[axis] for axis in axes) != target.shape:
            continue
        for count in range(4):
            for flips in itertools.combinations(range(3), count):
                if _agree(_reordered(source, axes, flips), target):
                    return Reordering((axes[0], axes[1], axes[2]), flips)
    return None


def _reordered(source: Grid, axes: tuple[int, ...], flips: tuple[int, ...]) -> Grid:
    affine = source.affine.copy()
    affine[:, :3] = affine[:, axes]
    shape = tuple(source.shape[axis] for axis in axes)
    for axis in flips:
        affine[:3, 3] += affine[:3, axis] * (shape[axis] - 1)
        affine[:3, axis] *= -1
    return Grid((shape[0], shape[1], shape[2]), affine)


def _agree(found: Grid, target: Grid) -> bool:
    misplaced_mm = max(
        np.abs(found.spacing_mm - target.spacing_mm).max(),
        np.abs(found.affine[:3, 3] - target.affine[:3, 3]).max(),
    )
    turned = np.abs(
        found.affine[:3, :3] / found.spacing_mm - target.affine[:3, :3] / target.spacing_mm
    ).max()
    # Written so that a NaN in either affine is a disagreement.
    return bool(misplaced_mm <= MOST_MISPLACED_MM and turned <= MOST_TURNED)
