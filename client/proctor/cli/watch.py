"""Follows a submission to its end and says where it stands."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from proctor.cli.failures import Exit
from proctor.cli.output import Format, console, emit, plain, say
from proctor.spec.outcomes import Code
from proctor.spec.states import RunState, SubmissionState

if TYPE_CHECKING:
    from proctor.client import Client
    from proctor.spec.api import RunView, SubmissionView


def state_line(view: SubmissionView) -> str:
    """Return one line: the state, cases done of cases in all, what went wrong.

    For example ``running  12/24 cases``.
    """
    parts = [view.progress]
    runs = [run for run in view.runs if run.purpose == "first"]
    total = sum(run.cases_total for run in runs)
    if total and view.state is SubmissionState.ACCEPTED:
        parts.append(f"{sum(run.cases_done for run in runs)}/{total} cases")
    if failed := sum(run.cases_failed for run in runs):
        parts.append(f"{failed} failed")
    if view.outcome not in {None, Code.OK}:
        parts.append(reason(view))
    return "  ".join(parts)


def reason(view: SubmissionView) -> str:
    """Return why a submission ended as it did: code and sentence."""
    code = view.outcome.value if view.outcome else ""
    return ": ".join(part for part in (code, plain(view.detail)) if part)


def follow(client: Client, submission: str, poll_s: float) -> SubmissionView:
    """Show the state of a submission until it is final: one live line, or a line a change."""
    views = client.wait(submission, poll_s)
    return _live(views) if sys.stderr.isatty() else _lines(views)


def follow_rerun(client: Client, view: SubmissionView, poll_s: float) -> RunView:
    """Show the state of the newest re-run until it has a verdict or failed."""
    from time import sleep

    seen = ""
    while True:
        run = newest_rerun(view)
        line = f"re-run {run.state.value}  {run.cases_done}/{run.cases_total} cases"
        if line != seen:
            say(line)
            seen = line
        ended = run.state in {RunState.FAILED, RunState.CANCELLED}
        if run.verdict is not None or ended:
            return run
        sleep(poll_s)
        view = client.submission(view.id)


def newest_rerun(view: SubmissionView) -> RunView:
    """Return the newest re-run of a submission.

    Raises:
        LookupError: It was never run again.
    """
    reruns = [run for run in view.runs if run.purpose == "rerun"]
    if not reruns:
        raise LookupError(f"{view.id} was never run again")
    return max(reruns, key=lambda run: (run.queued_at, run.id))


def show_result(view: SubmissionView, style: Format) -> None:
    """Print scores and rank; what failed goes to standard error."""
    if view.outcome not in {None, Code.OK}:
        say(f"{view.progress}: {reason(view)}")
        if view.hint:
            say(f"Hint: {view.hint}")
    if view.rank is not None:
        say(f"Rank {view.rank}.")
    emit(score_rows(view), style, document=view.model_dump(mode="json"))


def score_rows(view: SubmissionView) -> list[dict[str, object]]:
    """Return one row a score: task, metric, label, value, definition."""
    rows: list[dict[str, object]] = []
    for run in view.runs:
        if run.purpose != "first" or run.evaluation is None:
            continue
        for key, value in run.evaluation.scores.items():
            task, metric, label = (*key.split("/", 2), "", "")[:3]
            rows.append(
                {
                    "task": task,
                    "metric": metric,
                    "label": label,
                    "value": value,
                    "definition": run.evaluation.definitions.get(metric, ""),
                }
            )
    return rows


def exit_of(view: SubmissionView) -> Exit:
    """Return the exit code that a finished submission deserves."""
    if view.state is SubmissionState.REJECTED:
        return Exit.REJECTED
    return Exit.OK if view.outcome in {None, Code.OK} else Exit.FAILED


def _lines(views: Iterable[SubmissionView]) -> SubmissionView:
    seen, view = "", None
    for view in views:
        if (line := state_line(view)) != seen:
            say(line)
            seen = line
    return _last(view)


def _live(views: Iterable[SubmissionView]) -> SubmissionView:
    view = None
    with console(stderr=True).status("…") as status:
        for view in views:
            status.update(plain(state_line(view)))
    say(state_line(_last(view)))
    return _last(view)


def _last(view: SubmissionView | None) -> SubmissionView:
    if view is None:
        raise LookupError("the platform showed no state")
    return view
