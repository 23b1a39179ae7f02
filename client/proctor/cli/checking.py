"""`proctor challenge check`: every problem with its file and field, and scores of the baselines."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from proctor.cli import local_runs
from proctor.cli.failures import CommandError
from proctor.cli.output import Format, emit, plain, say
from proctor.spec.outcomes import OrganizerError

if TYPE_CHECKING:
    from proctor.spec.challenge import ChallengeSpec
    from proctor_runner.local import LocalReport
    from proctor_runner.workshop import RunTools, Workshop

_MOST_COLUMNS = 9


def check_folder(folder: Path, allow_identifiers: bool) -> ChallengeSpec:
    """Return the challenge in ``folder`` when nothing is wrong with it.

    Raises:
        CommandError: There are problems; each was printed on a line of its own.
    """
    from proctor_runner.challenge_folder import load_challenge
    from proctor_runner.checks import check_challenge

    problems = check_challenge(folder, allow_identifiers)
    for problem in problems:
        sys.stdout.write(f"{plain(str(problem))}\n")
    sys.stdout.flush()
    if problems:
        count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise CommandError(f"{folder} has {count}.", "Mend what the lines above name.")
    return load_challenge(folder)


def try_own_metrics(folder: Path, spec: ChallengeSpec, sandbox: str) -> None:
    """Have the organizer's own metrics score the sample, with answers that say nothing.

    Raises:
        CommandError: One fails; the end of its log is told.
    """
    from proctor.cli.sandboxes import usable_sandbox
    from proctor_runner.custom.score import custom_metrics
    from proctor_runner.custom.trial import try_metrics
    from proctor_runner.local import local_tasks
    from proctor_runner.workshop import SandboxWorkshop

    if not any(custom_metrics(task) for task in spec.tasks):
        return
    name = usable_sandbox(sandbox, local_runs.images_folder(), say)
    for local in local_tasks(folder, spec, "sample"):
        with tempfile.TemporaryDirectory(prefix="proctor-") as state:
            workshop = SandboxWorkshop(name, Path(state), "local")
            try:
                try_metrics(local, Path(state) / "stored", partial(_tools, workshop, Path(state)))
            except OrganizerError as error:
                raise CommandError(
                    f"{local.task.slug}: {error.detail}",
                    "It was handed answers that say nothing, and None in place of one: a model may"
                    " answer so, and its score is then the function's to give.",
                ) from error
    say(f"{folder}: its own metrics score the sample.")


@contextmanager
def _tools(workshop: Workshop, state: Path) -> Iterator[RunTools]:
    (state / "metrics").mkdir()
    with workshop.open(state / "metrics") as tools:
        yield tools


def score_baselines(folder: Path, spec: ChallengeSpec, sandbox: str, style: Format) -> list[str]:
    """Run every baseline on the hidden data, print their scores and return those that failed."""
    from proctor.cli.sandboxes import usable_sandbox
    from proctor_runner.local import local_tasks, run_local_task

    name = usable_sandbox(sandbox, local_runs.images_folder(), say)
    tasks = local_tasks(folder, spec, "hidden")
    rows: list[dict[str, object]] = []
    failures = []
    for baseline in spec.baselines:
        for task in local_runs.for_model(tasks, folder / baseline):
            with local_runs.case_progress(baseline) as progress:
                report = run_local_task(task, folder / baseline, name, progress)
            if local_runs.failed(report):
                failures.append(baseline)
                say(f"{baseline}:")
                local_runs.tell_failures(report)
            rows.append(_score_row(baseline, report))
    emit(readable_rows(rows) if style is Format.TABLE else rows, style)
    return failures


def readable_rows(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return a row a score in place of columns of scores, where those are too wide to be read."""
    if not rows or len(rows[0]) <= _MOST_COLUMNS:
        return rows
    return [
        {"baseline": row["baseline"], "task": row["task"], "score": name, "value": value}
        for row in rows
        for name, value in row.items()
        if name not in {"baseline", "task"}
    ]


def _score_row(baseline: str, report: LocalReport) -> dict[str, object]:
    aggregates = report.scores.aggregates if report.scores else ()
    return {
        "baseline": baseline,
        "task": report.task,
        **{f"{one.metric}/{one.label}": one.value for one in aggregates},
        "s/case": round(report.model_s / max(len(report.cases), 1), 3),
    }
