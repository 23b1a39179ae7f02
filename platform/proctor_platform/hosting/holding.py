"""Who keeps a hosted model running: its row, if this fence is still the one and its lease holds."""

from __future__ import annotations

from typing import Never

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from proctor.spec.identifiers import Kind
from proctor.spec.states import HostingState, is_final
from proctor_platform.clock import now
from proctor_platform.database import writes
from proctor_platform.hosting.tables import Deployment, Hosting
from proctor_platform.work.holding import lease_lost

KEPT = (HostingState.CLAIMED, HostingState.SERVING)


def is_hosting(work_id: str) -> bool:
    """Tell whether a piece of work is a hosting, by its id."""
    return work_id.partition("_")[0] == Kind.HOSTING.value


def is_kept() -> ColumnElement[bool]:
    """Return the condition on ``Hosting`` that a worker has it, lapsed or not."""
    return col(Hosting.state).in_(KEPT)


def find(session: Session, hosting_id: str, *conditions: ColumnElement[bool]) -> Hosting | None:
    """Return a hosting that fulfils ``conditions``; in a session that writes it is locked.

    The lock of its deployment is taken first, as whoever deploys, swaps or stops does.
    """
    wanted = select(Hosting).where(col(Hosting.id) == hosting_id, *conditions)
    if not writes(session):
        return session.exec(wanted).first()
    of_it = select(col(Hosting.deployment_id)).where(col(Hosting.id) == hosting_id)
    lock(session, session.exec(of_it).first() or "")
    return session.exec(wanted.with_for_update()).first()


def lock(session: Session, deployment_id: str) -> Deployment | None:
    """Return a deployment, which nobody else changes until the transaction ends."""
    wanted = select(Deployment).where(col(Deployment.id) == deployment_id).with_for_update()
    return session.exec(wanted).first()


def held(session: Session, hosting_id: str, fence: int) -> Hosting:
    """Return the hosting that ``fence`` holds.

    Raises:
        ProctorError: the lease lapsed, another attempt has it, or it has ended.
    """
    row = find(
        session,
        hosting_id,
        col(Hosting.fence) == fence,
        is_kept(),
        col(Hosting.lease_until) > now(),
    )
    if row is None:
        refuse(session, hosting_id, fence)
    return row


def given_back(session: Session, hosting_id: str, fence: int) -> bool:
    """Tell whether this attempt has ended already and no other came after it."""
    row = find(session, hosting_id, col(Hosting.fence) == fence)
    if row is None:
        return False
    state = HostingState(row.state)
    return state is HostingState.QUEUED or is_final(state)


def refuse(session: Session, hosting_id: str, fence: int) -> Never:
    """Tell a worker that it holds nothing any more.

    Raises:
        ProctorError: always.
    """
    lease_lost(session.get(Hosting, hosting_id), fence)
