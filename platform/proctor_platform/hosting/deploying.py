"""Deploying a model, swapping its version, stopping and starting it, and waking it when asked."""

from __future__ import annotations

from sqlalchemy import update
from sqlmodel import Session, col, func, select

from proctor.spec.challenge import SubmissionKind
from proctor.spec.identifiers import Kind, new_id
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.registry.publication import Publication
from proctor.spec.states import SubmissionState
from proctor_platform.events import record
from proctor_platform.hosting.lifecycle import IDLE, STOPPED, end, end_deployment, queue
from proctor_platform.hosting.sights import managed
from proctor_platform.hosting.tables import Deployment
from proctor_platform.identity import UserIdentity
from proctor_platform.registry.sight import ModelSight, model_in_sight
from proctor_platform.settings import PlatformSettings
from proctor_platform.tables import Submission, User


def deploy(
    session: Session, settings: PlatformSettings, user: UserIdentity, submission_id: str
) -> Deployment:
    """Deploy a model at a new address.

    Raises:
        ProctorError: there is none in sight, it is another's, it cannot be served, or as many are
            hosted as may be.
    """
    model = _deployable(session, submission_id, user)
    _refuse_above_limits(session, settings, user.id, admin=user.admin)
    deployment = Deployment(
        id=new_id(Kind.DEPLOYMENT), user_id=user.id, submission_id=submission_id, hosting_id=""
    )
    session.add(deployment)
    session.flush()
    record(session, deployment.id, "deployment_made", user.id, {"submission": submission_id})
    deployment.hosting_id = queue(session, deployment, model.submission.id, user.id).id
    session.commit()
    return deployment


def swap(
    session: Session,
    settings: PlatformSettings,
    user: UserIdentity,
    deployment_id: str,
    submission_id: str,
) -> Deployment:
    """Put another version behind an address; the present one answers until that is ready.

    Raises:
        ProctorError: as for ``deploy``, or it is a model of another challenge.
    """
    sight = managed(session, deployment_id, user)
    deployment = sight.deployment
    model = _deployable(session, submission_id, user)
    if model.challenge.id != sight.model.challenge.id:
        raise ProctorError(
            Code.CONFLICT,
            f"{submission_id} was entered in {model.challenge.slug}, the model at this address in"
            f" {sight.model.challenge.slug}; deploy it at an address of its own.",
        )
    if not _is_public(model) and _is_public(sight.model):
        raise ProctorError(
            Code.CONFLICT,
            f"{submission_id} is not public ({model.publication.value}), the model at this address"
            " is: whoever asks there would find nothing. Deploy it at an address of its own.",
        )
    if deployment.ended:
        deployment.submission_id = submission_id
        _begin(session, settings, deployment, user.id, admin=user.admin)
    else:
        end(session, deployment.next_id, user.id)
        deployment.next_id = queue(session, deployment, submission_id, user.id).id
        deployment.detail = ""
    session.commit()
    return deployment


def stop(session: Session, user: UserIdentity, deployment_id: str) -> Deployment:
    """Stop a deployed model until somebody starts it again; a second time changes nothing.

    Raises:
        ProctorError: there is none in sight, or it is another's.
    """
    deployment = managed(session, deployment_id, user).deployment
    if deployment.ended:
        # One that is asleep must not wake when it is asked.
        deployment.ended, deployment.detail = STOPPED, ""
    else:
        end_deployment(session, deployment, STOPPED, user.id)
    session.commit()
    return deployment


def start(
    session: Session, settings: PlatformSettings, user: UserIdentity, deployment_id: str
) -> Deployment:
    """Start a model that is stopped, asleep or has failed; one that runs is left alone.

    Raises:
        ProctorError: there is none in sight, it is another's, or as many are hosted as may be.
    """
    deployment = managed(session, deployment_id, user).deployment
    if deployment.ended:
        _deployable(session, deployment.submission_id, user)
        _begin(session, settings, deployment, user.id, admin=user.admin)
    session.commit()
    return deployment


def wake(session: Session, settings: PlatformSettings, deployment: Deployment) -> None:
    """Start a model that is asleep, since it is asked; the caller has locked it.

    Raises:
        ProctorError: it does not run and is not asleep, or as many are hosted as may be.
    """
    if not deployment.ended:
        return
    if deployment.ended != IDLE:
        raise ProctorError(Code.NOT_SERVED, f"It is {deployment.ended}.")
    admin = session.get_one(User, deployment.user_id).admin
    _begin(session, settings, deployment, deployment.user_id, admin=admin)


def stop_all_of(session: Session, submission_id: str, actor: str) -> None:
    """Stop what is deployed of a model that nobody may ask any more."""
    wanted = select(Deployment).where(
        col(Deployment.submission_id) == submission_id, col(Deployment.ended).in_(("", IDLE))
    )
    for deployment in session.exec(wanted.with_for_update()).all():
        if deployment.ended:
            deployment.ended = STOPPED
        end_deployment(session, deployment, STOPPED, actor)


def _begin(
    session: Session,
    settings: PlatformSettings,
    deployment: Deployment,
    user_id: str,
    *,
    admin: bool,
) -> None:
    _refuse_above_limits(session, settings, deployment.user_id, admin=admin)
    hosting = queue(session, deployment, deployment.submission_id, user_id)
    changed = update(Deployment).where(col(Deployment.id) == deployment.id)
    session.flush()
    session.execute(
        changed.values(hosting_id=hosting.id, next_id=None, ended="", detail=""),
        execution_options={"synchronize_session": False},
    )
    session.refresh(deployment)
    record(session, deployment.id, "deployment_started", user_id)


def _is_public(model: ModelSight) -> bool:
    return model.publication is Publication.PUBLIC


def _deployable(session: Session, submission_id: str, user: UserIdentity) -> ModelSight:
    """Find a model that the user may have hosted, and that can be.

    Raises:
        ProctorError: there is none in sight, it is another's, or it cannot be served.
    """
    model = model_in_sight(session, submission_id, user)
    if model.reader:
        raise ProctorError(
            Code.FORBIDDEN,
            "Only the owner of a model and the organizers of its challenge deploy it.",
        )
    submission = model.submission
    why = _why_not(model, submission)
    if why:
        raise ProctorError(Code.CONFLICT, why)
    return model


def _why_not(model: ModelSight, submission: Submission) -> str:
    if submission.state != SubmissionState.ACCEPTED:
        return f"The submission is {submission.state}; what was accepted can be deployed."
    if submission.kind == SubmissionKind.PREDICTIONS:
        return "These are predictions that were entered, not a model: there is nothing to ask."
    if model.publication is Publication.WITHDRAWN:
        return "The model was withdrawn."
    if model.sight.phase.limits.gpu is not None:
        return "Its phase gives models a GPU; models are hosted on CPUs alone."
    return ""


def _refuse_above_limits(
    session: Session, settings: PlatformSettings, user_id: str, *, admin: bool
) -> None:
    """Refuse one more model than may be hosted at once.

    The user's row is locked, so one user's limit holds exactly; that of all is looked at without a
    lock, since the workers' slots bound what really runs.

    Raises:
        ProctorError: CONFLICT, it says which limit.
    """
    session.exec(select(User.id).where(col(User.id) == user_id).with_for_update()).first()
    running = select(func.count()).where(col(Deployment.ended) == "")
    mine = session.exec(running.where(col(Deployment.user_id) == user_id)).one()
    if not admin and mine >= settings.hosted_most_per_user:
        raise ProctorError(
            Code.CONFLICT,
            f"{mine} of your models are hosted, as many as one user may have; stop one first.",
        )
    if session.exec(running).one() >= settings.hosted_most:
        raise ProctorError(
            Code.CONFLICT,
            f"{settings.hosted_most} models are hosted here, as many as may be at once; stop one,"
            " or wait until one falls asleep.",
        )
