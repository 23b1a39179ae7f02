"""What the columns of one set of cases are resampled with, and the intervals that come of it.

All metrics of a scoring share the draws, so submissions on the same data are paired. For BCa each
group is left out in turn; of a metric that must be asked anew for that, blocks of groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from proctor.spec.ranking import BootstrapSpec, IntervalMethod
from proctor_metrics.bootstrap import draw_weights, percentile_interval
from proctor_metrics.cases import FloatArray

_MOST_BLOCKS = 200

Ends = tuple[float | None, float | None]


@dataclass(frozen=True)
class Draws:
    """The resamples of the items of some cases.

    Attributes:
        units: what each item is drawn with.
        inputs_digest: of the dataset; the draws depend on it.
        bootstrap: how many draws, the level, and the kind of interval.
    """

    units: Sequence[str]
    inputs_digest: str
    bootstrap: BootstrapSpec

    @cached_property
    def weights(self) -> npt.NDArray[np.uint16]:
        """How often each item counts, of shape (draws, n_items)."""
        return draw_weights(
            self.units, self.inputs_digest, self.bootstrap.samples, self.bootstrap.seed
        )

    @cached_property
    def left_out(self) -> npt.NDArray[np.uint16]:
        """The whole set without each group, or block of groups; of shape (n_blocks, n_items)."""
        names, which = np.unique(np.asarray(self.units, dtype=np.str_), return_inverse=True)
        blocks = min(names.size, _MOST_BLOCKS)
        kept = which % blocks != np.arange(blocks)[:, np.newaxis]
        return np.asarray(kept, dtype=np.uint16)

    @property
    def wants_jackknife(self) -> bool:
        """Whether intervals are BCa, and there are groups to leave out.

        The metrics of an archive may be older than BCa; then nobody asks for their intervals.
        """
        if self.bootstrap.interval is not IntervalMethod.BCA or len(set(self.units)) < 2:
            return False
        return find_spec("proctor_metrics.bca") is not None

    def jackknife_means(self, values: FloatArray) -> FloatArray | None:
        """Return the means without each group; none where no interval is made of them."""
        if not self.wants_jackknife:
            return None
        from proctor_metrics.bca import jackknife_means

        return jackknife_means(values, self.units)

    def ends(
        self, estimates: FloatArray, replicates: FloatArray, jackknife: FloatArray | None
    ) -> list[Ends]:
        """Return the BCa interval of each column; nothing where percentiles of the draws are asked.

        Args:
            estimates: float64 of shape (n_columns,).
            replicates: float64 of shape (n_columns, draws).
            jackknife: float64 of shape (n_columns, n_blocks).
        """
        if jackknife is None:
            return [(None, None)] * len(estimates)
        from proctor_metrics.bca import bca_interval

        level = self.bootstrap.level
        found = [
            # Where nothing is defined without a group, its part in the interval is not known.
            percentile_interval(drawn, level)
            if np.isnan(without).all()
            else bca_interval(float(one), drawn, without, level)
            for one, drawn, without in zip(estimates, replicates, jackknife, strict=True)
        ]
        return [(_number(one.low), _number(one.high)) for one in found]


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
