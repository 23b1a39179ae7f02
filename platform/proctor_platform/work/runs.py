"""Runs: one more execution of a submission on a task, with its event and its bell."""

from __future__ import annotations

import secrets
from typing import Any

from sqlmodel import Session

from proctor.spec.challenge import PhaseSpec
from proctor.spec.identifiers import Kind, new_id
from proctor.spec.states import RunState
from proctor.spec.work import Purpose, Queue, Split
from proctor_platform.events import record
from proctor_platform.outbox import ring
from proctor_platform.tables import ChallengeVersion, Run, Submission
from proctor_platform.versions import dataset_row, spec_of


def queue_run(
    session: Session,
    submission: Submission,
    version: ChallengeVersion,
    phase: PhaseSpec,
    task: str,
    requested_by: str,
    *,
    purpose: Purpose = Purpose.FIRST,
    actor: str | None = None,
    **fields: Any,
) -> Run:
    """Add a waiting run of a submission on one task, its event and its bell.

    Args:
        session: the writing session; committing it is the caller's.
        submission: what is executed.
        version: the challenge version whose cases it answers.
        phase: whose limits decide the queue.
        task: the task's slug.
        requested_by: the user who wants it.
        purpose: a try-out answers the first cases of the sample; all others the hidden cases.
        actor: who makes it, for the event; the user who wants it when not given.
        fields: further columns.
    """
    queue = Queue.RUN_GPU if phase.limits.gpu else Queue.RUN_CPU
    split = Split.SAMPLE if purpose is Purpose.TRYOUT else Split.HIDDEN
    cases = dataset_row(session, version, task, split).cases
    if purpose is Purpose.TRYOUT:
        cases = min(cases, spec_of(version).task(task).tryout_cases)
    run = Run(
        id=new_id(Kind.RUN),
        submission_id=submission.id,
        task=task,
        purpose=purpose.value,
        split=split.value,
        version=version.number,
        requested_by=requested_by,
        queue=queue.value,
        state=RunState.QUEUED.value,
        cases_total=cases,
        **{"alias_seed": secrets.token_hex(16), **fields},
    )
    session.add(run)
    session.flush()
    facts = {"task": task, "purpose": purpose.value}
    record(session, run.id, "run_queued", actor or requested_by, facts)
    ring(session, run.id, queue)
    return run
