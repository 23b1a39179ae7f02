"""Follows a submission to its end and says where it stands."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from proctor.cli.failures import Exit
from proctor.cli.output import Format, console, emit, plain, say
from proctor.spec.outcomes import Code
from proctor.spec.states import EvaluationState, RunState, SubmissionState

if TYPE_CHECKING:
    from proctor.client import Client
    from proctor.spec.api import CaseView, RunView, SubmissionView


class CaseCounts(NamedTuple):
    """Cases of the first run of every task; before there are such, of every try-out."""

    done: int
    failed: int
    total: int


def case_counts(view: SubmissionView) -> CaseCounts:
    """Return how many cases of a submission are done, failed, and there are in all."""
    runs = [run for run in view.runs if run.purpose == "first"] or tryouts_of(view)
    return CaseCounts(
        sum(run.cases_done for run in runs),
        sum(run.cases_failed for run in runs),
        sum(run.cases_total for run in runs),
    )


def tryouts_of(view: SubmissionView) -> list[RunView]:
    """Return the runs of a submission on the public sample."""
    return [run for run in view.runs if run.purpose == "tryout"]


def tryout_cases(client: Client, view: SubmissionView) -> Sequence[CaseView]:
    """Return the cases of the try-outs, where a submission came no further."""
    if not tryouts_of(view) or any(run.purpose == "first" for run in view.runs):
        return ()
    return client.cases(view.id)


def progress_line(view: SubmissionView) -> str:
    """Return one line: the state, and cases done of cases in all.

    For example ``running  12/24 cases``.
    """
    parts, cases = [view.progress], case_counts(view)
    if cases.total and (view.state is SubmissionState.ACCEPTED or view.progress == "trying"):
        parts.append(f"{cases.done}/{cases.total} cases")
    if cases.failed:
        parts.append(f"{cases.failed} failed")
    return "  ".join(parts)


def state_line(view: SubmissionView) -> str:
    """Return the line of ``progress_line``, what went wrong, or why it waits."""
    failed = view.outcome not in {None, Code.OK}
    return "  ".join([progress_line(view), *([reason(view)] if failed else waiting_for(view))])


def waiting_for(view: SubmissionView) -> list[str]:
    """Return why its runs wait, each sentence once; none where they only wait for their turn."""
    return list(dict.fromkeys(plain(run.waiting) for run in view.runs if run.waiting))


def reason(view: SubmissionView) -> str:
    """Return why a submission ended as it did: code and sentence."""
    code = view.outcome.value if view.outcome else ""
    return ": ".join(part for part in (code, plain(view.detail)) if part)


def follow(client: Client, submission: str, poll_s: float) -> SubmissionView:
    """Show the state of a submission until it is final: one live line, or a line a change."""
    views = client.wait(submission, poll_s)
    return _live(views) if sys.stderr.isatty() else _lines(views)


def follow_reruns(client: Client, view: SubmissionView, poll_s: float) -> list[RunView]:
    """Show the state of the newest re-runs until each has a verdict or failed."""
    from time import sleep

    seen = ""
    while True:
        runs = newest_reruns(view)
        done, total = sum(run.cases_done for run in runs), sum(run.cases_total for run in runs)
        states = ", ".join(sorted({run.state.value for run in runs}))
        if (line := f"re-run {states}  {done}/{total} cases") != seen:
            say(line)
            seen = line
        if all(run.verdict is not None or _has_failed(run) for run in runs):
            return runs
        sleep(poll_s)
        view = client.submission(view.id)


def newest_reruns(view: SubmissionView) -> list[RunView]:
    """Return the newest re-run of each task.

    Raises:
        LookupError: The submission was never run again.
    """
    newest: dict[str, RunView] = {}
    for run in sorted(view.runs, key=lambda run: (run.queued_at, run.id)):
        if run.purpose == "rerun":
            newest[run.task] = run
    if not newest:
        raise LookupError(f"{view.id} was never run again")
    return list(newest.values())


def show_result(view: SubmissionView, style: Format, tried: Sequence[CaseView] = ()) -> None:
    """Print scores; rank and what failed go to standard error, if JSON does not hold them.

    Args:
        view: The submission.
        style: How data is printed.
        tried: The cases of its try-out, in the place of scores, where it came no further.
    """
    document = view.model_dump(mode="json")
    rows = score_rows(view)
    if tried:
        several = len({case.task for case in tried}) > 1
        document["cases"] = [case.model_dump(mode="json") for case in tried]
        rows = [
            {
                **({"task": case.task} if several else {}),
                "case": case.case,
                "outcome": case.outcome.value,
                "seconds": case.seconds,
                "detail": case.detail,
            }
            for case in tried
        ]
    if style is not Format.JSON:
        _tell_end(view, tried)
    if rows or style is not Format.TABLE:
        emit(rows, style, document=document)


def _tell_end(view: SubmissionView, tried: Sequence[CaseView]) -> None:
    if view.outcome not in {None, Code.OK}:
        say(reason(view))
        if view.hint:
            say(f"Hint: {view.hint}")
    cases = case_counts(view)
    if cases.failed and not tried:
        say(f"One line a case: `proctor submission {view.id} --cases`")
        # Predictions print nothing.
        if view.kind != "predictions":
            say(f"What it printed: `proctor logs {view.id}`")
    if view.standing or view.rank is not None:
        say(view.standing or f"Rank {view.rank}.")


def score_rows(view: SubmissionView) -> list[dict[str, object]]:
    """Return one row a score that stands: task, metric, label, value, definition."""
    from proctor.client.standing import standing_runs

    rows: list[dict[str, object]] = []
    for run in standing_runs(view):
        if run.evaluation is None:
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
    if view.progress == SubmissionState.REJECTED:
        return Exit.REJECTED
    return Exit.OK if view.outcome in {None, Code.OK} else Exit.FAILED


def _has_failed(run: RunView) -> bool:
    """Tell whether a re-run or its scoring ended in a way that leaves no verdict."""
    lost = {RunState.FAILED, RunState.CANCELLED}
    unscored = {EvaluationState.FAILED, EvaluationState.CANCELLED}
    return run.state in lost or (run.evaluation is not None and run.evaluation.state in unscored)


def _lines(views: Iterable[SubmissionView]) -> SubmissionView:
    seen, view = "", None
    for view in views:
        if (line := progress_line(view)) != seen:
            say(line)
            seen = line
    return _last(view)


def _live(views: Iterable[SubmissionView]) -> SubmissionView:
    view = None
    with console(stderr=True).status("…") as status:
        for view in views:
            status.update(plain(progress_line(view)))
    say(progress_line(_last(view)))
    return _last(view)


def _last(view: SubmissionView | None) -> SubmissionView:
    if view is None:
        raise LookupError("the platform showed no state")
    return view
