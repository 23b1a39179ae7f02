"""The page of one model, from the rows, as far as the asker's sight of it reaches."""

from __future__ import annotations

from collections import Counter

from pydantic import TypeAdapter
from sqlmodel import Session, col, select

from proctor.spec.api import Content, Source
from proctor.spec.card.detected import DetectedMetadata
from proctor.spec.challenge import ChallengeSpec, SubmissionKind
from proctor.spec.hosting import DeploymentView
from proctor.spec.model import ModelCard
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.registry.pages import ModelView, Tombstone
from proctor.spec.registry.publication import Publication
from proctor.spec.work import RESULTS, AnyContent, Environment, FolderContent, Purpose, RuntimeImage
from proctor_platform.archive.rights import may_have_files
from proctor_platform.citing import Citable
from proctor_platform.hosting.views import list_deployments
from proctor_platform.registry.addresses import page_of
from proctor_platform.registry.descriptions import Descriptions, tasks_of
from proctor_platform.registry.elements import tell
from proctor_platform.registry.elements.known import Known, Reviewed, Usage
from proctor_platform.registry.kin import relatives_of
from proctor_platform.registry.measurements import measurement_of
from proctor_platform.registry.places import Place, board_of, places_of, scores_of
from proctor_platform.registry.publication import present_spec
from proctor_platform.registry.sight import ModelSight
from proctor_platform.registry.versions import versions_of
from proctor_platform.rights import Asker
from proctor_platform.settings import PlatformSettings
from proctor_platform.submissions.sights import Access, shown_card
from proctor_platform.tables import (
    ChallengeVersion,
    ModelRecord,
    ModelReview,
    ModelWithdrawal,
    Run,
    User,
)
from proctor_platform.versions import spec_of

_CONTENT: TypeAdapter[AnyContent] = TypeAdapter(Content)


def view_model(
    session: Session,
    descriptions: Descriptions,
    model: ModelSight,
    asker: Asker,
    settings: PlatformSettings,
) -> ModelView:
    """Show a model; of a withdrawn one readers see the tombstone and its scores."""
    submission = model.submission
    card = shown_card(model.submission, bare=not model.shown)
    spec = present_spec(session, model.challenge)
    place = place_of(session, model)
    versions = versions_of(session, model)
    number = next(one.number for one in versions if one.id == submission.id)
    downloadable = model.shown and may_have_files(model.sight)
    hosted = tuple(
        one
        for one in list_deployments(session, settings, asker, submission.id)
        if one.submission == submission.id
    )
    known = _known(session, model, card, spec, place, number, hosted, downloadable=downloadable)
    told = tell(known)
    return ModelView(
        id=submission.id,
        name=card.name,
        title=card.title or card.name,
        participant=known.participant,
        challenge=spec.slug,
        challenge_title=spec.title,
        phase=submission.phase,
        kind=SubmissionKind(submission.kind),
        baseline=submission.baseline,
        number=number,
        content_digest=submission.content_digest,
        submitted_at=submission.submitted_at,
        publication=model.publication,
        tombstone=_tombstone(session, model),
        card=card if model.shown else None,
        source=known.source,
        elements=told.elements,
        completeness_percent=told.percent,
        layers=_layers(known),
        board=board_of(session, place) if place else None,
        scores=tuple(scores_of(place)) if place else (),
        versions=versions,
        relatives=relatives_of(session, descriptions, model, asker) if model.shown else (),
        commands=known.commands,
        downloadable=downloadable,
        yours=model.sight.yours,
        organizer=model.sight.access is Access.ORGANIZER,
        page=page_of(settings.dashboard_url, submission.id),
    )


def place_of(session: Session, model: ModelSight) -> Place | None:
    """Return where a model stands, unless that is hidden from the asker at this moment."""
    if model.sight.hidden:
        return None
    return places_of(session, [model.submission.id]).get(model.submission.id)


def citable(session: Session, model: ModelSight, dashboard: str) -> Citable:
    """Return a model as it is cited; a withdrawn one still can be."""
    submission = model.submission
    spec = present_spec(session, model.challenge)
    record = session.get(ModelRecord, submission.id)
    return Citable(
        id=submission.id,
        challenge=spec.slug,
        challenge_title=spec.title,
        participant=session.get_one(User, submission.user_id).name,
        card=shown_card(model.submission, bare=not model.shown),
        content_digest=submission.content_digest,
        submitted_at=submission.submitted_at,
        doi=record.doi if record else "",
        address=page_of(dashboard, submission.id),
    )


def metadata_of(session: Session, model: ModelSight) -> DetectedMetadata:
    """Return what was found out about a model; names of its files for those who may have them.

    Raises:
        ProctorError: nothing was found out about it, or it was withdrawn.
    """
    found = measurement_of(session, model.submission.id) if model.shown else None
    if found is None:
        raise ProctorError(Code.NOT_FOUND, "Nobody has looked into this model yet.")
    if may_have_files(model.sight):
        return found
    models = tuple(
        one.model_copy(update={"source": ""}) if one.from_file else one for one in found.models
    )
    return found.model_copy(update={"weights": (), "models": models})


def _known(
    session: Session,
    model: ModelSight,
    card: ModelCard,
    spec: ChallengeSpec,
    place: Place | None,
    number: int,
    hosted: tuple[DeploymentView, ...],
    *,
    downloadable: bool,
) -> Known:
    submission = model.submission
    then = session.get_one(ChallengeVersion, (model.challenge.id, submission.version))
    spec_then = spec_of(then)
    content = _CONTENT.validate_python(submission.content) if model.shown else None
    runs = session.exec(
        select(Run).where(col(Run.submission_id) == submission.id).order_by(col(Run.id))
    ).all()
    results = [run for run in runs if run.purpose in RESULTS]
    environment = next((run.environment for run in results if run.environment), None)
    kinds = Counter(run.purpose for run in runs)
    record = session.get(ModelRecord, submission.id)
    source = submission.source if model.shown else None
    return Known(
        participant=session.get_one(User, submission.user_id).name,
        card=card,
        challenge=spec,
        phase=model.sight.phase,
        tasks=tuple(tasks_of(spec_then, submission.phase)),
        content=content,
        measured=measurement_of(session, submission.id) if model.shown else None,
        content_digest=submission.content_digest,
        runtime=_runtime(then, content),
        source=Source.model_validate(source) if source else None,
        submitted_at=submission.submitted_at,
        number=number,
        environment=Environment.model_validate(environment) if environment else None,
        protocols=tuple(sorted({run.protocol for run in results if run.protocol})),
        place=place,
        usage=Usage(
            runs=len(results),
            reruns=kinds[Purpose.RERUN.value],
            downloads=record.downloads if record else 0,
        ),
        review=_review(session, submission.id),
        commands=_commands(model, downloadable=downloadable),
        hosted=hosted,
    )


def _layers(known: Known) -> int:
    main = known.measured.main if known.measured else None
    return len(main.layers) if main else 0


def _runtime(version: ChallengeVersion, content: AnyContent | None) -> RuntimeImage | None:
    if not isinstance(content, FolderContent):
        return None
    images = [RuntimeImage.model_validate(image) for image in version.runtimes]
    return next((image for image in images if image.name == content.runtime), None)


def _review(session: Session, submission_id: str) -> Reviewed | None:
    row = session.exec(
        select(ModelReview, User.name)
        .join(User, col(User.id) == col(ModelReview.reviewer_id))
        .where(col(ModelReview.submission_id) == submission_id)
        .order_by(col(ModelReview.id).desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    found, reviewer = row
    return Reviewed(found.outcome, found.policy_version, reviewer, found.at)


def _tombstone(session: Session, model: ModelSight) -> Tombstone | None:
    row = session.get(ModelWithdrawal, model.submission.id)
    if row is None:
        return None
    by = "its owner" if row.user_id == model.submission.user_id else "an organizer"
    return Tombstone(withdrawn_at=row.at, by=by, reason=row.reason)


def _commands(model: ModelSight, *, downloadable: bool) -> dict[str, str]:
    """Return what to type; what the asker may not have is not offered."""
    id_ = model.submission.id
    commands = {}
    if downloadable and model.submission.kind != SubmissionKind.PREDICTIONS:
        commands["run"] = f"proctor models run {id_}"
        commands["serve"] = f"proctor serve {id_}"
        commands["download"] = f"proctor models download {id_}"
        commands["archive"] = f"proctor archive {id_}"
    if model.publication is not Publication.WITHDRAWN:
        commands["cite"] = f"proctor models cite {id_}"
    return commands
