"""Where a served model's card and samples are read from."""

from __future__ import annotations

from pathlib import Path

from proctor_runner.model_program import ImageShelf
from proctor_runner.sandbox.interface import Program


def shown_folder(program: Program, shelf: ImageShelf, folder: Path) -> Path:
    """Return the model's folder; of an image, where its card and samples were copied to.

    Args:
        folder: What is made for an image.
    """
    if program.model_folder is not None:
        return program.model_folder
    folder.mkdir()
    shelf.copy_shown(program.image_id, folder)
    return folder
