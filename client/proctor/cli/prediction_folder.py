"""A folder of predictions, as content by digest.

``predictions.json`` marks it: a model's card, without a model. Beside it lie ``<case>/<file>``, or
``<task>/<case>/<file>`` where a phase has several tasks. Nothing of the files is read here.
"""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import ValidationError

from proctor.cli.contents import Model, read_card
from proctor.cli.failures import CommandError, Exit
from proctor.client.blobs import Blob
from proctor.spec.digests import FolderError, read_folder
from proctor.spec.model import ModelCard
from proctor.spec.work import PredictionsContent

CARD = "predictions.json"
README = "README.md"


def holds_predictions(name: str) -> bool:
    """Tell whether what a person names is a folder that says that it holds predictions."""
    return (Path(name) / CARD).is_file()


def read_predictions(name: str, card: Path | None) -> Model:
    """List and hash a folder of predictions.

    Args:
        name: The folder.
        card: Its card, if that does not lie in it; without any, the folder's name is the card.

    Raises:
        CommandError: It is no folder, holds a link or nothing, or its card is wrong.
    """
    folder = Path(name)
    if not folder.is_dir():
        raise CommandError(
            f"{name} is no folder; predictions are a folder of files.",
            "`proctor challenge template predictions` writes one that is right.",
            Exit.USAGE,
        )
    try:
        found = [entry for entry in read_folder(folder) if entry.path not in (CARD, README)]
        if not found:
            raise CommandError(
                f"{folder} holds no predictions.",
                "The files of a case lie in a folder of its name;"
                " `proctor challenge template predictions` writes an example.",
                Exit.USAGE,
            )
        # Whether a file may be executed says nothing about a prediction.
        content = PredictionsContent(
            entries=tuple(entry.model_copy(update={"executable": False}) for entry in found)
        )
    except FolderError as error:
        raise CommandError(str(error), "", Exit.USAGE) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise CommandError(f"{folder}: {first['msg']}.", "", Exit.USAGE) from error
    blobs = tuple(Blob.of_file(folder / entry.path, entry.file) for entry in content.entries)
    return Model(name, content, _card(folder, card), blobs)


def _card(folder: Path, card: Path | None) -> ModelCard:
    if card is not None:
        return read_card(card)
    if (folder / CARD).is_file():
        return read_card(folder / CARD)
    slug = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:60].strip("-")
    # A name starts with a letter.
    return ModelCard(name=slug if slug[:1].isalpha() else f"predictions-{slug}".strip("-"))
