"""`proctor model init|test` and `proctor run`: a model before it is entered.

Both run it as the platform would: the same sandbox, limits, decoding and metrics.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption, HostOption, PhaseOption
from proctor.cli.output import Format, say

models = typer.Typer(no_args_is_help=True, help="Write a model folder and test it.")

_SANDBOX_HELP = "docker, process (models you trust), or auto."


@models.command("init")
def init(
    name: Annotated[str, typer.Argument(help="The model's name, and the folder that is made.")],
    task: Annotated[
        str, typer.Option("--task", help="classification or segmentation.")
    ] = "classification",
) -> None:
    """Write a model folder that runs as it is, to start from."""
    from pydantic import TypeAdapter, ValidationError

    from proctor.spec.base import Slug
    from proctor.template.scaffold import scaffold

    folder = Path(name)
    try:
        TypeAdapter(Slug).validate_python(folder.name)
        written = scaffold(folder, folder.name, task)
    except ValidationError as error:
        raise CommandError(
            f"{folder.name!r} is no name for a model.",
            "Use lower-case letters, digits and inner hyphens, for example u-net-small.",
            Exit.USAGE,
        ) from error
    except (ValueError, FileExistsError) as error:
        raise CommandError(str(error), "", Exit.USAGE) from error
    for path in written:
        sys.stdout.write(f"{path}\n")
    say(f"Next: `proctor model test {folder}`, then `proctor run <challenge> {folder}`.")
