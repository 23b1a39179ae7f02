"""Running archived submissions on a test set that was published after they were entered.

Only models run again, and only where files come and are answered as before; each by the runtime
image it was entered with. It costs no quota, and until all have ended the board before stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from proctor.spec.api import Refreshes, RefreshRequest
from proctor.spec.challenge import SubmissionKind
from proctor.spec.outcomes import OUTCOMES, Code, Owner
from proctor.spec.states import RunState, SubmissionState
from proctor.spec.work import RESULTS, Purpose
from proctor_platform.alike import answerable
from proctor_platform.events import record
from proctor_platform.identity import UserIdentity
from proctor_platform.leaderboards.renewal import (
    UNDONE,
    answers_present,
    refreshing_of,
    renewal_of,
)
from proctor_platform.leaderboards.scope import Scope
from proctor_platform.reevaluations import scopes_of
from proctor_platform.rights import organized_challenge
from proctor_platform.tables import (
    Challenge,
    ChallengeVersion,
    LeaderboardRow,
    LeaderboardSnapshot,
    Run,
    Submission,
)
from proctor_platform.work.runs import queue_run


class _Plan(NamedTuple):
    """What of a phase can run on the newest test set and has not, and what cannot."""

    wanted: list[tuple[Submission, str]]
    outdated: set[str]
    predictions: set[str]


def ask(session: Session, user: UserIdentity, slug: str, request: RefreshRequest) -> Refreshes:
    """Queue a run on the newest test set for what is archived; what runs or has run is left.

    Raises:
        ProctorError: the asker is no organizer, or there is no such phase.
    """
    organized_challenge(session, slug, user)
    locked = select(Challenge).where(col(Challenge.slug) == slug).with_for_update()
    challenge = session.exec(locked).one()
    scopes = scopes_of(session, challenge, request.phase)
    plans = [_plan(session, scope, best=request.best) for scope in scopes]
    for scope, plan in zip(scopes, plans, strict=True):
        for submission, task in plan.wanted:
            queue_run(
                session,
                submission,
                scope.version,
                scope.phase,
                task,
                user.id,
                purpose=Purpose.REFRESH,
            )
    told = _told(session, challenge, scopes, plans, sum(len(plan.wanted) for plan in plans))
    facts = {"version": told.version, "runs": told.runs, "best": request.best}
    record(session, challenge.id, "refresh_asked", user.id, facts)
    session.commit()
    return told


def look(session: Session, user: UserIdentity, slug: str, phase: str | None) -> Refreshes:
    """Say how far what is archived is on the newest test set.

    Raises:
        ProctorError: the asker is no organizer, or there is no such phase.
    """
    challenge = organized_challenge(session, slug, user).challenge
    scopes = scopes_of(session, challenge, phase)
    plans = [_plan(session, scope, best=False) for scope in scopes]
    return _told(session, challenge, scopes, plans, 0)


def _told(
    session: Session, challenge: Challenge, scopes: list[Scope], plans: list[_Plan], queued: int
) -> Refreshes:
    refreshing = [refreshing_of(session, scope) for scope in scopes]
    renewals = [renewal_of(session, scope) for scope in scopes]
    failures = [part.failure for part in refreshing] + [part.failure for part in renewals]
    return Refreshes(
        version=challenge.newest_version,
        runs=queued,
        outdated=len(_all(plan.outdated for plan in plans)),
        predictions=len(_all(plan.predictions for plan in plans)),
        waiting=sum(part.running for part in refreshing) + sum(part.waiting for part in renewals),
        failed=sum(part.failed for part in refreshing) + sum(part.failed for part in renewals),
        failure=next(filter(None, failures), ""),
    )


def _all(sets: Iterable[set[str]]) -> set[str]:
    return set().union(*sets)


def _plan(session: Session, scope: Scope, *, best: bool) -> _Plan:
    runs = _runs(session, scope)
    standing = _standing(session, scope) if best else None
    plan = _Plan([], set(), set())
    for submission in _submissions(session, scope):
        if standing is not None and submission.id not in standing:
            continue
        entered = session.get_one(ChallengeVersion, (scope.challenge.id, submission.version))
        for task in scope.phase.tasks:
            done = runs.get((submission.id, task), [])
            if any(_settles(session, scope, run) for run in done):
                continue
            if submission.kind == SubmissionKind.PREDICTIONS:
                plan.predictions.add(submission.id)
            elif not done or not answerable(entered, scope.version, task):
                plan.outdated.add(submission.id)
            elif any(run.state == RunState.SUCCEEDED for run in done):
                plan.wanted.append((submission, task))
    return plan


def _settles(session: Session, scope: Scope, run: Run) -> bool:
    """Tell whether a run answers what is asked now: it did, will, or its model could not."""
    if not answers_present(session, scope, run):
        return False
    if run.state == RunState.FAILED:
        return run.outcome is not None and OUTCOMES[Code(run.outcome)].owner is Owner.PARTICIPANT
    return run.state == RunState.SUCCEEDED or run.state in UNDONE


def _submissions(session: Session, scope: Scope) -> list[Submission]:
    rows = session.exec(
        select(Submission)
        .where(
            Submission.challenge_id == scope.challenge.id,
            Submission.phase == scope.phase.slug,
            Submission.state == SubmissionState.ACCEPTED.value,
            col(Submission.check_only).is_(False),
        )
        .order_by(col(Submission.id))
        # It may have megabytes, of each of thousands.
        .options(defer(Submission.content))  # type: ignore[arg-type]  # SQLModel types it as a dict
    )
    return list(rows)


def _runs(session: Session, scope: Scope) -> dict[tuple[str, str], list[Run]]:
    rows = session.exec(
        select(Run)
        .join(Submission, col(Submission.id) == col(Run.submission_id))
        .where(
            Submission.challenge_id == scope.challenge.id,
            Submission.phase == scope.phase.slug,
            col(Run.purpose).in_(RESULTS),
        )
        .order_by(col(Run.id))
    )
    found: dict[tuple[str, str], list[Run]] = {}
    for run in rows:
        found.setdefault((run.submission_id, run.task), []).append(run)
    return found


def _standing(session: Session, scope: Scope) -> set[str]:
    """Return the submissions on the newest board."""
    newest = (
        select(LeaderboardSnapshot.id)
        .where(
            LeaderboardSnapshot.challenge_id == scope.challenge.id,
            LeaderboardSnapshot.phase == scope.phase.slug,
        )
        .order_by(col(LeaderboardSnapshot.number).desc())
        .limit(1)
    )
    board = session.exec(newest).first()
    rows = session.exec(
        select(LeaderboardRow.submission_id).where(LeaderboardRow.leaderboard_id == board)
    )
    return set(rows)
