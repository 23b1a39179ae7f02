"""Submissions as the wire shows them, with their runs and evaluations.

A page of many is read with one query a table. Scores of a hidden phase are not read at all for
whoever may not see them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, func, true
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from proctor.spec.api import EvaluationView, Page, RunView, Source, SubmissionView
from proctor.spec.base import FileRef
from proctor.spec.contract import Contract
from proctor.spec.model import Protocol
from proctor.spec.outcomes import OUTCOMES, Code
from proctor.spec.states import EvaluationState, RunState, SubmissionState
from proctor.spec.work import RESULTS, Environment, Purpose
from proctor_platform.alike import asked_alike
from proctor_platform.identity import UserIdentity
from proctor_platform.outbox import boards_about_to_come
from proctor_platform.rights import organizes
from proctor_platform.score_tables import AggregateScore
from proctor_platform.settings import PlatformSettings
from proctor_platform.submissions.figures import coarse_seconds, has_exact_figures
from proctor_platform.submissions.progress import (
    Progress,
    first_runs,
    progress_of,
    telling_evaluations,
    tryouts_of,
)
from proctor_platform.submissions.sights import (
    Access,
    SubmissionSight,
    is_inside,
    shown_card,
    sight_of,
)
from proctor_platform.submissions.standing import newest_board, ranked_rows, standing_of
from proctor_platform.tables import (
    CaseResult,
    Challenge,
    ChallengeVersion,
    Evaluation,
    LeaderboardRow,
    ModelWithdrawal,
    Run,
    Submission,
    User,
)
from proctor_platform.versions import newest
from proctor_platform.work.reasons import WaitingReasons

# A content may have megabytes, and a page has many.
_SUBMISSION_ALONE = defer(Submission.content)  # type: ignore[arg-type]  # SQLModel types it as a dict
_RUN_ALONE = defer(Run.content)  # type: ignore[arg-type]


@dataclass
class _Parts:
    """Rows that belong to some submissions, by what they belong to."""

    names: dict[str, str] = field(default_factory=dict)
    runs: defaultdict[str, list[Run]] = field(default_factory=lambda: defaultdict(list))
    failed_cases: dict[str, int] = field(default_factory=dict)
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    scores: defaultdict[str, list[AggregateScore]] = field(
        default_factory=lambda: defaultdict(list)
    )
    places: dict[str, LeaderboardRow] = field(default_factory=dict)
    standing: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """Who stands for (challenge, phase, participant) on the newest board; no baseline does."""
    ranked: dict[tuple[str, str], int] = field(default_factory=dict)
    """Ranked rows of the newest board of (challenge, phase)."""
    renewing: set[tuple[str, str]] = field(default_factory=set)
    """(challenge, phase) of boards that are about to be made anew."""
    waiting: dict[str, str] = field(default_factory=dict)
    """Why a run waits, where there is more to say than that it does."""
    outdated: dict[str, int] = field(default_factory=dict)
    """The version that asks something else than what a submission has answered."""
    withdrawn: set[str] = field(default_factory=set)
    """Submissions whose model is shown to its owner and the organizers alone."""


def view_submission(
    session: Session, sight: SubmissionSight, settings: PlatformSettings
) -> SubmissionView:
    """Show one submission as far as ``sight`` reaches; its page is on the dashboard, if any."""
    return _view_all(session, [sight], settings)[0]


def list_submissions(
    session: Session,
    user: UserIdentity,
    settings: PlatformSettings,
    *,
    challenge: str | None,
    phase: str | None,
    mine: bool,
    offset: int,
    limit: int,
) -> Page[SubmissionView]:
    """List the submissions of the user and of the challenges the user organizes, newest first."""
    conditions = [is_inside(user)]
    if challenge is not None:
        conditions.append(col(Challenge.slug) == challenge)
    if phase is not None:
        conditions.append(col(Submission.phase) == phase)
    if mine:
        conditions.append(col(Submission.user_id) == user.id)
    of_challenge = col(Challenge.id) == col(Submission.challenge_id)
    total = session.exec(
        select(func.count())
        .select_from(Submission)
        .join(Challenge, of_challenge)
        .where(*conditions)
    ).one()
    rows = session.exec(
        select(Submission, Challenge, organizes(user))
        .join(Challenge, of_challenge)
        .where(*conditions)
        .order_by(col(Submission.id).desc())
        .offset(offset)
        .limit(limit)
        .options(_SUBMISSION_ALONE)
    ).all()
    sights = [
        sight_of(session, submission, owner, user, organizer=bool(organizer))
        for submission, owner, organizer in rows
    ]
    return Page(items=tuple(_view_all(session, sights, settings)), offset=offset, total=total)


def _view_all(
    session: Session, sights: Sequence[SubmissionSight], settings: PlatformSettings
) -> list[SubmissionView]:
    parts = _read(session, sights, settings.running)
    return [_view(sight, parts, settings.dashboard_url) for sight in sights]


def _read(session: Session, sights: Sequence[SubmissionSight], running: int | None) -> _Parts:
    parts = _Parts()
    ids = [sight.submission.id for sight in sights]
    users = {sight.submission.user_id for sight in sights}
    parts.names = {
        user.id: user.name for user in session.exec(select(User).where(col(User.id).in_(users)))
    }
    runs = session.exec(
        select(Run).where(col(Run.submission_id).in_(ids)).order_by(col(Run.id)).options(_RUN_ALONE)
    ).all()
    for run in runs:
        parts.runs[run.submission_id].append(run)
    run_ids = [run.id for run in runs]
    parts.failed_cases = _failed_cases(session, run_ids, true())
    for sight in sights:
        if not sight.feedback.private:
            its_runs = [run.id for run in parts.runs[sight.submission.id]]
            for run_id in its_runs:
                parts.failed_cases.pop(run_id, None)
            parts.failed_cases |= _failed_cases(session, its_runs, sight.open_case())
    evaluations = session.exec(
        select(Evaluation).where(col(Evaluation.run_id).in_(run_ids)).order_by(col(Evaluation.id))
    ).all()
    parts.evaluations = telling_evaluations(evaluations)
    _read_scores(session, sights, parts)
    gone = select(ModelWithdrawal.submission_id).where(col(ModelWithdrawal.submission_id).in_(ids))
    parts.withdrawn = set(session.exec(gone).all())
    reasons = WaitingReasons(session, running)
    for sight in sights:
        if sight.access is not Access.READER:
            runs_of_it = parts.runs[sight.submission.id]
            parts.waiting |= reasons.of(sight.submission, runs_of_it)
    return parts


def _failed_cases(
    session: Session, runs: Sequence[str], condition: ColumnElement[bool]
) -> dict[str, int]:
    return dict(
        session.exec(
            select(col(CaseResult.run_id), func.count())
            .join(Run, col(Run.id) == col(CaseResult.run_id))
            .where(
                col(CaseResult.run_id).in_(runs),
                col(CaseResult.outcome) != Code.OK.value,
                condition,
            )
            .group_by(col(CaseResult.run_id))
        ).all()
    )


def _read_scores(session: Session, sights: Sequence[SubmissionSight], parts: _Parts) -> None:
    open_to_asker = [sight for sight in sights if not sight.hidden]
    wanted = [
        parts.evaluations[run.id].id
        for sight in open_to_asker
        for run in parts.runs[sight.submission.id]
        if run.id in parts.evaluations and _scores_shown(sight, run)
    ]
    rows = session.exec(select(AggregateScore).where(col(AggregateScore.evaluation_id).in_(wanted)))
    for row in rows:
        parts.scores[row.evaluation_id].append(row)
    boards = {(s.challenge.id, s.phase.slug) for s in open_to_asker}
    boards_now = [board for key in boards if (board := newest_board(session, *key)) is not None]
    parts.ranked = ranked_rows(session, boards_now)
    parts.renewing = boards_about_to_come(session, boards)
    users = {sight.submission.user_id for sight in open_to_asker}
    places = session.exec(
        select(LeaderboardRow, Submission)
        .join(Submission, col(Submission.id) == col(LeaderboardRow.submission_id))
        .where(
            col(LeaderboardRow.leaderboard_id).in_([board.id for board in boards_now]),
            col(Submission.user_id).in_(users),
        )
        .options(_SUBMISSION_ALONE)
    ).all()
    parts.places = {row.submission_id: row for row, _ in places}
    parts.standing = {
        (owner.challenge_id, owner.phase, owner.user_id): row.submission_id
        for row, owner in places
        if not owner.baseline
    }
    _read_outdated(session, open_to_asker, parts)


def _read_outdated(session: Session, sights: Sequence[SubmissionSight], parts: _Parts) -> None:
    """Find which of the submissions that stand nowhere answer what is not asked any more."""
    alike: dict[tuple[str, int, str], bool] = {}
    for sight in sights:
        submission = sight.submission
        if submission.id in parts.places or submission.version == sight.challenge.newest_version:
            continue
        for task in first_runs(parts.runs[submission.id]):
            answered = {
                run.version
                for run in parts.runs[submission.id]
                if run.task == task and run.purpose in RESULTS
            }
            if not any(_alike(session, sight.challenge, alike, one, task) for one in answered):
                parts.outdated[submission.id] = sight.challenge.newest_version


def _alike(
    session: Session,
    challenge: Challenge,
    known: dict[tuple[str, int, str], bool],
    number: int,
    task: str,
) -> bool:
    """Tell whether what answers a version's task answers what is asked now; asked once each."""
    key = challenge.id, number, task
    if key not in known:
        answered = session.get_one(ChallengeVersion, (challenge.id, number))
        known[key] = asked_alike(session, answered, newest(session, challenge), task)
    return known[key]


def _scores_shown(sight: SubmissionSight, run: Run) -> bool:
    # The scores of a re-run, of the same model too, would be a submission that no quota counts.
    if sight.access is Access.ORGANIZER:
        return True
    return run.purpose in RESULTS and not sight.feedback.board_only


def _view(sight: SubmissionSight, parts: _Parts, dashboard: str) -> SubmissionView:
    submission = sight.submission
    runs = parts.runs[submission.id]
    progress = progress_of(submission, runs, parts.evaluations)
    place = parts.places.get(submission.id)
    board = submission.challenge_id, submission.phase
    bare = sight.access is Access.READER and submission.id in parts.withdrawn
    source = None if bare else submission.source
    if progress.word == "scored" and place is None and board in parts.renewing:
        progress = Progress("ranking", final=False)
    return SubmissionView(
        id=submission.id,
        challenge=sight.challenge.slug,
        challenge_version=submission.version,
        phase=submission.phase,
        participant=parts.names[submission.user_id],
        kind=submission.kind,
        contract=Contract(submission.contract),
        card=shown_card(submission, bare=bare),
        message="" if sight.access is Access.READER else submission.message,
        baseline=submission.baseline,
        check_only=submission.check_only,
        source=Source.model_validate(source) if source else None,
        content_digest=submission.content_digest,
        state=SubmissionState(submission.state),
        progress=progress.word,
        final=progress.final,
        outcome=progress.outcome,
        detail=sight.told(
            progress.outcome,
            progress.detail,
            sample=bool(tryouts_of(runs)) and not first_runs(runs),
            whole=True,
        ),
        hint=OUTCOMES[progress.outcome].hint if progress.outcome else "",
        rank=place.rank if place else None,
        leaderboard=place.leaderboard_id if place else None,
        standing=standing_of(
            sight,
            progress,
            place,
            parts.ranked.get(board, 0),
            parts.standing.get((*board, submission.user_id)),
            parts.outdated.get(submission.id),
        ),
        runs=tuple(_view_run(sight, run, parts) for run in runs),
        submitted_at=submission.submitted_at,
        yours=sight.yours,
        page=f"{dashboard}/submission?id={submission.id}" if dashboard else "",
    )


def _view_run(sight: SubmissionSight, run: Run, parts: _Parts) -> RunView:
    evaluation = parts.evaluations.get(run.id)
    outcome = Code(run.outcome) if run.outcome else None
    return RunView(
        id=run.id,
        task=run.task,
        purpose=run.purpose,
        split=run.split,
        state=RunState(run.state),
        stage=run.stage,
        outcome=outcome,
        owner=OUTCOMES[outcome].owner if outcome else None,
        detail=sight.told(
            run.outcome, run.detail, sample=run.purpose == Purpose.TRYOUT, whole=True
        ),
        cases_done=run.cases_done,
        cases_failed=parts.failed_cases.get(run.id, 0),
        cases_total=run.cases_total,
        attempt=run.attempt,
        seconds=run.seconds if has_exact_figures(sight, run) else coarse_seconds(run.seconds),
        protocol=Protocol(run.protocol) if run.protocol else None,
        environment=Environment.model_validate(run.environment) if run.environment else None,
        # Whoever knows what a model can have written finds out by its digest what it did write.
        predictions_digest=run.predictions_digest if sight.feedback.whole else None,
        verdict=run.verdict,
        verdict_detail=run.verdict_detail if sight.feedback.whole else "",
        queued_at=run.queued_at,
        waiting=parts.waiting.get(run.id, ""),
        started_at=run.started_at,
        ended_at=run.ended_at,
        evaluation=_view_evaluation(sight, run, evaluation, parts) if evaluation else None,
    )


def _shown_scores(
    sight: SubmissionSight,
    run: Run,
    rows: Sequence[AggregateScore],
    place: LeaderboardRow | None,
) -> dict[str, float | None]:
    """Return the scores of a run as exact as they may be; by the Ladder, those of the board."""
    if not sight.feedback.board_only:
        scores = {(row.metric, row.label): sight.feedback.of(row.value) for row in rows}
        return {f"{run.task}/{key}": value for key, value in sight.in_order(run.task, scores)}
    values = {} if place is None or run.purpose not in RESULTS else json.loads(place.body)["values"]
    return {key: found["value"] for key, found in values.items() if key.split("/")[0] == run.task}


def _view_evaluation(
    sight: SubmissionSight, run: Run, evaluation: Evaluation, parts: _Parts
) -> EvaluationView:
    place = parts.places.get(sight.submission.id)
    return EvaluationView(
        id=evaluation.id,
        state=EvaluationState(evaluation.state),
        outcome=Code(evaluation.outcome) if evaluation.outcome else None,
        detail=sight.told(evaluation.outcome, evaluation.detail, whole=True),
        scores=_shown_scores(sight, run, parts.scores[evaluation.id], place),
        definitions={name: facts["definition_id"] for name, facts in evaluation.metrics.items()},
        per_item=(
            FileRef.model_validate(evaluation.per_item)
            if evaluation.per_item and sight.access is Access.ORGANIZER
            else None
        ),
    )
