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
from proctor_runner.examination.card_checks import card_checks, left_out_checks, task_checks
from proctor_runner.examination.metadata_checks import metadata_checks
from proctor_runner.examination.own_attempts import attempts_on_samples
from proctor_runner.examination.own_samples import Sample
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
    limits = _limits(subject, tasks[0])
    of_tasks = (
        ()
        if subject.card is None
        else task_checks(subject.card, [local.task for local in tasks], tasks[0].limits)
    )
    return _examined(subject, sandbox, limits, made, cases, checks, of_tasks, tasks[0].challenge)


def examine_on_samples(
    subject: Subject,
    samples: Sequence[Sample],
    sandbox: str,
    progress: Progress = lambda _stage, _done, _total: None,
) -> Examined:
    """Test a model on its own samples, under the limits that it asks for, and judge it.

    What needs a challenge is left out: decoding as a task declares, scores, the limits of a phase.

    Args:
        samples: At least one.
    """
    card = subject.card
    limits = Limits() if card is None else card.resources.granted(Limits())
    made = attempts_on_samples(subject, samples, limits, sandbox, progress)
    cases = list(answered(made))
    checks = list(answer_checks(made, cases, limits))
    left_out = () if card is None else left_out_checks(card)
    return _examined(subject, sandbox, limits, made, cases, checks, left_out, "")


def _examined(
    subject: Subject,
    sandbox: str,
    limits: Limits,
    made: Sequence[Attempt],
    cases: Sequence[AnsweredCase],
    checks: Sequence[Check],
    of_tasks: Iterable[Check],
    challenge: str,
) -> Examined:
    """Judge what needs no task, and put all checks in order."""
    did_answer = any(case.outcome is Code.OK for case in cases)
    served = (rest_check(subject, sandbox, limits),) if did_answer else ()
    report = made[0].report
    metadata = report.metadata
    card = subject.card
    complete = None if card is None else completeness(card, metadata)
    examination = Examination(
        model=subject.name,
        version=version("proctor"),
        at=datetime.now(UTC),
        sandbox=report.environment.sandbox,
        challenge=challenge,
        card=card,
        limits=limits,
        checks=(
            *subject.before,
            *checks,
            *served,
            *wall_checks(report.enforced, report.environment.sandbox, did_answer),
            *of_tasks,
            *_of_card(subject, complete),
            *(metadata_checks(card, metadata) if metadata is not None else ()),
        ),
        cases=tuple(cases),
        metadata=metadata,
        completeness=complete,
    )
    return Examined(examination, tuple(made))


def _limits(subject: Subject, local: LocalTask) -> Limits:
    return local.limits if subject.card is None else subject.card.resources.within(local.limits)


def _of_card(subject: Subject, complete: Completeness | None) -> Iterator[Check]:
    if subject.card is not None and complete is not None:
        yield from card_checks(subject.card, subject.files, subject.left, complete)


def _told(checks: Iterable[Check], local: LocalTask, tasks: Sequence[LocalTask]) -> Iterator[Check]:
    """Name the task in each check where there are several."""
    for check in checks:
        if len(tasks) > 1:
            check = check.model_copy(update={"name": f"{local.task.slug}/{check.name}"})
        yield check
