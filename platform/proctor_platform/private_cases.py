"""Private cases: which they are, and the condition that keeps them out of an answer.

They are drawn when a version is published and kept as rows, so that every query can leave them
out. A seeded draw is by the reference's secret salt: from the published seed alone nobody can work
out which cases are private.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from proctor.spec.api import PublishRequest
from proctor.spec.challenge import PhaseSpec
from proctor.spec.dataset import DatasetCase
from proctor.spec.outcomes import Code, OrganizerError
from proctor.spec.protection import PrivateSplit
from proctor_platform.tables import CaseResult, PrivateCase, Run


def keep_private_cases(
    session: Session, challenge_id: str, version: int, request: PublishRequest
) -> None:
    """Write which cases are private in each phase of a version that is being published.

    Raises:
        OrganizerError: a private split leaves nothing on one of its sides.
    """
    for phase in request.challenge.phases:
        for task, cases in _drawn(phase, request):
            session.add_all(
                PrivateCase(
                    challenge_id=challenge_id,
                    version=version,
                    phase=phase.slug,
                    task=task,
                    case_id=case,
                )
                for case in cases
            )


def private_cases(
    session: Session, challenge_id: str, version: int, phase: str, task: str
) -> frozenset[str]:
    """Return the ids of a task's private cases in a phase of a version."""
    return frozenset(
        session.exec(
            select(PrivateCase.case_id).where(
                PrivateCase.challenge_id == challenge_id,
                PrivateCase.version == version,
                PrivateCase.phase == phase,
                PrivateCase.task == task,
            )
        )
    )


def no_private_case(challenge_id: str, version: int, phase: str) -> ColumnElement[bool]:
    """Return the condition on (``CaseResult``, ``Run``) that the case is not a private one.

    Cases of the public sample never are.
    """
    private = (
        select(PrivateCase.case_id)
        .where(
            PrivateCase.challenge_id == challenge_id,
            PrivateCase.version == version,
            PrivateCase.phase == phase,
            PrivateCase.task == Run.task,
            PrivateCase.case_id == CaseResult.case_id,
        )
        .exists()
    )
    return (col(Run.split) != "hidden") | ~private


def drawn_from(split: PrivateSplit, cases: Sequence[DatasetCase], salt: str) -> list[str]:
    """Return the ids of the private cases among ``cases``; whole groups are private or not."""
    if split.column is not None:
        return [case.id for case in cases if case.strata[split.column] in split.values]
    assert split.share is not None  # noqa: S101 - the spec has one of the two
    groups = {case.group for case in cases}
    drawn = sorted(groups, key=lambda group: _lot(f"{salt}|{split.seed}|{group}"))
    private = set(drawn[: round(split.share * len(groups))])
    return [case.id for case in cases if case.group in private]


def _drawn(phase: PhaseSpec, request: PublishRequest) -> Iterator[tuple[str, list[str]]]:
    if phase.private is None:
        return
    for task in phase.tasks:
        hidden = request.data[task].hidden
        cases = drawn_from(phase.private, hidden.inputs.cases, hidden.reference.salt)
        if not 0 < len(cases) < len(hidden.inputs.cases):
            side = "private" if not cases else "public"
            raise OrganizerError(
                Code.CHALLENGE_INVALID,
                f"phases.{phase.slug}.private: it leaves no {side} case in task {task}",
            )
        yield task, cases


def _lot(text: str) -> bytes:
    return hashlib.sha256(f"proctor.private.v1|{text}".encode()).digest()
