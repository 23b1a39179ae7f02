"""The scoring that speaks for a run, as an archive keeps it: numbers, intervals, and the code."""

from __future__ import annotations

import numpy as np
from sqlmodel import Session, col, select

from proctor.spec.archive import ArchivedEvaluation, ArchivedScore
from proctor.spec.base import FileRef
from proctor.spec.states import EvaluationState
from proctor_platform.leaderboards.standing import interval_ends
from proctor_platform.parts import PRIVATE, PUBLIC, Part
from proctor_platform.private_cases import private_cases
from proctor_platform.score_tables import (
    AggregateFields,
)
from proctor_platform.submissions.progress import telling_evaluations
from proctor_platform.tables import (
    Evaluation,
    Run,
)
from proctor_platform.work.documents import frame_of


def scoring_of(session: Session, run: Run) -> Evaluation | None:
    """Return the scoring of a run that has scores and speaks for it, if there is one."""
    rows = session.exec(
        select(Evaluation).where(Evaluation.run_id == run.id).order_by(col(Evaluation.id))
    ).all()
    found = telling_evaluations(rows).get(run.id)
    return found if found is not None and found.state == EvaluationState.SCORED else None


def case_scores(session: Session, scoring: Evaluation) -> dict[str, dict[str, float | None]]:
    """Return the scores of each case, by ``metric/label``."""
    found: dict[str, dict[str, float | None]] = {}
    for part in (PUBLIC, PRIVATE):
        table = part.scores
        rows = session.exec(
            select(table)
            .where(table.evaluation_id == scoring.id)
            .order_by(table.case_id, table.metric, table.label)
        )
        for row in rows:
            found.setdefault(row.case_id, {})[f"{row.metric}/{row.label}"] = row.value
    return found


def archived_evaluation(
    session: Session, run: Run, scoring: Evaluation, *, numbers: bool
) -> ArchivedEvaluation:
    """Return what an archive says of a scoring; without ``numbers``, only by what it was made."""
    return ArchivedEvaluation(
        id=scoring.id,
        challenge_version=scoring.version,
        definitions={name: facts["definition_id"] for name, facts in scoring.metrics.items()},
        code_digest=scoring.code_digest,
        wheel=FileRef.model_validate(scoring.code) if scoring.code else None,
        libraries=scoring.libraries,
        scores=_scores(session, run, scoring, PUBLIC) if numbers else (),
        private_scores=_scores(session, run, scoring, PRIVATE) if numbers else (),
        private_cases=_private_cases(session, run, scoring) if numbers else (),
        per_item=FileRef.model_validate(scoring.per_item) if scoring.per_item else None,
    )


def _private_cases(session: Session, run: Run, scoring: Evaluation) -> tuple[str, ...]:
    submission = frame_of(session, run, scoring.version).submission
    found = private_cases(
        session, submission.challenge_id, scoring.version, submission.phase, run.task
    )
    return tuple(sorted(found))


def _scores(
    session: Session, run: Run, scoring: Evaluation, part: Part
) -> tuple[ArchivedScore, ...]:
    table = part.aggregates
    rows = session.exec(
        select(table).where(table.evaluation_id == scoring.id).order_by(table.metric, table.label)
    ).all()
    level = frame_of(session, run, scoring.version).phase.ranking.bootstrap.level
    return tuple(_score(row, level) for row in rows)


def _score(row: AggregateFields, level: float) -> ArchivedScore:
    replicates = np.frombuffer(row.replicates, dtype="<f8")
    low, high = row.low, row.high
    if low is None and len(replicates):
        ends = interval_ends(replicates[np.newaxis], level)
        low, high = _known(ends.low[0]), _known(ends.high[0])
    return ArchivedScore(
        metric=row.metric,
        label=row.label,
        value=row.value,
        low=low,
        high=high,
        deviation=row.deviation,
        n_used=row.n_used,
        n_total=row.n_total,
    )


def _known(end: float) -> float | None:
    return None if np.isnan(end) else float(end)
