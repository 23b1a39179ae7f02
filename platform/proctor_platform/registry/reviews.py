"""Reviews: an organizer looks at a model by the challenge's policy before it is public."""

from __future__ import annotations

from sqlmodel import Session, col, select

from proctor.spec.identifiers import Kind, new_id
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.registry.publication import Publication
from proctor.spec.registry.reviews import (
    CheckedItem,
    ReviewCreate,
    ReviewQueue,
    ReviewView,
    WaitingModel,
)
from proctor.spec.review import ReviewOutcome, ReviewPolicy
from proctor_platform.events import record
from proctor_platform.identity import UserIdentity
from proctor_platform.registry.addresses import page_of
from proctor_platform.registry.publication import (
    present_spec,
    stood_on_a_board,
    withdrawn,
)
from proctor_platform.registry.sight import ModelSight, model_in_sight
from proctor_platform.rights import organized_challenge
from proctor_platform.submissions.sights import Access
from proctor_platform.tables import ModelReview, Submission, User


def review_model(
    session: Session, user: UserIdentity, submission_id: str, request: ReviewCreate
) -> ReviewView:
    """Keep what an organizer found.

    Raises:
        ProctorError: the user sees no such model, or does not organize its challenge; the
            challenge has no policy; or an answer is missing, strange, or speaks against approval.
    """
    model = model_in_sight(session, submission_id, user)
    if model.sight.access is not Access.ORGANIZER:
        raise ProctorError(
            Code.FORBIDDEN, f"Only organizers of {model.challenge.slug} review its models."
        )
    policy = present_spec(session, model.challenge).review
    if policy is None:
        raise ProctorError(
            Code.CONFLICT, f"{model.challenge.slug} declares no review: its models are public."
        )
    if model.publication is Publication.WITHDRAWN:
        raise ProctorError(Code.CONFLICT, "The model was withdrawn.")
    if model.publication is Publication.NO_LICENSE and request.outcome is ReviewOutcome.APPROVED:
        raise ProctorError(
            Code.CONFLICT,
            "Its card states no license, so the model cannot be public; its owner enters it again"
            " with one.",
        )
    _refuse_answers(policy, request)
    row = ModelReview(
        id=new_id(Kind.REVIEW),
        submission_id=submission_id,
        policy_version=policy.version,
        checklist=request.checklist,
        outcome=request.outcome.value,
        note=request.note,
        reviewer_id=user.id,
    )
    session.add(row)
    session.flush()
    facts = {
        "review": row.id,
        "policy": policy.version,
        "before": model.publication.value,
        "after": row.outcome,
    }
    record(session, submission_id, "model_reviewed", user.id, facts)
    session.commit()
    session.refresh(row)
    return _view(row, user.name, policy, whole=True)


def reviews_of(session: Session, model: ModelSight) -> list[ReviewView]:
    """List the reviews of a model, the newest first; notes are for its owner and organizers."""
    rows = session.exec(
        select(ModelReview, User.name)
        .join(User, col(User.id) == col(ModelReview.reviewer_id))
        .where(col(ModelReview.submission_id) == model.submission.id)
        .order_by(col(ModelReview.id).desc())
    ).all()
    policy = present_spec(session, model.challenge).review
    return [_view(row, reviewer, policy, whole=not model.reader) for row, reviewer in rows]


def review_queue(session: Session, user: UserIdentity, slug: str, dashboard: str) -> ReviewQueue:
    """List the models of a challenge that wait for a review.

    Raises:
        ProctorError: the challenge is not in sight, or the user is no organizer of it.
    """
    challenge = organized_challenge(session, slug, user).challenge
    spec = present_spec(session, challenge)
    if spec.review is None:
        return ReviewQueue(policy=None, waiting=())
    rows = session.exec(
        select(Submission, User.name)
        .join(User, col(User.id) == col(Submission.user_id))
        .where(
            col(Submission.challenge_id) == challenge.id,
            stood_on_a_board(),
            ~withdrawn(),
            ~select(col(ModelReview.id))
            .where(col(ModelReview.submission_id) == col(Submission.id))
            .exists(),
        )
        .order_by(col(Submission.id))
    ).all()
    waiting = tuple(
        WaitingModel(
            id=row.id,
            title=row.card.get("title") or row.card["name"],
            participant=participant,
            phase=row.phase,
            license=row.card.get("license") or "",
            submitted_at=row.submitted_at,
            page=page_of(dashboard, row.id),
        )
        for row, participant in rows
    )
    return ReviewQueue(policy=spec.review, waiting=waiting)


def _refuse_answers(policy: ReviewPolicy, request: ReviewCreate) -> None:
    asked = [item.id for item in policy.checklist]
    if set(asked) != set(request.checklist):
        raise ProctorError(
            Code.INVALID_REQUEST,
            f"checklist: policy {policy.version} asks {', '.join(asked) or 'nothing'}; answered"
            f" were {', '.join(request.checklist) or 'none'}.",
        )
    failed = [item for item in asked if not request.checklist[item]]
    if failed and request.outcome is ReviewOutcome.APPROVED:
        detail = f"outcome: not approved while {', '.join(failed)} is answered by no."
        raise ProctorError(Code.INVALID_REQUEST, detail)


def _view(
    row: ModelReview, reviewer: str, policy: ReviewPolicy | None, *, whole: bool
) -> ReviewView:
    texts = {item.id: item.text for item in policy.checklist} if policy else {}
    return ReviewView(
        id=row.id,
        model=row.submission_id,
        policy_version=row.policy_version,
        checklist=tuple(
            CheckedItem(id=item, text=texts.get(item, ""), passed=passed)
            for item, passed in row.checklist.items()
        ),
        outcome=ReviewOutcome(row.outcome),
        note=row.note if whole else "",
        reviewer=reviewer,
        at=row.at,
    )
