"""One examination of a model: every check in order, on every task that it is for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from proctor.spec.card.completeness import Completeness, completeness
from proctor.spec.card.examination import AnsweredCase, Check, Examination
from proctor.spec.limits import Limits
from proctor.spec.outcomes import Code
from proctor_runner.examination.answer_checks import answer_checks
from proctor_runner.examination.attempts import Attempt, answered, attempts
from proctor_runner.examination.card_checks import card_checks, task_checks
from proctor_runner.examination.metadata_checks import metadata_checks
from proctor_runner.examination.rest_checks import rest_check
from proctor_runner.examination.subject import Subject
from proctor_runner.examination.wall_checks import wall_checks
from proctor_runner.local import LocalTask, Progress


@dataclass(frozen=True)
class Examined:
    """What came out, and the attempts with the logs of a model."""

    examination: Examination
    attempts: tuple[Attempt, ...]


def examine(
    subject: Subject,
    tasks: Sequence[LocalTask],
    sandbox: str,
    progress: Progress = lambda _stage, _done, _total: None,
) -> Examined:
    """Test a model on every task, and judge it.

    Args:
        tasks: At least one, with the limits of its phase.
    """
    made: list[Attempt] = []
    cases: list[AnsweredCase] = []
    checks: list[Check] = []
    for local in tasks:
        here = attempts(local, subject, sandbox, progress)
        answers = list(answered(here))
        limits = _limits(subject, local)
        checks += _told(answer_checks(here, answers, limits), local, tasks)
        made += here
        cases += answers
    if any(case.outcome is Code.OK for case in cases):
        checks.append(rest_check(subject, sandbox, _limits(subject, tasks[0])))
    report = made[0].report
    metadata = report.metadata
    card = subject.card
    complete = None if card is None else completeness(card, metadata)
    walls = wall_checks(
        report.enforced, report.environment.sandbox, any(c.outcome is Code.OK for c in cases)
    )
    examination = Examination(
        model=subject.name,
        version=version("proctor"),
        at=datetime.now(UTC),
        sandbox=report.environment.sandbox,
        challenge=tasks[0].challenge,
        card=card,
        limits=_limits(subject, tasks[0]),
        checks=(
            *subject.before,
            *checks,
            *walls,
            *_of_card(subject, tasks, complete),
            *(metadata_checks(card, metadata) if metadata is not None else ()),
        ),
        cases=tuple(cases),
        metadata=metadata,
        completeness=complete,
    )
    return Examined(examination, tuple(made))


def _limits(subject: Subject, local: LocalTask) -> Limits:
    return local.limits if subject.card is None else subject.card.resources.within(local.limits)


def _of_card(
    subject: Subject, tasks: Sequence[LocalTask], complete: Completeness | None
) -> Iterator[Check]:
    if subject.card is None or complete is None:
        return
    yield from task_checks(subject.card, [local.task for local in tasks], tasks[0].limits)
    yield from card_checks(subject.card, subject.files, subject.left, complete)


def _told(checks: Iterable[Check], local: LocalTask, tasks: Sequence[LocalTask]) -> Iterator[Check]:
    """Name the task in each check where there are several."""
    for check in checks:
        if len(tasks) > 1:
            check = check.model_copy(update={"name": f"{local.task.slug}/{check.name}"})
        yield check
