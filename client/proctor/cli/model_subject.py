"""What `proctor model test` and `proctor model check` look at: a folder, or an image."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from proctor.cli.card_upgrade import CONFIGS
from proctor.cli.contents import docker_client, read_weights, refuse_weights
from proctor.cli.failures import CommandError
from proctor.cli.local_runs import ChosenModel
from proctor.cli.output import say
from proctor.spec.card.examination import Examination
from proctor.spec.card.reading import CardError, read_card_file
from proctor.spec.digests import FolderError, read_folder
from proctor.spec.model import ModelCard
from proctor.template.scaffold import placeholders
from proctor_runner.examination import card_checks
from proctor_runner.examination.card_checks import MOUNTED
from proctor_runner.examination.subject import Subject

CARD = "model.json"
DOCKERFILE = "Dockerfile"


def subject_of(name: str, chosen: ChosenModel, card: Path | None, *, build: bool) -> Subject:
    """Return what is to be tested; a folder without a runtime image is built.

    Raises:
        CardError: Its card is none.
        CommandError: It cannot be read, or built.
    """
    model, weights, contract = chosen
    if weights is not None:
        refuse_weights(model)
        read_weights(weights)
    if isinstance(model, Path) and model.is_dir():
        return _folder(name, model, build)
    stated = None if card is None else _read(card)
    return Subject(name, model, stated, None, weights=weights, contract=contract)


def folder_subject(folder: Path) -> Subject:
    """Return a folder as it is, to be looked at without running it.

    Raises:
        CardError: Its card is none.
        CommandError: It cannot be read.
    """
    card = _read(folder / CARD)
    try:
        files = [entry.path for entry in read_folder(folder)]
    except FolderError as error:
        raise CommandError(str(error), "Put a file in its place.") from error
    return Subject(
        str(folder),
        folder,
        card,
        files,
        left=placeholders(card.description, card.authors),
        before=(card_checks.files_check(files), card_checks.CARD.passed()),
    )


def refused(name: str, error: CardError) -> Examination:
    """Return the examination of a model whose card is none: it ends there."""
    return Examination(
        model=name,
        version=version("proctor"),
        at=datetime.now(UTC),
        checks=tuple(
            card_checks.CARD.failed(f"{problem}.", "docs/model-json.md has every field.")
            for problem in error.problems
        ),
    )


def _folder(name: str, folder: Path, build: bool) -> Subject:
    from proctor_runner.examination.building import build_folder

    subject = replace(folder_subject(folder), name=name)
    card = subject.card
    if card is None:
        raise AssertionError("a folder has a card")
    if not build and card.runtime is not None:
        mounted = MOUNTED.passed(f"On the runtime image {card.runtime}, read-only.")
        return replace(subject, before=(*subject.before, mounted))
    if not build and not (folder / DOCKERFILE).is_file():
        raise CommandError(
            f"{folder}: the card names no runtime image, and there is no Dockerfile.",
            'Name one, such as "runtime": "runtime-cpu", or add a Dockerfile.',
        )
    say(f"Building {folder / DOCKERFILE}.")
    with docker_client() as client:
        image, check = build_folder(client, folder)
    return replace(subject, model=image, before=(*subject.before, check))


def _read(path: Path) -> ModelCard:
    try:
        return read_card_file(path)
    except OSError as error:
        reason = f"{path} cannot be read: {error.strerror}."
        raise CommandError(reason, _hint(path.parent)) from error


def _hint(folder: Path) -> str:
    if any((folder / name).is_file() for name in CONFIGS):
        return (
            f"`proctor model upgrade {folder}` writes one that says what its config.json says;"
            f" `proctor serve {folder}` and `proctor submit` take a ModelHub repository as it is."
        )
    return "`proctor model init` writes a folder that is complete."
