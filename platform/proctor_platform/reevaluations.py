"""Scoring archived predictions anew by the newest version; no inference is repeated.

Old evaluations stay as they are, and so do the snapshots that were made from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlmodel import Session, col, select

from proctor.spec.api import Reevaluations
from proctor.spec.states import EvaluationState, RunState, SubmissionState
from proctor.spec.work import RESULTS
from proctor_platform.events import record
from proctor_platform.identity import UserIdentity
from proctor_platform.leaderboards.renewal import (
    UNSCORED,
    Renewal,
    answers_present,
    refreshing_of,
    renewal_of,
)
from proctor_platform.leaderboards.scope import Scope, scope_of
from proctor_platform.rights import organized_challenge, phase_of
from proctor_platform.tables import Challenge, Evaluation, Run, Submission
from proctor_platform.versions import newest, spec_of
from proctor_platform.work.evaluations import queue_evaluation


class Asked(NamedTuple):
    """Scorings that were queued, and submissions whose predictions answer other questions."""

    evaluations: int = 0
    outdated: int = 0


class Archived(NamedTuple):
    """A run that succeeded, and whether it answers what the newest version asks."""

    run: Run
    fits: bool


def queue_missing(session: Session, challenge: Challenge, user: UserIdentity) -> Asked:
    """Queue a scoring for every archived run that the newest version has no score of.

    Args:
        session: the writing session in which the version is published.
        challenge: its challenge, locked.
        user: who publishes.
    """
    return _queue(session, challenge, scopes_of(session, challenge, None), user, {"scored"})


def ask_again(session: Session, user: UserIdentity, slug: str, phase: str | None) -> Reevaluations:
    """Queue a scoring for every archived run, unless one waits already.

    Raises:
        ProctorError: the asker is no organizer, or there is no such phase.
    """
    organized_challenge(session, slug, user)
    locked = select(Challenge).where(col(Challenge.slug) == slug).with_for_update()
    challenge = session.exec(locked).one()
    scopes = scopes_of(session, challenge, phase)
    asked = _queue(session, challenge, scopes, user, set())
    facts = {"version": challenge.newest_version, **asked._asdict()}
    record(session, challenge.id, "reevaluations_asked", user.id, facts)
    session.commit()
    return _told(session, challenge, scopes, asked)


def look(session: Session, user: UserIdentity, slug: str, phase: str | None) -> Reevaluations:
    """Say how far the scores of a challenge are.

    Raises:
        ProctorError: the asker is no organizer, or there is no such phase.
    """
    challenge = organized_challenge(session, slug, user).challenge
    scopes = scopes_of(session, challenge, phase)
    outdated = sum(len(_outdated(session, scope)) for scope in scopes)
    return _told(session, challenge, scopes, Asked(0, outdated))


def _told(
    session: Session, challenge: Challenge, scopes: list[Scope], asked: Asked
) -> Reevaluations:
    renewals = [renewal_of(session, scope) for scope in scopes]
    return Reevaluations(
        version=challenge.newest_version,
        evaluations=asked.evaluations,
        outdated=asked.outdated,
        waiting=sum(renewal.waiting for renewal in renewals),
        failed=sum(renewal.failed for renewal in renewals),
        failure=next((renewal.failure for renewal in renewals if renewal.failure), ""),
        held=" ".join(
            _why_held(session, scope, renewal)
            for scope, renewal in zip(scopes, renewals, strict=True)
            if renewal.held
        ),
    )


def _why_held(session: Session, scope: Scope, renewal: Renewal) -> str:
    """Say to an organizer why a board stays as it was, and what to do about it."""
    board = f"The board of {scope.phase.slug} stays as it was"
    if renewal.failed:
        return (
            f"{board}: scoring {renewal.failed} of its runs anew failed ({renewal.failure}). Mend"
            " what it names and publish; of a failure of the platform's, ask once more with"
            f" `proctor challenge reevaluate {scope.spec.slug}`."
        )
    refreshing = refreshing_of(session, scope)
    if refreshing.failed:
        return (
            f"{board}: {refreshing.failed} runs on the newest test set failed for no fault of a"
            f" model ({refreshing.failure}). Mend what it names, then ask for them once more with"
            f" `proctor challenge refresh {scope.spec.slug}`."
        )
    return f"{board} until what is archived has run and been scored anew; nothing is to be done."


def scopes_of(session: Session, challenge: Challenge, phase: str | None) -> list[Scope]:
    """Return the scopes of one phase of the newest version, or of all.

    Raises:
        ProctorError: there is no such phase.
    """
    spec = spec_of(newest(session, challenge))
    phases = (
        [known.slug for known in spec.phases] if phase is None else [phase_of(spec, phase).slug]
    )
    found = [scope_of(session, challenge.id, slug) for slug in phases]
    return [scope for scope in found if scope is not None]


def _queue(
    session: Session,
    challenge: Challenge,
    scopes: list[Scope],
    user: UserIdentity,
    enough: set[str],
) -> Asked:
    """Queue scorings of runs without a present one that is ``enough`` or has not ended."""
    evaluations = outdated = 0
    sufficient = enough | UNSCORED
    for scope in scopes:
        gone = _outdated(session, scope)
        outdated += len(gone)
        present = _present(session, scope)
        for archived in archived_runs(session, scope):
            state = present.get(archived.run.id)
            if archived.run.submission_id in gone or state in sufficient:
                continue
            queue_evaluation(session, archived.run, scope.version, actor=user.id)
            evaluations += 1
    return Asked(evaluations, outdated)


def _outdated(session: Session, scope: Scope) -> set[str]:
    """Return the submissions whose predictions do not answer what the newest version asks."""
    return {
        archived.run.submission_id
        for archived in archived_runs(session, scope)
        if not archived.fits
    }


def archived_runs(session: Session, scope: Scope) -> Iterator[Archived]:
    """Yield of each submission and task the newest run that answers what is asked, else the last.

    Only runs that succeeded are archived.
    """
    rows = session.exec(
        select(Run)
        .join(Submission, col(Submission.id) == col(Run.submission_id))
        .where(
            Submission.challenge_id == scope.challenge.id,
            Submission.phase == scope.phase.slug,
            Submission.state == SubmissionState.ACCEPTED.value,
            col(Run.purpose).in_(RESULTS),
            Run.state == RunState.SUCCEEDED.value,
            col(Run.task).in_(scope.phase.tasks),
        )
        .order_by(col(Run.id))
    )
    answers: dict[tuple[int, str], bool] = {}
    newest_runs: dict[tuple[str, str], Archived] = {}
    for run in rows:
        if (asked := (run.version, run.task)) not in answers:
            answers[asked] = answers_present(session, scope, run)
        key = run.submission_id, run.task
        if answers[asked] or key not in newest_runs or not newest_runs[key].fits:
            newest_runs[key] = Archived(run, answers[asked])
    yield from newest_runs.values()


def _present(session: Session, scope: Scope) -> dict[str, str]:
    """Return, by run, the state of a scoring under the present definitions, the best there is."""
    rows = session.exec(
        select(Evaluation.run_id, Evaluation.state, Evaluation.version, Run.task)
        .join(Run, col(Run.id) == col(Evaluation.run_id))
        .join(Submission, col(Submission.id) == col(Run.submission_id))
        .where(
            Submission.challenge_id == scope.challenge.id,
            Submission.phase == scope.phase.slug,
            col(Run.task).in_(scope.phase.tasks),
        )
        .order_by(col(Evaluation.id))
    )
    found: dict[str, str] = {}
    for run, state, version, task in rows:
        if version not in scope.comparable[task]:
            continue
        if state in UNSCORED or found.get(run) != EvaluationState.SCORED.value:
            found[run] = state
    return found
