"""What a board says about itself: its columns, and its ranking in plain sentences."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import assert_never

from proctor.spec.columns import column_places
from proctor.spec.leaderboard import BoardColumn
from proctor.spec.ranking import RankingColumn, RankingScheme, RankingSpec, Selection
from proctor.spec.work import MetricFacts
from proctor_platform.leaderboards.candidates import ColumnKey
from proctor_platform.leaderboards.scheme_words import over_tasks, scheme_words
from proctor_platform.leaderboards.scope import Scope

_MEAN = "mean"


def column_key(key: ColumnKey) -> str:
    """Return a column's key as text.

    >>> column_key(("classify", "top1", "mean"))
    'classify/top1/mean'
    """
    return "/".join(key)


def columns_of(
    scope: Scope,
    found: Iterable[ColumnKey],
    facts: Mapping[tuple[str, str], MetricFacts],
    deciding: Sequence[ColumnKey],
) -> list[BoardColumn]:
    """Return the board's columns: tasks and metrics as declared, regions as declared or
    labels by number, then the mean.

    Args:
        scope: what the board is of.
        found: every column that a submission has.
        facts: what is known of each metric.
        deciding: the columns that decide ranks.
    """
    labels: dict[tuple[str, str], set[str]] = {}
    for task_slug, metric_id, label in found:
        labels.setdefault((task_slug, metric_id), set()).add(label)
    columns = []
    for task in scope.tasks:
        place = column_places(task)
        for metric in task.metrics:
            names = labels.get((task.slug, metric.id), set())
            for label in sorted(names, key=partial(place, metric.id)):
                known = facts[task.slug, metric.id]
                key = (task.slug, metric.id, label)
                columns.append(
                    BoardColumn(
                        key=column_key(key),
                        task=task.slug,
                        metric=metric.id,
                        label=label,
                        title=metric.id if len(names) == 1 else f"{metric.id} {label}",
                        unit=known.unit,
                        higher_is_better=known.higher_is_better,
                        definition_id=known.definition_id,
                        edge_rules=known.edge_rules,
                        aggregate=known.aggregate,
                        decides=key in deciding,
                    )
                )
    return columns


def resolved_key(column: RankingColumn, found: Collection[ColumnKey]) -> ColumnKey:
    """Return the key of a declared column; ``mean`` of a metric with one label is that label."""
    names = [
        label for task, metric, label in found if (task, metric) == (column.task, column.metric)
    ]
    alone = names[0] if len(names) == 1 and column.label == _MEAN else column.label
    return column.task, column.metric, alone


def deciding_keys(scope: Scope, found: Collection[ColumnKey]) -> list[ColumnKey]:
    """Return the columns that decide ranks; BraTS takes every region instead of their mean."""
    keys = []
    for column in scope.deciding:
        key = resolved_key(column, found)
        regions = [
            one for one in sorted(found) if one[:2] == key[:2] and one[2] not in (_MEAN, "all")
        ]
        whole = scope.phase.ranking.scheme is RankingScheme.BRATS and key[2] == _MEAN
        keys += regions if whole and regions else [key]
    return list(dict.fromkeys(keys))


def ranking_sentence(
    ranking: RankingSpec, columns: Sequence[BoardColumn], draws: int, *, bca: bool
) -> str:
    """Explain the ranking in plain sentences.

    Args:
        ranking: the ranking of the phase.
        columns: the columns that decide.
        draws: bootstrap draws that rank intervals are made from.
        bca: whether the intervals of scores are BCa.
    """
    several_tasks = len({column.task for column in columns}) > 1
    names = _listed(_named(columns, with_task=several_tasks))
    how = f"{scheme_words(ranking, names, several=len(columns) > 1)}{over_tasks(ranking)}"
    match ranking.select:
        case Selection.BEST:
            who = "Every participant's best submission stands"
            if ranking.scheme is RankingScheme.SIGNIFICANCE:
                who = "Every participant's submission with the best means stands"
        case Selection.LATEST:
            who = "Every participant's latest submission stands"
        case _ as unreachable_too:
            assert_never(unreachable_too)
    bootstrap = ranking.bootstrap
    some = "" if draws == bootstrap.samples else f" (rank intervals of the first {draws})"
    return (
        f"{how} {who}; {'BCa ' if bca else ''}intervals hold {bootstrap.level:.0%} of"
        f" {bootstrap.samples} bootstrap draws{some}."
    )


def _named(columns: Sequence[BoardColumn], *, with_task: bool) -> list[str]:
    """Name each metric once, with its labels and its direction."""
    metrics: dict[tuple[str, str], list[BoardColumn]] = {}
    for column in columns:
        metrics.setdefault((column.task, column.metric), []).append(column)
    names = []
    for (task, metric), group in metrics.items():
        labels = [column.label for column in group if column.title != column.metric]
        what = f"{metric} {'/'.join(labels)}" if labels else metric
        if group[0].aggregate:
            what += f", {group[0].aggregate},"
        where = f" of {task}" if with_task else ""
        better = "higher" if group[0].higher_is_better else "lower"
        names.append(f"{what}{where} ({better} is better)")
    return names


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
