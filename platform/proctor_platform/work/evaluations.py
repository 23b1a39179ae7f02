"""Evaluations: made when a run succeeds, filled once when its report comes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from sqlalchemy import insert
from sqlmodel import Session

from proctor.spec.identifiers import Kind, new_id
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.states import EvaluationState
from proctor.spec.work import Queue, ScoreReport
from proctor_platform import outbox
from proctor_platform.events import PLATFORM, record
from proctor_platform.tables import (
    AggregateScore,
    Evaluation,
    Run,
    Score,
    StratumScore,
)
from proctor_platform.work.documents import Frame, dataset, frame_of

_BYTES_PER_REPLICATE = 8


def queue_evaluation(session: Session, run: Run) -> Evaluation:
    """Add a scoring of ``run`` by its own challenge version, and the bell for it."""
    frame = frame_of(session, run)
    evaluation = Evaluation(
        id=new_id(Kind.EVALUATION),
        run_id=run.id,
        version=frame.version.number,
        state=EvaluationState.QUEUED.value,
        inputs_digest=frame.inputs_digest,
        reference_digest=frame.reference_digest,
    )
    session.add(evaluation)
    session.flush()
    record(session, evaluation.id, "evaluation_queued", PLATFORM, {"run": run.id})
    outbox.ring(session, evaluation.id, Queue.SCORE)
    return evaluation


def check_scores(session: Session, evaluation: Evaluation, report: ScoreReport) -> None:
    """Refuse a report that does not fit the task it is about.

    Raises:
        ProctorError: it names a metric or case that is none of the task's, or replicates that
            are not as many as the phase draws.
    """
    frame = frame_of(session, session.get_one(Run, evaluation.run_id), evaluation.version)
    wrong = next(_problems(session, frame, evaluation, report), None)
    if wrong is not None:
        raise ProctorError(Code.INVALID_REQUEST, f"{evaluation.id}: {wrong}")


def keep_scores(session: Session, evaluation: Evaluation, report: ScoreReport) -> None:
    """Write every number of a report; the caller's transaction makes it once."""
    of_this = {"evaluation_id": evaluation.id}
    _insert(
        session,
        Score,
        [
            of_this
            | {
                "case_id": row.case or "",
                "metric": row.metric,
                "label": row.label,
                "value": row.value,
                "n_items": row.n_items,
                "flag": row.flag,
            }
            for row in report.rows
        ],
    )
    _insert(
        session,
        AggregateScore,
        [
            of_this
            | row.model_dump(exclude={"replicates"})
            | {"replicates": base64.b64decode(row.replicates)}
            for row in report.aggregates
        ],
    )
    _insert(session, StratumScore, [of_this | row.model_dump() for row in report.strata])


def _insert(
    session: Session,
    table: type[Score] | type[AggregateScore] | type[StratumScore],
    rows: list[dict[str, object]],
) -> None:
    if rows:
        session.execute(insert(table), rows)


def _problems(
    session: Session, frame: Frame, evaluation: Evaluation, report: ScoreReport
) -> Iterator[str]:
    metrics = {metric.id for metric in frame.task.metrics}
    missing = metrics - set(report.metrics)
    if missing:
        yield f"metric {min(missing)!r} has no facts"
    cases = {case.id for case in dataset(session, evaluation.inputs_digest).cases}
    for score in report.rows:
        if score.metric not in metrics:
            yield f"the task has no metric {score.metric!r}"
        if score.case is not None and score.case not in cases:
            yield f"the task has no case {score.case!r}"
    length = frame.phase.ranking.bootstrap.samples * _BYTES_PER_REPLICATE
    for column in report.aggregates:
        if column.metric not in metrics:
            yield f"the task has no metric {column.metric!r}"
        if _decoded_length(column.replicates) != length:
            yield (
                f"column {column.metric}/{column.label} does not hold"
                f" {frame.phase.ranking.bootstrap.samples} replicates"
            )
    if not metrics <= {column.metric for column in report.aggregates}:
        yield "a metric has no column over the whole set"


def _decoded_length(text: str) -> int:
    try:
        return len(base64.b64decode(text, validate=True))
    except binascii.Error:
        return -1
