"""The registry of models: lists, pages, citations."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response

from proctor.spec.card.detected import DetectedMetadata
from proctor.spec.card.package_licenses import LicenseReport, license_report
from proctor.spec.outcomes import Code
from proctor.spec.registry import (
    CitationFormat,
    Filter,
    ModelFile,
    ModelList,
    ModelOrder,
    ModelView,
)
from proctor.spec.registry.differences import ModelDifferences
from proctor.spec.registry.similar import Similar
from proctor_platform import citing
from proctor_platform.database import Reading
from proctor_platform.identity import OptionalUser
from proctor_platform.registry.descriptions import Descriptions
from proctor_platform.registry.differences import differences
from proctor_platform.registry.files import files_of_model
from proctor_platform.registry.lists import Wanted, list_models
from proctor_platform.registry.pages import citable, metadata_of, view_model
from proctor_platform.registry.sight import model_in_sight
from proctor_platform.registry.similar import similar_models
from proctor_platform.routes.paging import Limit, Offset
from proctor_platform.routes.problems import problems
from proctor_platform.settings import PlatformSettings, settings_of

router = APIRouter(prefix="/models", tags=["models"])

descriptions = Descriptions()

ModelId = Annotated[
    str, Path(pattern=r"^sub_[0-9a-z]{26}$", description="the id of its submission")
]
Settings = Annotated[PlatformSettings, Depends(settings_of)]
Words = Annotated[str, Query(max_length=200, description="all of which a model's card must hold")]
Value = Annotated[str | None, Query(max_length=200)]
Score = Annotated[float | None, Query(allow_inf_nan=False)]
Column = Annotated[
    str | None,
    Query(max_length=250, description="task/metric/label; the first that decides ranks if none"),
]
Since = Annotated[
    str | None,
    Query(pattern=r"^sub_[0-9a-z]{26}$", description="another model; the version before if none"),
]
Versions = Annotated[bool, Query(description="a line for every version, not the newest alone")]

_NAMES = {
    CitationFormat.CFF: "CITATION.cff",
    CitationFormat.DATACITE: "datacite.json",
    CitationFormat.BIBTEX: "citation.bib",
}
_WRITERS = {
    CitationFormat.CFF: citing.citation_cff,
    CitationFormat.DATACITE: citing.datacite,
    CitationFormat.BIBTEX: citing.bibtex,
}


@router.get("", responses=problems())
def list_all(
    asker: OptionalUser,
    session: Reading,
    settings: Settings,
    search: Words = "",
    task: Value = None,
    modality: Value = None,
    framework: Value = None,
    license: Value = None,  # noqa: A002 - the name that people type
    challenge: Value = None,
    column: Column = None,
    at_least: Score = None,
    at_most: Score = None,
    order: ModelOrder = ModelOrder.NEWEST,
    versions: Versions = False,
    offset: Offset = 0,
    limit: Limit = 50,
) -> ModelList:
    """List public models; scores can be asked for within one challenge."""
    given = {
        Filter.TASK: task,
        Filter.MODALITY: modality,
        Filter.FRAMEWORK: framework,
        Filter.LICENSE: license,
        Filter.CHALLENGE: challenge,
    }
    wanted = Wanted(
        search=search,
        filters={which: value for which, value in given.items() if value},
        column=column,
        at_least=at_least,
        at_most=at_most,
        order=order,
        versions=versions,
        offset=offset,
        limit=limit,
    )
    return list_models(session, descriptions, asker, wanted, settings.dashboard_url)


@router.get("/{submission_id}", responses=problems(Code.NOT_FOUND))
def read_model(
    submission_id: ModelId, asker: OptionalUser, session: Reading, settings: Settings
) -> ModelView:
    """Show a model: what is known of it, what was measured beside what is claimed, its versions."""
    model = model_in_sight(session, submission_id, asker)
    return view_model(session, descriptions, model, asker, settings)


@router.get(
    "/{submission_id}/citation",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **problems(Code.NOT_FOUND),
    },
)
def cite_model(
    submission_id: ModelId,
    asker: OptionalUser,
    session: Reading,
    settings: Settings,
    form: Annotated[CitationFormat, Query(alias="format")] = CitationFormat.CFF,
) -> Response:
    """Say how to cite a model: CITATION.cff, DataCite metadata, or BibTeX."""
    model = model_in_sight(session, submission_id, asker)
    cited = citable(session, model, settings.dashboard_url)
    return Response(
        _WRITERS[form](cited),
        media_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'inline; filename="{_NAMES[form]}"'},
    )


@router.get("/{submission_id}/metadata", responses=problems(Code.NOT_FOUND))
def read_metadata(
    submission_id: ModelId, asker: OptionalUser, session: Reading
) -> DetectedMetadata:
    """Show all that was found out about a model by looking at it: settings, layers, packages."""
    return metadata_of(session, model_in_sight(session, submission_id, asker))


@router.get("/{submission_id}/licenses", responses=problems(Code.NOT_FOUND))
def read_licenses(submission_id: ModelId, asker: OptionalUser, session: Reading) -> LicenseReport:
    """List the packages beside a model with their licenses, those to look at first."""
    found = metadata_of(session, model_in_sight(session, submission_id, asker))
    return license_report(found.packages)


@router.get("/{submission_id}/files", responses=problems(Code.NOT_FOUND, Code.FORBIDDEN))
def list_files(submission_id: ModelId, asker: OptionalUser, session: Reading) -> list[ModelFile]:
    """List the files that were entered, by digest, for those who may have them."""
    return files_of_model(model_in_sight(session, submission_id, asker))


@router.get("/{submission_id}/similar", responses=problems(Code.NOT_FOUND))
def list_similar(
    submission_id: ModelId,
    asker: OptionalUser,
    session: Reading,
    settings: Settings,
    limit: Annotated[int, Query(ge=1, le=50, description="the most models to send")] = 10,
) -> list[Similar]:
    """List models with the same algorithm, training set or objective: at least two of the three."""
    model = model_in_sight(session, submission_id, asker)
    return similar_models(session, descriptions, model, asker, limit, settings.dashboard_url)


@router.get("/{submission_id}/differences", responses=problems(Code.NOT_FOUND))
def compare_models(
    submission_id: ModelId, asker: OptionalUser, session: Reading, since: Since = None
) -> ModelDifferences:
    """Tell what differs from another model, or from the version before: card, files, scores."""
    return differences(session, submission_id, since, asker)
