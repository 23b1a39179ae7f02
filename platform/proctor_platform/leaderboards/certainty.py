"""The statistics of a snapshot: how sure its ranks are, from the scores that it was made from.

Evaluations are append-only, so those of an old snapshot are the same as on its day. The hard part
is size: every pair is tested, every case left out in turn, and every case's value sent, so of a
large board only the rows that stand first are looked at, and the sentence says so.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isqrt
from typing import Any

import numpy as np
from sqlmodel import Session, col, select

from proctor.spec.dataset import Dataset
from proctor.spec.leaderboard import BoardColumn
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.ranking import RankingScheme, RankingSpec
from proctor.spec.statistics import RankingStatistics
from proctor_metrics.metric import Direction
from proctor_metrics.ranking import Consensus, Contest, Task
from proctor_metrics.ranking.statistics import Resampling, ranking_statistics
from proctor_platform.leaderboards.candidates import portions
from proctor_platform.leaderboards.gather import UNANSWERED
from proctor_platform.leaderboards.rounding import EXACT, Grid
from proctor_platform.leaderboards.scheme_words import board_score
from proctor_platform.leaderboards.standing import scheme_of
from proctor_platform.parts import Part
from proctor_platform.rights import Feedback
from proctor_platform.tables import (
    DatasetRow,
    Evaluation,
    LeaderboardRow,
    LeaderboardSnapshot,
    PrivateBoard,
    PrivateBoardRow,
    Run,
)

MOST_ROWS = 100
"""Rows of a board that are looked at, however few cases there are."""

_MOST_VALUES = 500_000
_MOST_TESTED = 1_000_000_000
_MOST_DRAWS = 1_000


@dataclass(frozen=True, eq=False)
class _Board:
    """What a snapshot says, as far as it is looked at: ranked rows, the first of them."""

    ranking: RankingSpec
    sentence: str
    columns: Sequence[BoardColumn]
    rows: Sequence[Mapping[str, Any]]
    ranked: int

    def first(self, count: int) -> _Board:
        return replace(self, rows=self.rows[:count])


@dataclass(frozen=True, eq=False)
class _Scores:
    """The values of one task's cases: float64 of shape (n, n_cases, n_columns)."""

    slug: str
    digest: str
    task: Task


def board_statistics(
    session: Session, snapshot: str, part: Part, column: str | None, feedback: Feedback
) -> RankingStatistics:
    """Return the statistics of a snapshot, of all deciding columns or of one column alone.

    Args:
        session: a reading session.
        snapshot: the snapshot's id.
        part: the part of the test set.
        column: the key of a column; by the board's scheme.
        feedback: how exact the numbers may be.

    Raises:
        ProctorError: the snapshot has no such column.
    """
    board = _board(session, snapshot, part)
    chosen = [
        one for one in board.columns if (one.decides if column is None else one.key == column)
    ]
    if not chosen:
        known = ", ".join(one.key for one in board.columns)
        raise ProctorError(Code.NOT_FOUND, f"The board has no column {column}; it has {known}.")
    grid = Grid(digits=feedback.digits)
    board, found = _scores(session, board, part, chosen, grid)
    title = chosen[0].title if len(chosen) == 1 else "All columns that decide"
    if not found or not board.rows or any(one.aggregate for one in chosen):
        return _told(_of_rows(board, chosen, title, grid), board)
    names = _names(board.rows)
    several = len(found) > 1 and board.ranking.tasks is not None
    contest = Contest(
        names,
        tuple(scores.task for scores in found),
        scheme_of(board.ranking),
        Consensus(board.ranking.tasks.value)
        if several and board.ranking.tasks
        else Consensus.MEAN_RANK,
    )
    bootstrap = board.ranking.bootstrap
    made = ranking_statistics(
        contest,
        title=title,
        unit=chosen[0].unit if len(chosen) == 1 else "",
        resampling=Resampling(
            samples=min(bootstrap.samples, _MOST_DRAWS),
            level=bootstrap.level,
            seed=bootstrap.seed,
            dataset_digest=found[0].digest,
        ),
    )
    if column is None:
        made = _as_shown(made, board, names)
    made = made.model_copy(update={"scores": tuple(grid.or_none(one) for one in made.scores)})
    return _told(made, board, grid)


def _board(session: Session, snapshot: str, part: Part) -> _Board:
    head = (
        session.get_one(PrivateBoard, snapshot).head
        if part.private
        else session.get_one(LeaderboardSnapshot, snapshot).head
    )
    table: type[LeaderboardRow] | type[PrivateBoardRow] = (
        PrivateBoardRow if part.private else LeaderboardRow
    )
    ranked = (table.leaderboard_id == snapshot, col(table.rank).is_not(None))
    bodies = session.exec(
        select(table.body).where(*ranked).order_by(col(table.position)).limit(MOST_ROWS)
    )
    count = len(session.exec(select(table.position).where(*ranked)).all())
    return _Board(
        ranking=RankingSpec.model_validate(head["ranking"]),
        sentence=head["ranking_sentence"],
        columns=[BoardColumn.model_validate(one) for one in head["columns"]],
        rows=[json.loads(body) for body in bodies],
        ranked=count,
    )


def _scores(
    session: Session, board: _Board, part: Part, columns: Sequence[BoardColumn], grid: Grid
) -> tuple[_Board, list[_Scores]]:
    """Return the board cut to what can be looked at, and its values; none of pooled metrics."""
    by_task = {
        column.task: [one for one in columns if one.task == column.task] for column in columns
    }
    evaluations = [one for row in board.rows for one in row["evaluations"]]
    facts = {
        evaluation: (task, digest)
        for portion in portions(evaluations)
        for evaluation, task, digest in session.execute(
            select(Evaluation.id, Run.task, Evaluation.inputs_digest)
            .join(Run, col(Run.id) == col(Evaluation.run_id))
            .where(col(Evaluation.id).in_(portion))
        )
    }
    digests = dict(facts.values())
    if not set(by_task) <= set(digests):
        return board, []
    datasets = {
        task: Dataset.model_validate(session.get_one(DatasetRow, digests[task]).document)
        for task in by_task
    }
    n_cases = max(len(data.cases) for data in datasets.values())
    board = board.first(_affordable(n_cases, board.ranking))
    row_of = {
        evaluation: index
        for index, row in enumerate(board.rows)
        for evaluation in row["evaluations"]
    }
    found = []
    for task, of_task in by_task.items():
        place = {
            evaluation: index
            for evaluation, index in row_of.items()
            if facts[evaluation][0] == task
        }
        scores = _of_task(session, board, part, datasets[task], of_task, place)
        if scores is None:
            return board, []
        # Whatever is made of cases tells of them what is shown, and no more.
        shown = replace(scores, values=grid.of_cases(scores.values))
        found.append(_Scores(task, digests[task], shown))
    return board, found


def _affordable(n_cases: int, ranking: RankingSpec) -> int:
    """Return how many rows are looked at; the time of tests in every draw grows with the square."""
    rows = min(MOST_ROWS, _MOST_VALUES // n_cases)
    if ranking.scheme is RankingScheme.SIGNIFICANCE:
        rows = min(rows, isqrt(_MOST_TESTED // (n_cases * max(n_cases, _MOST_DRAWS))))
    return max(2, rows)


def _of_task(
    session: Session,
    board: _Board,
    part: Part,
    dataset: Dataset,
    columns: Sequence[BoardColumn],
    place: Mapping[str, int],
) -> Task | None:
    table = part.scores
    column_at = {(column.metric, column.label): at for at, column in enumerate(columns)}
    values: dict[tuple[int, str, int], float] = {}
    cases: set[str] = set()
    for portion in portions(list(place)):
        rows = session.execute(
            select(  # type: ignore[call-overload]  # its overloads end at four columns
                table.evaluation_id,
                table.case_id,
                table.metric,
                table.label,
                table.value,
                table.flag,
            ).where(
                col(table.evaluation_id).in_(portion),
                col(table.case_id) != "",
                col(table.metric).in_(sorted({metric for metric, _ in column_at})),
            )
        )
        for evaluation, case, metric, label, value, flag in rows:
            cases.add(case)
            lost = board.ranking.missing != "worst" and flag in UNANSWERED
            if value is not None and not lost and (metric, label) in column_at:
                values[place[evaluation], case, column_at[metric, label]] = value
    kept = sorted((case for case in dataset.cases if case.id in cases), key=lambda case: case.id)
    if not kept:
        return None
    table_of = np.full((len(board.rows), len(kept), len(columns)), np.nan)
    case_at = {case.id: at for at, case in enumerate(kept)}
    for (row, case, at), value in values.items():
        if case in case_at:
            table_of[row, case_at[case], at] = value
    return Task(
        name=columns[0].task,
        cases=tuple(case.id for case in kept),
        values=table_of,
        directions=tuple(
            Direction.HIGHER if column.higher_is_better else Direction.LOWER for column in columns
        ),
        groups=tuple(case.group for case in kept),
    )


def _names(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return a name each: the title, with what tells it from others of the same title."""
    titles = [str(row["title"]) for row in rows]
    counts = Counter(titles)
    people = [
        title if counts[title] == 1 else f"{title} ({row['participant']})"
        for title, row in zip(titles, rows, strict=True)
    ]
    counts = Counter(people)
    return tuple(
        name if counts[name] == 1 else f"{name} {row['submission']}"
        for name, row in zip(people, rows, strict=True)
    )


def _of_rows(
    board: _Board, columns: Sequence[BoardColumn], title: str, grid: Grid
) -> RankingStatistics:
    """Return what the rows alone say: a pooled metric has no value in a case."""
    key = columns[0].key
    rows = board.rows
    sure = all(row["rank_low"] is not None for row in rows)
    return RankingStatistics(
        title=title,
        unit=columns[0].unit if len(columns) == 1 else "",
        higher_is_better=columns[0].higher_is_better,
        score=board_score(board.ranking, columns),
        scheme=board.ranking.scheme.value,
        sentence=board.sentence,
        algorithms=_names(rows),
        scores=tuple(
            grid.or_none(
                row["score"] if "score" in row else (row["values"].get(key) or {}).get("value")
            )
            for row in rows
        ),
        ranks=tuple(row["rank"] for row in rows),
        rank_low=tuple(row["rank_low"] for row in rows) if sure else (),
        rank_high=tuple(row["rank_high"] for row in rows) if sure else (),
        first_probability=tuple(row["first_probability"] for row in rows) if sure else (),
        tie_groups=tuple(row["tie_group"] for row in rows) if sure else (),
        level=board.ranking.bootstrap.level,
    )


def _as_shown(made: RankingStatistics, board: _Board, names: tuple[str, ...]) -> RankingStatistics:
    """Have the ranks and scores that the board shows, where it is the same order."""
    whole = len(board.rows) == board.ranked and made.algorithms == names
    if not whole or any(row["rank_low"] is None for row in board.rows):
        return made
    changes: dict[str, tuple[float | None, ...]] = {
        "ranks": tuple(row["rank"] for row in board.rows),
        "rank_low": tuple(row["rank_low"] for row in board.rows),
        "rank_high": tuple(row["rank_high"] for row in board.rows),
        "first_probability": tuple(row["first_probability"] for row in board.rows),
        "tie_groups": tuple(row["tie_group"] for row in board.rows),
    }
    return made.model_copy(update=changes)


def _told(made: RankingStatistics, board: _Board, grid: Grid = EXACT) -> RankingStatistics:
    """Say by which words the board ranks, and what of it these are made from."""
    sentence = board.sentence
    if grid.digits is not None:
        sentence += f" These are made from scores of cases rounded to {grid.digits} digits."
    if len(board.rows) < board.ranked:
        sentence += f" These are the first {len(board.rows)} of {board.ranked} ranked rows."
    return made.model_copy(update={"sentence": sentence})
