"""`proctor predictions`: what a submission answered, for organizers to check and to publish."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.connection import connect
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import HostOption
from proctor.cli.output import say
from proctor.cli.submissions import SubmissionArgument

if TYPE_CHECKING:
    from proctor.client import Client
    from proctor.spec.api import SubmissionView
    from proctor.spec.base import FileRef

PER_ITEM = "per-item.npz"


def predictions(
    submission_id: SubmissionArgument,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder; by default ID-predictions here.")
    ] = None,
    run: Annotated[str | None, typer.Option("--run", help="Of this run, by its id.")] = None,
    host: HostOption = None,
) -> None:
    """Fetch canonical predictions and scores item by item; organizers only.

    Writes <task>/<case>/<output>.npy for every answered case and <task>/per-item.npz, of the run
    whose scores stand. What is there already is not fetched again.
    """
    folder = out or Path(f"{submission_id}-predictions")
    with connect(host) as client:
        files = _files(client, client.submission(submission_id), run)
        for done, (path, file) in enumerate(files.items()):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            client.download(file.digest, folder / path)
            if sys.stderr.isatty():
                typer.echo(f"\r{done + 1} of {len(files)} files", err=True, nl=False)
    if sys.stderr.isatty():
        typer.echo("", err=True)
    size = sum(file.size for file in files.values())
    say(f"{len(files)} files of {submission_id}, {size} bytes; every digest is right.")
    sys.stdout.write(f"{folder}\n")


def _files(client: Client, view: SubmissionView, run: str | None) -> dict[Path, FileRef]:
    """Return what there is to fetch, by its place in the folder.

    Raises:
        CommandError: None of it is for this user to see, or there is none.
    """
    from proctor.client.standing import standing_runs

    of = {run} if run is not None else {one.id for one in standing_runs(view)}
    cases = [case for one in sorted(of) for case in client.cases(view.id, one) if case.run == one]
    files = {
        Path(case.task) / case.case / f"{name}.npy": file
        for case in cases
        for name, file in case.predictions.items()
    }
    if not files:
        raise CommandError(
            f"There are no predictions of {view.id} to fetch.",
            "Only organizers of its challenge get them, once a case has been answered.",
            Exit.REJECTED,
        )
    for found in view.runs:
        if found.id in of and found.evaluation and found.evaluation.per_item:
            files[Path(found.task) / PER_ITEM] = found.evaluation.per_item
    return files
