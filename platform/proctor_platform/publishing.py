"""Publishing: a challenge folder becomes a version that never changes.

Everything is checked again here, because a publisher's own checks prove nothing to others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlmodel import Session, col, select

from proctor.spec.api import PublishRequest
from proctor.spec.base import FileRef
from proctor.spec.challenge import ChallengeSpec
from proctor.spec.dataset import Dataset, SplitData, TaskDatasets
from proctor.spec.digests import digest_document
from proctor.spec.identifiers import Kind, new_id
from proctor.spec.outcomes import Code, OrganizerError
from proctor.spec.ranking_rules import aggregate_problems, ranking_problems
from proctor.spec.task import TaskSpec
from proctor.spec.work import ImageContent
from proctor_metrics.metric import Metric
from proctor_metrics.registry import MetricParameterError, UnknownMetricError, resolve
from proctor_platform import blobs
from proctor_platform.events import record
from proctor_platform.identity import UserIdentity
from proctor_platform.outbox import renew_board
from proctor_platform.private_cases import keep_private_cases
from proctor_platform.reevaluations import Asked, queue_missing
from proctor_platform.rights import organized_challenge
from proctor_platform.tables import Challenge, ChallengeVersion, DatasetRow, Membership, User
from proctor_platform.versions import newest


class Published(NamedTuple):
    """A version, whether it is new, and what it means for what was entered before."""

    version: ChallengeVersion
    new: bool
    asked: Asked = Asked()


def publish(session: Session, user: UserIdentity, slug: str, request: PublishRequest) -> Published:
    """Publish a challenge, or a new version of one that the user organizes.

    Raises:
        OrganizerError: the challenge is not valid; the detail names the field.
        ProctorError: the slug is another's, or a blob is not here.
    """
    challenge = _find(session, slug, user)
    spec = request.challenge
    if spec.slug != slug:
        raise OrganizerError(Code.CHALLENGE_INVALID, f"slug: it is {spec.slug}, not {slug}")
    digest = digest_document(request.model_dump(mode="json"))
    if challenge is not None and newest(session, challenge).digest == digest:
        return Published(newest(session, challenge), new=False)
    _check_metrics(spec)
    _check_data(request)
    _check_runtimes(request)
    members = _members(session, spec)
    hidden, shown = list(_hidden_files(request)), list(_shown_files(request))
    blobs.refuse_missing(session, [*hidden, *shown], user)
    before = None if challenge is None else _told_of(newest(session, challenge))
    challenge = _renewed(session, challenge, spec, user)
    version = _version(session, challenge, request, digest, user)
    keep_private_cases(session, challenge.id, version.number, request)
    blobs.grant(session, (f.digest for _, f in hidden), f"organizers:{challenge.id}")
    blobs.grant(session, (f.digest for _, f in shown), f"challenge:{challenge.id}")
    for member in members:
        if session.get(Membership, (challenge.id, member)) is None:
            session.add(Membership(challenge_id=challenge.id, user_id=member))
    asked = queue_missing(session, challenge, user)
    facts = {"before": before, "after": _told_of(version), **asked._asdict()}
    record(session, challenge.id, "challenge_published", user.id, facts)
    for phase in spec.phases:
        renew_board(session, challenge.id, phase.slug)
    session.commit()
    return Published(version, new=True, asked=asked)


def _told_of(version: ChallengeVersion) -> dict[str, object]:
    """Return what the history keeps of a version, which stays in the database itself."""
    return {"version": version.number, "digest": version.digest}


def _find(session: Session, slug: str, user: UserIdentity) -> Challenge | None:
    taken = select(Challenge).where(col(Challenge.slug) == slug).with_for_update()
    if session.exec(taken).first() is None:
        return None
    return organized_challenge(session, slug, user).challenge


def _check_metrics(spec: ChallengeSpec) -> None:
    metrics: dict[tuple[str, str], Metric] = {}
    for task in spec.tasks:
        for declared in task.metrics:
            where = f"tasks.{task.slug}.metrics.{declared.id}"
            if declared.custom is not None and not declared.custom.content:
                raise OrganizerError(
                    Code.CHALLENGE_INVALID,
                    f"{where}.custom.source: needed; publish with `proctor challenge publish`",
                )
            try:
                metric = resolve(declared.name, declared.building, worst=declared.worst)
            except (UnknownMetricError, MetricParameterError) as error:
                raise OrganizerError(Code.CHALLENGE_INVALID, f"{where}: {error}") from error
            metrics[task.slug, declared.id] = metric
    for task_at, metric_at, message in aggregate_problems(spec, metrics):
        task = spec.tasks[task_at]
        where = f"tasks.{task.slug}.metrics.{task.metrics[metric_at].id}.aggregate"
        raise OrganizerError(Code.CHALLENGE_INVALID, f"{where}: {message}")
    for problem in ranking_problems(spec, metrics):
        where = f"phases.{spec.phases[problem.phase].slug}.{problem.field}"
        raise OrganizerError(Code.CHALLENGE_INVALID, f"{where}: {problem.message}")


def _check_data(request: PublishRequest) -> None:
    tasks = {task.slug: task for task in request.challenge.tasks}
    if set(request.data) != set(tasks):
        given = ", ".join(sorted(request.data)) or "none"
        raise OrganizerError(
            Code.CHALLENGE_INVALID, f"data: needed for {', '.join(sorted(tasks))}; given: {given}"
        )
    for slug, datasets in request.data.items():
        for name, split in _splits(datasets):
            where = f"data.{slug}.{name}"
            _check_half(f"{where}.inputs", split.inputs, "inputs", tasks[slug])
            _check_half(f"{where}.reference", split.reference, "reference", tasks[slug])
            _check_agreement(where, split)
        if not datasets.hidden.reference.salt:
            raise OrganizerError(
                Code.CHALLENGE_INVALID, f"data.{slug}.hidden.reference.salt: needed"
            )


def _check_half(where: str, dataset: Dataset, kind: str, task: TaskSpec) -> None:
    names = set(task.inputs if kind == "inputs" else task.reference)
    if dataset.kind != kind:
        raise OrganizerError(Code.CHALLENGE_INVALID, f"{where}.kind: it is not {kind}")
    ids = [case.id for case in dataset.cases]
    if len(set(ids)) < len(ids):
        raise OrganizerError(Code.CHALLENGE_INVALID, f"{where}.cases: an id is given twice")
    for case in dataset.cases:
        if set(case.files) != names:
            problem = f"files: it must have {', '.join(sorted(names))}"
        elif set(case.strata) != set(task.strata):
            problem = f"strata: it must have {', '.join(sorted(task.strata)) or 'none'}"
        elif case.items > task.items_per_case:
            problem = f"items: {case.items} is more than items_per_case {task.items_per_case}"
        else:
            continue
        raise OrganizerError(Code.CHALLENGE_INVALID, f"{where}.cases.{case.id}.{problem}")


def _check_agreement(where: str, split: SplitData) -> None:
    pairs = zip(split.inputs.cases, split.reference.cases, strict=False)
    differs = next(
        (
            one.id
            for one, other in pairs
            if (one.id, one.group, one.strata, one.items)
            != (other.id, other.group, other.strata, other.items)
        ),
        None,
    )
    if differs is not None:
        detail = f"{where}: inputs and reference differ at case {differs}"
        raise OrganizerError(Code.CHALLENGE_INVALID, detail)
    counts = len(split.inputs.cases), len(split.reference.cases)
    if counts[0] != counts[1]:
        detail = f"{where}: {counts[0]} cases have inputs and {counts[1]} a reference"
        raise OrganizerError(Code.CHALLENGE_INVALID, detail)


def _check_runtimes(request: PublishRequest) -> None:
    named = sorted(request.challenge.runtimes)
    given = sorted(runtime.name for runtime in request.runtimes)
    if named != given:
        raise OrganizerError(
            Code.CHALLENGE_INVALID,
            f"runtimes: named are {', '.join(named) or 'none'};"
            f" given are {', '.join(given) or 'none'}",
        )


def _members(session: Session, spec: ChallengeSpec) -> Sequence[str]:
    wanted = select(User).where(col(User.name).in_(spec.members))
    found = {user.name: user.id for user in session.exec(wanted)}
    for name in spec.members:
        if name not in found:
            raise OrganizerError(Code.CHALLENGE_INVALID, f"members: there is no user {name}")
    return tuple(found.values())


def _splits(datasets: TaskDatasets) -> tuple[tuple[str, SplitData], ...]:
    return ("hidden", datasets.hidden), ("sample", datasets.sample)


def _files(where: str, split: SplitData) -> Iterator[tuple[str, FileRef]]:
    for half in (split.inputs, split.reference):
        yield from _half_files(where, half)


def _half_files(where: str, half: Dataset) -> Iterator[tuple[str, FileRef]]:
    for case in half.cases:
        for name, file in case.files.items():
            yield f"{where}.{half.kind}.{case.id}.{name}", file


def _hidden_files(request: PublishRequest) -> Iterator[tuple[str, FileRef]]:
    for slug, datasets in request.data.items():
        yield from _files(f"{slug}.hidden", datasets.hidden)
    for task in request.challenge.tasks:
        for name, source in metric_sources(task):
            yield f"tasks.{task.slug}.metrics.{name}.custom", source


def _shown_files(request: PublishRequest) -> Iterator[tuple[str, FileRef]]:
    for slug, datasets in request.data.items():
        yield from _files(f"{slug}.sample", datasets.sample)
        if request.challenge.task(slug).inputs_public:
            yield from _half_files(f"{slug}.hidden", datasets.hidden.inputs)
    for runtime in request.runtimes:
        yield from image_files(f"runtimes.{runtime.name}", runtime.image)


def metric_sources(task: TaskSpec) -> Iterator[tuple[str, FileRef]]:
    """List what an organizer's own metrics are made of, by the metric's id."""
    for metric in task.metrics:
        for file in metric.custom.content if metric.custom is not None else ():
            yield metric.id, file


def image_files(where: str, image: ImageContent) -> Iterator[tuple[str, FileRef]]:
    """List the blobs of an image, each with a name for people."""
    yield f"{where}.config", image.config
    for number, layer in enumerate(image.layers):
        yield f"{where}.layers.{number}", layer


def _renewed(
    session: Session, challenge: Challenge | None, spec: ChallengeSpec, user: UserIdentity
) -> Challenge:
    if challenge is None:
        challenge = Challenge(
            id=new_id(Kind.CHALLENGE),
            slug=spec.slug,
            visibility=spec.visibility.value,
            newest_version=0,
        )
        session.add(challenge)
        session.flush()
        session.add(Membership(challenge_id=challenge.id, user_id=user.id, organizer=True))
    challenge.newest_version += 1
    challenge.visibility = spec.visibility.value
    session.flush()
    return challenge


def _version(
    session: Session,
    challenge: Challenge,
    request: PublishRequest,
    digest: str,
    user: UserIdentity,
) -> ChallengeVersion:
    data = {
        slug: {
            name: {half: _kept(session, getattr(split, half)) for half in ("inputs", "reference")}
            for name, split in _splits(datasets)
        }
        for slug, datasets in request.data.items()
    }
    version = ChallengeVersion(
        challenge_id=challenge.id,
        number=challenge.newest_version,
        spec=request.challenge.model_dump(mode="json"),
        data=data,
        runtimes=[runtime.model_dump(mode="json") for runtime in request.runtimes],
        digest=digest,
        published_by=user.id,
    )
    session.add(version)
    session.flush()
    return version


def _kept(session: Session, dataset: Dataset) -> str:
    digest = dataset.digest()
    if session.get(DatasetRow, digest) is None:
        session.add(
            DatasetRow(
                digest=digest,
                kind=dataset.kind,
                document=dataset.model_dump(mode="json"),
                cases=len(dataset.cases),
                items=sum(case.items for case in dataset.cases),
            )
        )
    return digest
