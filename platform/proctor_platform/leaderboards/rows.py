"""The content of a board: its head and its rows, each as the JSON that will be sent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlmodel import Session

from proctor.spec.challenge import SubmissionKind
from proctor.spec.leaderboard import BoardColumn, BoardRow, BoardValue, StratumGap, Verdict
from proctor_metrics.metric import Direction
from proctor_platform.leaderboards import gather, standing
from proctor_platform.leaderboards.candidates import (
    Candidate,
    ColumnKey,
    Numbers,
    candidates_of,
    facts_of,
    numbers_of,
)
from proctor_platform.leaderboards.claims import claims_of
from proctor_platform.leaderboards.scope import Scope
from proctor_platform.leaderboards.wording import (
    column_key,
    columns_of,
    deciding_keys,
    ranking_sentence,
)

_ROUNDING = 1e-12


class Row(NamedTuple):
    """One row, ready to be kept."""

    submission: str
    rank: int | None
    body: str


class Board(NamedTuple):
    """A board without identity: no id, no number, no time."""

    head: dict[str, Any]
    rows: list[Row]


class Place(NamedTuple):
    """Where a submission stands and how sure that is."""

    rank: int
    rank_low: int
    rank_high: int
    first_probability: float
    tie_group: int


def board_of(session: Session, scope: Scope) -> Board | None:
    """Make the board of a phase from the scores that there are; none as long as none decides."""
    everybody = candidates_of(session, scope)
    facts = facts_of(session, everybody)
    numbers = numbers_of(session, everybody, facts)
    found = {key for row in numbers for key in row}
    deciding = deciding_keys(scope, found)
    if not everybody or not all(key in found for key in deciding):
        return None
    columns = columns_of(scope, found, facts, deciding)
    directions = [
        Direction.HIGHER if facts[task, metric].higher_is_better else Direction.LOWER
        for task, metric, _ in deciding
    ]
    decision = gather.decision_of(session, scope, everybody, numbers, deciding, directions)
    ranking = scope.phase.ranking
    chosen = standing.choose(
        [candidate.entrant for candidate in everybody],
        standing.rank_board(decision, ranking),
        ranking.select,
    )
    selected = [everybody[index] for index in chosen]
    draws = standing.draws_used(len(selected), len(deciding), ranking.bootstrap.samples)
    drawn = gather.draw(session, selected, deciding, draws=draws, level=ranking.bootstrap.level)
    places = _places(decision.only(chosen), drawn.deciding, scope)
    strata = gather.strata_of(session, selected, deciding)
    costs = gather.costs_of(session, selected)
    verdicts = gather.verdicts_of(session, scope)
    better = dict(zip(deciding, directions, strict=True))
    rows = [
        _row(
            candidate,
            places[index],
            columns,
            _values(numbers[chosen[index]], drawn.intervals[index], columns),
            _gaps(strata[index], better),
            costs[index],
            verdicts.get(candidate.submission),
        )
        for index, candidate in enumerate(selected)
    ]
    rows.sort(key=lambda row: (row.rank is None, row.rank, row.submitted_at, row.submission))
    claimed = {key for row in rows for key in row.claimed}
    columns = [column.model_copy(update={"claimed": column.key in claimed}) for column in columns]
    return Board(
        _head(scope, columns, draws),
        [Row(row.submission, row.rank, row.model_dump_json()) for row in rows],
    )


def _head(scope: Scope, columns: Sequence[BoardColumn], draws: int) -> dict[str, Any]:
    decides = [column for column in columns if column.decides]
    ranking = scope.phase.ranking
    return {
        "challenge": scope.spec.slug,
        "challenge_title": scope.spec.title,
        "challenge_version": scope.version.number,
        "phase": scope.phase.slug,
        "ranking": ranking.model_copy(update={"columns": scope.deciding}).model_dump(mode="json"),
        "ranking_sentence": ranking_sentence(ranking, decides, draws),
        "columns": [column.model_dump(mode="json") for column in columns],
        "notice": scope.spec.notice,
    }


def _places(
    decision: standing.Decision, replicates: standing.Replicates, scope: Scope
) -> list[Place | None]:
    """Rank those that have any score that decides; the others stand without a rank."""
    ranked = np.flatnonzero(~np.isnan(decision.values).all(axis=1))
    places: list[Place | None] = [None] * len(decision.values)
    if not ranked.size:
        return places
    ranking = scope.phase.ranking
    part = decision.only(ranked)
    board = standing.rank_board(part, ranking)
    sure = standing.board_stability(part, ranking, board, replicates[ranked])
    shown = standing.shown_ranks(board, ranking.ties)
    for index, row in enumerate(ranked.tolist()):
        places[row] = Place(
            rank=int(shown[index]),
            rank_low=min(int(sure.lowest[index]), int(shown[index])),
            rank_high=max(int(sure.highest[index]), int(shown[index])),
            first_probability=round(float(sure.first_probability[index]), 6),
            tie_group=int(sure.groups[index]),
        )
    return places


def _values(
    numbers: Mapping[ColumnKey, Numbers],
    intervals: Mapping[ColumnKey, tuple[float, float]],
    columns: Sequence[BoardColumn],
) -> dict[str, BoardValue]:
    values = {}
    for column in columns:
        key = (column.task, column.metric, column.label)
        if (number := numbers.get(key)) is None:
            continue
        low, high = _around(number.value, *intervals.get(key, (None, None)))
        values[column.key] = BoardValue(
            value=number.value,
            low=low,
            high=high,
            deviation=number.deviation,
            n_used=number.n_used,
            n_total=number.n_total,
        )
    return values


def _around(
    value: float | None, low: float | None, high: float | None
) -> tuple[float | None, float | None]:
    """Return an interval that does not miss its own value by a rounding of sums."""
    if value is None or low is None or high is None:
        return low, high
    if low > value and math.isclose(low, value, rel_tol=_ROUNDING):
        low = value
    if high < value and math.isclose(high, value, rel_tol=_ROUNDING):
        high = value
    return low, high


def _gaps(
    strata: Mapping[ColumnKey, Mapping[str, Mapping[str, float]]],
    better: Mapping[ColumnKey, Direction],
) -> tuple[StratumGap, ...]:
    """Return, for each deciding column, the two levels of one stratum that lie furthest apart."""
    gaps = []
    for key, by_stratum in sorted(strata.items()):
        widest: tuple[float, str] | None = None
        for stratum, levels in sorted(by_stratum.items()):
            width = max(levels.values()) - min(levels.values())
            if len(levels) > 1 and (widest is None or width > widest[0]):
                widest = width, stratum
        if widest is None or math.isnan(widest[0]):
            continue
        levels = by_stratum[widest[1]]
        if math.isclose(min(levels.values()), max(levels.values()), rel_tol=_ROUNDING):
            continue
        ordered = sorted(levels, key=lambda level: (levels[level], level))
        if better[key] is Direction.LOWER:
            ordered.reverse()
        gaps.append(
            StratumGap(
                column=column_key(key),
                stratum=widest[1],
                worst_level=ordered[0],
                worst=levels[ordered[0]],
                best_level=ordered[-1],
                best=levels[ordered[-1]],
            )
        )
    return tuple(gaps)


def _row(
    candidate: Candidate,
    place: Place | None,
    columns: Sequence[BoardColumn],
    values: dict[str, BoardValue],
    gaps: tuple[StratumGap, ...],
    cost: gather.Cost,
    verdict: Verdict | None,
) -> BoardRow:
    return BoardRow(
        rank=place and place.rank,
        rank_low=place and place.rank_low,
        rank_high=place and place.rank_high,
        first_probability=place and place.first_probability,
        tie_group=place and place.tie_group,
        submission=candidate.submission,
        participant=candidate.participant,
        title=candidate.title,
        kind=SubmissionKind(candidate.kind),
        baseline=candidate.baseline,
        content_digest=candidate.content_digest,
        evaluations=tuple(sorted(candidate.evaluations.values())),
        values=values,
        claimed=claims_of(candidate.claimed_scores, columns, values),
        gaps=gaps,
        failed_cases=cost.failed_cases,
        total_cases=cost.total_cases,
        seconds_per_case=cost.seconds_per_case,
        hardware=cost.hardware,
        rerun_verdict=verdict,
        submitted_at=candidate.submitted_at,
    )
