"""Evaluations: made when a run succeeds, filled once when its report comes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from sqlalchemy import insert
from sqlmodel import Session, col, select

from proctor.spec.identifiers import Kind, new_id
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.states import EvaluationState
from proctor.spec.work import PartScores, Queue, ScoreReport
from proctor_platform import outbox
from proctor_platform.alike import asked_alike
from proctor_platform.events import PLATFORM, record
from proctor_platform.parts import PRIVATE, PUBLIC, Part
from proctor_platform.private_cases import private_cases
from proctor_platform.score_tables import (
    AggregateFields,
    ScoreFields,
    StratumFields,
)
from proctor_platform.tables import (
    Challenge,
    ChallengeVersion,
    Evaluation,
    Run,
)
from proctor_platform.versions import newest, spec_of
from proctor_platform.work.documents import Frame, dataset, frame_of

_BYTES_PER_REPLICATE = 8


def queue_evaluation(
    session: Session, run: Run, version: ChallengeVersion, actor: str = PLATFORM
) -> None:
    """Add a scoring of ``run`` by a version of its challenge, and the bell for it."""
    hidden = version.data[run.task]["hidden"]
    evaluation = Evaluation(
        id=new_id(Kind.EVALUATION),
        run_id=run.id,
        version=version.number,
        state=EvaluationState.QUEUED.value,
        inputs_digest=hidden["inputs"],
        reference_digest=hidden["reference"],
    )
    session.add(evaluation)
    facts = {"run": run.id, "version": version.number}
    record(session, evaluation.id, "evaluation_queued", actor, facts)
    outbox.ring(session, evaluation.id, Queue.SCORE)


def scoring_version(session: Session, run: Run) -> ChallengeVersion:
    """Return the version to score a first run by: the newest, if it still asks the same.

    The challenge is locked, so that a version published meanwhile either is seen here or finds
    the run ended.
    """
    frame = frame_of(session, run)
    challenge = session.exec(
        select(Challenge)
        .where(col(Challenge.id) == frame.submission.challenge_id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    ).one()
    present = newest(session, challenge)
    phases = {phase.slug: phase.tasks for phase in spec_of(present).phases}
    if run.task in phases.get(frame.submission.phase, ()) and asked_alike(
        session, frame.version, present, run.task
    ):
        return present
    return frame.version


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
    _keep_part(session, evaluation, PUBLIC, report)
    if report.private is not None:
        _keep_part(session, evaluation, PRIVATE, report.private)


def _keep_part(
    session: Session, evaluation: Evaluation, part: Part, found: ScoreReport | PartScores
) -> None:
    of_this = {"evaluation_id": evaluation.id}
    _insert(
        session,
        part.scores,
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
            for row in found.rows
        ],
    )
    _insert(
        session,
        part.aggregates,
        [
            of_this
            | row.model_dump(exclude={"replicates"})
            | {"replicates": base64.b64decode(row.replicates)}
            for row in found.aggregates
        ],
    )
    _insert(session, part.strata, [of_this | row.model_dump() for row in found.strata])


def _insert(
    session: Session,
    table: type[ScoreFields] | type[AggregateFields] | type[StratumFields],
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
    cases = frozenset(case.id for case in dataset(session, evaluation.inputs_digest).cases)
    private = private_cases(
        session,
        frame.submission.challenge_id,
        frame.version.number,
        frame.phase.slug,
        frame.task.slug,
    )
    if (report.private is not None) != bool(private):
        yield "it has private scores and the phase no private cases, or the other way round"
    yield from _part_problems(frame, metrics, cases - private, report)
    if report.private is not None:
        yield from _part_problems(frame, metrics, private, report.private)


def _part_problems(
    frame: Frame,
    metrics: set[str],
    cases: frozenset[str],
    report: ScoreReport | PartScores,
) -> Iterator[str]:
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
