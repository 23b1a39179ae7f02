"""Turns what was submitted into a program that a sandbox can run.

A model folder is laid out file by file from its entries; an image is brought into the daemon by
its id. Every byte comes through the desk, which has verified its digest.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Protocol, assert_never

from proctor.spec.digests import FolderEntry
from proctor.spec.model import Protocol as ContainerProtocol
from proctor.spec.outcomes import Code, ParticipantError, PlatformError
from proctor.spec.work import FolderContent, HostOrder, ImageContent, PredictionsContent, RunOrder
from proctor_runner.contracts import protocols
from proctor_runner.contracts.choose import adapter
from proctor_runner.contracts.interface import ImageFacts
from proctor_runner.desk import Desk, RunDesk
from proctor_runner.intake.interface import OpenBlob
from proctor_runner.sandbox.interface import Program


class ImageShelf(Protocol):
    """Has images ready to run, by their id."""

    def ensure(self, content: ImageContent, open_blob: OpenBlob, check: bool) -> str:
        """Return the id under which the image runs; see ``intake.daemon.ensure_image``."""
        ...

    def tagged(self, name: str) -> str:
        """Return the id of an image that is already here, by its name."""
        ...

    def protocols(self, image_id: str) -> frozenset[ContainerProtocol]:
        """Return the protocols that an image declares by its label."""
        ...

    def copy_shown(self, image_id: str, folder: Path) -> None:
        """Copy the card and the samples that an image holds into ``folder``."""
        ...

    def facts(self, image_id: str) -> ImageFacts:
        """Return what an image declares of itself."""
        ...


class NoImages:
    """The shelf of a sandbox that runs no images."""

    def ensure(self, content: ImageContent, open_blob: OpenBlob, check: bool) -> str:
        """Refuse: this worker has no Docker.

        Raises:
            PlatformError: SANDBOX_FAILED, always.
        """
        raise _no_docker()

    def tagged(self, name: str) -> str:
        """Refuse likewise.

        Raises:
            PlatformError: SANDBOX_FAILED, always.
        """
        raise _no_docker()

    def protocols(self, image_id: str) -> frozenset[ContainerProtocol]:
        """Refuse likewise.

        Raises:
            PlatformError: SANDBOX_FAILED, always.
        """
        raise _no_docker()

    def copy_shown(self, image_id: str, folder: Path) -> None:
        """Refuse likewise.

        Raises:
            PlatformError: SANDBOX_FAILED, always.
        """
        raise _no_docker()

    def facts(self, image_id: str) -> ImageFacts:
        """Refuse likewise.

        Raises:
            PlatformError: SANDBOX_FAILED, always.
        """
        raise _no_docker()


def model_program(
    order: RunOrder | HostOrder, desk: RunDesk, shelf: ImageShelf, folder: Path, images: bool
) -> Program:
    """Return the submitted model as a program, checked first where the order asks for it.

    Args:
        folder: Where a model folder, or the weights of an image, are laid out; it must not exist.
        images: Whether the sandbox runs images; without, a model folder needs no runtime image.

    Raises:
        ParticipantError: IMAGE_REJECTED or FOLDER_REJECTED.
        PlatformError: something of ours failed.
    """
    content = order.content
    match content:
        case FolderContent():
            lay_out_folder(content.entries, desk, folder)
            image_id = ""
            if images:
                if order.runtime is None:
                    raise PlatformError(
                        Code.INTERNAL, f"the order names no runtime image {content.runtime!r}"
                    )
                image_id = on_shelf(order.runtime.image, desk, shelf, check=False)
            program = Program(image_id, folder, protocols=protocols.of_folder(folder))
        case PredictionsContent():
            raise PlatformError(Code.INTERNAL, "predictions are decoded; there is nothing to run")
        case ImageContent():
            image_id = on_shelf(content, desk, shelf, check=order.intake)
            if content.weights:
                lay_out_folder(content.weights, desk, folder)
            weights = folder if content.weights else None
            program = image_program(image_id, content, weights, shelf, folder)
        case _ as unreachable:
            assert_never(unreachable)
    if order.intake:
        desk.intake_passed()
    return program


def image_program(
    image_id: str,
    content: ImageContent,
    weights: Path | None,
    shelf: ImageShelf,
    folder: Path,
) -> Program:
    """Return an image that is on the shelf as a program, by the contract that it declares.

    Args:
        folder: What a contract brings along lies beside it.

    Raises:
        ParticipantError: IMAGE_REJECTED, the contract cannot be kept.
    """
    if content.contract is None:
        return Program(image_id, weights, protocols=shelf.protocols(image_id))
    beside = folder.with_name(f"{folder.name}-contract")
    return adapter(content.contract).program(shelf.facts(image_id), weights, beside)


def lay_out_folder(entries: Iterable[FolderEntry], desk: Desk, folder: Path) -> None:
    """Make ``folder`` from its entries: folders 0755, files 0444 or 0555.

    Raises:
        ParticipantError: FOLDER_REJECTED, the entries contradict each other.
    """
    _make_folder(folder)
    for entry in entries:
        target = folder / entry.path
        try:
            for parent in reversed(target.relative_to(folder).parents[:-1]):
                if not (folder / parent).is_dir():
                    _make_folder(folder / parent)
            source = desk.fetch(entry.file)
            if entry.executable:
                # A copy: the mode belongs to the bytes, which other folders may share.
                with target.open("xb") as stream, source.open("rb") as origin:
                    shutil.copyfileobj(origin, stream)
                target.chmod(0o555)
            else:
                os.link(source, target)
        except (FileExistsError, NotADirectoryError) as error:
            raise ParticipantError(
                Code.FOLDER_REJECTED, f"{entry.path} is listed twice, or as a file and as a folder"
            ) from error
        except OSError as error:
            raise PlatformError(
                Code.STORAGE_FAILED, f"the model folder could not be laid out: {error.strerror}"
            ) from error


def _no_docker() -> PlatformError:
    return PlatformError(
        Code.SANDBOX_FAILED, "the process sandbox runs no images; use Docker or a model folder"
    )


def _make_folder(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)


def on_shelf(content: ImageContent, desk: Desk, shelf: ImageShelf, check: bool) -> str:
    """Return the id of an image whose blobs a desk has; see ``ImageShelf.ensure``."""
    files = {file.digest: file for file in (content.config, *content.layers)}

    def open_blob(digest: str) -> BinaryIO:
        return desk.fetch(files[digest]).open("rb")

    return shelf.ensure(content, open_blob, check)
