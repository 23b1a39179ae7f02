"""Read what a case needs from an image file's geometry."""

import numpy as np

from proctor_metrics.cases import FloatArray


def spacing_from_affine(affine: FloatArray) -> tuple[float, ...]:
    """Return the edge lengths of a voxel in mm, in the order of the array's axes.

    Args:
        affine: float64 of shape (4, 4), voxel indices to millimetres, as nibabel gives it.

    Raises:
        ValueError: the affine is not 4 x 4, not finite, or flattens an axis.

    >>> spacing_from_affine(np.diag([-2.0, 2.0, 5.0, 1.0]))
    (2.0, 2.0, 5.0)
    """
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise ValueError("an affine must be a finite matrix of shape (4, 4)")
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not (lengths > 0).all():
        raise ValueError(f"an affine must not flatten an axis; its edge lengths are {lengths}")
    return tuple(float(length) for length in lengths)
