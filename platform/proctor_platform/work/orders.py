"""Orders: everything a worker needs for one piece of work, by digest.

The function that makes a run order never loads a reference; the two are made apart, so that no
mistake in one can put a reference's digest in front of a process that runs a model.
"""

from __future__ import annotations

from sqlmodel import Session, col, func, select

from proctor.spec.base import FileRef
from proctor.spec.dataset import DatasetCase
from proctor.spec.identifiers import alias_of
from proctor.spec.model import ModelCard
from proctor.spec.outcomes import Code
from proctor.spec.states import SubmissionState
from proctor.spec.work import (
    FolderContent,
    OrderCase,
    Purpose,
    RunOrder,
    ScoreCase,
    ScoreOrder,
)
from proctor_platform.private_cases import private_cases
from proctor_platform.tables import CaseResult, Evaluation, ModelMeasurement, Run
from proctor_platform.work.documents import cases_of, content_of, dataset, frame_of


def run_order(session: Session, run: Run, *, token: str, lease_s: float) -> RunOrder:
    """Make the order of a claimed run: the cases that still lack a result, in a random order."""
    frame = frame_of(session, run)
    content = content_of(run, frame)
    card = ModelCard.model_validate(frame.submission.card)
    done = set(session.exec(select(CaseResult.case_id).where(CaseResult.run_id == run.id)))
    cases = cases_of(session, run, frame)
    missing = [_order_case(run, case) for case in cases if case.id not in done]
    return RunOrder(
        id=run.id,
        fence=run.fence,
        token=token,
        lease_s=lease_s,
        submission=frame.submission.id,
        challenge=frame.challenge.slug,
        phase=frame.submission.phase,
        content=content,
        runtime=frame.runtime(content.runtime) if isinstance(content, FolderContent) else None,
        intake=run.content is not None or frame.submission.state == SubmissionState.CHECKING,
        task=frame.task,
        split=frame.split,
        limits=card.resources.within(frame.phase.limits),
        cases=tuple(sorted(missing, key=lambda case: case.alias)),
        cases_total=run.cases_total,
        seconds_used=seconds_used(session, run),
        measure=_is_unknown(session, run),
    )


def score_order(
    session: Session, evaluation: Evaluation, *, token: str, lease_s: float
) -> ScoreOrder:
    """Make the order of a claimed evaluation: predictions and reference of every case."""
    run = session.get_one(Run, evaluation.run_id)
    frame = frame_of(session, run, evaluation.version)
    rows = session.exec(select(CaseResult).where(CaseResult.run_id == run.id))
    results = {row.case_id: row for row in rows}
    references = {case.id: case for case in dataset(session, evaluation.reference_digest).cases}
    cases = dataset(session, evaluation.inputs_digest).cases
    private = private_cases(
        session, frame.submission.challenge_id, evaluation.version, frame.phase.slug, run.task
    )
    return ScoreOrder(
        id=evaluation.id,
        fence=evaluation.fence,
        token=token,
        lease_s=lease_s,
        run=run.id,
        challenge=frame.challenge.slug,
        task=frame.task,
        cases=tuple(
            _score_case(case, references[case.id], results[case.id], private=case.id in private)
            for case in cases
        ),
        inputs_digest=evaluation.inputs_digest,
        bootstrap=frame.phase.ranking.bootstrap,
    )


def seconds_used(session: Session, run: Run) -> float:
    """Return the seconds that the cases with a result took."""
    total = select(func.sum(CaseResult.seconds)).where(col(CaseResult.run_id) == run.id)
    return float(session.exec(total).one() or 0.0)


def _is_unknown(session: Session, run: Run) -> bool:
    """Tell whether nobody looked yet at what the submission is made of, and this run shows it."""
    if run.purpose == Purpose.RERUN or run.content is not None:
        return False
    return session.get(ModelMeasurement, run.submission_id) is None


def _order_case(run: Run, case: DatasetCase) -> OrderCase:
    return OrderCase(
        id=case.id,
        alias=alias_of(run.alias_seed, case.id),
        items=case.items,
        files=case.files,
    )


def _score_case(
    case: DatasetCase, reference: DatasetCase, result: CaseResult, *, private: bool
) -> ScoreCase:
    return ScoreCase(
        id=case.id,
        group=case.group,
        strata=case.strata,
        items=case.items,
        outcome=Code(result.outcome),
        predictions={name: FileRef.model_validate(ref) for name, ref in result.predictions.items()},
        reference=reference.files,
        private=private,
    )
