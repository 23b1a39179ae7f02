"""An organizer's own metric, as the registry knows it: by the digest of its source.

What it computes is computed elsewhere, in a sandbox. Here is what every metric must say of itself,
and how a pooled one comes to its replicates, the hard part: a metric that may take a minute cannot
be called a thousand times. It is called on all cases, and on all but each of a few blocks of them;
a resample is then linear in what each block adds (the infinitesimal jackknife: Efron, Journal of
the American Statistical Association 109 (2014) 991; Davison and Hinkley, Bootstrap Methods, 2.7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import Case, FloatArray
from proctor_metrics.cases.given import GivenCase
from proctor_metrics.metric import (
    UNLABELLED,
    CaseType,
    Direction,
    ItemScores,
    Metric,
    PerItemMetric,
    PooledMetric,
)
from proctor_metrics.parameters import MetricParameterError, Parameters

NAME = "custom"

MOST_BLOCKS = 50
"""A pooled metric is called on all cases, and without each of so many blocks of them at most."""

CaseIds = tuple[str, ...]


@dataclass(frozen=True)
class CustomItemMetric(PerItemMetric):
    """An organizer's metric of single cases; its values come with the columns of a scoring."""

    name = NAME
    case_type = CaseType.GIVEN

    source: str = ""
    function: str = ""
    names: tuple[str, ...] = UNLABELLED
    measured_in: str = ""

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Refuse: it is built by `custom_metric`, from what a task says of it."""
        raise parameters.error("source", "is known only where a task declares the metric")

    @property
    def unit(self) -> str:
        """Return the unit that the organizer declares."""
        return self.measured_in

    @property
    def definition(self) -> str:
        """Return the definition id, by the digest of the source."""
        return _definition(self.source, self.function, self.names, "per_item")

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return whose rules these are."""
        return ("The organizer's own function decides what empty or equal answers score.",)

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the names of its numbers."""
        return self.names

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Refuse: a task declares it.

        Raises:
            MetricParameterError: always.
        """
        raise MetricParameterError(NAME, "worst", "must be declared")

    def per_item(self, case: Case) -> ItemScores:
        """Refuse: it is computed in a sandbox.

        Raises:
            TypeError: always.
        """
        raise TypeError("an organizer's metric is computed in its sandbox")


@dataclass(frozen=True)
class CustomPooledMetric(PooledMetric):
    """An organizer's metric of a set of cases.

    Attributes:
        found: what it is of some sets of cases, by their ids in order: float64 (n_labels,).
    """

    name = NAME
    case_type = CaseType.GIVEN

    source: str = ""
    function: str = ""
    names: tuple[str, ...] = UNLABELLED
    measured_in: str = ""
    found: Mapping[CaseIds, FloatArray] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Refuse: it is built by `custom_metric`, from what a task says of it."""
        raise parameters.error("source", "is known only where a task declares the metric")

    @property
    def unit(self) -> str:
        """Return the unit that the organizer declares."""
        return self.measured_in

    @property
    def definition(self) -> str:
        """Return the definition id, by the digest of the source."""
        return _definition(self.source, self.function, self.names, "pooled")

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return whose rules these are, and how intervals come about."""
        return (
            "The organizer's own function decides what a missing case costs: it is handed None.",
            f"Intervals are by the infinitesimal jackknife over at most {MOST_BLOCKS} blocks of"
            " cases: the function is called once for each, not once for each resample.",
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the names of its numbers."""
        return self.names

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return NaN: no single case has a value."""
        return float("nan")

    def with_found(self, found: Mapping[CaseIds, FloatArray]) -> Self:
        """Return the metric with what was found in its sandbox."""
        return replace(self, found=found)

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Return its value on all cases, moved by what the weights make of each block.

        With U units (groups, or items without one), m_k of them in block k, the value t of all
        and t_k without the block, the mean influence of a unit of the block is
        l_k = (U - m_k) / m_k (t - t_k), and a resample with weights w_u is
        t + 1/U sum_k sqrt(m_k) l_k sum_u (w_u - 1): the root makes up for the spread inside a
        block, which leaving it out does not show.
        """
        given = cast("Sequence[GivenCase]", cases)
        ids = tuple(case.case for case in given)
        value = self.found[ids]
        if (weights == 1).all():
            return np.repeat(value[:, np.newaxis], len(weights), axis=1)
        blocks = blocks_of(given)
        if len(blocks) < 2:
            return np.full((value.size, len(weights)), np.nan)
        units, first = np.unique([unit for case in given for unit in case.units], return_index=True)
        drawn = weights[:, first].astype(np.float64) - 1
        place = {str(unit): number for number, unit in enumerate(units)}
        influences, moves, sizes = [], [], []
        for block in blocks:
            members = sorted({place[unit] for case in block for unit in case.units})
            without = _without(given, block)
            size = len(members)
            sizes.append(size)
            influences.append((len(units) - size) / size * (value - self.found[without]))
            moves.append(drawn[:, members].sum(axis=1))
        influence, size_of = np.array(influences), np.array(sizes, dtype=np.float64)
        influence -= (size_of[:, np.newaxis] * influence).sum(axis=0) / len(units)
        scaled = np.sqrt(size_of)[:, np.newaxis] * influence
        moved: FloatArray = value[:, np.newaxis] + scaled.T @ np.array(moves) / len(units)
        return moved


def custom_metric(
    parameters: Mapping[str, Any], worst: float | None
) -> CustomItemMetric | CustomPooledMetric:
    """Build an organizer's metric from what a task says of it.

    Args:
        parameters: `source` (digest), `function`, `kind`, `direction`, `unit` and `labels`.
    """
    pooled = parameters["kind"] == "pooled"
    base: type[Metric] = CustomPooledMetric if pooled else CustomItemMetric
    # A direction belongs to a class; each of the two has one for either end.
    made = type(base.__name__, (base,), {"direction": Direction(parameters["direction"])})
    metric: CustomItemMetric | CustomPooledMetric = made(
        source=parameters["source"],
        function=parameters["function"],
        names=tuple(parameters["labels"]) or UNLABELLED,
        measured_in=parameters["unit"],
        declared_worst=worst,
    )
    return metric


def blocks_of(cases: Sequence[GivenCase]) -> list[list[GivenCase]]:
    """Return the blocks of cases that are left out one by one, never parting a group.

    They depend on the names of groups and cases alone, so they are those of every submission.

    >>> cases = [GivenCase(name, 1, (group,)) for name, group in (("a", "x"), ("b", "y"))]
    >>> [[case.case for case in block] for block in blocks_of(cases)]
    [['a'], ['b']]
    """
    groups: dict[str, list[GivenCase]] = {}
    for case in cases:
        groups.setdefault(case.units[0], []).append(case)
    names = sorted(groups)
    parts = np.array_split(np.arange(len(names)), min(MOST_BLOCKS, len(names)))
    return [[case for place in part for case in groups[names[place]]] for part in parts]


def sets_of(cases: Sequence[GivenCase]) -> list[CaseIds]:
    """Return the sets of cases that `CustomPooledMetric.replicates` asks for."""
    blocks = blocks_of(cases)
    if len(blocks) < 2:
        return [tuple(case.case for case in cases)]
    return [_without(cases, block) for block in ([], *blocks)]


def _without(cases: Sequence[GivenCase], block: Sequence[GivenCase]) -> CaseIds:
    gone = {case.case for case in block}
    return tuple(case.case for case in cases if case.case not in gone)


def _definition(source: str, function: str, names: tuple[str, ...], kind: str) -> str:
    of = "" if names == UNLABELLED else f";labels={','.join(names)}"
    return f"custom.v1;source={source};function={function};kind={kind}{of}"
