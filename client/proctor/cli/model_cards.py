"""`proctor model check` and `proctor model show`: a card by itself, and what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.failures import CommandError
from proctor.cli.options import FormatOption, HostOption
from proctor.cli.output import Format, emit, say

if TYPE_CHECKING:
    from proctor.client import Client
    from proctor.spec.card.completeness import Completeness
    from proctor.spec.card.detected import DetectedMetadata, DetectedModel
    from proctor.spec.model import ModelCard

_CARD = "model.json"
_MOST_LAYERS = 40


def check(
    folder: Annotated[Path, typer.Argument(help="A model folder, or its model.json.", exists=True)],
    style: FormatOption = Format.TABLE,
) -> None:
    """Look at a model.json without running anything: what is wrong, and what is missing."""
    from proctor.cli.model_examination import check_row
    from proctor.cli.model_subject import folder_subject, refused
    from proctor.spec.card.completeness import completeness
    from proctor.spec.card.examination import Finding
    from proctor.spec.card.reading import CardError
    from proctor_runner.examination.card_checks import card_checks

    folder = folder if folder.is_dir() else folder.parent
    try:
        subject = folder_subject(folder)
    except CardError as error:
        checks = list(refused(str(folder), error).checks)
        complete = None
    else:
        card = subject.card
        if card is None:
            raise AssertionError("a folder has a card")
        complete = completeness(card)
        checks = [*subject.before, *card_checks(card, subject.files, subject.left, complete)]
    document = {
        "checks": [one.model_dump(mode="json") for one in checks],
        "completeness": None if complete is None else complete.model_dump(mode="json"),
    }
    emit(list(map(check_row, checks)), style, document=document)
    wrong = [one for one in checks if one.finding is Finding.FAILED]
    if wrong:
        told = "".join(f"\n  {folder / _CARD}: {one.reason}" for one in wrong)
        raise CommandError(f"The model is not fit to be entered:{told}", wrong[0].fix)
    if complete is not None:
        say(_in_words(complete))
    say(f"Next: `proctor model test {folder}` runs it.")


def show(
    model: Annotated[str, typer.Argument(help="A model folder, or the id of a submission: sub_…")],
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Show what a card states and, of a submission, what was measured."""
    from proctor.spec.card.completeness import completeness

    card, measured = _of_folder(Path(model)) if Path(model).exists() else _of_platform(model, host)
    complete = completeness(card, measured)
    document = {
        "card": card.model_dump(mode="json"),
        "measured": None if measured is None else measured.model_dump(mode="json"),
        "completeness": complete.model_dump(mode="json"),
    }
    rows = [*_stated(card), *([] if measured is None else _measured(measured))]
    emit(rows, style, document=document)
    say(_in_words(complete))
    if measured is None:
        say("Nothing was measured yet: `proctor model test` does, and a platform does.")


def _of_folder(path: Path) -> tuple[ModelCard, None]:
    from proctor.cli.contents import read_card

    return read_card(path / _CARD if path.is_dir() else path), None


def _of_platform(model: str, host: str | None) -> tuple[ModelCard, DetectedMetadata | None]:
    from proctor.cli.connection import connect

    with connect(host) as client:
        return client.submission(model).card, _known(client, model)


def _known(client: Client, model: str) -> DetectedMetadata | None:
    from proctor.client.errors import ApiError
    from proctor.spec.outcomes import Code

    try:
        return client.model_metadata(model)
    except ApiError as error:
        # A model that nobody looked at yet, or that its organizer has not released.
        if error.problem.code in (Code.NOT_FOUND, Code.NOT_YET):
            return None
        raise


def _stated(card: ModelCard) -> list[dict[str, object]]:
    return [
        {"field": path, "value": value, "from": "stated"}
        for path, value in _leaves(card.model_dump(mode="json", exclude_defaults=True))
    ]


def _measured(found: DetectedMetadata) -> list[dict[str, object]]:
    """Return the facts that fit a table; layers and packages are counted."""
    facts: list[tuple[str, object]] = [
        ("python", found.python),
        ("platform", found.platform),
        ("packages", len(found.packages)),
        ("load_s", found.load_s),
        ("parameters", found.parameters),
        ("image_bytes", found.image_bytes),
        ("folder_bytes", found.folder_bytes),
        ("weights_bytes", found.weights_bytes),
    ]
    for model in found.models:
        facts += [(f"{model.source}.{name}", value) for name, value in _of_model(model)]
    facts += [("problem", problem) for problem in found.problems]
    return [
        {"field": name, "value": value, "from": "measured"}
        for name, value in facts
        if value not in (None, "", 0)
    ]


def _of_model(model: DetectedModel) -> list[tuple[str, object]]:
    version = f"{model.framework} {model.framework_version}".strip()
    facts: list[tuple[str, object]] = [
        ("framework", version),
        ("type", model.type),
        ("architecture", model.architecture),
        ("task", model.task),
        ("parameters", model.parameters),
        ("trainable", model.trainable),
        ("depth", model.depth),
        ("layers", ", ".join(f"{count} {kind}" for kind, count in model.layer_counts.items())),
        ("optimizer", model.optimizer),
        ("loss", model.loss),
    ]
    facts += [(one.name, one.value) for one in model.hyperparameters if not one.is_default]
    for step in model.steps[1:]:
        changed = {one.name: one.value for one in step.hyperparameters if not one.is_default}
        told = ", ".join(f"{name}={value}" for name, value in changed.items())
        facts.append((step.path, f"{step.type}({told})"))
    return facts[:_MOST_LAYERS]


def _leaves(value: object, path: str = "") -> list[tuple[str, object]]:
    """Return the values of nested objects, each with its path; short lists are one value."""
    if isinstance(value, dict):
        return [
            leaf
            for name, inner in value.items()
            for leaf in _leaves(inner, f"{path}.{name}".lstrip("."))
        ]
    if isinstance(value, list):
        if all(isinstance(one, str | int | float) for one in value):
            return [(path, ", ".join(map(str, value)))]
        return [
            leaf for index, one in enumerate(value) for leaf in _leaves(one, f"{path}[{index}]")
        ]
    return [(path, value)]


def _in_words(complete: Completeness) -> str:
    missing = ", ".join(
        f"{state.element.value} ({state.fields[0]})" for state in complete.missing if state.fields
    )
    words = f"{complete.percent} % of the 26 elements of information are there"
    return f"{words}; not stated: {missing}." if missing else f"{words}."
