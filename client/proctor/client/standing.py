"""Which runs of a submission its scores are of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proctor.spec.states import EvaluationState
from proctor.spec.work import RESULTS

if TYPE_CHECKING:
    from proctor.spec.api import RunView, SubmissionView


def standing_runs(view: SubmissionView) -> list[RunView]:
    """Return the run of each task whose scores stand: the newest that has some, else the newest.

    A submission has more than one where its model has answered a test set that was published later.
    """
    results = sorted((run for run in view.runs if run.purpose in RESULTS), key=lambda run: run.id)
    found = {run.task: run for run in results}
    found |= {
        run.task: run
        for run in results
        if run.evaluation is not None and run.evaluation.state is EvaluationState.SCORED
    }
    return list(found.values())
