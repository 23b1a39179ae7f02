"""SSIM: how alike two images are in light, contrast and structure, window by window."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Self

import numpy as np
from scipy import ndimage

from proctor_metrics.cases import FloatArray, ImageCase, MetricInputError, Side
from proctor_metrics.images.comparison import RANGE_BOUNDS, ImageMetric, data_range, range_text
from proctor_metrics.metric import Direction
from proctor_metrics.parameters import Parameters

_K1, _K2 = 0.01, 0.03
_SIGMA = 1.5
# Nothing is left of the similarity to a value so many ranges away, and its square has a number.
_FURTHEST = 1e6
_REACH = {"gaussian": 5, "uniform": 3}


class Window(StrEnum):
    """What a local mean is taken over: Wang's 11 voxels of a Gaussian, or 7 alike."""

    GAUSSIAN = "gaussian"
    UNIFORM = "uniform"


class Extent(StrEnum):
    """Along which axes of a volume a window reaches: all of them, or the first two."""

    VOLUME = "volume"
    SLICES = "slices"


@dataclass(frozen=True)
class StructuralSimilarity(ImageMetric):
    """Mean SSIM of each image, as Wang et al. define it.

    SSIM = (2 mp mr + C1) (2 cov + C2) / ((mp^2 + mr^2 + C1) (vp + vr + C2)) in every window, with
    C1 = (0.01 R)^2, C2 = (0.03 R)^2 and moments of the population (1 / n); R is `data_range`, or
    the reference's largest less its smallest value where none is declared. `window`: `gaussian`
    (11 voxels along each axis, sigma 1.5) or `uniform` (7). `extent`: windows in 3-D (`volume`) or
    in every slice of the last axis (`slices`). Axes of one voxel are left out; windows that reach
    beyond the image do not count. Input: finite numbers on 2 or 3 axes. Values: float64 of shape
    (1, 1), in [-1, 1], no unit, higher is better. Where the reference is NaN both images are 0, and
    the windows there do not count. An image smaller than a window, or without a window that counts,
    is a fault of the reference; one of equal values needs `data_range`. Source: Wang et al., IEEE
    Trans. Image Process. 13 (2004) 600. Checked against scikit-image's `structural_similarity`.

    >>> from proctor_metrics import ImageCase
    >>> true = np.add.outer(np.arange(16.0), np.arange(16.0))
    >>> StructuralSimilarity().per_item(ImageCase("a", true, true)).values
    array([[1.]])
    """

    name = "ssim"
    direction = Direction.HIGHER

    window: Window = Window.GAUSSIAN
    extent: Extent = Extent.VOLUME
    data_range: float | None = None

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `window`, `extent` and `data_range`."""
        return cls(
            window=parameters.choice("window", Window.GAUSSIAN),
            extent=parameters.choice("extent", Extent.VOLUME),
            data_range=parameters.optional_number("data_range", *RANGE_BOUNDS),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return (
            f"ssim.v1;window={self.window};extent={self.extent};"
            f"data_range={range_text(self.data_range)};k1={_K1};k2={_K2};edge=v1"
        )

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for regions and for windows at the border."""
        return (
            *super().edge_rules,
            "Windows that reach beyond the image do not count.",
        )

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return -1, the opposite structure everywhere."""
        return -1.0

    def _value(self, case: ImageCase) -> float:
        largest = data_range(self, case, self.data_range)
        inside = np.squeeze(case.inside)
        # In units of the range, so that squares of large values stay finite.
        true = np.where(inside, np.squeeze(case.reference), 0).astype(np.float64) / largest
        furthest = _FURTHEST * max(1.0, float(np.abs(true).max()))
        with np.errstate(over="ignore"):
            scaled = np.squeeze(case.prediction).astype(np.float64) / largest
        predicted = np.where(inside, np.clip(scaled, -furthest, furthest), 0)
        axes = tuple(range(inside.ndim if self.extent is Extent.VOLUME else min(2, inside.ndim)))
        reach = _REACH[self.window]
        whole = tuple(
            slice(reach, length - reach) if axis in axes else slice(None)
            for axis, length in enumerate(inside.shape)
        )
        if not axes or not inside[whole].any():
            raise MetricInputError(
                case.case,
                Side.REFERENCE,
                f"no window of {2 * reach + 1} voxels along each axis lies in the region of an"
                f" image of shape {case.reference.shape}",
                "ssim needs one; say extent: slices for a volume of few slices",
            )
        found = _similarity(predicted, true, self._mean(axes))
        return float(found[whole][inside[whole]].mean())

    def _mean(self, axes: tuple[int, ...]) -> Callable[[FloatArray], FloatArray]:
        reach = _REACH[self.window]
        if self.window is Window.UNIFORM:
            return partial(ndimage.uniform_filter, size=2 * reach + 1, axes=axes)
        return partial(ndimage.gaussian_filter, sigma=_SIGMA, radius=reach, axes=axes)


def _similarity(
    predicted: FloatArray, true: FloatArray, mean: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    """Return the similarity of the window around every voxel, of images whose range is 1."""
    mean_p, mean_r = mean(predicted), mean(true)
    # Rounding may take a variance below 0, and with it a similarity beyond 1.
    variance_p = np.maximum(mean(predicted * predicted) - mean_p * mean_p, 0.0)
    variance_r = np.maximum(mean(true * true) - mean_r * mean_r, 0.0)
    most = np.sqrt(variance_p * variance_r)
    covariance = np.clip(mean(predicted * true) - mean_p * mean_r, -most, most)
    c1, c2 = _K1**2, _K2**2
    light = (2 * mean_p * mean_r + c1) / (mean_p**2 + mean_r**2 + c1)
    structure = (2 * covariance + c2) / (variance_p + variance_r + c2)
    return np.asarray(light * structure, dtype=np.float64)
