"""Errors of an image, voxel by voxel: PSNR, normalized RMSE and MAE."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np

from proctor_metrics.cases import FloatArray, ImageCase, MetricInputError, Side
from proctor_metrics.images.comparison import RANGE_BOUNDS, ImageMetric, data_range, range_text
from proctor_metrics.metric import Direction, number_text
from proctor_metrics.parameters import Parameters


class Normalization(StrEnum):
    """What a root mean squared error is divided by."""

    EUCLIDEAN = "euclidean"
    RANGE = "range"
    MEAN = "mean"


@dataclass(frozen=True)
class PeakSignalToNoiseRatio(ImageMetric):
    """PSNR = 10 log10(R^2 / MSE) of each image, R the range of its values.

    R is `data_range`, or the reference's largest less its smallest value where none is declared;
    MSE is the mean of (p - r)^2. Input: finite numbers on 2 or 3 axes. Values: float64 of shape
    (1, 1), in dB, higher is better, no higher than `cap` (an exact answer would be infinite) and no
    lower than the worst value, 0 dB unless another is declared: there the error is as large as the
    range. Voxels where the reference is NaN do not count. A reference of equal values needs
    `data_range`. Source: Huynh-Thu & Ghanbari, Electron. Lett. 44 (2008) 800. Checked against
    scikit-image's `peak_signal_noise_ratio`.

    >>> from proctor_metrics import ImageCase
    >>> true = np.array([[0.0, 1.0], [2.0, 10.0]])
    >>> PeakSignalToNoiseRatio().per_item(ImageCase("a", true + 1, true)).values
    array([[20.]])
    """

    name = "psnr"
    direction = Direction.HIGHER

    data_range: float | None = None
    cap: float = 100.0

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `data_range` and `cap`, in dB."""
        cap, worst = parameters.number("cap", 100.0, 0.0, 1000.0), parameters.worst()
        if worst is not None and worst >= cap:
            raise parameters.error("worst", f"is {worst:g}; no answer scores above cap, {cap:g}")
        return cls(
            data_range=parameters.optional_number("data_range", *RANGE_BOUNDS),
            cap=cap,
            declared_worst=worst,
        )

    @property
    def unit(self) -> str:
        """Return the unit, decibel."""
        return "dB"

    @property
    def definition(self) -> str:
        """Return the definition id."""
        cap = number_text(self.cap)
        return f"psnr.v1;data_range={range_text(self.data_range)};cap={cap};edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for regions and for both ends of the scale."""
        return (
            *super().edge_rules,
            f"An exact answer scores {number_text(self.cap)} dB, and none scores more.",
            "No answer scores less than the worst value.",
        )

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0 dB, an error as large as the range of values."""
        return 0.0

    def _value(self, case: ImageCase) -> float:
        largest = data_range(self, case, self.data_range)
        error = _root_mean_square(_differences(case))
        if error == 0:
            return self.cap
        decibels = 20 * (math.log10(largest) - math.log10(error))
        return min(max(decibels, self.worst((), ())), self.cap)


class ImageErrorMetric(ImageMetric):
    """An error of an image, whose worst value the task declares."""

    direction = Direction.LOWER

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return infinity; a worst value is always declared."""
        return float("inf")

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for regions and for errors beyond all numbers."""
        return (*super().edge_rules, "An error that no number holds counts as the worst value.")

    def _value(self, case: ImageCase) -> float:
        with np.errstate(over="ignore"):
            error = self._error(case)
        # A NaN or an infinity would be left out of means, or undo them.
        return error if math.isfinite(error) else self.worst((), ())

    @abstractmethod
    def _error(self, case: ImageCase) -> float:
        """Return the error of one image, not finite where it overflows."""


def _declared_worst(parameters: Parameters) -> float:
    worst = parameters.worst()
    if worst is None:
        raise parameters.error(
            "worst",
            "an error has no natural worst value; declare `worst` on the metric, above any answer"
            " that should beat a missing one",
        )
    return worst


@dataclass(frozen=True)
class NormalizedRootMeanSquaredError(ImageErrorMetric):
    """NRMSE: the root of the mean squared error of an image, beside the size of its reference.

    `normalization`: `euclidean` divides by the root of the mean of r^2, so that an answer of zeros
    scores 1; `range` by the largest less the smallest r; `mean` by the mean of r. Input: finite
    numbers on 2 or 3 axes. Values: float64 of shape (1, 1), from 0 without upper bound, no unit,
    lower is better. Voxels where the reference is NaN do not count. A divisor of 0 is a fault of
    the reference. The worst value must be declared. Source: Fienup, Appl. Opt. 36 (1997) 8352.
    Checked against scikit-image's `normalized_root_mse`.

    >>> from proctor_metrics import ImageCase
    >>> true = np.array([[3.0, 4.0], [3.0, 4.0]])
    >>> case = ImageCase("a", np.zeros((2, 2)), true)
    >>> NormalizedRootMeanSquaredError(declared_worst=2.0).per_item(case).values
    array([[1.]])
    """

    name = "nrmse"

    normalization: Normalization = Normalization.EUCLIDEAN

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `normalization`; the worst value is required."""
        return cls(
            normalization=parameters.choice("normalization", Normalization.EUCLIDEAN),
            declared_worst=_declared_worst(parameters),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"nrmse.v1;normalization={self.normalization}"

    def _error(self, case: ImageCase) -> float:
        divisor = self._divisor(case.true)
        if divisor == 0:
            raise MetricInputError(
                case.case,
                Side.REFERENCE,
                f"the {self.normalization} of the reference is 0",
                f"{self.name} divides by it",
            )
        return _root_mean_square(_differences(case)) / divisor

    def _divisor(self, true: FloatArray) -> float:
        match self.normalization:
            case Normalization.EUCLIDEAN:
                return _root_mean_square(true)
            case Normalization.RANGE:
                return float(true.max() - true.min())
            case Normalization.MEAN:
                return abs(float(true.mean()))


@dataclass(frozen=True)
class ImageMeanAbsoluteError(ImageErrorMetric):
    """Mean of |p - r| over the voxels of each image.

    Input: finite numbers on 2 or 3 axes. Values: float64 of shape (1, 1), in the unit of the image,
    from 0 without upper bound, lower is better. Voxels where the reference is NaN do not count. The
    worst value must be declared. Source: Willmott & Matsuura, Climate Research 30 (2005) 79.
    Checked against scikit-learn's `mean_absolute_error`.

    >>> from proctor_metrics import ImageCase
    >>> true = np.array([[3.0, np.nan], [3.0, 4.0]])
    >>> case = ImageCase("a", np.array([[3.0, 9.0], [4.0, 6.0]]), true)
    >>> ImageMeanAbsoluteError(declared_worst=9.0).per_item(case).values
    array([[1.]])
    """

    name = "image_mae"

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the parameters: there are none but the worst value, which is required."""
        return cls(declared_worst=_declared_worst(parameters))

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return "image_mae.v1"

    def _error(self, case: ImageCase) -> float:
        return float(np.abs(_differences(case)).mean())


def _differences(case: ImageCase) -> FloatArray:
    with np.errstate(over="ignore"):
        return case.predicted - case.true


def _root_mean_square(values: FloatArray) -> float:
    """Return the root of the mean of squares, of values however large."""
    largest = float(np.abs(values).max())
    if largest == 0 or math.isinf(largest):
        return largest
    return largest * math.sqrt(float(np.mean((values / largest) ** 2)))
