"""What happens to hosted models by itself: the idle fall asleep, the lost start again."""

from __future__ import annotations

import structlog
from sqlalchemy import delete
from sqlmodel import Session, col, or_, select

from proctor.spec.states import HostingState
from proctor_platform.clock import now
from proctor_platform.database import Database
from proctor_platform.events import PLATFORM
from proctor_platform.hosting.holding import find, is_kept, lock
from proctor_platform.hosting.lifecycle import IDLE, end_deployment, lapse
from proctor_platform.hosting.questions import forget_expired
from proctor_platform.hosting.tables import Deployment, Hosting, Question, Visit
from proctor_platform.settings import PlatformSettings

_log = structlog.get_logger(__name__)

_AT_ONCE = 200


def keep_up(database: Database, settings: PlatformSettings) -> None:
    """Look once."""
    with database.reading() as session:
        lapsed = session.exec(
            select(Hosting.id).where(is_kept(), col(Hosting.lease_until) < now()).limit(_AT_ONCE)
        ).all()
        idle = _idle(session, settings)
        rows = session.exec(select(Question.id).limit(1)).all()
        visits = session.exec(select(Visit.id).where(col(Visit.expires_at) < now()).limit(1)).all()
    for hosting_id in lapsed:
        _lapse(database, hosting_id, settings.max_attempts)
    for deployment_id in idle:
        _send_to_sleep(database, settings, deployment_id)
    if rows or visits:
        with database.writing() as session:
            forget_expired(session)
            session.execute(delete(Visit).where(col(Visit.expires_at) < now()))
            session.commit()


def _idle(session: Session, settings: PlatformSettings, *ids: str) -> list[str]:
    """Return the deployments that serve and were asked nothing for long enough."""
    before = now(-settings.hosted_idle_s)
    waits = select(Question.id).where(
        col(Question.deployment_id) == col(Deployment.id), col(Question.answer_head).is_(None)
    )
    wanted = (
        select(Deployment.id)
        .join(Hosting, col(Hosting.id) == col(Deployment.hosting_id))
        .where(
            col(Deployment.ended) == "",
            col(Deployment.next_id).is_(None),
            col(Hosting.state) == HostingState.SERVING.value,
            col(Hosting.serving_at) < before,
            or_(col(Deployment.asked_at).is_(None), col(Deployment.asked_at) < before),
            ~waits.exists(),
        )
    )
    if ids:
        wanted = wanted.where(col(Deployment.id).in_(ids))
    return list(session.exec(wanted.limit(_AT_ONCE)))


def _send_to_sleep(database: Database, settings: PlatformSettings, deployment_id: str) -> None:
    with database.writing() as session:
        deployment = lock(session, deployment_id)
        # Somebody may have asked since.
        if deployment is None or not _idle(session, settings, deployment_id):
            return
        end_deployment(session, deployment, IDLE, PLATFORM)
        session.commit()
    _log.info("deployment_fell_asleep", deployment=deployment_id)


def _lapse(database: Database, hosting_id: str, max_attempts: int) -> None:
    with database.writing() as session:
        row = find(session, hosting_id)
        if row is not None and lapse(session, row, max_attempts=max_attempts):
            session.commit()
            _log.info("lease_lapsed", work=hosting_id, fence=row.fence)
