"""Who could stand on a board: every submission of a phase whose work is done, and its numbers.

Only plain columns are read, in portions; replicates stay where they are until it is known which
submissions stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_
from sqlmodel import Session, col, select

from proctor.spec.states import EvaluationState, SubmissionState
from proctor.spec.work import RESULTS, MetricFacts
from proctor_platform.leaderboards.choosing import Entrant
from proctor_platform.leaderboards.renewal import UNDONE, UNSCORED
from proctor_platform.leaderboards.scope import Scope
from proctor_platform.parts import Part
from proctor_platform.tables import Evaluation, Run, Submission, User

_PORTION = 500

ColumnKey = tuple[str, str, str]
"""Task, metric and label."""


class Numbers(NamedTuple):
    """One aggregate without its replicates."""

    value: float | None
    deviation: float | None
    n_used: int
    n_total: int


@dataclass(frozen=True, eq=False, slots=True)
class Candidate:
    """A submission that could stand on the board; runs and evaluations are by task."""

    submission: str
    user_id: str
    participant: str
    title: str
    claimed_scores: Mapping[str, float]
    kind: str
    baseline: bool
    content_digest: str
    submitted_at: datetime
    runs: dict[str, str]
    evaluations: dict[str, str]

    @property
    def entrant(self) -> Entrant:
        """What choosing one submission a participant looks at."""
        return Entrant(self.user_id, self.baseline, self.submitted_at, self.submission)


class _Progress(NamedTuple):
    submission: str
    task: str
    run: str
    run_state: str
    evaluation: str | None
    evaluation_state: str | None
    version: int | None


def candidates_of(session: Session, scope: Scope) -> list[Candidate]:
    """Return every submission of the phase with a score and without work still to be done."""
    runs: dict[str, dict[str, str]] = {}
    scored: dict[str, dict[str, str]] = {}
    made_by: dict[str, dict[str, str]] = {}
    undone: set[str] = set()
    for row in _progress(session, scope):
        runs.setdefault(row.submission, {})[row.task] = row.run
        if row.evaluation_state == EvaluationState.SCORED:
            # Rows come in time order, so the latest scoring stays.
            if row.evaluation is not None and row.version in scope.comparable[row.task]:
                scored.setdefault(row.submission, {})[row.task] = row.evaluation
                made_by.setdefault(row.submission, {})[row.task] = row.run
        elif row.run_state in UNDONE or row.evaluation_state in UNSCORED:
            undone.add(row.submission)
    # A new scoring of what has a score does not take it off the board meanwhile.
    standing = [
        submission
        for submission, evaluations in scored.items()
        if submission not in undone or set(evaluations) == set(scope.phase.tasks)
    ]
    found = []
    for portion in portions(standing):
        rows = session.execute(
            select(  # type: ignore[call-overload]  # its overloads end at four columns
                Submission.id,
                Submission.user_id,
                User.name,
                Submission.card,
                Submission.kind,
                Submission.baseline,
                Submission.content_digest,
                Submission.submitted_at,
            )
            .join(User, col(User.id) == col(Submission.user_id))
            .where(col(Submission.id).in_(portion))
        )
        found += [
            Candidate(
                submission=row.id,
                user_id=row.user_id,
                participant=row.name,
                title=row.card.get("title") or row.card["name"],
                claimed_scores=row.card.get("claimed_scores") or {},
                kind=row.kind,
                baseline=row.baseline,
                content_digest=row.content_digest,
                submitted_at=row.submitted_at,
                runs=runs[row.id] | made_by[row.id],
                evaluations=scored[row.id],
            )
            for row in rows
        ]
    return sorted(found, key=lambda candidate: candidate.submission)


def facts_of(
    session: Session, candidates: Sequence[Candidate]
) -> dict[tuple[str, str], MetricFacts]:
    """Return what the newest scoring says of each metric, by task and metric."""
    newest: dict[str, str] = {}
    for candidate in candidates:
        for task, evaluation in candidate.evaluations.items():
            newest[task] = max(newest.get(task, ""), evaluation)
    return {
        (task, metric): MetricFacts.model_validate(facts)
        for task, evaluation in newest.items()
        for metric, facts in session.get_one(Evaluation, evaluation).metrics.items()
    }


def numbers_of(
    session: Session,
    part: Part,
    candidates: Sequence[Candidate],
    facts: Mapping[tuple[str, str], MetricFacts],
) -> list[dict[ColumnKey, Numbers]]:
    """Return the aggregates of each candidate that were made by the board's definitions."""
    task_of = {
        evaluation: (index, task)
        for index, candidate in enumerate(candidates)
        for task, evaluation in candidate.evaluations.items()
    }
    found: list[dict[ColumnKey, Numbers]] = [{} for _ in candidates]
    for portion in portions(list(task_of)):
        definitions = _definitions(session, portion)
        rows = session.execute(
            select(  # type: ignore[call-overload]  # its overloads end at four columns
                part.aggregates.evaluation_id,
                part.aggregates.metric,
                part.aggregates.label,
                part.aggregates.value,
                part.aggregates.deviation,
                part.aggregates.n_used,
                part.aggregates.n_total,
            ).where(col(part.aggregates.evaluation_id).in_(portion))
        )
        for evaluation, metric, label, *numbers in rows:
            index, task = task_of[evaluation]
            known = facts.get((task, metric))
            if known and definitions[evaluation].get(metric) == known.definition_id:
                found[index][task, metric, label] = Numbers(*numbers)
    return found


def portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a long list of ids into pieces that one statement can hold."""
    for first in range(0, len(ids), _PORTION):
        yield ids[first : first + _PORTION]


def _progress(session: Session, scope: Scope) -> Iterator[_Progress]:
    rows = session.execute(
        select(  # type: ignore[call-overload]  # its overloads end at four columns
            Submission.id,
            Run.task,
            Run.id,
            Run.state,
            Evaluation.id,
            Evaluation.state,
            Evaluation.version,
        )
        .join(
            Run,
            and_(col(Run.submission_id) == col(Submission.id), col(Run.purpose).in_(RESULTS)),
        )
        .join(Evaluation, col(Evaluation.run_id) == col(Run.id), isouter=True)
        .where(
            Submission.challenge_id == scope.challenge.id,
            Submission.phase == scope.phase.slug,
            Submission.state == SubmissionState.ACCEPTED.value,
            col(Run.task).in_(scope.phase.tasks),
        )
        .order_by(Run.id, Evaluation.id)
    )
    for row in rows:
        yield _Progress(*row)


def _definitions(session: Session, evaluations: Sequence[str]) -> dict[str, dict[str, str]]:
    rows: Any = session.exec(
        select(Evaluation.id, Evaluation.metrics).where(col(Evaluation.id).in_(evaluations))
    )
    return {
        evaluation: {metric: facts["definition_id"] for metric, facts in metrics.items()}
        for evaluation, metrics in rows
    }
