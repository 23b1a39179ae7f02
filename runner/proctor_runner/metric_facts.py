"""What is kept of a metric with every score of a task."""

from __future__ import annotations

from proctor.spec.task import InputType, MetricSpec, TaskSpec
from proctor.spec.work import MetricFacts
from proctor_metrics.metric import Direction, Metric, PerItemMetric, number_text
from proctor_runner.aggregating import rule_words

_MM = "mm"


def metric_facts(metric: Metric, spec: MetricSpec, task: TaskSpec) -> MetricFacts:
    """Return what is kept of a metric with every score.

    Nothing says how long a pixel is, of a picture or an array: lengths are in pixels there.
    """
    rules, words = metric.edge_rules, rule_words(spec)
    if isinstance(metric, PerItemMetric):
        worst = metric.declared_worst
        value = "the worst value of its reference" if worst is None else number_text(worst)
        rules += (
            f"Every item of a missing case takes {value}.",
            "So does an answer that the metric refuses.",
        )
    unit = metric.unit
    grid = task.inputs.get(task.outputs[spec.output].grid or "")
    if unit == _MM and grid is not None and grid.type is not InputType.VOLUME:
        unit = "pixels"
        rules = tuple(rule.replace(f" {_MM}", f" {unit}") for rule in rules)
    return MetricFacts(
        definition_id=f"{metric.definition_id}{f'; {words}' if words else ''}",
        unit=unit,
        higher_is_better=metric.direction is Direction.HIGHER,
        edge_rules=rules,
        aggregate=words,
    )
