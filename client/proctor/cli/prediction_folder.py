"""A folder of predictions, as content by digest.

``predictions.json`` marks it: a model's card, without a model. Beside it lie ``<case>/<file>``, or
``<task>/<case>/<file>`` where a phase has several tasks. Instead of the tables of every case there
may be one for all of them, ``<file>`` or ``<task>/<file>``.
"""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import ValidationError

from proctor.cli.contents import Model, read_card
from proctor.cli.failures import CommandError, Exit
from proctor.cli.prediction_tables import cut_tables
from proctor.client.blobs import Blob
from proctor.spec.challenge import ChallengeSpec, PhaseSpec
from proctor.spec.digests import FolderEntry, FolderError, read_folder
from proctor.spec.model import ModelCard
from proctor.spec.work import PredictionsContent

CARD = "predictions.json"
README = "README.md"


def holds_predictions(name: str) -> bool:
    """Tell whether what a person names is a folder that says that it holds predictions."""
    return (Path(name) / CARD).is_file()


def read_predictions(name: str, card: Path | None, spec: ChallengeSpec, phase: PhaseSpec) -> Model:
    """List and hash a folder of predictions.

    Args:
        name: The folder.
        spec: The challenge that asks for them.
        phase: The phase that they enter.
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
        tables = cut_tables(folder, spec, phase)
        files = {
            entry.path: Blob.of_file(folder / entry.path, entry.file)
            for entry in found
            if entry.path not in tables
        }
        for table, cut in tables.items():
            if both := sorted(files.keys() & cut.keys()):
                raise CommandError(
                    f"{folder / table} answers what {both[0]} answers too.",
                    "Keep one of them.",
                    Exit.USAGE,
                )
            files |= cut
        content = PredictionsContent(
            entries=tuple(
                FolderEntry(path=path, file=blob.ref)
                for path, blob in sorted(files.items(), key=lambda item: item[0].encode())
            )
        )
    except FolderError as error:
        raise CommandError(str(error), "", Exit.USAGE) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise CommandError(f"{folder}: {first['msg']}.", "", Exit.USAGE) from error
    return Model(name, content, _card(folder, card), tuple(files.values()))


def _card(folder: Path, card: Path | None) -> ModelCard:
    if card is not None:
        return read_card(card)
    if (folder / CARD).is_file():
        return read_card(folder / CARD)
    slug = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:60].strip("-")
    # A name starts with a letter.
    return ModelCard(name=slug if slug[:1].isalpha() else f"predictions-{slug}".strip("-"))
