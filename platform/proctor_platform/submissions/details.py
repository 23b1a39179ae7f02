"""What is inside a submission: its cases, logs and history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from sqlmodel import Session, col, select

from proctor.spec.api import CaseView, Event
from proctor.spec.base import FileRef
from proctor.spec.natural_order import natural_key
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.states import EvaluationState
from proctor.spec.work import RESULTS, Purpose
from proctor_platform.events import ORIGIN
from proctor_platform.identity import UserIdentity
from proctor_platform.parts import PRIVATE, PUBLIC
from proctor_platform.rights import hidden_until
from proctor_platform.storage import Store
from proctor_platform.submissions.figures import (
    coarse_bytes,
    coarse_seconds,
    has_exact_figures,
    may_read_log,
)
from proctor_platform.submissions.progress import shown_runs, tryouts_of
from proctor_platform.submissions.sights import Access, SubmissionSight
from proctor_platform.tables import CaseResult, Evaluation, EventRow, Run

_CHUNK_BYTES = 1 << 16
_TOLD = frozenset({"attempt", "outcome", "phase", "purpose", "task", "version"})


def list_cases(
    session: Session, sight: SubmissionSight, run_id: str | None = None
) -> list[CaseView]:
    """List the cases of one run, or of each task's first, or of the try-outs before there is one.

    With scores where they may be seen.

    Raises:
        ProctorError: the submission has no such run.
    """
    rows = session.exec(
        select(CaseResult, Run)
        .join(Run, col(Run.id) == col(CaseResult.run_id))
        .where(col(Run.id).in_(_runs(session, sight, run_id)), sight.open_case())
    ).all()
    rows = sorted(rows, key=lambda row: (row[1].id, natural_key(row[0].case_id)))
    feedback = sight.feedback
    scores = {} if feedback.hidden or feedback.board_only else _scores(session, sight)
    return [
        _view_case(sight, case, run, scores.get((run.id, case.case_id), {})) for case, run in rows
    ]


def _view_case(
    sight: SubmissionSight,
    case: CaseResult,
    run: Run,
    scores: Mapping[tuple[str, str], float | None],
) -> CaseView:
    organizer = sight.access is Access.ORGANIZER
    readable = may_read_log(sight, run)
    exact = has_exact_figures(sight, run)
    return CaseView(
        run=run.id,
        task=run.task,
        case=case.case_id,
        outcome=Code(case.outcome),
        detail=sight.told(case.outcome, case.detail, sample=run.purpose == Purpose.TRYOUT),
        seconds=case.seconds if exact else coarse_seconds(case.seconds),
        peak_memory_bytes=(
            case.peak_memory_bytes if exact else coarse_bytes(case.peak_memory_bytes)
        ),
        peak_gpu_memory_bytes=(
            case.peak_gpu_memory_bytes if exact else coarse_bytes(case.peak_gpu_memory_bytes)
        ),
        scores=dict(sight.in_order(run.task, scores)),
        predictions=_predictions(case) if organizer else {},
        log=readable and case.log is not None,
    )


def _runs(session: Session, sight: SubmissionSight, run_id: str | None) -> list[str]:
    of_submission = select(Run).where(col(Run.submission_id) == sight.submission.id)
    runs = session.exec(of_submission.order_by(col(Run.id))).all()
    if run_id is None:
        return [run.id for run in shown_runs(runs)]
    if run_id not in {run.id for run in runs}:
        raise ProctorError(Code.NOT_FOUND, f"The submission has no run {run_id}.")
    return [run_id]


def _predictions(case: CaseResult) -> dict[str, FileRef]:
    return {name: FileRef.model_validate(file) for name, file in case.predictions.items()}


def _scores(
    session: Session, sight: SubmissionSight
) -> dict[tuple[str, str], dict[tuple[str, str], float | None]]:
    evaluations = session.exec(
        select(Evaluation, Run)
        .join(Run, col(Run.id) == col(Evaluation.run_id))
        .where(
            col(Run.submission_id) == sight.submission.id,
            col(Evaluation.state) == EvaluationState.SCORED.value,
        )
        .order_by(col(Evaluation.id))
    ).all()
    organizer = sight.access is Access.ORGANIZER
    newest = {run.id: row.id for row, run in evaluations if organizer or run.purpose in RESULTS}
    runs = {evaluation: run for run, evaluation in newest.items()}
    scores: defaultdict[tuple[str, str], dict[tuple[str, str], float | None]] = defaultdict(dict)
    for part in (PUBLIC, PRIVATE) if sight.feedback.private else (PUBLIC,):
        table = part.scores
        rows = session.exec(
            select(table).where(col(table.evaluation_id).in_(runs), col(table.case_id) != "")
        )
        for row in rows:
            score = sight.feedback.of(row.value)
            scores[runs[row.evaluation_id], row.case_id][row.metric, row.label] = score
    return scores


def find_logs(
    session: Session, sight: SubmissionSight, run_id: str | None, case_id: str | None
) -> list[tuple[str, FileRef]]:
    """Find logs, each with a title, of one case or all of them.

    Of the run that is named; else of the newest whose log the asker may read, and if that is a
    try-out, of every task's.

    Raises:
        ProctorError: the phase does not show logs, or not yet, or there is no such run or case.
    """
    wanted = select(Run).where(col(Run.submission_id) == sight.submission.id)
    if run_id is not None:
        wanted = wanted.where(col(Run.id) == run_id)
    runs = session.exec(wanted.order_by(col(Run.id))).all()
    if not runs:
        raise ProctorError(Code.NOT_FOUND, f"The submission has no run {run_id}.")
    readable = [run for run in runs if may_read_log(sight, run)]
    if not readable:
        if sight.phase.show_logs and sight.hidden:
            raise ProctorError(Code.NOT_YET, hidden_until("Logs", sight.phase))
        detail = f"Phase {sight.phase.slug} does not show logs to participants."
        raise ProctorError(Code.FORBIDDEN, detail)
    newest = readable[-1]
    chosen = tryouts_of(readable) if newest.purpose == Purpose.TRYOUT else [newest]
    titles = {run.id: _title(run, several=len(chosen) > 1) for run in chosen}
    cases = (
        select(CaseResult)
        .join(Run, col(Run.id) == col(CaseResult.run_id))
        .where(col(CaseResult.run_id).in_(titles), sight.open_case())
    )
    if case_id is not None:
        cases = cases.where(col(CaseResult.case_id) == case_id)
    rows = sorted(session.exec(cases).all(), key=lambda row: (row.run_id, natural_key(row.case_id)))
    if case_id is not None and not rows:
        raise ProctorError(Code.NOT_FOUND, f"Run {newest.id} has no result of case {case_id}.")
    return [
        (f"case {row.case_id}{titles[row.run_id]}", FileRef.model_validate(row.log))
        for row in rows
        if row.log is not None
    ]


def _title(run: Run, *, several: bool) -> str:
    if run.purpose != Purpose.TRYOUT:
        return ""
    return f" (try-out, {run.task})" if several else " (try-out)"


def read_logs(store: Store, logs: list[tuple[str, FileRef]], *, titled: bool) -> Iterator[bytes]:
    """Read logs one after the other, each under a line with its title if ``titled``."""
    for title, file in logs:
        if titled:
            yield f"==> {title} <==\n".encode()
        with store.open(file.digest) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk
        if titled:
            yield b"\n"


def list_events(session: Session, sight: SubmissionSight, user: UserIdentity) -> list[Event]:
    """List the history of a submission, its runs and their evaluations, oldest first.

    Whoever does not organize sees of the facts only those that tell nothing of hidden data, and
    of other actors only that it was not they. From where somebody asked is for admins alone.
    """
    runs = session.exec(select(Run.id).where(col(Run.submission_id) == sight.submission.id)).all()
    evaluations = session.exec(select(Evaluation.id).where(col(Evaluation.run_id).in_(runs))).all()
    subjects = [sight.submission.id, *runs, *evaluations]
    rows = session.exec(
        select(EventRow).where(col(EventRow.subject).in_(subjects)).order_by(col(EventRow.id))
    )
    everything = sight.access is Access.ORGANIZER
    return [
        Event(
            at=row.at,
            subject=row.subject,
            name=row.name,
            actor=row.actor if everything or row.actor == user.id else "platform",
            facts={
                name: fact
                for name, fact in row.facts.items()
                if name in _TOLD or (everything and (name != ORIGIN or user.admin))
            },
        )
        for row in rows
    ]
