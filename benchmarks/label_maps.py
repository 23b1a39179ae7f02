"""The two synthetic cases of the benchmarks: the same voxels on every machine.

Structures are ellipsoids with a wavy surface; a prediction has other waves, is moved a little and
holds islands that the reference does not.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

LabelMap = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Pair:
    """A prediction and its reference, both (z, y, x), and how they are to be scored."""

    name: str
    prediction: LabelMap
    reference: LabelMap
    spacing_mm: tuple[float, float, float]
    structures: dict[str, tuple[int, ...]]


def brain() -> Pair:
    """Return the case like BraTS: 240 x 240 x 155, 1 mm, three nested regions, nine islands."""
    shape = (155, 240, 240)
    draws = np.random.RandomState(1)  # its stream is frozen
    prediction, reference = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    center = np.array([80.0, 110.0, 130.0])
    for label, radii in ((2, (28, 33, 38)), (1, (17, 20, 22)), (3, (11, 13, 14))):
        _draw(reference, center, radii, label, draws, center * 0)
        _draw(prediction, center, radii, label, draws, draws.uniform(-1.2, 1.2, 3))
    for _ in range(9):
        spot = draws.uniform((30, 50, 50), (125, 190, 190))
        _draw(prediction, spot, draws.uniform(2, 4, 3), int(draws.randint(1, 4)), draws, spot * 0)
    regions = {"whole": (1, 2, 3), "core": (1, 3), "enhancing": (3,)}
    return Pair("BraTS-like", prediction, reference, (1.0, 1.0, 1.0), regions)


def body() -> Pair:
    """Return the case like CT: 512 x 512 x 300, 0.78 x 0.78 x 1.5 mm, 14 labels, 25 islands."""
    shape = (300, 512, 512)
    draws = np.random.RandomState(2)
    prediction, reference = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    voxels = np.geomspace(2.4e6, 2.4e3, 14)
    for label, volume in enumerate(voxels, start=1):
        flat = np.array([0.55, 1.2, 1.5]) * draws.uniform(0.85, 1.15, 3)
        radii = flat * (volume / (4 / 3 * np.pi * flat.prod())) ** (1 / 3)
        low, high = radii + 12, np.array(shape) - radii - 12
        center = draws.uniform(np.minimum(low, 150), high)
        _draw(reference, center, radii, label, draws, center * 0)
        _draw(prediction, center, radii, label, draws, draws.uniform(-1.0, 1.0, 3))
    for _ in range(25):
        spot = draws.uniform((15, 60, 60), (285, 450, 450))
        _draw(prediction, spot, draws.uniform(2, 5, 3), int(draws.randint(1, 15)), draws, spot * 0)
    labels = {f"organ{label}": (label,) for label in range(1, 15)}
    return Pair("CT-like", prediction, reference, (1.5, 0.78, 0.78), labels)


def write_nifti(folder: Path, name: str, volume: LabelMap, spacing_mm: tuple[float, ...]) -> Path:
    """Write a volume as .nii.gz, as a toolkit would: x runs fastest."""
    import nibabel

    affine = np.diag([*spacing_mm[::-1], 1.0])
    image = nibabel.Nifti1Image(volume.transpose(2, 1, 0), affine)
    path = folder / f"{name}.nii.gz"
    path.write_bytes(gzip.compress(image.to_bytes(), 6))
    return path


def _draw(
    volume: LabelMap,
    center: npt.NDArray[np.float64],
    radii: npt.ArrayLike,
    label: int,
    draws: np.random.RandomState,
    moved: npt.NDArray[np.float64],
) -> None:
    """Fill an ellipsoid whose radius waves by some percent, about two voxels."""
    lengths = np.asarray(radii, dtype=np.float64)
    middle = center + moved
    low = np.maximum(np.floor(middle - 1.3 * lengths - 2), 0).astype(int)
    high = np.minimum(np.ceil(middle + 1.3 * lengths + 2), volume.shape).astype(int)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    axes = np.ogrid[box]
    norm = sum(((a - m) / r) ** 2 for a, m, r in zip(axes, middle, lengths, strict=True))
    swing = min(0.15, 1.6 / float(lengths.mean()))
    for _ in range(3):
        frequency, phase = draws.uniform(1, 4, 3) / lengths, draws.uniform(0, 2 * np.pi, 3)
        waves = [
            np.cos(f * (a - m) + p)
            for a, m, f, p in zip(axes, middle, frequency, phase, strict=True)
        ]
        norm = norm + swing * waves[0] * waves[1] * waves[2]
    inside = norm < 1
    volume[box][inside] = label
