"""`proctor rank`: rank anybody's table of scores, and say how sure the ranks are."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.failures import CommandError, Exit
from proctor.cli.long_table import Columns, LongTable, read_long_tables
from proctor.cli.options import FormatOption, require_folder
from proctor.cli.output import Format, say
from proctor.cli.ranking_output import show_ranking

if TYPE_CHECKING:
    from proctor.spec.statistics import RankingStatistics
    from proctor_metrics.metric import Direction
    from proctor_metrics.ranking import Contest, Task

_FEWEST_DRAWS = 100
_NAMED = 5
_MEAN_OF_STRUCTURES = "mean"
"""What `proctor score` calls the mean of a case's structures."""

_MISSING = {
    "last": "is worse than every value, so that a mean with one of them is last",
    "worst": "counts as the worst value that any algorithm has",
    "drop": "is left out",
    "after_worst": "comes one rank after the worst value of its case",
}


def rank(
    tables: Annotated[
        list[Path],
        typer.Argument(
            help="In long form: columns algorithm, case, value; metric and task if several."
            " Of several tables the rows are put together.",
            exists=True,
            dir_okay=False,
        ),
    ],
    scheme: Annotated[
        str,
        typer.Option(
            "--scheme",
            help="mean, median, min, max, quantile, rank_then_mean, rank_then_median,"
            " rank_then_quantile, rank_sum, significance.",
        ),
    ] = "mean",
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter", "-p", metavar="NAME=VALUE", help="Of the scheme, such as q=0.05."
        ),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metric", help="Rank by this metric alone; may be given several times."),
    ] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option("--task", help="Rank in this task alone; may be given several times."),
    ] = None,
    lower_is_better: Annotated[
        bool, typer.Option("--lower-is-better", help="A small value of every metric is good.")
    ] = False,
    lower: Annotated[
        list[str] | None,
        typer.Option("--lower", metavar="METRIC", help="A small value of this metric is good."),
    ] = None,
    ties: Annotated[
        str, typer.Option("--ties", help="Ranks of equal ones: min, average, dense, max.")
    ] = "min",
    missing: Annotated[
        str,
        typer.Option(
            "--missing",
            help="What a missing value is: last, after_worst, drop, worst, or a number.",
        ),
    ] = "last",
    consensus: Annotated[
        str, typer.Option("--consensus", help="Over tasks: mean_rank, euclidean, kemeny.")
    ] = "mean_rank",
    samples: Annotated[
        int, typer.Option("--bootstrap", min=_FEWEST_DRAWS, help="Resamples of the cases.")
    ] = 1000,
    bootstrap_mode: Annotated[
        str,
        typer.Option(
            "--bootstrap-mode", help="correct, or challengeR-1.0.5 with that version's defects."
        ),
    ] = "correct",
    level: Annotated[
        float, typer.Option("--level", help="Share of the resamples inside the intervals.")
    ] = 0.95,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the resamples.")] = 0,
    algorithm_column: Annotated[str, typer.Option(help="Its column.")] = "algorithm",
    case_column: Annotated[str, typer.Option(help="Its column.")] = "case",
    value_column: Annotated[str, typer.Option(help="Its column.")] = "value",
    metric_column: Annotated[str | None, typer.Option(help="Its column, if any.")] = None,
    task_column: Annotated[str | None, typer.Option(help="Its column, if any.")] = None,
    group_column: Annotated[
        str | None, typer.Option(help="Column of what is drawn together, such as a patient.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", dir_okay=False, help="Write an HTML report with plots there."),
    ] = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Rank tables of scores, and say how sure the ranks are; needs no platform."""
    if not 0 < level < 1:
        raise CommandError(f"--level is {level}; it lies between 0 and 1.", "", Exit.USAGE)
    require_folder(report)
    columns = Columns(
        algorithm_column, case_column, value_column, metric_column, task_column, group_column
    )
    read, left_out = _of_tasks(read_long_tables(tables, columns), tasks or [])
    chosen = _chosen_metrics(read, metrics or [])
    directions, assumed = _directions(chosen, lower_is_better, lower or [])
    contest = _contest(read, directions, scheme, parameters or [], ties, missing, consensus)
    notes = [", ".join(f"{name}: {end.value} is better" for name, end in directions.items()) + "."]
    if assumed:
        notes.append(
            f"Proctor does not know {', '.join(assumed)}, so that higher is better is assumed;"
            " --lower NAME says otherwise."
        )
    notes += [*left_out, *_gaps(read, directions, contest, missing)]
    for note in notes:
        say(note)
    found = _statistics(contest, ", ".join(chosen), samples, level, seed, bootstrap_mode)
    show_ranking(found, style)
    if report is not None:
        from proctor.plots.report import write_report

        write_report(
            found,
            report,
            title=f"Ranking of {', '.join(table.name for table in tables)}",
            notes=notes,
        )
        say(f"The report is {report}.")


def _of_tasks(table: LongTable, wanted: list[str]) -> tuple[LongTable, list[str]]:
    """Return the rows of the wanted tasks, and what is to be said of others."""
    there = table.names("task")
    if wanted:
        _require_there(wanted, there, "task")
        return table.of_tasks(wanted), []
    if _MEAN_OF_STRUCTURES in there and len(there) > 1:
        rest = table.of_tasks([name for name in there if name != _MEAN_OF_STRUCTURES])
        return rest, [
            f"Rows of the {_MEAN_OF_STRUCTURES} are left out beside those of what it is the mean"
            f" of; --task {_MEAN_OF_STRUCTURES} ranks by them."
        ]
    return table, []


def _chosen_metrics(table: LongTable, wanted: list[str]) -> list[str]:
    there = table.names("metric")
    _require_there(wanted, there, "metric")
    return wanted or list(there)


def _require_there(wanted: list[str], there: tuple[str, ...], what: str) -> None:
    for name in wanted:
        if name not in there:
            raise CommandError(
                f"There is no {what} {name!r}. There is: {', '.join(map(repr, there))}.",
                "",
                Exit.USAGE,
            )


def _directions(
    metrics: list[str], all_lower: bool, lower: list[str]
) -> tuple[dict[str, Direction], list[str]]:
    """Return which end of each metric is better, as told or as Proctor's own metric has it; and
    the metrics of which neither is so.
    """
    from proctor_metrics import Direction
    from proctor_metrics.registry import UnknownMetricError, metric_class

    for name in lower:
        if name not in metrics:
            raise CommandError(
                f"--lower names {name!r}, which does not rank. Those that do: "
                f"{', '.join(map(repr, metrics))}.",
                "",
                Exit.USAGE,
            )
    found, assumed = {}, []
    for name in metrics:
        if all_lower or name in lower:
            found[name] = Direction.LOWER
            continue
        try:
            # `proctor score` writes parameters behind the name.
            found[name] = metric_class(name.partition(":")[0].strip().lower()).direction
        except UnknownMetricError:
            found[name] = Direction.HIGHER
            assumed.append(name)
    return found, assumed


def _gaps(
    table: LongTable, directions: dict[str, Direction], contest: Contest, missing: str
) -> list[str]:
    """Say how many values each algorithm lacks, and what they count as."""
    wanted = sum(len(task.cases) for task in contest.tasks) * len(directions)
    there = Counter(
        row.algorithm for row in table.rows if row.metric in directions and row.value is not None
    )
    lacking = {name: wanted - there[name] for name in contest.algorithms if there[name] < wanted}
    if not lacking:
        return []
    whose = ", ".join(f"{name} {count}" for name, count in list(lacking.items())[:_NAMED])
    more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
    meaning = _MISSING.get(missing, f"counts as {missing}")
    return [
        f"{sum(lacking.values())} of {wanted * len(contest.algorithms)} values are missing"
        f" ({whose}{more}); each {meaning}. --missing can say otherwise."
    ]


def _contest(
    table: LongTable,
    directions: dict[str, Direction],
    scheme: str,
    parameters: list[str],
    ties: str,
    missing: str,
    consensus: str,
) -> Contest:
    from proctor_metrics.ranking import Consensus, Contest, Missing, resolve_scheme

    fill = _fill(missing)
    given = dict(_parameter(text) for text in parameters)
    given |= {"ties": ties, "missing": missing if fill is None else Missing.LAST.value}
    try:
        resolved = resolve_scheme(scheme, given)
    except ValueError as error:
        hint = "--missing also takes worst or a number." if "missing" in str(error) else ""
        raise CommandError(f"{error}", hint, Exit.USAGE) from error
    try:
        joined = Consensus(consensus)
    except ValueError as error:
        raise CommandError(
            f"There is no consensus {consensus!r}; there is {', '.join(Consensus)}.",
            "",
            Exit.USAGE,
        ) from error
    algorithms = table.names("algorithm")
    tasks = tuple(_task(table, name, algorithms, directions, fill) for name in table.names("task"))
    return Contest(algorithms, tasks, resolved, joined)


def _parameter(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found:
        raise CommandError(f"--parameter {text!r} is not NAME=VALUE.", "", Exit.USAGE)
    return name.strip(), value.strip()


def _fill(missing: str) -> float | None:
    """Return what stands in for missing values: a number, infinity for the worst one, or None."""
    if missing == "worst":
        return math.inf
    try:
        number = float(missing)
    except ValueError:
        return None
    if not math.isfinite(number):
        raise CommandError(f"--missing {missing!r} is no finite number.", "", Exit.USAGE)
    return number


def _task(
    table: LongTable,
    name: str,
    algorithms: tuple[str, ...],
    directions: dict[str, Direction],
    fill: float | None,
) -> Task:
    import numpy as np

    from proctor_metrics import Direction
    from proctor_metrics.ranking import Task

    rows = [row for row in table.rows if row.task == name and row.metric in directions]
    cases = {row.case: row.group for row in rows}
    places = {case: place for place, case in enumerate(cases)}
    which = {algorithm: place for place, algorithm in enumerate(algorithms)}
    columns = {metric: place for place, metric in enumerate(directions)}
    values = np.full((len(which), len(places), len(columns)), np.nan)
    for row in rows:
        if row.value is not None:
            values[which[row.algorithm], places[row.case], columns[row.metric]] = row.value
    absent = bool(np.isnan(values).any())
    for column, direction in enumerate(directions.values()):
        if absent and fill is not None and not np.isnan(values[:, :, column]).all():
            worst = np.nanmin if direction is Direction.HIGHER else np.nanmax
            stand_in = worst(values[:, :, column]) if math.isinf(fill) else fill
            values[:, :, column] = np.where(
                np.isnan(values[:, :, column]), stand_in, values[:, :, column]
            )
    return Task(
        name or "task", tuple(cases), values, tuple(directions.values()), tuple(cases.values())
    )


def _statistics(
    contest: Contest, title: str, samples: int, level: float, seed: int, mode: str
) -> RankingStatistics:
    from proctor_metrics.ranking import Bootstrap
    from proctor_metrics.ranking.statistics import Resampling, ranking_statistics

    try:
        bootstrap = Bootstrap(mode)
    except ValueError as error:
        raise CommandError(
            f"There is no bootstrap {mode!r}; there is {', '.join(Bootstrap)}.", "", Exit.USAGE
        ) from error
    resampling = Resampling(samples=samples, level=level, seed=seed, bootstrap=bootstrap)
    return ranking_statistics(contest, title=title, resampling=resampling)
