"""From rows to arrays: replicates, scores within cases, strata and costs of those that stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sqlmodel import Session, col, select

from proctor.spec.dataset import DatasetCase
from proctor.spec.leaderboard import Verdict
from proctor.spec.outcomes import Code
from proctor.spec.ranking import OF_CASES, BootstrapSpec, IntervalMethod, MissingRule
from proctor_metrics.bootstrap import draw_weights
from proctor_metrics.metric import Direction
from proctor_platform.leaderboards.candidates import Candidate, ColumnKey, Numbers, portions
from proctor_platform.leaderboards.rounding import Grid
from proctor_platform.leaderboards.scope import Scope
from proctor_platform.leaderboards.standing import CaseScores, Decision, Replicates, interval_ends
from proctor_platform.parts import Part
from proctor_platform.submissions.figures import coarse_seconds
from proctor_platform.tables import CaseResult, Run, Submission
from proctor_platform.versions import dataset

UNANSWERED = frozenset({"missing", "refused"})
"""The flags of a score that stands for an answer that is not there."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """What the replicates of a board say.

    Attributes:
        intervals: the ends of each column's interval, by candidate; NaN ends are left out.
        bca: whether these are BCa, which they are when every score has such an interval.
        deciding: float64 of shape (n, n_deciding, draws); NaN where there is no score.
    """

    intervals: list[dict[ColumnKey, tuple[float, float]]]
    bca: bool
    deciding: Replicates


class Cost(NamedTuple):
    """What a submission took, and where."""

    failed_cases: int
    total_cases: int
    seconds_per_case: float | None
    hardware: str


def decision_of(
    session: Session,
    scope: Scope,
    part: Part,
    candidates: Sequence[Candidate],
    numbers: Sequence[Mapping[ColumnKey, Numbers]],
    deciding: Sequence[ColumnKey],
    directions: Sequence[Direction],
    grid: Grid,
) -> Decision:
    """Return what decides ranks, no number more exact than it is shown."""
    shape = (len(candidates), len(deciding))
    values, deviations = np.full(shape, np.nan), np.full(shape, np.nan)
    for row, found in enumerate(numbers):
        for column, key in enumerate(deciding):
            if (number := found.get(key)) is None:
                continue
            values[row, column] = np.nan if number.value is None else number.value
            if number.deviation is not None:
                deviations[row, column] = number.deviation
    cases: list[CaseScores] = []
    if scope.phase.ranking.scheme in OF_CASES:
        for task in dict.fromkeys(key[0] for key in deciding):
            columns = [index for index, key in enumerate(deciding) if key[0] == task]
            found_cases = case_scores(
                session,
                scope,
                part,
                task,
                candidates,
                [deciding[index] for index in columns],
                [directions[index] for index in columns],
            )
            shown = grid.of_cases(found_cases.values)
            cases.append(replace(found_cases, values=shown, columns=columns))
    tasks = [task for task, _, _ in deciding]
    return Decision(values, deviations, directions, tuple(cases), tasks)


def draw(
    session: Session,
    part: Part,
    candidates: Sequence[Candidate],
    deciding: Sequence[ColumnKey],
    *,
    draws: int,
    bootstrap: BootstrapSpec,
) -> Drawn:
    """Read every replicate once: for the intervals of all columns, and the ranks of some.

    Args:
        session: a reading session.
        part: the part of the test set.
        candidates: those that stand on the board.
        deciding: the columns that decide ranks.
        draws: replicates kept for ranks.
        bootstrap: the level of intervals, and their kind. Scores from before there was BCa have
            none; beside them everybody has percentiles, so that what is compared is alike.
    """
    place = _places(candidates)
    position = {key: index for index, key in enumerate(deciding)}
    kept = np.full((len(candidates), len(deciding), draws), np.nan)
    percentiles: list[dict[ColumnKey, tuple[float, float]]] = [{} for _ in candidates]
    accelerated: list[dict[ColumnKey, tuple[float, float]]] = [{} for _ in candidates]
    for portion in portions(list(place)):
        rows = session.execute(
            select(  # type: ignore[call-overload]  # its overloads end at four columns
                part.aggregates.evaluation_id,
                part.aggregates.metric,
                part.aggregates.label,
                part.aggregates.replicates,
                part.aggregates.low,
                part.aggregates.high,
            ).where(col(part.aggregates.evaluation_id).in_(portion))
        ).all()
        if not rows:
            continue
        replicates = np.stack([np.frombuffer(row[3], dtype="<f8") for row in rows])
        ends = interval_ends(replicates, bootstrap.level)
        for (evaluation, metric, label, _, *known), sample, low, high in zip(
            rows, replicates, ends.low.tolist(), ends.high.tolist(), strict=True
        ):
            index, task = place[evaluation]
            key = (task, metric, label)
            if low == low:
                percentiles[index][key] = (low, high)
            if None not in known:
                accelerated[index][key] = (known[0], known[1])
            if key in position:
                kept[index, position[key]] = sample[:draws]
    bca = bootstrap.interval is IntervalMethod.BCA and all(
        ours.keys() <= theirs.keys() for ours, theirs in zip(percentiles, accelerated, strict=True)
    )
    return Drawn(accelerated if bca else percentiles, bca, kept)


def strata_of(
    session: Session, part: Part, candidates: Sequence[Candidate], columns: Sequence[ColumnKey]
) -> list[dict[ColumnKey, dict[str, dict[str, float]]]]:
    """Return the scores within strata, by candidate, column, stratum and level."""
    place = _places(candidates)
    wanted = set(columns)
    found: list[dict[ColumnKey, dict[str, dict[str, float]]]] = [{} for _ in candidates]
    metrics = sorted({metric for _, metric, _ in columns})
    for portion in portions(list(place)):
        rows = session.execute(
            select(  # type: ignore[call-overload]  # its overloads end at four columns
                part.strata.evaluation_id,
                part.strata.metric,
                part.strata.label,
                part.strata.stratum,
                part.strata.level,
                part.strata.value,
            ).where(
                col(part.strata.evaluation_id).in_(portion), col(part.strata.metric).in_(metrics)
            )
        )
        for evaluation, metric, label, stratum, level, value in rows:
            index, task = place[evaluation]
            if (key := (task, metric, label)) in wanted and value is not None:
                found[index].setdefault(key, {}).setdefault(stratum, {})[level] = value
    return found


def costs_of(
    session: Session, scope: Scope, part: Part, candidates: Sequence[Candidate]
) -> list[Cost]:
    """Return failed cases, seconds a case and hardware of each candidate's runs."""
    place = {
        run: index for index, candidate in enumerate(candidates) for run in candidate.runs.values()
    }
    task_of = {run: task for candidate in candidates for task, run in candidate.runs.items()}
    failed, total = [0] * len(candidates), [0] * len(candidates)
    seconds: list[list[float]] = [[] for _ in candidates]
    hardware: list[list[str]] = [[] for _ in candidates]
    for portion in portions(list(place)):
        results = session.exec(
            select(
                CaseResult.run_id, CaseResult.case_id, CaseResult.outcome, CaseResult.seconds
            ).where(col(CaseResult.run_id).in_(portion))
        )
        for run, case, outcome, spent in results:
            if not scope.has(part, task_of[run], case):
                continue
            index = place[run]
            total[index] += 1
            failed[index] += outcome != Code.OK
            if spent is not None:
                seconds[index].append(spent)
        environments = session.exec(
            select(Run.id, Run.environment, Run.cases_total).where(col(Run.id).in_(portion))
        )
        for run, environment, cases in environments:
            index = place[run]
            if environment and (words := _hardware(environment)) not in hardware[index]:
                hardware[index].append(words)
            if not scope.private[task_of[run]]:
                total[index] = max(total[index], cases)
    return [
        Cost(
            failed_cases=failed[index],
            total_cases=total[index],
            seconds_per_case=_shown_seconds(scope, median(seconds[index]))
            if seconds[index]
            else None,
            hardware="; ".join(hardware[index]),
        )
        for index in range(len(candidates))
    ]


def _shown_seconds(scope: Scope, seconds: float) -> float | None:
    return round(seconds, 4) if scope.phase.show_logs else coarse_seconds(seconds)


def verdicts_of(session: Session, scope: Scope) -> dict[str, Verdict]:
    """Return the verdict of each submission's newest re-run.

    A re-run with other content than what was entered says nothing about the submission.
    """
    rows = session.exec(
        select(Run.submission_id, Run.verdict, Run.content)
        .join(Submission, col(Submission.id) == col(Run.submission_id))
        .where(
            Submission.challenge_id == scope.challenge.id,
            Submission.phase == scope.phase.slug,
            Run.purpose == "rerun",
            col(Run.verdict).is_not(None),
            col(Run.task).in_(scope.phase.tasks),
        )
        .order_by(col(Run.id))
    )
    return {
        submission: Verdict(verdict)
        for submission, verdict, content in rows
        if verdict is not None and content is None
    }


def case_scores(
    session: Session,
    scope: Scope,
    part: Part,
    task: str,
    candidates: Sequence[Candidate],
    columns: Sequence[ColumnKey],
    directions: Sequence[Direction],
) -> CaseScores:
    """Return the scores of the cases of one task, in the order of their ids.

    Args:
        session: a reading session.
        scope: what the board is of.
        part: the part of the test set.
        task: one of the phase's tasks.
        candidates: whose scores.
        columns: columns of that task.
        directions: which end is better, for each of them.
    """
    cases = cases_of(session, scope, part, task)
    lost_are_last = scope.phase.ranking.missing is not MissingRule.WORST
    case_at = {case.id: index for index, case in enumerate(cases)}
    column_at = {(metric, label): index for index, (_, metric, label) in enumerate(columns)}
    row_at = {
        candidate.evaluations[task]: index
        for index, candidate in enumerate(candidates)
        if task in candidate.evaluations
    }
    values = np.full((len(candidates), len(cases), len(columns)), np.nan)
    for portion in portions(list(row_at)):
        rows = session.execute(
            select(  # type: ignore[call-overload]  # its overloads end at four columns
                part.scores.evaluation_id,
                part.scores.case_id,
                part.scores.metric,
                part.scores.label,
                part.scores.value,
                part.scores.flag,
            ).where(
                col(part.scores.evaluation_id).in_(portion),
                col(part.scores.metric).in_(sorted({metric for metric, _ in column_at})),
                col(part.scores.value).is_not(None),
            )
        )
        for evaluation, case_id, metric, label, value, flag in rows:
            if lost_are_last and flag in UNANSWERED:
                continue
            if (metric, label) in column_at and case_id in case_at:
                place = row_at[evaluation], case_at[case_id], column_at[metric, label]
                values[place] = value
    bootstrap = scope.phase.ranking.bootstrap
    # Named as scoring names the units it draws, so that the draws are the same.
    units = [
        f"group {case.group}" if case.group != case.id else f"case {case.id} 0" for case in cases
    ]
    weights: npt.NDArray[np.uint16] = draw_weights(
        units, scope.inputs_digest(task), bootstrap.samples, bootstrap.seed
    )
    return CaseScores(
        values,
        directions,
        weights,
        names=[case.id for case in cases],
        groups=[case.group for case in cases],
    )


def cases_of(session: Session, scope: Scope, part: Part, task: str) -> list[DatasetCase]:
    """Return the cases of a part of a task's test set, in the order of their ids."""
    everything = dataset(session, scope.version, task, "hidden", "inputs").cases
    return sorted(
        (case for case in everything if scope.has(part, task, case.id)), key=lambda case: case.id
    )


def of_one_group(session: Session, scope: Scope, part: Part) -> frozenset[str]:
    """Return the tasks all of whose items are drawn together: every resample is the whole set."""
    single = set()
    for task in scope.phase.tasks:
        units: set[tuple[str, int]] = set()
        for case in cases_of(session, scope, part, task):
            apart = case.items if case.group == case.id else 1
            units |= {(case.group, item) for item in range(min(apart, 2))}
        if len(units) == 1:
            single.add(task)
    return frozenset(single)


def _places(candidates: Sequence[Candidate]) -> dict[str, tuple[int, str]]:
    return {
        evaluation: (index, task)
        for index, candidate in enumerate(candidates)
        for task, evaluation in candidate.evaluations.items()
    }


def _hardware(environment: Mapping[str, object]) -> str:
    parts = [environment.get("cpu"), environment.get("gpu")]
    return ", ".join(str(part) for part in parts if part)
