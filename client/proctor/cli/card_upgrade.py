"""`proctor model upgrade`: a card from a ModelHub config, and what became of every field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption
from proctor.cli.output import Format, emit, say

if TYPE_CHECKING:
    from proctor.spec.card.modelhub import Upgrade

CARD = "model.json"
CONFIGS = ("contrib_src/model/config.json", "model/config.json", "config.json")
"""Where a ModelHub repository, or a part of one, has its config."""
_MOST_TEXT_BYTES = 1 << 20


def upgrade(
    source: Annotated[
        Path, typer.Argument(help="A ModelHub repository, or its config.json.", exists=True)
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", help="Where the card goes; model.json in the folder if not said."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a card.")] = False,
    style: FormatOption = Format.TABLE,
) -> None:
    """Write a model.json that says what a ModelHub config.json says, and tell what changed."""
    from proctor.spec.card.completeness import completeness
    from proctor.spec.card.modelhub import is_modelhub

    config = _config_of(source)
    document = _read(config)
    if not is_modelhub(document):
        raise CommandError(
            f"{config} is no ModelHub config: it has no meta.name or no model.io.",
            "`proctor model check` reads a card of Proctor's own.",
        )
    target = output or (source if source.is_dir() else source.parent) / CARD
    if target.exists() and not force:
        raise CommandError(
            f"{target} is there already.", "Name another --output, or give --force.", Exit.USAGE
        )
    made = _upgraded(config, document)
    card = made.card.model_dump(mode="json", exclude_unset=True)
    target.write_text(
        json.dumps({"contract": 1, **card}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    # A card by another name is looked at where it is used.
    looked_at = f"; `proctor model check {target.parent}` says what is missing"
    rows: list[dict[str, object]] = [
        {"what": change.kind.value, "field": change.path, "how": change.text}
        for change in made.changes
    ]
    emit(rows, style, document={"card": str(target), "changes": rows})
    lost = sum(row["what"] == "lost" for row in rows)
    say(
        f"{target} is written: {len(rows) - lost} fields changed, {lost} things are left to do."
        f" It is {completeness(made.card).percent} % complete"
        f"{looked_at if target.name == CARD else ''}."
    )


def _upgraded(config: Path, document: dict[str, Any]) -> Upgrade:
    from proctor.spec.card.modelhub import upgrade
    from proctor.spec.card.reading import CardError

    repository = config.parent.parent
    licenses = {
        name: path.read_bytes()[:_MOST_TEXT_BYTES].decode(errors="replace")
        for name in ("model", "sample_data")
        if (path := repository / "license" / name).is_file()
    }
    init_file = repository.parent / "init" / "init.json"
    init = _read(init_file) if init_file.is_file() else {}
    try:
        return upgrade(document, licenses, init if isinstance(init, dict) else {})
    except CardError as error:
        problems = "".join(f"\n  {config}: {problem}" for problem in error.problems)
        raise CommandError(
            f"No card can be made of the config:{problems}", "Mend what the lines above name."
        ) from error


def _config_of(source: Path) -> Path:
    if source.is_file():
        return source
    for name in CONFIGS:
        if (source / name).is_file():
            return source / name
    raise CommandError(
        f"{source} holds no ModelHub config: none of {', '.join(CONFIGS)} is there.",
        "Name the file itself.",
        Exit.USAGE,
    )


def _read(path: Path) -> object:
    from proctor.spec.card.reading import MOST_BYTES, CardError, read_json

    with path.open("rb") as stream:
        data = stream.read(MOST_BYTES + 1)
    try:
        return read_json(data)
    except CardError as error:
        raise CommandError(f"{path}: {error}.") from error
