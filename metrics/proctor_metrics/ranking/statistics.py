"""All that can be said about a ranking, as the value that reports and pages are drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from proctor.spec.leaderboard import BoardScore
from proctor.spec.statistics import CaseInfluence, RankingStatistics, SchemeRanks, TaskRanks
from proctor_metrics.cases import FloatArray
from proctor_metrics.metric import Direction
from proctor_metrics.ranking.aggregation import Aggregate, Statistic
from proctor_metrics.ranking.combination import Ranking, case_ranks
from proctor_metrics.ranking.contest import Contest
from proctor_metrics.ranking.correlation import kendall_tau
from proctor_metrics.ranking.influence import influence
from proctor_metrics.ranking.permutation import permutation_p_values
from proctor_metrics.ranking.schemes import (
    AggregateThenRank,
    Bootstrap,
    RankThenAggregate,
    Scheme,
    SignificanceThenRank,
)
from proctor_metrics.ranking.significance import Adjustment, adjusted, p_values
from proctor_metrics.ranking.stability import stability

_MEDIAN = Aggregate(Statistic.QUANTILE, 0.5)

COMPARED: tuple[Scheme, ...] = (
    AggregateThenRank(),
    AggregateThenRank(aggregate=_MEDIAN),
    AggregateThenRank(aggregate=Aggregate(Statistic.QUANTILE, 0.05)),
    RankThenAggregate(),
    RankThenAggregate(aggregate=_MEDIAN),
    SignificanceThenRank(),
)
"""The schemes that every ranking is shown under."""

# Every resample of one group is that group again, and would make any rank look certain.
_FEWEST_GROUPS = 2

# Pairs of submissions times cases up to which all pairs are tested for the sake of a picture.
_MOST_DIFFERENCES = 20_000_000

# Cases up to which each is left out in turn, and how many of them are told of.
_MOST_LEFT_OUT = 2_000
_MOST_INFLUENCES = 25


@dataclass(frozen=True, kw_only=True)
class Resampling:
    """How a ranking is resampled.

    Attributes:
        samples: number of resamples.
        level: share of them inside the intervals.
        seed: seed of the draws.
        dataset_digest: what else the draws depend on; made of the names of the cases when empty,
            so that one more submission leaves them as they are.
        bootstrap: how resamples are ranked.
    """

    samples: int = 1000
    level: float = 0.95
    seed: int = 0
    dataset_digest: str = ""
    bootstrap: Bootstrap = Bootstrap.CORRECT


def ranking_statistics(
    contest: Contest,
    *,
    title: str,
    unit: str = "",
    resampling: Resampling | None = None,
    compared: Sequence[Scheme] = COMPARED,
) -> RankingStatistics:
    """Rank, resample, test, compare schemes, and leave out each case in turn.

    What cannot be known is empty: how sure ranks are that stand on one group of cases, the values
    of cases for several tasks or columns, tests of very many submissions, influence of very many
    cases.

    Args:
        contest: what is ranked, and how.
        title: what is measured, for readers.
        unit: unit of the values.
        resampling: how the bootstrap is drawn; the defaults where not given.
        compared: further schemes to show the ranks of; they take over ties and missing values.
    """
    drawn = resampling or Resampling()
    ranking = contest.ranking()
    full_ranks = contest.ranks(ranking.scores)
    order = np.argsort(ranking.ranks, kind="stable")
    known = RankingStatistics(
        title=title,
        unit=unit,
        higher_is_better=_higher_is_better(contest),
        score=_score(contest, unit),
        scheme=contest.scheme.label,
        sentence=contest.sentence,
        algorithms=tuple(contest.algorithms[index] for index in order),
        scores=_numbers(ranking.scores[order]),
        ranks=_floats(full_ranks[order]),
        level=drawn.level,
        **_better(contest, order),
        schemes=_schemes(contest, compared, full_ranks, order),
        tasks=_tasks(contest, order),
        influence=_influence(contest),
        **_case_values(contest, order),
    )
    if all(len(set(task.groups or task.cases)) < _FEWEST_GROUPS for task in contest.tasks):
        return known
    return known.model_copy(update=_drawn(contest, ranking, drawn, full_ranks, order))


def _drawn(
    contest: Contest,
    ranking: Ranking,
    drawn: Resampling,
    full_ranks: FloatArray,
    order: npt.NDArray[np.intp],
) -> dict[str, object]:
    """Return what resamples say."""
    digest = drawn.dataset_digest or _digest(contest)
    weights = contest.draws(digest, drawn.samples, drawn.seed)
    replicates = contest.scores(weights, drawn.bootstrap)
    sure = stability(ranking, replicates, drawn.level, contest.scheme.ties)
    drawn_ranks = contest.ranks(replicates)
    taus = kendall_tau(full_ranks, drawn_ranks)
    return {
        "rank_low": _floats(np.minimum(sure.lowest, full_ranks)[order]),
        "rank_high": _floats(np.maximum(sure.highest, full_ranks)[order]),
        "first_probability": _floats(np.clip(sure.first_probability, 0, 1)[order]),
        "tie_groups": tuple(int(group) for group in sure.groups[order]),
        "draws": drawn.samples,
        "rank_counts": _rank_counts(drawn_ranks[order]),
        "kendall_tau": _floats(taus[~np.isnan(taus)]),
    }


def _digest(contest: Contest) -> str:
    names = "\n".join("\t".join((task.name, *task.cases)) for task in contest.tasks)
    return f"sha256:{sha256(names.encode()).hexdigest()}"


def _higher_is_better(contest: Contest) -> bool:
    """Return the direction of the values where there is one column, else of the scores."""
    directions = {direction for task in contest.tasks for direction in task.directions}
    return (directions.pop() if len(directions) == 1 else contest.direction) is Direction.HIGHER


def _score(contest: Contest, unit: str) -> BoardScore | None:
    """Return what the scores are, where they are not means of the one column."""
    if not contest.score_title:
        return None
    columns = {len(task.directions) for task in contest.tasks}
    values = len(contest.tasks) == 1 and contest.scheme.keeps_unit(columns.pop())
    return BoardScore(
        title=contest.score_title,
        unit=unit if values else "",
        higher_is_better=contest.direction is Direction.HIGHER,
    )


def _numbers(values: FloatArray) -> tuple[float | None, ...]:
    return tuple(float(value) if np.isfinite(value) else None for value in values)


def _floats(values: FloatArray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _rank_counts(ranks: FloatArray) -> tuple[tuple[int, ...], ...]:
    """Count how often each row has each rank, those between two rounded down."""
    n = ranks.shape[0]
    whole = np.floor(ranks).astype(np.int64) - 1
    return tuple(tuple(np.bincount(row, minlength=n)[:n].tolist()) for row in whole)


def _case_values(
    contest: Contest, order: npt.NDArray[np.intp]
) -> dict[str, tuple[tuple[float | None, ...], ...] | tuple[str, ...]]:
    """Return what each case shows, where there is one task with one column."""
    task = contest.tasks[0]
    if len(contest.tasks) > 1 or len(task.directions) > 1:
        return {}
    scheme = contest.scheme
    ranks = case_ranks(task.values, task.directions, scheme.ties, scheme.missing.of_scores)
    return {
        "cases": task.cases,
        "case_values": tuple(_numbers(row) for row in task.values[order, :, 0]),
        "case_rank_counts": _rank_counts(ranks[order]),
    }


def _better(
    contest: Contest, order: npt.NDArray[np.intp]
) -> dict[str, tuple[tuple[float | None, ...], ...] | str]:
    """Return who beats whom in one task, by the test that belongs to what decides."""
    task, scheme = contest.tasks[0], contest.scheme
    n = len(contest.algorithms)
    if len(contest.tasks) > 1 or n * (n - 1) // 2 * len(task.cases) > _MOST_DIFFERENCES:
        return {}
    said = {}
    if isinstance(scheme, RankThenAggregate) and scheme.aggregate.statistic is Statistic.MEAN:
        ranks = case_ranks(task.values, task.directions, scheme.ties, scheme.missing)
        raw = permutation_p_values(ranks, task.groups)
        said = {"better_by": "paired permutation test of the ranks within cases"}
    elif len(task.directions) == 1:
        raw = p_values(task.values[:, :, 0], task.directions[0], scheme.missing)
    else:
        raw = None
    if raw is None:
        return {}
    table = adjusted(raw, Adjustment.HOLM)[np.ix_(order, order)]
    return {"better": tuple(_numbers(row) for row in table), **said}


def _schemes(
    contest: Contest,
    compared: Sequence[Scheme],
    full_ranks: FloatArray,
    order: npt.NDArray[np.intp],
) -> tuple[SchemeRanks, ...]:
    ties, missing = contest.scheme.ties, contest.scheme.missing
    others = [replace(scheme, ties=ties, missing=missing) for scheme in compared]
    if contest.scheme not in others:
        others.insert(0, contest.scheme)
    rows = []
    for scheme in others:
        other = replace(contest, scheme=scheme)
        ranks = other.ranks(other.scores())
        tau = float(kendall_tau(full_ranks, ranks)[0])
        rows.append(
            SchemeRanks(
                name=scheme.label,
                sentence=scheme.sentence,
                ranks=_floats(ranks[order, 0]),
                kendall_tau=None if np.isnan(tau) else tau,
            )
        )
    return tuple(rows)


def _tasks(contest: Contest, order: npt.NDArray[np.intp]) -> tuple[TaskRanks, ...]:
    if len(contest.tasks) == 1:
        return ()
    return tuple(
        TaskRanks(name=task.name, ranks=_floats(contest.task_ranks(task)[order, 0]))
        for task in contest.tasks
    )


def _influence(contest: Contest) -> tuple[CaseInfluence, ...]:
    """Return the cases whose absence changes the ranking, the strongest first."""
    sizes = [len(task.cases) for task in contest.tasks]
    if max(sizes) > _MOST_LEFT_OUT or min(sizes) < 2:
        return ()
    rows = []
    for found in influence(contest):
        prefix = f"{found.task}: " if len(contest.tasks) > 1 else ""
        for case, tau, moved in zip(found.cases, found.kendall_tau, found.moved_ranks, strict=True):
            if moved:
                known = None if np.isnan(tau) else float(tau)
                rows.append(
                    CaseInfluence(case=prefix + case, kendall_tau=known, moved_ranks=int(moved))
                )
    rows.sort(
        key=lambda row: (1.0 if row.kendall_tau is None else row.kendall_tau, -row.moved_ranks)
    )
    return tuple(rows[:_MOST_INFLUENCES])
