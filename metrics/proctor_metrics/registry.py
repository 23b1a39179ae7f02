"""Find a metric by name and build it from its parameters.

A new metric is one class in a small module and one line in the table below.
"""

from collections.abc import Callable, Mapping

from proctor_metrics.auroc import Auroc
from proctor_metrics.log_loss import LogLoss
from proctor_metrics.metric import Metric
from proctor_metrics.overlap import Dice
from proctor_metrics.parameters import MetricParameterError, Parameters
from proctor_metrics.surface import HausdorffPercentile
from proctor_metrics.top_k import Accuracy, TopKAccuracy
from proctor_metrics.volume import VolumeError

__all__ = ["MetricParameterError", "UnknownMetricError", "names", "resolve"]

_METRICS: Mapping[str, Callable[[Parameters], Metric]] = {
    Accuracy.name: Accuracy.build,
    Auroc.name: Auroc.build,
    Dice.name: Dice.build,
    HausdorffPercentile.name: HausdorffPercentile.build,
    LogLoss.name: LogLoss.build,
    TopKAccuracy.name: TopKAccuracy.build,
    VolumeError.name: VolumeError.build,
}


class UnknownMetricError(ValueError):
    """There is no metric of that name; the message lists those there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no metric {name!r}; known metrics: {', '.join(names())}")
        self.name = name


def names() -> tuple[str, ...]:
    """Return the names of all metrics in alphabetical order."""
    return tuple(sorted(_METRICS))


def resolve(name: str, parameters: Mapping[str, object], *, worst: float | None = None) -> Metric:
    """Build a metric.

    Args:
        name: one of `names()`.
        parameters: the metric's own parameters, as in `challenge.yaml`.
        worst: the worst value that the task declares; it becomes part of the definition id.

    Raises:
        UnknownMetricError: no metric has that name.
        MetricParameterError: a parameter is unknown, missing or out of range, or the metric
            has no natural worst value and none is declared.

    >>> resolve("hd95", {"definition": "surfel"}).definition_id
    'hd_perc.surfel.v1;percentile=95;edge=v1'
    """
    if name not in _METRICS:
        raise UnknownMetricError(name)
    reader = Parameters(name, parameters, worst)
    metric = _METRICS[name](reader)
    reader.refuse_the_rest()
    return metric
