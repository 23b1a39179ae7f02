"""Re-runs: what a second inference showed beside the archived predictions and scores.

*Identical*: the canonical digests of every case are equal. *Within tolerance*: every score of the
re-run lies within the task's ``rerun_tolerance`` of the archived one. Else *different*, with the
first case. A failure of ours is no verdict on a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import update
from sqlmodel import Session, col, select

from proctor.spec.leaderboard import Verdict
from proctor.spec.outcomes import OUTCOMES, Code, Owner
from proctor.spec.states import EvaluationState
from proctor_platform import outbox
from proctor_platform.events import PLATFORM, record
from proctor_platform.tables import (
    CaseResult,
    ChallengeVersion,
    Evaluation,
    Membership,
    Run,
    Score,
    Submission,
    User,
)
from proctor_platform.work.documents import frame_of

_Key = tuple[str, str, str]
"""Case, metric and label; the case of a pooled score is empty."""


class Finding(NamedTuple):
    """A verdict and the sentence that says where it comes from."""

    verdict: Verdict
    detail: str


def needs_scores(session: Session, rerun: Run) -> bool:
    """Judge a re-run by its predictions; if they leave the verdict open, ask for scores.

    Returns:
        Whether the re-run must be scored before it can be judged.
    """
    first = _compared_with(session, rerun)
    before, after = _cases(session, first), _cases(session, rerun)
    finding = compare_predictions(before, after)
    if finding is None and not _may_have_scores(session, rerun):
        changed = changed_case(before, after)
        finding = Finding(
            Verdict.DIFFERENT,
            f"Predictions of case {changed} differ. Other content is compared by digests alone;"
            " submit it to have it scored.",
        )
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
            f"case {row.case_id} ended with {row.outcome}"
            for _, row in sorted(_cases(session, rerun).items())
            if row.outcome != Code.OK
        ),
        f"it ended with {code.value}",
    )
    _give_verdict(session, first, rerun, Finding(Verdict.DIFFERENT, f"The re-run failed: {lost}."))


def compare_predictions(
    first: Mapping[str, CaseResult], rerun: Mapping[str, CaseResult]
) -> Finding | None:
    """Return a verdict if digests alone decide, else none."""
    for case_id in sorted(first.keys() | rerun.keys()):
        before, after = first.get(case_id), rerun.get(case_id)
        answered = bool(before and before.predictions), bool(after and after.predictions)
        if answered[0] != answered[1]:
            return Finding(
                Verdict.DIFFERENT,
                f"Case {case_id} ended with {_outcome(after)}; in the first run it was"
                f" {_outcome(before)}.",
            )
    if changed_case(first, rerun) is not None:
        return None
    count = sum(bool(row.predictions) for row in rerun.values())
    return Finding(Verdict.IDENTICAL, f"The predictions of all {count} cases have equal digests.")


def changed_case(first: Mapping[str, CaseResult], rerun: Mapping[str, CaseResult]) -> str | None:
    """Return the first case whose predictions have other digests, if there is one."""
    for case_id in sorted(first.keys() & rerun.keys()):
        if _digests(first[case_id]) != _digests(rerun[case_id]):
            return case_id
    return None


def compare_scores(
    first: Mapping[_Key, float | None],
    rerun: Mapping[_Key, float | None],
    tolerance: float,
    changed: str | None,
) -> Finding:
    """Compare every score of two evaluations; pooled ones after those of cases.

    The sentence holds no score: a re-run counts against no quota, and its owner reads it.
    """
    for key in sorted(first.keys() | rerun.keys(), key=lambda key: (not key[0], key)):
        if _difference(first.get(key), rerun.get(key)) > tolerance:
            case_id, metric, label = key
            where = f"Case {case_id}" if case_id else "All cases together"
            return Finding(
                Verdict.DIFFERENT,
                f"{where}: {metric} ({label}) differs by more than the tolerance {tolerance:g}.",
            )
    return Finding(
        Verdict.WITHIN_TOLERANCE,
        f"Predictions of case {changed} differ; every score lies within the tolerance"
        f" {tolerance:g}.",
    )


def environment_difference(first: Mapping[str, Any] | None, rerun: Mapping[str, Any] | None) -> str:
    """Say in words what differs between the machines of two runs.

    >>> environment_difference({"kernel": "6.1"}, {"kernel": "6.5", "worker": "b"})
    'The environment differs: kernel 6.1 → 6.5.'
    """
    before, after = _flat(first or {}), _flat(rerun or {})
    changes = [
        f"{name} {before.get(name) or 'none'} → {after.get(name) or 'none'}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    if not changes:
        return "The environment is the same."
    return f"The environment differs: {', '.join(changes)}."


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


def _may_have_scores(session: Session, rerun: Run) -> bool:
    """Tell whether a re-run is scored: scores of other content are a submission without a quota."""
    if rerun.content is None or session.get_one(User, rerun.requested_by).admin:
        return True
    challenge = session.get_one(Submission, rerun.submission_id).challenge_id
    member = session.get(Membership, (challenge, rerun.requested_by))
    return member is not None and member.organizer


def _compared_with(session: Session, rerun: Run) -> Run:
    return session.get_one(Run, rerun.compared_with)


def _cases(session: Session, run: Run) -> dict[str, CaseResult]:
    rows = session.exec(select(CaseResult).where(CaseResult.run_id == run.id))
    return {row.case_id: row for row in rows}


def _scores(session: Session, evaluation_id: str) -> dict[_Key, float | None]:
    rows = session.exec(select(Score).where(Score.evaluation_id == evaluation_id))
    return {(row.case_id, row.metric, row.label): row.value for row in rows}


def _digests(row: CaseResult) -> dict[str, str]:
    return {output: file["digest"] for output, file in row.predictions.items()}


def _outcome(row: CaseResult | None) -> str:
    return "missing" if row is None else row.outcome


def _difference(before: float | None, after: float | None) -> float:
    if before is None or after is None:
        return 0.0 if before is after else float("inf")
    return abs(after - before)


def _flat(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the facts that can change a score, libraries one by one; not the worker's name."""
    facts = {
        name.replace("_", " "): str(value)
        for name, value in environment.items()
        if name not in ("worker", "libraries")
    }
    return facts | {
        f"library {name}": version
        for name, version in dict(environment.get("libraries") or {}).items()
    }
