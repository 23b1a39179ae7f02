"""A model on this machine as what would be submitted, and as the program that runs here."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from proctor.spec.base import FileRef
from proctor.spec.contract import ForeignContract
from proctor.spec.digests import FolderEntry, FolderError, read_folder
from proctor.spec.outcomes import Code, ParticipantError
from proctor.spec.work import FolderContent, ImageContent
from proctor_runner.contracts import protocols
from proctor_runner.desk import RunDesk
from proctor_runner.images.builder import released_tag
from proctor_runner.intake.archive import read_archive
from proctor_runner.model_folder import folder_content
from proctor_runner.model_program import image_program, lay_out_folder
from proctor_runner.sandbox.interface import Program
from proctor_runner.workshop import RunTools


def prepare(
    model: Path | str,
    weights: Path | None,
    desk: RunDesk,
    tools: RunTools,
    folder: Path,
    contract: ForeignContract | None = None,
) -> tuple[FolderContent | ImageContent, Program]:
    """Return what would be submitted, and the program it becomes here.

    Args:
        model: A model folder, a ``docker save`` archive, or the name of a local image.
        weights: A folder beside an image.
        folder: Where a model folder, or the weights of an image, are laid out; it must not exist.
        contract: Of another system, which an image keeps.

    Raises:
        ParticipantError: FOLDER_REJECTED or IMAGE_REJECTED.
        PlatformError: the sandbox cannot be used.
    """
    if isinstance(model, str) or not model.is_dir():
        return _prepare_image(model, weights, contract, desk, tools, folder)
    content = folder_content(model)
    _lay_out(model, content.entries, desk, folder)
    if tools.bench.sandbox.name == "process":
        return content, Program("", folder, protocols=protocols.of_folder(folder))
    image_id = tools.shelf.tagged(released_tag(f"proctor/{content.runtime}"))
    return content, Program(image_id, folder, protocols=protocols.of_folder(folder))


def _prepare_image(
    model: Path | str,
    weights: Path | None,
    contract: ForeignContract | None,
    desk: RunDesk,
    tools: RunTools,
    folder: Path,
) -> tuple[ImageContent, Program]:
    if isinstance(model, str):
        image_id = tools.shelf.tagged(model)
        content = ImageContent(config=FileRef(digest=image_id, size=0), layers=())
    else:
        with read_archive(model) as archive:
            image_id = tools.shelf.ensure(archive.content, archive.open_blob, check=True)
            content = archive.content
    content = content.model_copy(update={"contract": contract})
    if weights is not None:
        try:
            content = content.model_copy(update={"weights": read_folder(weights)})
        except (FolderError, ValidationError) as error:
            raise ParticipantError(Code.FOLDER_REJECTED, f"{weights}: {error}") from error
        _lay_out(weights, content.weights, desk, folder)
    mounted = None if weights is None else folder
    return content, image_program(image_id, content, mounted, tools.shelf, folder)


def _lay_out(source: Path, entries: tuple[FolderEntry, ...], desk: RunDesk, folder: Path) -> None:
    """Lay a folder out from its entries: a run sees what would be submitted and no more."""
    for entry in entries:
        desk.store(source / entry.path)
    lay_out_folder(entries, desk, folder)
