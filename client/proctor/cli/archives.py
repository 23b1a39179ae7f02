"""`proctor archive`: a submission and all that its scores stand on, as one file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from proctor.cli.connection import connect
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import HostOption
from proctor.cli.output import say
from proctor.cli.submissions import SubmissionArgument


def archive(
    submission_id: SubmissionArgument,
    sealed: Annotated[
        bool, typer.Option("--sealed", help="With the hidden data, where you may have it.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="The file; by default ID-public.zip here.")
    ] = None,
    host: HostOption = None,
) -> None:
    """Fetch the archive of a submission: to keep, to cite, to run again elsewhere."""
    from proctor.cli.archive_file import open_archive
    from proctor.spec.archive import ArchiveKind

    kind = ArchiveKind.SEALED if sealed else ArchiveKind.PUBLIC
    path = out or Path(f"{submission_id}-{kind.value}.zip")
    if path.exists():
        raise CommandError(f"{path} is there already.", "Name another with --out.", Exit.USAGE)
    if not path.parent.is_dir():
        raise CommandError(f"There is no folder {path.parent}.", "", Exit.USAGE)
    partial = path.with_name(f".{path.name}.part")
    try:
        with connect(host) as client:
            client.archive(submission_id, kind, partial)
        with open_archive(partial) as found:
            found.check()
            manifest = found.manifest
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    size = path.stat().st_size
    say(
        f"{kind.value} archive of {submission_id}, {len(manifest.files)} files, {size} bytes;"
        " every digest is right."
    )
    if manifest.rerunnable:
        say(f"Run it again with `proctor rerun {path}`, here or elsewhere.")
    else:
        say("It holds predictions, not a model: nothing can be run again.")
    sys.stdout.write(f"{path}\n")
