"""How work ends well, or by the participant's failure: one transaction each, whatever follows.

A run that succeeds makes its evaluation, and an evaluation that is scored has the board renewed,
in the very transaction of the change of state, so a crash in between loses nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlmodel import Session, col, select

from proctor.spec.digests import digest_document
from proctor.spec.outcomes import OUTCOMES, Code, Owner, ProctorError
from proctor.spec.states import EvaluationState, RunState
from proctor.spec.work import Purpose, RunReport, ScoreReport
from proctor_platform import outbox, reruns
from proctor_platform.clock import now
from proctor_platform.registry.measurements import keep_measurement
from proctor_platform.tables import CaseResult, Evaluation, Run, Submission
from proctor_platform.transitions import move
from proctor_platform.work.documents import cases_of, frame_of
from proctor_platform.work.evaluations import (
    check_scores,
    keep_scores,
    queue_evaluation,
    scoring_version,
)
from proctor_platform.work.failures import charge_again, end_failed, fail
from proctor_platform.work.holding import ended_by, held
from proctor_platform.work.locking import lock_submission_of
from proctor_platform.work.reports import begin, held_run, require_blobs
from proctor_platform.work.tryouts import accept_if_all_passed, fault_of


def complete(
    session: Session, work_id: str, report: RunReport | ScoreReport, *, max_attempts: int
) -> None:
    """End a piece of work with its report; the same report a second time changes nothing.

    Raises:
        ProctorError: the lease is lost, or the report does not fit the work.
    """
    lock_submission_of(session, work_id)
    if ended_by(session, work_id, report.fence):
        return
    if isinstance(report, RunReport):
        _complete_run(session, work_id, report, max_attempts)
    else:
        _complete_evaluation(session, work_id, report)


def predictions_digest(results: list[CaseResult]) -> str:
    """Return the digest of everything a run predicted, in canonical form."""
    return digest_document(
        sorted(
            [row.case_id, output, file["digest"]]
            for row in results
            for output, file in row.predictions.items()
        )
    )


def _complete_run(session: Session, work_id: str, report: RunReport, max_attempts: int) -> None:
    run = held_run(session, work_id, report.fence)
    actor = run.worker or "worker"
    begin(session, run)
    changes: dict[str, Any] = {
        "seconds": report.seconds,
        "environment": report.environment.model_dump(mode="json"),
        "protocol": report.protocol.value,
        "stage": "",
    }
    if run.cancel_requested or (
        report.outcome is not Code.OK and OUTCOMES[report.outcome].owner is not Owner.PARTICIPANT
    ):
        fail(
            session,
            run,
            report.outcome,
            report.detail,
            actor=actor,
            max_attempts=max_attempts,
        )
        return
    if report.metadata is not None:
        keep_measurement(session, run, report.metadata)
    results = _results(session, run)
    if run.purpose == Purpose.TRYOUT:
        _end_tryout(session, run, report, results, actor, changes)
        return
    some_ok = any(row.outcome == Code.OK for row in results)
    if report.outcome is Code.PROTOCOLS_DISAGREE:
        # Answers that are not the model's own, case by case, are not scored.
        end_failed(session, run, report.outcome, report.detail, actor=actor, **changes)
        return
    if report.outcome is not Code.OK and some_ok:
        results += _lose_the_rest(session, run, report, results)
    elif report.outcome is not Code.OK:
        end_failed(session, run, report.outcome, report.detail, actor=actor, **changes)
        return
    _require_all(run, results)
    if not some_ok:
        code, detail = _why_every_case_failed(results)
        end_failed(session, run, code, detail, actor=actor, **changes)
        return
    _succeed(session, run, results, actor, changes)


def _require_all(run: Run, results: list[CaseResult]) -> None:
    if len(results) < run.cases_total:
        raise ProctorError(
            Code.CONFLICT, f"{run.id} has {len(results)} of {run.cases_total} cases; report all."
        )


def _end_tryout(
    session: Session,
    run: Run,
    report: RunReport,
    results: list[CaseResult],
    actor: str,
    changes: dict[str, Any],
) -> None:
    """End a try-out; unlike a run, it has failed as soon as one case has."""
    if report.outcome is Code.OK:
        _require_all(run, results)
    fault = fault_of(run, report, results)
    if fault is None:
        _succeed(session, run, results, actor, changes)
    else:
        end_failed(session, run, fault.code, fault.detail, actor=actor, **changes)


def _succeed(
    session: Session, run: Run, results: list[CaseResult], actor: str, changes: dict[str, Any]
) -> None:
    lost = sum(row.outcome != Code.OK for row in results)
    move(
        session,
        run,
        RunState.SUCCEEDED,
        actor=actor,
        fence=run.fence,
        facts={"cases": len(results), "lost": lost},
        outcome=Code.OK.value,
        detail="",
        predictions_digest=predictions_digest(results),
        cases_done=len(results),
        ended_at=now(),
        lease_until=None,
        **changes,
    )
    if run.purpose == Purpose.TRYOUT:
        accept_if_all_passed(session, run, actor)
    elif run.purpose != Purpose.RERUN:
        queue_evaluation(session, run, scoring_version(session, run))
    elif reruns.needs_scores(session, run):
        queue_evaluation(session, run, reruns.archived_version(session, run))


def _complete_evaluation(session: Session, work_id: str, report: ScoreReport) -> None:
    evaluation = held(session, work_id, report.fence)
    if not isinstance(evaluation, Evaluation):
        raise ProctorError(Code.INVALID_REQUEST, f"{work_id} is a run; this report is of scores.")
    actor = evaluation.worker or "worker"
    run = session.get_one(Run, evaluation.run_id)
    submission = session.get_one(Submission, run.submission_id)
    check_scores(session, evaluation, report)
    kept = [file for file in (report.per_item, report.code) if file is not None]
    require_blobs(session, f"organizers:{submission.challenge_id}", kept)
    begin(session, evaluation)
    keep_scores(session, evaluation, report)
    move(
        session,
        evaluation,
        EvaluationState.SCORED,
        actor=actor,
        fence=report.fence,
        facts={"run": run.id},
        outcome=Code.OK.value,
        detail="",
        ended_at=now(),
        lease_until=None,
        metrics={name: facts.model_dump(mode="json") for name, facts in report.metrics.items()},
        code_digest=report.code_digest,
        code=None if report.code is None else report.code.model_dump(mode="json"),
        libraries=report.libraries,
        per_item=None if report.per_item is None else report.per_item.model_dump(mode="json"),
    )
    if run.purpose == Purpose.RERUN:
        reruns.judge_scores(session, run, evaluation)
    else:
        if run.purpose == Purpose.FIRST:
            charge_again(session, submission)
        outbox.renew_board(session, submission.challenge_id, submission.phase)


def _results(session: Session, run: Run) -> list[CaseResult]:
    rows = select(CaseResult).where(CaseResult.run_id == run.id)
    return list(session.exec(rows.order_by(col(CaseResult.case_id))))


def _lose_the_rest(
    session: Session, run: Run, report: RunReport, results: list[CaseResult]
) -> list[CaseResult]:
    """Give the cases that a run did not come to the outcome that ended it."""
    done = {row.case_id for row in results}
    cases = cases_of(session, run, frame_of(session, run))
    lost = [
        CaseResult(
            run_id=run.id,
            case_id=case.id,
            outcome=report.outcome.value,
            detail=report.detail,
            predictions={},
        )
        for case in cases
        if case.id not in done
    ]
    session.add_all(lost)
    session.flush()
    return lost


def _why_every_case_failed(results: list[CaseResult]) -> tuple[Code, str]:
    code, count = Counter(row.outcome for row in results).most_common(1)[0]
    first = next(row for row in results if row.outcome == code)
    alike = "" if count == len(results) else f", {count} of them"
    return Code(code), (
        f"All {len(results)} cases failed{alike} like {first.case_id}: "
        f"{first.detail or OUTCOMES[Code(code)].message}"
    )
