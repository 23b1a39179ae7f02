"""Voxel grids: where a volume's voxels lie, and how one volume's order becomes another's.

All affines map voxel indices to millimeters with the axes right, anterior, superior.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
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


@dataclass(frozen=True)
class _Deviation:
    """How far one grid lies from another of the same shape; NaN where an affine is none."""

    size_mm: float
    origin_mm: float
    turned: float

    @property
    def allowed(self) -> bool:
        """Tell whether both are one grid, written so that a NaN is a disagreement."""
        return (
            self.size_mm <= MOST_MISPLACED_MM
            and self.origin_mm <= MOST_MISPLACED_MM
            and self.turned <= MOST_TURNED
        )

    @property
    def times_too_large(self) -> float:
        """Return how many times as much as is allowed it deviates."""
        parts = (
            self.size_mm / MOST_MISPLACED_MM,
            self.origin_mm / MOST_MISPLACED_MM,
            self.turned / MOST_TURNED,
        )
        return float("inf") if any(part != part for part in parts) else max(parts)


def reordering(source: Grid, target: Grid) -> Reordering | None:
    """Return how ``source`` is put in the order of ``target``; None when it is another grid."""
    for order in _orders(source, target):
        if _deviation(_reordered(source, order), target).allowed:
            return order
    return None


def difference(source: Grid, target: Grid) -> str:
    """Say how ``source`` differs from ``target`` in its best order, and what is allowed."""
    found = [_deviation(_reordered(source, order), target) for order in _orders(source, target)]
    if not found:
        return "no order of its axes has that shape"
    best = min(found, key=lambda deviation: deviation.times_too_large)
    parts = [
        f"{what} {by:.4g} mm off, {MOST_MISPLACED_MM:g} mm is allowed"
        for what, by in (("voxels are", best.size_mm), ("the origin is", best.origin_mm))
        if not by <= MOST_MISPLACED_MM
    ]
    if not best.turned <= MOST_TURNED:
        parts.append(f"directions are {best.turned:.4g} off, {MOST_TURNED:g} is allowed")
    return "; ".join(parts)


def _orders(source: Grid, target: Grid) -> Iterator[Reordering]:
    for axes in itertools.permutations(range(3)):
        if tuple(source.shape[axis] for axis in axes) == target.shape:
            for count in range(4):
                for flips in itertools.combinations(range(3), count):
                    yield Reordering((axes[0], axes[1], axes[2]), flips)


def _reordered(source: Grid, order: Reordering) -> Grid:
    affine = source.affine.copy()
    affine[:, :3] = affine[:, order.axes]
    shape = tuple(source.shape[axis] for axis in order.axes)
    for axis in order.flips:
        affine[:3, 3] += affine[:3, axis] * (shape[axis] - 1)
        affine[:3, axis] *= -1
    return Grid((shape[0], shape[1], shape[2]), affine)


def _deviation(found: Grid, target: Grid) -> _Deviation:
    sizes_mm = np.abs(found.spacing_mm - target.spacing_mm)
    directions = np.abs(
        found.affine[:3, :3] / found.spacing_mm - target.affine[:3, :3] / target.spacing_mm
    )
    origin_mm = np.abs(found.affine[:3, 3] - target.affine[:3, 3])
    return _Deviation(float(sizes_mm.max()), float(origin_mm.max()), float(directions.max()))
