"""Deployments as people see them."""

from __future__ import annotations

from sqlmodel import Session, col, select

from proctor.spec.hosting import DeploymentState, DeploymentView, HostingView
from proctor.spec.model import ModelCard
from proctor.spec.outcomes import ProctorError
from proctor.spec.states import HostingState
from proctor.spec.work import Queue
from proctor_platform.hosting.lifecycle import FAILED, IDLE, STOPPED
from proctor_platform.hosting.sights import DeploymentSight, deployment_in_sight
from proctor_platform.hosting.tables import Deployment, Hosting
from proctor_platform.rights import Asker
from proctor_platform.settings import PlatformSettings
from proctor_platform.tables import Submission, User
from proctor_platform.work.workers import connected

_HOSTINGS = 20
_ENDED = {
    IDLE: DeploymentState.ASLEEP,
    STOPPED: DeploymentState.STOPPED,
    FAILED: DeploymentState.FAILED,
}
ADDRESS = "/api/v1/hosted"


def view_deployment(
    session: Session, settings: PlatformSettings, sight: DeploymentSight
) -> DeploymentView:
    """Show one deployment; its versions, workers and reasons to those who may manage it."""
    deployment = sight.deployment
    card = ModelCard.model_validate(sight.model.submission.card)
    current = session.get_one(Hosting, deployment.hosting_id)
    hostings: tuple[HostingView, ...] = ()
    if sight.manageable:
        rows = session.exec(
            select(Hosting)
            .where(col(Hosting.deployment_id) == deployment.id)
            .order_by(col(Hosting.id).desc())
            .limit(_HOSTINGS)
        )
        hostings = tuple(_view_hosting(session, row) for row in rows)
    return DeploymentView(
        id=deployment.id,
        state=_state(deployment, current),
        detail=_detail(session, deployment, current) if sight.manageable else "",
        submission=deployment.submission_id,
        model=card.title or card.name,
        version=card.version,
        challenge=sight.model.challenge.slug,
        owner=session.get_one(User, deployment.user_id).name,
        path=f"{ADDRESS}/{deployment.id}/",
        manageable=sight.manageable,
        next=next((one for one in hostings if one.id == deployment.next_id), None),
        hostings=hostings,
        asked=deployment.asked,
        asked_at=deployment.asked_at,
        idle_s=settings.hosted_idle_s,
        created_at=deployment.created_at,
    )


def list_deployments(
    session: Session, settings: PlatformSettings, asker: Asker, submission_id: str | None
) -> list[DeploymentView]:
    """List what the asker sees, the newest first; of one model, or of all.

    Of a model these are the deployments in which it is, or was, a version.
    """
    wanted = select(Deployment.id).order_by(col(Deployment.id).desc())
    if submission_id is not None:
        had = select(col(Hosting.deployment_id)).where(col(Hosting.submission_id) == submission_id)
        wanted = wanted.where(col(Deployment.id).in_(had))
    found = []
    for deployment_id in session.exec(wanted):
        try:
            sight = deployment_in_sight(session, deployment_id, asker)
        except ProctorError:
            continue
        found.append(view_deployment(session, settings, sight))
    return found


def _view_hosting(session: Session, row: Hosting) -> HostingView:
    card = session.get_one(Submission, row.submission_id).card
    return HostingView(
        id=row.id,
        submission=row.submission_id,
        version=card.get("version") or "",
        state=HostingState(row.state),
        detail=row.detail,
        worker=row.worker,
        queued_at=row.queued_at,
        serving_at=row.serving_at,
        ended_at=row.ended_at,
    )


def _state(deployment: Deployment, current: Hosting) -> DeploymentState:
    if deployment.ended:
        return _ENDED[deployment.ended]
    if current.state == HostingState.SERVING:
        return DeploymentState.SERVING
    return DeploymentState.STARTING


def _detail(session: Session, deployment: Deployment, current: Hosting) -> str:
    """Say what there is to know beside the state."""
    if deployment.ended == IDLE:
        return "Nobody asked for a while; the next question starts it again."
    waits = current
    if deployment.next_id and current.state == HostingState.SERVING:
        waits = session.get_one(Hosting, deployment.next_id)
    if deployment.detail or deployment.ended or waits.state != HostingState.QUEUED:
        return deployment.detail
    if not connected(session, Queue.HOST.value):
        return f"It waits: no worker that hosts models is connected. {waits.detail}".rstrip()
    return f"It waits for a free place at a worker that hosts models. {waits.detail}".rstrip()
