"""`proctor doctor`: what the sandbox enforces on this host, and what to do where it does not."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.environment import read_environment
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption
from proctor.cli.output import Format, emit, say

if TYPE_CHECKING:
    from proctor_runner.doctor.findings import Finding


def doctor(
    sandbox: Annotated[str, typer.Option("--sandbox", help="docker or process.")] = "docker",
    state: Annotated[
        Path | None,
        typer.Option("--state", help="A worker's state folder, on the disk that it will use."),
    ] = None,
    runtime: Annotated[
        str, typer.Option("--runtime", help="Docker's runtime for models, such as runsc.")
    ] = "",
    style: FormatOption = Format.TABLE,
) -> None:
    """Try every limit of the sandbox on this host; exit 1 if one that is required is not enforced.

    A worker does the same at its start and refuses to run models of others where this fails.
    """
    from proctor_runner.doctor.findings import not_enforced

    found = _examine(sandbox, state, runtime)
    emit([_row(one) for one in found], style, document=[asdict(one) for one in found])
    lacking = not_enforced(found)
    if style is Format.TABLE:
        _advise(found)
    if lacking:
        say(f"Not enforced: {', '.join(one.name for one in lacking)}.")
        raise typer.Exit(Exit.FAILED)
    say("All required limits are enforced: this host may run models of others.")


def _examine(sandbox: str, state: Path | None, runtime: str) -> list[Finding]:
    from proctor_runner.doctor.examination import describe_process_sandbox, examine_docker

    match sandbox:
        case "process":
            return describe_process_sandbox()
        case "docker":
            return examine_docker(
                (state or read_environment().home / "worker").resolve(), runtime=runtime
            )
        case _:
            raise CommandError(
                f"There is no sandbox {sandbox!r}.", "Choose docker or process.", Exit.USAGE
            )


def _row(one: Finding) -> dict[str, object]:
    return {"limit": one.name, "standing": one.standing.value, "found": one.found}


def _advise(found: list[Finding]) -> None:
    for one in found:
        if one.advice:
            say(f"{one.name}: {one.advice}")
