"""Loads the image that predicted ones are compared with: a NIfTI volume, or a ``.npy`` array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from proctor_metrics import cases

_ARRAY_SUFFIX = ".npy"


@dataclass(frozen=True, eq=False)
class ImageReference:
    """Numbers on 2 or 3 axes; a NaN marks what lies outside the region that counts."""

    values: npt.NDArray[Any]


def as_image(array: npt.NDArray[Any]) -> ImageReference:
    """Take an array as a reference.

    Raises:
        ValueError: it is none; the message is a phrase for its owner.
    """
    if array.ndim not in (2, 3) or array.dtype.kind not in "fiu":
        raise ValueError(
            f"has shape {array.shape} and type {array.dtype}; numbers on 2 or 3 axes are expected"
        )
    values = array.astype(np.float64, copy=False)
    if np.isinf(values).any() or np.isnan(values).all():
        raise ValueError(
            "is infinite somewhere, or NaN everywhere; a voxel holds a finite number, or NaN"
            " outside the region that counts"
        )
    return ImageReference(array)


def make_image_case(
    case: str, prediction: npt.NDArray[Any] | None, reference: ImageReference
) -> cases.ImageCase:
    """Put a prediction beside its reference; without one, zeros stand in for it.

    Raises:
        MetricInputError: one side is not sound; it says which.
    """
    answer = np.zeros(reference.values.shape) if prediction is None else prediction
    return cases.ImageCase(case, answer, reference.values)
