"""A model folder on this machine: its card, its content by digest, and what it may use."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from proctor.spec.card.reading import CardError, read_card_file
from proctor.spec.digests import FolderError, read_folder
from proctor.spec.limits import Limits
from proctor.spec.model import ModelCard
from proctor.spec.outcomes import Code, ParticipantError
from proctor.spec.work import FolderContent

MODEL_CARD = "model.json"


def read_card(folder: Path) -> ModelCard:
    """Read a model folder's card.

    Raises:
        ParticipantError: FOLDER_REJECTED, it is missing or not what it must be.
    """
    path = folder / MODEL_CARD
    try:
        return read_card_file(path)
    except CardError as error:
        raise ParticipantError(Code.FOLDER_REJECTED, f"{path}: {error.problems[0]}") from error
    except FileNotFoundError as error:
        raise ParticipantError(
            Code.FOLDER_REJECTED, f"There is no {MODEL_CARD} in {folder}, so it is no model folder"
        ) from error
    except OSError as error:
        raise ParticipantError(Code.FOLDER_REJECTED, f"{path} cannot be read: {error}") from error


def folder_content(model: Path) -> FolderContent:
    """Return what would be submitted of a model folder.

    Raises:
        ParticipantError: FOLDER_REJECTED, its card or a file in it cannot be used.
    """
    card = read_card(model)
    if card.runtime is None:
        raise ParticipantError(
            Code.FOLDER_REJECTED, f"{model / MODEL_CARD}: runtime: names no runtime image"
        )
    try:
        return FolderContent(entries=read_folder(model), runtime=card.runtime)
    except (FolderError, ValidationError) as error:
        raise ParticipantError(Code.FOLDER_REJECTED, f"{model}: {error}") from error


def permitted(limits: Limits, model: Path | str) -> Limits:
    """Return what a model folder may use: no more than its card asks for."""
    if isinstance(model, Path) and model.is_dir():
        return read_card(model).resources.within(limits)
    return limits
