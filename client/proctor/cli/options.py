"""Options that many commands share, so that they look the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from proctor.cli.failures import CommandError, Exit
from proctor.cli.output import Format

HostOption = Annotated[
    str | None,
    typer.Option(
        "--host",
        metavar="URL",
        help="The platform; else PROCTOR_HOST, the one that runs here, the one logged in to.",
    ),
]
ModelIdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The id of its submission: sub_ and 26 characters.")
]
SandboxOption = Annotated[
    str, typer.Option("--sandbox", help="docker, process (for models you trust), or auto.")
]
FormatOption = Annotated[Format, typer.Option("--format", help="How data is printed.")]
PhaseOption = Annotated[
    str | None, typer.Option("--phase", help="The phase; not needed when there is one.")
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        help="A folder to mount at /model beside an image, or where its contract has it.",
        file_okay=False,
    ),
]
ContractOption = Annotated[
    str | None,
    typer.Option(
        "--contract",
        help="What an image keeps: modelhub, max, grand-challenge, a .json file that says more, or"
        " MedPerf's container_config.yaml; else its label proctor.contract, else native.",
    ),
]
ChallengeOption = Annotated[
    str | None,
    typer.Option("--challenge", help="The challenge, if the model is the only argument."),
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Stay until it is finished.")]


def challenge_and_model(first: str, second: str | None, named: str | None) -> tuple[str, str]:
    """Return the challenge and the model of ``CHALLENGE MODEL`` or ``MODEL --challenge CHALLENGE``.

    Raises:
        CommandError: one of them is missing, or the challenge is named twice.
    """
    if named is not None and second is None:
        return named, first
    if named is None and second is not None:
        return first, second
    told = "The challenge is named twice" if named else "Challenge and model are both needed"
    raise CommandError(
        f"{told}.", "Give CHALLENGE MODEL, or MODEL --challenge CHALLENGE.", Exit.USAGE
    )


def require_folder(*paths: Path | None) -> None:
    """Refuse, before any work is done, files to be written into a folder that is not there.

    Raises:
        CommandError: a folder is missing.
    """
    for path in paths:
        if path is not None and not path.absolute().parent.is_dir():
            raise CommandError(
                f"{path} cannot be written: there is no folder {path.parent}.",
                "Make the folder, or name another file.",
                Exit.USAGE,
            )
