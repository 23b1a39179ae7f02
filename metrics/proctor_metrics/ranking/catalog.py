"""Resolve ranking schemes by name, and say what there is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

from proctor_metrics.ranking.aggregation import Aggregate, Statistic
from proctor_metrics.ranking.ranks import Missing, RankTies
from proctor_metrics.ranking.schemes import (
    AggregateThenRank,
    Combination,
    RankThenAggregate,
    Scheme,
    SignificanceThenRank,
)
from proctor_metrics.ranking.significance import Adjustment

Parameter = str | int | float

_Closed = TypeVar("_Closed", bound=StrEnum)


@dataclass(frozen=True)
class _Entry:
    """How a name becomes a scheme: its own parameters with their defaults, and what builds it."""

    build: Callable[[Mapping[str, Parameter], RankTies, Missing], Scheme]
    defaults: Mapping[str, Parameter]


def _over_cases(
    kind: type[AggregateThenRank] | type[RankThenAggregate],
    statistic: Statistic,
    q: float | None = None,
    default_q: float | None = None,
) -> _Entry:
    def build(given: Mapping[str, Parameter], ties: RankTies, missing: Missing) -> Scheme:
        chosen = q if default_q is None else _number(given, "q")
        aggregate = Aggregate(statistic) if chosen is None else Aggregate(statistic, chosen)
        return kind(aggregate=aggregate, ties=ties, missing=missing)

    return _Entry(build, {} if default_q is None else {"q": default_q})


def _rank_sum(given: Mapping[str, Parameter], ties: RankTies, missing: Missing) -> Scheme:
    return AggregateThenRank(combination=Combination.RANK_SUM, ties=ties, missing=missing)


def _significance(given: Mapping[str, Parameter], ties: RankTies, missing: Missing) -> Scheme:
    return SignificanceThenRank(
        alpha=_number(given, "alpha"),
        adjustment=_choice(Adjustment, "adjustment", given["adjustment"]),
        ties=ties,
        missing=missing,
    )


_CATALOG: Mapping[str, _Entry] = {
    "mean": _over_cases(AggregateThenRank, Statistic.MEAN),
    "median": _over_cases(AggregateThenRank, Statistic.QUANTILE, 0.5),
    "min": _over_cases(AggregateThenRank, Statistic.QUANTILE, 0.0),
    "max": _over_cases(AggregateThenRank, Statistic.QUANTILE, 1.0),
    "quantile": _over_cases(AggregateThenRank, Statistic.QUANTILE, default_q=0.05),
    "rank_then_mean": _over_cases(RankThenAggregate, Statistic.MEAN),
    "rank_then_median": _over_cases(RankThenAggregate, Statistic.QUANTILE, 0.5),
    "rank_then_quantile": _over_cases(RankThenAggregate, Statistic.QUANTILE, default_q=0.95),
    "rank_sum": _Entry(_rank_sum, {}),
    "significance": _Entry(_significance, {"alpha": 0.05, "adjustment": "holm"}),
}

SCHEME_NAMES = tuple(_CATALOG)
"""Every name that `resolve_scheme` knows."""

_ALIASES = {
    "brats": "rank_then_mean",
    "mrbrains13": "rank_sum",
    "test_then_rank": "significance",
}


def resolve_scheme(name: str, parameters: Mapping[str, Parameter] | None = None) -> Scheme:
    """Return the scheme of a name with its parameters.

    All schemes take `ties` (min, average, dense, max) and `missing` (last, after_worst, drop);
    `quantile` and `rank_then_quantile` take `q`; `significance` takes `alpha` and `adjustment`
    (holm, bonferroni, none). `brats`, `mrbrains13` and `test_then_rank` are other names of
    `rank_then_mean`, `rank_sum` and `significance`. Dashes in a name stand for underscores.

    Raises:
        ValueError: the name, a parameter or its value is unknown; says which there are.

    >>> resolve_scheme("quantile", {"q": 0.05}).sentence
    'Ranked by the 5 % quantile over the cases; of several columns, by the mean of their ranks.'
    >>> resolve_scheme("rank-then-mean", {"ties": "average"}).name
    'rank_then_mean'
    """
    wanted = name.replace("-", "_").lower()
    key = _ALIASES.get(wanted, wanted)
    if key not in _CATALOG:
        raise ValueError(_unknown("ranking scheme", name, [*_CATALOG, *_ALIASES]))
    entry = _CATALOG[key]
    given = dict(parameters or {})
    ties = _choice(RankTies, "ties", given.pop("ties", RankTies.MIN))
    missing = _choice(Missing, "missing", given.pop("missing", Missing.LAST))
    for parameter in given:
        if parameter not in entry.defaults:
            known = [*entry.defaults, "ties", "missing"]
            raise ValueError(_unknown(f"parameter of {key}", parameter, known))
    return entry.build({**entry.defaults, **given}, ties, missing)


def _number(given: Mapping[str, Parameter], name: str) -> float:
    try:
        return float(given[name])
    except ValueError as error:
        raise ValueError(f"{name} is {given[name]!r}; it must be a number") from error


def _choice(kind: type[_Closed], name: str, value: Parameter) -> _Closed:
    try:
        return kind(str(value))
    except ValueError as error:
        raise ValueError(_unknown(name, str(value), [member.value for member in kind])) from error


def _unknown(what: str, given: str, known: list[str]) -> str:
    near = get_close_matches(given, known, n=1)
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"there is no {what} {given!r}; there is {', '.join(known)}.{meant}"
