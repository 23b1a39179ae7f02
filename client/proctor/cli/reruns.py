"""`proctor rerun`: infer an archived submission anew, here or on its platform; the verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.connection import connect
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption, HostOption
from proctor.cli.output import Format, emit, say
from proctor.cli.submissions import PollOption

if TYPE_CHECKING:
    from proctor.spec.api import RunView, SubmissionView
    from proctor.spec.work import Environment


def rerun(
    what: Annotated[
        str, typer.Argument(metavar="ID|FILE", help="A submission's id, or an archive's file.")
    ],
    folder: Annotated[
        str | None,
        typer.Option("--folder", help="Compare the archive with this model in its place."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Stay for the verdict.")] = True,
    sandbox: Annotated[
        str, typer.Option("--sandbox", help="For a file: docker, process, or auto.")
    ] = "auto",
    trust_metrics: Annotated[
        bool,
        typer.Option("--trust-metrics", help="Run the metrics of a file: its maker's code."),
    ] = False,
    server: Annotated[
        bool, typer.Option("--server", help="Ask the platform for what a file is of.")
    ] = False,
    poll_s: PollOption = 1.0,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Run a submission again in a new container; 0 when it is the same, 1 when it differs."""
    from proctor.cli import watch
    from proctor.cli.archive_file import open_archive
    from proctor.cli.archived_reruns import rerun_archive
    from proctor.cli.contents import open_model
    from proctor.cli.transfer import upload
    from proctor.spec.api import RerunRequest

    submission_id = what
    if what.endswith(".zip") or Path(what).is_file():
        if folder is not None:
            raise CommandError("--folder is for a submission's id.", "", Exit.USAGE)
        if not server:
            raise typer.Exit(rerun_archive(Path(what), sandbox, style, trust_metrics=trust_metrics))
        with open_archive(Path(what)) as archive:
            submission_id = archive.manifest.submission.id
    with connect(host) as client:
        request = RerunRequest()
        if folder is not None:
            if not Path(folder).is_dir():
                raise CommandError(f"There is no folder {folder}.", "", Exit.USAGE)
            with open_model(folder, None, say) as model:
                upload(client, model.blobs)
                request = RerunRequest(content=model.content)
        view = client.rerun(submission_id, request)
        started = watch.newest_reruns(view)
        say(f"{submission_id} runs again as {', '.join(run.id for run in started)}.")
        if not wait:
            document = [run.model_dump(mode="json") for run in started]
            emit([{"run": run.id, "task": run.task} for run in started], style, document=document)
            return
        finished = watch.follow_reruns(client, view, poll_s)
    raise typer.Exit(show_verdicts(view, finished, style))


def show_verdicts(view: SubmissionView, runs: list[RunView], style: Format) -> Exit:
    """Print each task's verdict and what differs between the environments.

    Returns:
        FAILED when one is different or has no verdict, else OK.
    """
    from proctor.spec.leaderboard import Verdict

    rows: list[dict[str, object]] = []
    document = []
    for run in runs:
        if run.verdict is None:
            said = ": ".join(filter(None, (run.outcome.value if run.outcome else "", run.detail)))
            say(f"The re-run {run.id} {run.state.value}: {said}")
            continue
        first = first_run(view, run.task)
        changes = environment_difference(first.environment if first else None, run.environment)
        row: dict[str, object] = {
            "submission": view.id,
            "run": run.id,
            "task": run.task,
            "verdict": run.verdict.value,
            "detail": run.verdict_detail,
        }
        rows.append(row)
        document.append(row | {"environment": {name: list(pair) for name, pair in changes.items()}})
        if changes or "environment" not in run.verdict_detail:
            tell_changes(changes)
    if rows:
        emit(rows, style, document=document)
    same = {Verdict.IDENTICAL, Verdict.WITHIN_TOLERANCE}
    return Exit.OK if all(run.verdict in same for run in runs) else Exit.FAILED


def tell_changes(changes: dict[str, tuple[str, str]]) -> None:
    """Say what differs between two environments."""
    if not changes:
        say("Both ran in equal environments.")
        return
    say("What differs between the two environments:")
    for name, (before, now) in changes.items():
        say(f"  {name}: {before or 'none'} → {now or 'none'}")


def first_run(view: SubmissionView, task: str) -> RunView | None:
    """Return the run of a task whose predictions are the archived ones."""
    found = (run for run in view.runs if run.purpose == "first" and run.task == task)
    return next(found, None)


def environment_difference(
    first: Environment | None, second: Environment | None
) -> dict[str, tuple[str, str]]:
    """Return each fact that can change a score and differs, as (first, second)."""
    left, right = _facts(first), _facts(second)
    return {
        name: (left.get(name, ""), right.get(name, ""))
        for name in sorted(left | right)
        if left.get(name, "") != right.get(name, "")
    }


def _facts(environment: Environment | None) -> dict[str, str]:
    if environment is None:
        return {}
    facts = environment.model_dump(mode="json", exclude={"libraries", "worker"})
    named = {name: str(value) for name, value in facts.items() if value not in ("", None)}
    return named | {f"libraries.{name}": v for name, v in environment.libraries.items()}
