"""Models that the platform hosts: deploying, swapping, stopping and starting them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from proctor.spec.hosting import DeploymentCreate, DeploymentView, VersionSwap, VisitView
from proctor.spec.outcomes import Code
from proctor_platform.database import Reading, Writing
from proctor_platform.hosting import deploying, visits
from proctor_platform.hosting.sights import askable, deployment_in_sight
from proctor_platform.hosting.tables import Deployment
from proctor_platform.hosting.views import list_deployments, view_deployment
from proctor_platform.identity import CurrentUser, OptionalUser, UserIdentity, counted
from proctor_platform.rates import Act
from proctor_platform.routes.problems import problems
from proctor_platform.settings import PlatformSettings, settings_of

router = APIRouter(prefix="/deployments", tags=["deployments"])

DeploymentId = Annotated[str, Path(pattern=r"^dep_[0-9a-z]{26}$")]
Settings = Annotated[PlatformSettings, Depends(settings_of)]
OfModel = Annotated[
    str | None, Query(pattern=r"^sub_[0-9a-z]{26}$", description="a version that it has or had")
]
_CHANGES = problems(Code.NOT_FOUND, Code.FORBIDDEN, Code.CONFLICT)


@router.post("", status_code=201, responses=_CHANGES, dependencies=[counted(Act.DEPLOYMENT)])
def deploy_model(
    body: DeploymentCreate, user: CurrentUser, session: Writing, settings: Settings
) -> DeploymentView:
    """Deploy a model: a worker keeps it running at an address of its own, in a sandbox."""
    made = deploying.deploy(session, settings, user, body.submission)
    return _view(session, settings, made, user)


@router.get("", responses=problems())
def list_hosted(
    asker: OptionalUser, session: Reading, settings: Settings, submission: OfModel = None
) -> list[DeploymentView]:
    """List deployed models in sight, the newest first."""
    return list_deployments(session, settings, asker, submission)


@router.get("/{deployment_id}", responses=problems(Code.NOT_FOUND))
def read_deployment(
    deployment_id: DeploymentId, asker: OptionalUser, session: Reading, settings: Settings
) -> DeploymentView:
    """Show a deployed model: its state and address; to those who may manage it its versions."""
    return view_deployment(session, settings, deployment_in_sight(session, deployment_id, asker))


@router.post("/{deployment_id}/swap", responses=_CHANGES, dependencies=[counted(Act.DEPLOYMENT)])
def swap_version(
    deployment_id: DeploymentId,
    body: VersionSwap,
    user: CurrentUser,
    session: Writing,
    settings: Settings,
) -> DeploymentView:
    """Put another version behind the address; the present one answers until it is ready."""
    changed = deploying.swap(session, settings, user, deployment_id, body.submission)
    return _view(session, settings, changed, user)


@router.post("/{deployment_id}/stop", responses=_CHANGES)
def stop_model(
    deployment_id: DeploymentId, user: CurrentUser, session: Writing, settings: Settings
) -> DeploymentView:
    """Stop a deployed model; its address stays, and says so."""
    return _view(session, settings, deploying.stop(session, user, deployment_id), user)


@router.post("/{deployment_id}/start", responses=_CHANGES, dependencies=[counted(Act.DEPLOYMENT)])
def start_model(
    deployment_id: DeploymentId, user: CurrentUser, session: Writing, settings: Settings
) -> DeploymentView:
    """Start a deployed model that is stopped, asleep or has failed."""
    return _view(session, settings, deploying.start(session, settings, user, deployment_id), user)


@router.post("/{deployment_id}/visits", status_code=201, responses=problems(Code.NOT_FOUND))
def visit_model(
    deployment_id: DeploymentId, asker: OptionalUser, session: Writing, settings: Settings
) -> VisitView:
    """Make an address for a browser, which opens this model for a while and nothing else."""
    askable(session, deployment_id, asker, is_open=settings.hosted_open)
    return visits.begin(session, deployment_id, asker, settings.visit_s)


def _view(
    session: Writing, settings: PlatformSettings, deployment: Deployment, user: UserIdentity
) -> DeploymentView:
    sight = deployment_in_sight(session, deployment.id, user)
    return view_deployment(session, settings, sight)
