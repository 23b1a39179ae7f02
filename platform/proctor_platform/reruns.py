"""Re-runs: what a second inference showed beside the archived predictions and scores.

What a verdict means is in ``proctor.spec.verdicts``. A failure of ours is no verdict on a model.
"""

from __future__ import annotations

from sqlalchemy import update
from sqlmodel import Session, col, select

from proctor.spec.leaderboard import Verdict
from proctor.spec.outcomes import OUTCOMES, Code, Owner
from proctor.spec.states import EvaluationState
from proctor.spec.verdicts import (
    Answer,
    Finding,
    ScoreKey,
    changed_case,
    compare_predictions,
    compare_scores,
    environment_difference,
)
from proctor_platform import outbox
from proctor_platform.events import PLATFORM, record
from proctor_platform.parts import PRIVATE, PUBLIC
from proctor_platform.submissions.sights import sight_of
from proctor_platform.tables import (
    CaseResult,
    Challenge,
    ChallengeVersion,
    Evaluation,
    Membership,
    Run,
    Submission,
    User,
)
from proctor_platform.work.documents import frame_of


def needs_scores(session: Session, rerun: Run) -> bool:
    """Judge a re-run by its predictions; if they leave the verdict open, ask for scores.

    Returns:
        Whether the re-run must be scored before it can be judged.
    """
    first = _compared_with(session, rerun)
    before, after = _cases(session, first), _cases(session, rerun)
    finding = compare_predictions(before, after)
    if finding is None and (reason := _without_scores(session, rerun)):
        changed = changed_case(before, after)
        finding = Finding(Verdict.DIFFERENT, f"Predictions of case {changed} differ. {reason}")
    if finding is None:
        return True
    _give_verdict(session, first, rerun, finding)
    return False


def archived_version(session: Session, rerun: Run) -> ChallengeVersion:
    """Return the version by which the archived predictions were scored last."""
    first = _compared_with(session, rerun)
    scored = session.exec(
        select(Evaluation.version)
        .where(Evaluation.run_id == first.id, Evaluation.state == EvaluationState.SCORED)
        .order_by(col(Evaluation.id).desc())
    ).first()
    return frame_of(session, first, scored).version


def judge_scores(session: Session, rerun: Run, evaluation: Evaluation) -> None:
    """Judge a re-run by its scores, whose predictions were not the same bytes."""
    first = _compared_with(session, rerun)
    archived = session.exec(
        select(Evaluation.id)
        .where(
            Evaluation.run_id == first.id,
            Evaluation.state == EvaluationState.SCORED,
            Evaluation.version == evaluation.version,
        )
        .order_by(col(Evaluation.id).desc())
    ).first()
    changed = changed_case(_cases(session, first), _cases(session, rerun))
    if archived is None:
        finding = Finding(
            Verdict.DIFFERENT,
            f"Predictions of case {changed} differ, and the first run has no scores to compare.",
        )
    else:
        finding = compare_scores(
            _scores(session, archived),
            _scores(session, evaluation.id),
            frame_of(session, first, evaluation.version).task.rerun_tolerance,
            changed,
        )
    _give_verdict(session, first, rerun, finding)


def judge_failure(session: Session, rerun: Run, code: Code) -> None:
    """Judge a re-run, or its scoring, that failed; only a model's own failure is a verdict."""
    if OUTCOMES[code].owner is not Owner.PARTICIPANT:
        return
    first = _compared_with(session, rerun)
    lost = next(
        (
            f"case {case_id} ended with {answer.outcome}"
            for case_id, answer in sorted(_cases(session, rerun).items())
            if answer.outcome != Code.OK
        ),
        f"it ended with {code.value}",
    )
    _give_verdict(session, first, rerun, Finding(Verdict.DIFFERENT, f"The re-run failed: {lost}."))


def _give_verdict(session: Session, first: Run, rerun: Run, finding: Finding) -> None:
    difference = environment_difference(first.environment, rerun.environment)
    detail = f"{finding.detail} {difference}"
    session.execute(
        update(Run)
        .where(col(Run.id) == rerun.id)
        .values(verdict=finding.verdict.value, verdict_detail=detail)
    )
    submission = session.get_one(Submission, rerun.submission_id)
    record(
        session,
        rerun.id,
        "rerun_judged",
        PLATFORM,
        {"verdict": finding.verdict.value, "submission": submission.id},
    )
    outbox.renew_board(session, submission.challenge_id, submission.phase)


def _without_scores(session: Session, rerun: Run) -> str:
    """Say why a re-run is not scored; nothing where it is.

    The scores of other content are a submission without a quota. Whether the scores of the same
    model stay the same is an answer of the hidden reference too, for a model that draws what it
    changes: a phase that keeps anything back does not give it.
    """
    submission = session.get_one(Submission, rerun.submission_id)
    member = session.get(Membership, (submission.challenge_id, rerun.requested_by))
    if session.get_one(User, rerun.requested_by).admin or (member and member.organizer):
        return ""
    if rerun.content is not None:
        return "Other content is compared by digests alone; submit it to have it scored."
    challenge = session.get_one(Challenge, submission.challenge_id)
    if sight_of(session, submission, challenge, None, organizer=False).feedback.whole:
        return ""
    return (
        "While the phase kept scores back, a participant's re-run was compared by digests alone;"
        " run it again now that it is over, or ask an organizer."
    )


def _compared_with(session: Session, rerun: Run) -> Run:
    return session.get_one(Run, rerun.compared_with)


def _cases(session: Session, run: Run) -> dict[str, Answer]:
    rows = session.exec(select(CaseResult).where(CaseResult.run_id == run.id))
    return {
        row.case_id: Answer(
            row.outcome, {output: file["digest"] for output, file in row.predictions.items()}
        )
        for row in rows
    }


def _scores(session: Session, evaluation_id: str) -> dict[ScoreKey, float | None]:
    found: dict[ScoreKey, float | None] = {}
    for part in (PUBLIC, PRIVATE):
        rows = session.exec(select(part.scores).where(part.scores.evaluation_id == evaluation_id))
        for row in rows:
            # Both parts have a pooled value, under no case.
            pooled = part.private and not row.case_id
            metric = f"{row.metric} of private cases" if pooled else row.metric
            found[row.case_id, metric, row.label] = row.value
    return found
