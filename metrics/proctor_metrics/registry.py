"""Find a metric by name and build it from its parameters.

A new metric is one class in a small module and one name in the `METRICS` of its family; a new
family is one more package in the table below.
"""

from collections.abc import Mapping
from difflib import get_close_matches

from proctor_metrics import (
    classification,
    custom,
    detection,
    images,
    instances,
    multilabel,
    regression,
    segmentation,
    survival,
    text,
)
from proctor_metrics.metric import Metric
from proctor_metrics.parameters import MetricParameterError, Parameters

__all__ = ["MetricParameterError", "UnknownMetricError", "metric_class", "names", "resolve"]

_METRICS: Mapping[str, type[Metric]] = {
    metric.name: metric
    for family in (
        classification,
        detection,
        images,
        instances,
        multilabel,
        regression,
        segmentation,
        survival,
        text,
    )
    for metric in family.METRICS
}


_ALIASES: Mapping[str, str] = {
    alias: metric.name for metric in _METRICS.values() for alias in metric.aliases
}


class UnknownMetricError(ValueError):
    """There is no metric of that name; the message has those like it, else all there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no metric {name!r}; {_meant(name)}")
        self.name = name


def _meant(name: str) -> str:
    near = get_close_matches(name.lower(), [*_METRICS, *_ALIASES], n=3)
    return f"did you mean {' or '.join(near)}" if near else f"known metrics: {', '.join(names())}"


def names() -> tuple[str, ...]:
    """Return the names of all metrics in alphabetical order."""
    return tuple(sorted(_METRICS))


def metric_class(name: str) -> type[Metric]:
    """Return the class of a metric, by its name or an alias; its docstring is its definition.

    Raises:
        UnknownMetricError: no metric has that name.
    """
    known = _ALIASES.get(name, name)
    if known not in _METRICS:
        raise UnknownMetricError(name)
    return _METRICS[known]


def resolve(name: str, parameters: Mapping[str, object], *, worst: float | None = None) -> Metric:
    """Build a metric.

    Args:
        name: one of `names()`, or an alias of one.
        parameters: the metric's own parameters, as in `challenge.yaml`.
        worst: the worst value that the task declares; it becomes part of the definition id.

    Raises:
        UnknownMetricError: no metric has that name.
        MetricParameterError: a parameter is unknown, missing or out of range, or the metric
            has no natural worst value and none is declared.

    >>> resolve("hd95", {"definition": "surfel"}).definition_id
    'hd_perc.surfel.v1;percentile=95;edge=v1'
    """
    if name == custom.NAME:
        return custom.custom_metric(parameters, worst)
    kind = metric_class(name)
    reader = Parameters(name, parameters, worst)
    metric = kind.build(reader)
    reader.refuse_the_rest()
    return metric
