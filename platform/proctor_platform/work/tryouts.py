"""Try-outs: a submission answers the public sample before it meets a hidden case.

A try-out passes when every case of it is OK. The last one that passes accepts the submission and
queues its first runs in its own transaction, so they are queued once, whoever stops when. One that
fails ends the submission; it has met no hidden case and is not charged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlmodel import Session, select

from proctor.spec.outcomes import OUTCOMES, Code
from proctor.spec.states import RunState, SubmissionState
from proctor.spec.work import Purpose, RunReport
from proctor_platform.events import PLATFORM
from proctor_platform.tables import CaseResult, ChallengeVersion, Run, Submission
from proctor_platform.transitions import move
from proctor_platform.versions import spec_of
from proctor_platform.work.runs import queue_run


class Fault(NamedTuple):
    """Why a try-out did not pass, for its participant."""

    code: Code
    detail: str


def fault_of(run: Run, report: RunReport, results: Sequence[CaseResult]) -> Fault | None:
    """Return what of a try-out's results is the participant's to mend; none when all is well."""
    lost = [row for row in results if row.outcome != Code.OK]
    if not lost:
        if report.outcome is Code.OK:
            return None
        return Fault(report.outcome, report.detail)
    first = lost[0]
    code = Code(first.outcome)
    counted = (
        f"Case {first.case_id} of the public sample failed"
        if len(lost) == 1
        else f"{len(lost)} of {len(results)} cases of the public sample failed;"
        f" the first is {first.case_id}"
    )
    return Fault(
        code,
        f"{counted}: {first.detail or OUTCOMES[code].message}"
        f" What the model printed: `proctor logs {run.submission_id}`.",
    )


def accept_if_all_passed(session: Session, run: Run, actor: str) -> None:
    """Accept the submission of a try-out that has passed, unless another task's has not yet.

    The submission is locked, so of two try-outs that end at once one sees the other's end.
    """
    submission = session.get_one(Submission, run.submission_id)
    states = session.exec(
        select(Run.state).where(
            Run.submission_id == submission.id, Run.purpose == Purpose.TRYOUT.value
        )
    ).all()
    if any(state != RunState.SUCCEEDED for state in states):
        return
    accepted = move(session, submission, SubmissionState.ACCEPTED, actor=actor)
    if not accepted or submission.check_only:
        return
    version = session.get_one(ChallengeVersion, (submission.challenge_id, submission.version))
    phase = spec_of(version).phase(submission.phase)
    for task in phase.tasks:
        queue_run(session, submission, version, phase, task, submission.user_id, actor=PLATFORM)
