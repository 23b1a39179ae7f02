"""The field of a board: which submissions stand, on which part of the test set, and by what.

Who stands is decided on the public part alone. The private board has the same submissions, so that
nobody's choice was made with private scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlmodel import Session

from proctor.spec.work import MetricFacts
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
from proctor_platform.leaderboards.choosing import choose, choose_by_ladder
from proctor_platform.leaderboards.gates import reasons_of
from proctor_platform.leaderboards.rounding import EXACT, Grid
from proctor_platform.leaderboards.scope import Scope
from proctor_platform.leaderboards.wording import deciding_keys
from proctor_platform.parts import PRIVATE, PUBLIC, Part

Facts = Mapping[tuple[str, str], MetricFacts]


@dataclass(frozen=True, eq=False)
class Field:
    """Submissions, ready to be ranked.

    Attributes:
        scope: what the board is of.
        part: the part of the test set.
        grid: how exact the numbers of the board are.
        facts: what is known of each metric, by task and metric.
        deciding: the columns that decide ranks.
        directions: which end is better, for each of these.
        candidates: the submissions.
        numbers: their aggregates, as they are shown.
        ineligible: for each, which gates it fails; empty for most.
        decision: what decides their ranks.
        single: the tasks of one group of cases, of which chance cannot be told.
    """

    scope: Scope
    part: Part
    grid: Grid
    facts: Facts
    deciding: Sequence[ColumnKey]
    directions: Sequence[Direction]
    candidates: Sequence[Candidate]
    numbers: Sequence[Mapping[ColumnKey, Numbers]]
    ineligible: Sequence[tuple[str, ...]]
    decision: standing.Decision
    single: frozenset[str]


def public_field(session: Session, scope: Scope) -> Field | None:
    """Return those that stand on a phase's board; none as long as no score decides."""
    everybody = candidates_of(session, scope)
    entered = _field(session, scope, PUBLIC, everybody, _grid(session, scope))
    if entered is None:
        return None
    entrants = [candidate.entrant for candidate in everybody]
    eligible = [not reasons for reasons in entered.ineligible]
    if scope.phase.feedback.ladder:
        chosen = choose_by_ladder(entrants, _losses(session, entered), eligible)
    else:
        ranking = scope.phase.ranking
        board = standing.rank_to_choose(entered.decision, ranking)
        chosen = choose(entrants, board, ranking.select, eligible)
    return Field(
        scope=scope,
        part=PUBLIC,
        grid=entered.grid,
        facts=entered.facts,
        deciding=entered.deciding,
        directions=entered.directions,
        candidates=[everybody[index] for index in chosen],
        numbers=[entered.numbers[index] for index in chosen],
        ineligible=[entered.ineligible[index] for index in chosen],
        decision=entered.decision.only(chosen),
        single=entered.single,
    )


def private_field(session: Session, public: Field) -> Field | None:
    """Return the same submissions on the private cases, in whole numbers; none where none are."""
    if public.scope.phase.private is None:
        return None
    return _field(session, public.scope, PRIVATE, public.candidates, EXACT)


def _field(
    session: Session, scope: Scope, part: Part, candidates: Sequence[Candidate], grid: Grid
) -> Field | None:
    facts = facts_of(session, candidates)
    numbers = [
        {key: _rounded(number, grid) for key, number in row.items()}
        for row in numbers_of(session, part, candidates, facts)
    ]
    found = {key for row in numbers for key in row}
    deciding = deciding_keys(scope, found)
    if not candidates or not all(key in found for key in deciding):
        return None
    directions = [
        Direction.HIGHER if facts[task, metric].higher_is_better else Direction.LOWER
        for task, metric, _ in deciding
    ]
    return Field(
        scope=scope,
        part=part,
        grid=grid,
        facts=facts,
        deciding=deciding,
        directions=directions,
        candidates=candidates,
        numbers=numbers,
        ineligible=reasons_of(session, scope, part, candidates, numbers, grid),
        decision=gather.decision_of(
            session, scope, part, candidates, numbers, deciding, directions, grid
        ),
        single=gather.of_one_group(session, scope, part),
    )


def _grid(session: Session, scope: Scope) -> Grid:
    feedback = scope.phase.feedback
    if not feedback.ladder:
        return Grid(digits=feedback.digits)
    (column,) = scope.deciding
    cases = gather.cases_of(session, scope, PUBLIC, column.task)
    # A mean is over items, of which a case may stack thousands.
    return Grid(feedback.digits, sum(case.items for case in cases))


def _rounded(number: Numbers, grid: Grid) -> Numbers:
    return number._replace(
        value=grid.or_none(number.value), deviation=grid.or_none(number.deviation)
    )


def _losses(session: Session, entered: Field) -> standing.FloatArray:
    (key,), (direction,) = entered.deciding, entered.directions
    found = gather.case_scores(
        session, entered.scope, PUBLIC, key[0], entered.candidates, [key], [direction]
    )
    sign = -1.0 if direction is Direction.HIGHER else 1.0
    return np.asarray(sign * found.values[:, :, 0])
