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
from proctor_platform.leaderboards.candidates import Candidate, ColumnKey, Numbers
from proctor_platform.leaderboards.claims import claims_of
from proctor_platform.leaderboards.field import Field
from proctor_platform.leaderboards.rounding import Grid
from proctor_platform.leaderboards.scheme_words import board_score
from proctor_platform.leaderboards.sentences import board_sentence
from proctor_platform.leaderboards.wording import column_key, columns_of

_ROUNDING = 1e-12
_SCORE_DIGITS = 9


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
    score: float
    rank_low: int | None = None
    rank_high: int | None = None
    first_probability: float | None = None
    tie_group: int | None = None


def board_of(session: Session, field: Field) -> Board:
    """Make the board of those that stand, on one part of the test set."""
    scope, candidates, deciding = field.scope, field.candidates, field.deciding
    found = {key for row in field.numbers for key in row}
    columns = columns_of(scope, found, field.facts, deciding)
    bootstrap = scope.phase.ranking.bootstrap
    draws = standing.draws_used(len(candidates), len(deciding), bootstrap.samples)
    drawn = gather.draw(session, field.part, candidates, deciding, draws=draws, bootstrap=bootstrap)
    places = _places(field, field.grid.around(field.decision.values, drawn.deciding))
    strata = gather.strata_of(session, field.part, candidates, deciding)
    costs = gather.costs_of(session, scope, field.part, candidates)
    verdicts = gather.verdicts_of(session, scope)
    better = dict(zip(deciding, field.directions, strict=True))
    score = board_score(scope.phase.ranking, [column for column in columns if column.decides])
    rows = [
        _row(
            candidate,
            places[index],
            _score(places[index], field.grid) if score else None,
            field.ineligible[index],
            columns,
            _values(
                field.numbers[index], _told(drawn.intervals[index], field), columns, field.grid
            ),
            _gaps(strata[index], better, field.grid),
            costs[index],
            verdicts.get(candidate.submission),
        )
        for index, candidate in enumerate(candidates)
    ]
    rows.sort(key=_order)
    claimed = {key for row in rows for key in row.claimed}
    columns = [column.model_copy(update={"claimed": column.key in claimed}) for column in columns]
    return Board(
        _head(field, columns, draws, bca=drawn.bca)
        | {"ranked_rows": sum(row.rank is not None for row in rows)},
        [Row(row.submission, row.rank, row.model_dump_json()) for row in rows],
    )


def _order(row: BoardRow) -> tuple[object, ...]:
    """Sort by rank; then those without a score that decides; then those that are not eligible."""
    return (
        bool(row.ineligible),
        row.rank is None,
        row.rank,
        row.submitted_at,
        row.submission,
    )


def _head(field: Field, columns: Sequence[BoardColumn], draws: int, *, bca: bool) -> dict[str, Any]:
    scope = field.scope
    ranking = scope.phase.ranking
    head = {
        "challenge": scope.spec.slug,
        "challenge_title": scope.spec.title,
        "challenge_version": scope.version.number,
        "phase": scope.phase.slug,
        "ranking": ranking.model_copy(update={"columns": scope.deciding}).model_dump(mode="json"),
        "ranking_sentence": board_sentence(field, columns, draws, bca=bca),
        "columns": [column.model_dump(mode="json") for column in columns],
        "notice": scope.spec.notice,
    }
    if (
        score := board_score(ranking, [column for column in columns if column.decides])
    ) is not None:
        head["score"] = score.model_dump(mode="json")
    if scope.phase.private is not None:
        head["part"] = "private" if field.part.private else "public"
    return head


def _places(field: Field, replicates: standing.Replicates) -> list[Place | None]:
    """Rank those that may be ranked and have any score that decides; the others have no rank."""
    decision, ranking = field.decision, field.scope.phase.ranking
    eligible = np.array([not reasons for reasons in field.ineligible], dtype=np.bool_)
    ranked = np.flatnonzero(eligible & ~np.isnan(decision.values).all(axis=1))
    places: list[Place | None] = [None] * len(decision.values)
    if not ranked.size:
        return places
    part = decision.only(ranked)
    board = standing.rank_board(part, ranking)
    shown = standing.shown_ranks(board, ranking.ties)
    draws = standing.ranked_draws(part, ranking, replicates.shape[2])
    if field.single.issuperset(task for task, _, _ in field.deciding):
        draws = 0
    if not draws:
        for index, row in enumerate(ranked.tolist()):
            places[row] = Place(int(shown[index]), float(board.scores[index]))
        return places
    sure = standing.board_stability(part, ranking, board, replicates[ranked][:, :, :draws])
    for index, row in enumerate(ranked.tolist()):
        places[row] = Place(
            rank=int(shown[index]),
            score=float(board.scores[index]),
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
    grid: Grid,
) -> dict[str, BoardValue]:
    values = {}
    for column in columns:
        key = (column.task, column.metric, column.label)
        if (number := numbers.get(key)) is None:
            continue
        low, high = _around(number.value, *intervals.get(key, (None, None)))
        values[column.key] = BoardValue(
            value=number.value,
            low=grid.or_none(low),
            high=grid.or_none(high),
            deviation=number.deviation,
            n_used=number.n_used,
            n_total=number.n_total,
        )
    return values


def _told(
    intervals: Mapping[ColumnKey, tuple[float, float]], field: Field
) -> dict[ColumnKey, tuple[float, float]]:
    """Return the intervals of tasks with more than one group of cases."""
    return {key: ends for key, ends in intervals.items() if key[0] not in field.single}


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
    grid: Grid,
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
                worst=grid.of(levels[ordered[0]]),
                best_level=ordered[-1],
                best=grid.of(levels[ordered[-1]]),
            )
        )
    return tuple(gaps)


def _score(place: Place | None, grid: Grid) -> float | None:
    if place is None or not math.isfinite(place.score):
        return None
    return grid.of(round(place.score, _SCORE_DIGITS))


def _row(
    candidate: Candidate,
    place: Place | None,
    score: float | None,
    ineligible: tuple[str, ...],
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
        score=score,
        ineligible=ineligible,
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
