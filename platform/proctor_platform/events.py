"""The append-only history: one row for everything that happens to a thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from proctor_platform.origin import present_origin
from proctor_platform.tables import EventRow

PLATFORM = "platform"
"""The actor of what the platform does by itself."""

ORIGIN = "origin"
"""The fact that says from which address and with which token; for those who run the platform."""


def record(
    session: Session, subject: str, name: str, actor: str, facts: Mapping[str, Any] | None = None
) -> None:
    """Add one event to the transaction of what it tells, and say where the request came from.

    Args:
        session: the writing session.
        subject: id of the submission, run, evaluation, challenge or user.
        name: past tense, for example ``run_claimed``.
        actor: a user's id, a worker's name, or ``PLATFORM``.
        facts: JSON values; never contents of a submission or a reference. Of what is changed and
            not only made, ``before`` and ``after``.
    """
    told = dict(facts or {})
    if (origin := present_origin()) is not None:
        told[ORIGIN] = origin.facts
    session.add(EventRow(subject=subject, name=name, actor=actor, facts=told))
