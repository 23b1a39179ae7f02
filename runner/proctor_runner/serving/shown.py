"""What is shown of a served model: where its card and samples are read from, and a foreign card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from proctor.spec.card.modelhub import is_modelhub, upgrade
from proctor.spec.card.reading import read_json
from proctor.template.card import Card, CardError, parse_card
from proctor_runner.model_program import ImageShelf
from proctor_runner.sandbox.interface import Program

_CONFIG = "config.json"
_MOST_CONFIG_BYTES = 1 << 20


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


def foreign_card(folder: Path, name: str, tell: Callable[[str], None]) -> Card:
    """Return what a model of another system says of itself; its name where it says nothing.

    A MAX model tells what it is in its own server alone, which nobody asks before the first
    question.

    Args:
        tell: Told of a config that cannot be shown.
    """
    for path in (folder / "model" / _CONFIG, folder / _CONFIG):
        if not path.is_file() or path.stat().st_size > _MOST_CONFIG_BYTES:
            continue
        try:
            config = read_json(path.read_bytes())
            if is_modelhub(config):
                card = upgrade(config).card.model_dump(mode="json", exclude_defaults=True)
                return parse_card(card)
        except (OSError, ValueError, CardError) as error:
            tell(f"The model's config.json says nothing that can be shown: {error}.")
    return Card({"name": name})
