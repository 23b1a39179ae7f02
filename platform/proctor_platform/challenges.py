"""Challenges as their readers see them, and who takes part."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import func
from sqlmodel import Session, col, select

from proctor.spec.api import (
    ChallengeSummary,
    ChallengeView,
    JoinRequest,
    MemberCreate,
    Page,
    TaskFacts,
)
from proctor.spec.challenge import ChallengeSpec
from proctor.spec.dataset import PublicCase, PublicInputs, SplitData
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.task import SplitSpec, TaskData
from proctor.spec.work import RuntimeImage
from proctor_platform.events import record
from proctor_platform.identity import UserIdentity
from proctor_platform.rights import (
    Asker,
    ChallengeSight,
    challenge_in_sight,
    database_now,
    organized_challenge,
    sees,
)
from proctor_platform.tables import Challenge, ChallengeVersion, Membership, Submission, User
from proctor_platform.versions import dataset, dataset_row, newest, spec_of, with_newest

_NOWHERE = TaskData(
    hidden=SplitSpec(inputs="", reference=""), sample=SplitSpec(inputs="", reference="")
)


def list_challenges(
    session: Session, asker: Asker, offset: int, limit: int
) -> Page[ChallengeSummary]:
    """List the challenges that the asker finds, the newest first."""
    found = sees(asker, listed=True)
    total = session.exec(select(func.count()).select_from(Challenge).where(found)).one()
    rows = session.exec(
        with_newest().where(found).order_by(col(Challenge.id).desc()).offset(offset).limit(limit)
    ).all()
    counts = defaultdict(
        int,
        session.exec(
            select(col(Submission.challenge_id), func.count())
            .where(
                col(Submission.challenge_id).in_([row.id for row, _ in rows]),
                col(Submission.check_only).is_(False),
            )
            .group_by(col(Submission.challenge_id))
        ).all(),
    )
    present = database_now(session)
    items = []
    for challenge, version in rows:
        spec = spec_of(version)
        items.append(
            ChallengeSummary(
                slug=spec.slug,
                title=spec.title,
                summary=spec.summary,
                version=version.number,
                phases=tuple(phase.slug for phase in spec.phases),
                open_phases=tuple(
                    phase.slug
                    for phase in spec.phases
                    if phase.opens_at <= present < phase.closes_at
                ),
                submissions=counts[challenge.id],
            )
        )
    return Page(items=tuple(items), offset=offset, total=total)


def view_challenge(
    session: Session, sight: ChallengeSight, version: ChallengeVersion, dashboard: str
) -> ChallengeView:
    """Show a version of a challenge without its data paths and members.

    Args:
        dashboard: Address of the dashboard, empty where there is none.
    """
    spec = spec_of(version)
    joined = sight.membership if sight.membership and sight.membership.joined_at else None
    organizers = session.exec(
        select(User.name)
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(
            col(Membership.challenge_id) == sight.challenge.id, col(Membership.organizer).is_(True)
        )
        .order_by(User.name)
    ).all()
    images = [RuntimeImage.model_validate(image) for image in version.runtimes]
    return ChallengeView(
        challenge=without_paths(spec),
        version=version.number,
        published_at=version.published_at,
        organizers=tuple(organizers),
        tasks={task.slug: _facts(session, version, task.slug) for task in spec.tasks},
        runtimes={image.name: image.image.digest() for image in images},
        joined=joined is not None,
        organizer=sight.organizer,
        terms_accepted=bool(joined and spec.terms and joined.terms_version == spec.terms.version),
        page=f"{dashboard}/challenge?slug={spec.slug}" if dashboard else "",
    )


def without_paths(spec: ChallengeSpec) -> ChallengeSpec:
    """Return what everybody may know of a challenge: no data paths, no members."""
    tasks = tuple(task.model_copy(update={"data": _NOWHERE}) for task in spec.tasks)
    return spec.model_copy(update={"tasks": tasks, "members": ()})


def _facts(session: Session, version: ChallengeVersion, task: str) -> TaskFacts:
    hidden = dataset_row(session, version, task, "hidden")
    return TaskFacts(
        hidden_cases=hidden.cases,
        hidden_items=hidden.items,
        sample_cases=dataset_row(session, version, task, "sample").cases,
        inputs_digest=hidden.digest,
        reference_digest=version.data[task]["hidden"]["reference"],
    )


def sample_of(session: Session, version: ChallengeVersion) -> dict[str, SplitData]:
    """Return the public sample of every task."""
    return {
        task: SplitData(
            inputs=dataset(session, version, task, "sample", "inputs"),
            reference=dataset(session, version, task, "sample", "reference"),
        )
        for task in version.data
    }


def inputs_of(session: Session, version: ChallengeVersion, slug: str) -> PublicInputs:
    """Return the inputs of a task's test set, which the organizer made public.

    Of groups and strata nothing is said: they are for statistics, and may tell of the reference.

    Raises:
        ProctorError: there is no such task, or its inputs are hidden.
    """
    task = next((task for task in spec_of(version).tasks if task.slug == slug), None)
    if task is None:
        raise ProctorError(Code.NOT_FOUND, f"The challenge has no task {slug}.")
    if not task.inputs_public:
        raise ProctorError(Code.NOT_FOUND, f"The inputs of the task {slug} are hidden.")
    found = dataset(session, version, slug, "hidden", "inputs")
    return PublicInputs(
        version=version.number,
        digest=found.digest(),
        cases=tuple(
            PublicCase(id=case.id, items=case.items, files=case.files) for case in found.cases
        ),
    )


def runtime_of(version: ChallengeVersion, name: str) -> RuntimeImage:
    """Return an approved runtime image.

    Raises:
        ProctorError: the challenge has not approved one of this name.
    """
    for image in version.runtimes:
        if image["name"] == name:
            return RuntimeImage.model_validate(image)
    raise ProctorError(Code.NOT_FOUND, f"There is no approved runtime image {name}.")


def join(session: Session, user: UserIdentity, slug: str, request: JoinRequest) -> None:
    """Make the user a participant who accepted the terms of this version.

    Raises:
        ProctorError: the challenge is not in sight, or its terms have another version.
    """
    sight = challenge_in_sight(session, slug, user, lock=True)
    terms = spec_of(newest(session, sight.challenge)).terms
    wanted = terms.version if terms else ""
    if request.terms_version != wanted:
        detail = f"The terms are those of version {wanted!r}, not {request.terms_version!r}."
        raise ProctorError(Code.CONFLICT, detail)
    membership = sight.membership or Membership(challenge_id=sight.challenge.id, user_id=user.id)
    if membership.terms_version == wanted:
        return
    before = membership.terms_version
    membership.terms_version = wanted
    membership.joined_at = database_now(session)
    session.add(membership)
    facts = {"before": before, "after": wanted}
    record(session, sight.challenge.id, "challenge_joined", user.id, facts)
    session.commit()


def add_member(session: Session, user: UserIdentity, slug: str, request: MemberCreate) -> None:
    """Let a user into a challenge, or make one an organizer.

    Raises:
        ProctorError: the asker is no organizer, or there is no such user.
    """
    sight = organized_challenge(session, slug, user)
    member = session.exec(select(User).where(col(User.name) == request.user)).first()
    if member is None:
        raise ProctorError(Code.NOT_FOUND, f"There is no user {request.user}.")
    row = session.get(Membership, (sight.challenge.id, member.id))
    before = None if row is None else _part_of(row)
    if row is None:
        row = Membership(challenge_id=sight.challenge.id, user_id=member.id)
    row.organizer = row.organizer or request.organizer
    session.add(row)
    facts = {"user": member.id, "before": before, "after": _part_of(row)}
    record(session, sight.challenge.id, "member_added", user.id, facts)
    session.commit()


def _part_of(row: Membership) -> str:
    return "organizer" if row.organizer else "member"
