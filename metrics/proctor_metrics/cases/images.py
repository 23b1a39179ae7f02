"""Images and volumes of numbers, voxel by voxel against a reference on the same grid."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases.faults import BoolArray, FloatArray, MetricInputError, Side


@dataclass(frozen=True, eq=False)
class ImageCase:
    """One predicted image against its reference; a case is one item.

    Attributes:
        case: id of the case, used in errors.
        prediction: numbers of 2 or 3 axes.
        reference: numbers of the same shape; a NaN marks a voxel outside the region that counts.

    Raises:
        MetricInputError: shapes do not fit, a predicted value is not finite, the reference is
            infinite somewhere or has no voxel inside.
    """

    case: str
    prediction: npt.NDArray[np.generic]
    reference: npt.NDArray[np.generic]

    def __post_init__(self) -> None:
        for side, array in ((Side.REFERENCE, self.reference), (Side.PREDICTION, self.prediction)):
            if array.ndim not in (2, 3) or array.dtype.kind not in "fiu":
                raise MetricInputError(
                    self.case,
                    side,
                    f"the {side} has shape {array.shape} and type {array.dtype}",
                    "an image holds numbers on 2 or 3 axes",
                )
        if self.prediction.shape != self.reference.shape:
            raise MetricInputError(
                self.case,
                Side.PREDICTION,
                f"the prediction has shape {self.prediction.shape}, the reference "
                f"{self.reference.shape}",
                "both must have the same shape",
            )
        finite = np.isfinite(self.prediction.astype(np.float64, copy=False))
        if not finite.all():
            place = tuple(int(index) for index in np.argwhere(~finite)[0])
            raise MetricInputError(
                self.case,
                Side.PREDICTION,
                f"the prediction is {self.prediction[place]} at {place}",
                "every value must be a finite number",
            )
        true = self.reference.astype(np.float64, copy=False)
        if np.isinf(true).any() or np.isnan(true).all():
            raise MetricInputError(
                self.case,
                Side.REFERENCE,
                "the reference is infinite somewhere, or NaN everywhere",
                "every value must be a finite number, or NaN outside the region that counts",
            )

    @property
    def n_items(self) -> int:
        """Return 1."""
        return 1

    @cached_property
    def inside(self) -> BoolArray:
        """Return which voxels count, booleans of the shape of the image."""
        return ~np.isnan(self.reference.astype(np.float64, copy=False))

    @cached_property
    def predicted(self) -> FloatArray:
        """Return the predicted values inside, float64 of shape (n_voxels,)."""
        return self.prediction[self.inside].astype(np.float64)

    @cached_property
    def true(self) -> FloatArray:
        """Return the reference's values inside, float64 of shape (n_voxels,)."""
        return self.reference[self.inside].astype(np.float64)
