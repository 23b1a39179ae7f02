"""Who may see, ask and manage a deployed model: whoever sees the model, by the model's own rules.

A model that is public is asked by everybody with an account, and by everybody at all where the
operator opened that. One that is not is asked by its owner and the organizers alone, and to
everybody else its deployment does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.registry.publication import Publication
from proctor_platform.hosting.holding import lock
from proctor_platform.hosting.tables import Deployment
from proctor_platform.identity import UserIdentity
from proctor_platform.registry.sight import ModelSight, model_in_sight
from proctor_platform.rights import Asker


@dataclass(frozen=True, eq=False)
class DeploymentSight:
    """A deployment that the asker sees, and the model that answers there."""

    deployment: Deployment
    model: ModelSight

    @property
    def manageable(self) -> bool:
        """Whether the asker may swap, stop and start it: a model's owner and its organizers."""
        return not self.model.reader


def deployment_in_sight(session: Session, deployment_id: str, asker: Asker) -> DeploymentSight:
    """Find a deployment that the asker may see.

    Raises:
        ProctorError: there is none in sight.
    """
    deployment = session.get(Deployment, deployment_id)
    if deployment is None:
        raise ProctorError(Code.NOT_FOUND)
    model = model_in_sight(session, deployment.submission_id, asker)
    if model.reader and model.publication is not Publication.PUBLIC:
        raise ProctorError(Code.NOT_FOUND)
    return DeploymentSight(deployment, model)


def askable(session: Session, deployment_id: str, asker: Asker, *, is_open: bool) -> Deployment:
    """Find a deployment that the asker may ask.

    Args:
        session: a session.
        deployment_id: its id.
        asker: who asks.
        is_open: whether public models answer without an account.

    Raises:
        ProctorError: there is none in sight, or asking it takes an account.
    """
    sight = deployment_in_sight(session, deployment_id, asker)
    if asker is None and not is_open:
        raise ProctorError(Code.UNAUTHENTICATED, "Asking a hosted model takes an account here.")
    return sight.deployment


def managed(session: Session, deployment_id: str, user: UserIdentity) -> DeploymentSight:
    """Find and lock a deployment that the user may change.

    Raises:
        ProctorError: there is none in sight, or it is another's.
    """
    lock(session, deployment_id)
    sight = deployment_in_sight(session, deployment_id, user)
    if not sight.manageable:
        raise ProctorError(
            Code.FORBIDDEN,
            "Only the owner of the model and the organizers of its challenge may do this.",
        )
    return sight
