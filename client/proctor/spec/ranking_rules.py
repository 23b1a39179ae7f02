"""Which rankings, gates and protections fit which metrics; asked at check and at publishing.

What a metric is, the registry knows; it is told here as a few metrics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from proctor.spec.aggregate_rules import AggregateRule
from proctor.spec.challenge import ChallengeSpec, PhaseSpec
from proctor.spec.ranking import OF_CASES, Gate, RankingScheme


class RankedMetric(Protocol):
    """What a ranking must know of a metric, as ``proctor_metrics`` has it."""

    @property
    def kind(self) -> str:
        """``per_item``, or ``pooled`` when it is defined on a whole set."""
        ...

    @property
    def direction(self) -> str:
        """``higher`` or ``lower``: which is better."""
        ...

    @property
    def can_be_undefined(self) -> bool:
        """Whether a case with an answer may be without a value."""
        ...


class RankingProblem(NamedTuple):
    """What is wrong with a phase, by its index, and where."""

    phase: int
    field: str
    message: str


Metrics = Mapping[tuple[str, str], RankedMetric]
"""By task and metric id; a metric that is not known itself is left out."""


def ranking_problems(spec: ChallengeSpec, metrics: Metrics) -> Iterator[RankingProblem]:
    """Yield what does not fit the metrics in the rankings of a challenge."""
    for index, phase in enumerate(spec.phases):
        for field, message in _of_phase(spec, phase, metrics):
            yield RankingProblem(index, field, message)


def aggregate_problems(spec: ChallengeSpec, metrics: Metrics) -> Iterator[tuple[int, int, str]]:
    """Yield task, metric and message where a rule for items is given for a metric without any."""
    for number, task in enumerate(spec.tasks):
        for index, declared in enumerate(task.metrics):
            known = metrics.get((task.slug, declared.id))
            rule = declared.aggregate
            if known is not None and known.kind == "pooled" and rule is not AggregateRule.ITEMS:
                yield (
                    number,
                    index,
                    f"{declared.id} is defined on the whole set, so there are no items for"
                    f" {rule.value}; leave aggregate out",
                )


def _of_phase(spec: ChallengeSpec, phase: PhaseSpec, metrics: Metrics) -> Iterator[tuple[str, str]]:
    scheme = phase.ranking.scheme
    columns = spec.ranking_columns(phase)
    known = [
        (column.metric, metrics[column.task, column.metric])
        for column in columns
        if (column.task, column.metric) in metrics
    ]
    pooled = [name for name, metric in known if metric.kind == "pooled"]
    if pooled and scheme in OF_CASES:
        yield (
            "ranking.scheme",
            f"{scheme.value} needs a value in every case, and {pooled[0]} is defined on the whole"
            " set only; choose mean or rank_sum",
        )
    undefined = [name for name, metric in known if metric.can_be_undefined]
    if undefined and scheme in OF_CASES:
        yield (
            "ranking.scheme",
            f"{scheme.value} needs a value in every case, and {undefined[0]} may leave one out;"
            " choose another rule for empty structures, or mean or rank_sum",
        )
    if phase.ranking.tasks is not None and len({column.task for column in columns}) < 2:
        yield "ranking.tasks", "a consensus needs columns of two tasks at least; leave it out"
    if phase.feedback.ladder:
        if len(columns) > 1 or scheme is not RankingScheme.MEAN:
            yield (
                "feedback.ladder",
                "the Ladder compares the means of one column; let one column decide by the scheme"
                " mean, or leave the Ladder out",
            )
        elif pooled:
            yield (
                "feedback.ladder",
                f"the Ladder needs a value in every case, and {pooled[0]} is defined on the whole"
                " set only",
            )
        elif undefined:
            yield (
                "feedback.ladder",
                f"the Ladder needs a value in every case, and {undefined[0]} may leave one out;"
                " choose another rule for empty structures",
            )
    for number, gate in enumerate(phase.ranking.gates):
        if message := _of_gate(gate, metrics):
            yield f"ranking.gates[{number}]", message


def _of_gate(gate: Gate, metrics: Metrics) -> str:
    if gate.score is None:
        return ""
    known = metrics.get((gate.score.task, gate.score.metric))
    if known is None or (known.direction == "higher") == (gate.at_least is not None):
        return ""
    end = "at_least" if known.direction == "higher" else "at_most"
    return f"{known.direction} {gate.score.metric} is better, so the gate needs {end}"
