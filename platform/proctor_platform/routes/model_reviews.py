"""What organizers and owners do with models: reviews, withdrawal, DOIs."""

from __future__ import annotations

from fastapi import APIRouter

from proctor.spec.base import Slug
from proctor.spec.outcomes import Code
from proctor.spec.registry import ModelView
from proctor.spec.registry.reviews import (
    DoiGiven,
    ReviewCreate,
    ReviewQueue,
    ReviewView,
    WithdrawalCreate,
)
from proctor_platform.database import Reading, Writing
from proctor_platform.identity import CurrentUser, OptionalUser
from proctor_platform.registry.pages import view_model
from proctor_platform.registry.records import give_doi
from proctor_platform.registry.reviews import review_model, review_queue, reviews_of
from proctor_platform.registry.sight import model_in_sight
from proctor_platform.registry.withdrawals import withdraw
from proctor_platform.routes.models import ModelId, Settings, descriptions
from proctor_platform.routes.problems import problems

router = APIRouter(tags=["models"])


@router.get("/challenges/{slug}/reviews", responses=problems(Code.NOT_FOUND, Code.FORBIDDEN))
def read_queue(slug: Slug, user: CurrentUser, session: Reading, settings: Settings) -> ReviewQueue:
    """List the models of a challenge that wait for a review, and the policy (organizers only)."""
    return review_queue(session, user, slug, settings.dashboard_url)


@router.get("/models/{submission_id}/reviews", responses=problems(Code.NOT_FOUND))
def list_reviews(submission_id: ModelId, asker: OptionalUser, session: Reading) -> list[ReviewView]:
    """List the reviews of a model: by which policy, by whom, when, and what came of it."""
    return reviews_of(session, model_in_sight(session, submission_id, asker))


@router.post(
    "/models/{submission_id}/reviews",
    status_code=201,
    responses=problems(Code.NOT_FOUND, Code.FORBIDDEN, Code.CONFLICT),
)
def create_review(
    submission_id: ModelId, body: ReviewCreate, user: CurrentUser, session: Writing
) -> ReviewView:
    """Review a model by the challenge's policy (organizers only); it is public once approved."""
    return review_model(session, user, submission_id, body)


@router.post(
    "/models/{submission_id}/withdrawal",
    responses=problems(Code.NOT_FOUND, Code.FORBIDDEN, Code.CONFLICT),
)
def withdraw_model(
    submission_id: ModelId,
    body: WithdrawalCreate,
    user: CurrentUser,
    session: Writing,
    settings: Settings,
) -> ModelView:
    """Leave a tombstone in a model's place, for good; its scores stay on their boards."""
    withdraw(session, user, submission_id, body)
    model = model_in_sight(session, submission_id, user)
    return view_model(session, descriptions, model, user, settings)


@router.put("/models/{submission_id}/doi", responses=problems(Code.NOT_FOUND, Code.FORBIDDEN))
def set_doi(
    submission_id: ModelId,
    body: DoiGiven,
    user: CurrentUser,
    session: Writing,
    settings: Settings,
) -> ModelView:
    """Name the DOI under which a model was registered (organizers only)."""
    give_doi(session, user, submission_id, body)
    model = model_in_sight(session, submission_id, user)
    return view_model(session, descriptions, model, user, settings)
