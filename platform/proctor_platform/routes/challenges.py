"""Challenges: reading, publishing, joining, members."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from proctor.spec.api import (
    ChallengeSummary,
    ChallengeView,
    JoinRequest,
    MemberCreate,
    Page,
    PublishRequest,
    QuotaLeft,
    ReevaluationRequest,
    Reevaluations,
    Refreshes,
    RefreshRequest,
)
from proctor.spec.base import Slug
from proctor.spec.dataset import PublicInputs, SplitData
from proctor.spec.outcomes import Code
from proctor.spec.work import RuntimeImage
from proctor_platform import challenges, reevaluations, refreshes
from proctor_platform.database import Reading, Writing
from proctor_platform.identity import CurrentUser, OptionalUser
from proctor_platform.publishing import publish
from proctor_platform.rights import challenge_in_sight, phase_in_sight
from proctor_platform.routes.paging import Limit, Offset
from proctor_platform.routes.problems import problems
from proctor_platform.settings import PlatformSettings, settings_of
from proctor_platform.submissions.allowance import quota_left
from proctor_platform.versions import newest, numbered

Settings = Annotated[PlatformSettings, Depends(settings_of)]

router = APIRouter(prefix="/challenges", tags=["challenges"])


@router.get("", responses=problems())
def list_challenges(
    user: OptionalUser, session: Reading, offset: Offset = 0, limit: Limit = 50
) -> Page[ChallengeSummary]:
    """List the challenges that you may find, the newest first."""
    return challenges.list_challenges(session, user, offset, limit)


@router.get("/{slug}", responses=problems(Code.NOT_FOUND))
def read_challenge(
    slug: Slug,
    user: OptionalUser,
    session: Reading,
    settings: Settings,
    version: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
) -> ChallengeView:
    """Show a challenge: its newest version, or the one asked for."""
    sight = challenge_in_sight(session, slug, user)
    found = numbered(session, sight.challenge, version)
    return challenges.view_challenge(session, sight, found, settings.dashboard_url)


@router.post(
    "/{slug}/versions",
    status_code=201,
    responses={
        200: {"model": ChallengeView, "description": "Nothing has changed."},
        **problems(Code.CHALLENGE_INVALID, Code.BLOB_MISSING, Code.FORBIDDEN, Code.NOT_FOUND),
    },
)
def publish_version(
    slug: Slug,
    body: PublishRequest,
    user: CurrentUser,
    session: Writing,
    settings: Settings,
    response: Response,
) -> ChallengeView:
    """Publish a challenge or a new version; whoever publishes first becomes its organizer."""
    published = publish(session, user, slug, body)
    response.status_code = 201 if published.new else 200
    sight = challenge_in_sight(session, slug, user)
    view = challenges.view_challenge(session, sight, published.version, settings.dashboard_url)
    evaluations, outdated = published.asked
    return view.model_copy(update={"reevaluations": evaluations, "outdated": outdated})


@router.post(
    "/{slug}/reevaluations", status_code=202, responses=problems(Code.NOT_FOUND, Code.FORBIDDEN)
)
def ask_reevaluations(
    slug: Slug, body: ReevaluationRequest, user: CurrentUser, session: Writing
) -> Reevaluations:
    """Score archived predictions anew by the newest version; organizers only."""
    return reevaluations.ask_again(session, user, slug, body.phase)


@router.get("/{slug}/reevaluations", responses=problems(Code.NOT_FOUND, Code.FORBIDDEN))
def read_reevaluations(
    slug: Slug, user: CurrentUser, session: Reading, phase: Slug | None = None
) -> Reevaluations:
    """Say how many scorings under the newest version wait or failed; organizers only."""
    return reevaluations.look(session, user, slug, phase)


@router.post(
    "/{slug}/refreshes", status_code=202, responses=problems(Code.NOT_FOUND, Code.FORBIDDEN)
)
def ask_refreshes(
    slug: Slug, body: RefreshRequest, user: CurrentUser, session: Writing
) -> Refreshes:
    """Run what is archived on the newest version's test set; organizers only."""
    return refreshes.ask(session, user, slug, body)


@router.get("/{slug}/refreshes", responses=problems(Code.NOT_FOUND, Code.FORBIDDEN))
def read_refreshes(
    slug: Slug, user: CurrentUser, session: Reading, phase: Slug | None = None
) -> Refreshes:
    """Say how many of these runs and their scorings wait or failed; organizers only."""
    return refreshes.look(session, user, slug, phase)


@router.post("/{slug}/join", status_code=204, responses=problems(Code.NOT_FOUND, Code.CONFLICT))
def join(slug: Slug, body: JoinRequest, user: CurrentUser, session: Writing) -> None:
    """Take part: accept the terms of this version."""
    challenges.join(session, user, slug, body)


@router.post("/{slug}/members", status_code=204, responses=problems(Code.NOT_FOUND, Code.FORBIDDEN))
def add_member(slug: Slug, body: MemberCreate, user: CurrentUser, session: Writing) -> None:
    """Let a user in, or make one an organizer; organizers only."""
    challenges.add_member(session, user, slug, body)


@router.get("/{slug}/sample", responses=problems(Code.NOT_FOUND))
def read_sample(slug: Slug, user: OptionalUser, session: Reading) -> dict[Slug, SplitData]:
    """Show the public sample of every task, inputs and reference, by digest."""
    sight = challenge_in_sight(session, slug, user)
    return challenges.sample_of(session, newest(session, sight.challenge))


@router.get("/{slug}/tasks/{task}/inputs", responses=problems(Code.NOT_FOUND))
def read_inputs(slug: Slug, task: Slug, user: OptionalUser, session: Reading) -> PublicInputs:
    """List the cases of a task whose inputs are public, with their files by digest."""
    sight = challenge_in_sight(session, slug, user)
    return challenges.inputs_of(session, newest(session, sight.challenge), task)


@router.get("/{slug}/runtimes/{name}", responses=problems(Code.NOT_FOUND))
def read_runtime(slug: Slug, name: Slug, user: OptionalUser, session: Reading) -> RuntimeImage:
    """Show an approved runtime image by the blobs it is made of."""
    sight = challenge_in_sight(session, slug, user)
    return challenges.runtime_of(newest(session, sight.challenge), name)


@router.get("/{slug}/phases/{phase}/quota", responses=problems(Code.NOT_FOUND))
def read_quota(slug: Slug, phase: Slug, user: CurrentUser, session: Reading) -> QuotaLeft:
    """Tell how many submissions to a phase you have left."""
    return quota_left(session, phase_in_sight(session, slug, phase, user), user)
