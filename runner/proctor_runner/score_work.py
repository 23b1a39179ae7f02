"""A scoring: canonical predictions and the reference, both by digest, become a report.

This is the only work that may fetch a reference. It opens nothing a participant wrote: canonical
arrays were written by decode, and are read without pickle.
"""

from __future__ import annotations

from proctor.spec.outcomes import Code
from proctor.spec.work import ScoreCase, ScoreOrder, ScoreReport
from proctor_runner.desk import Desk, StoppedError
from proctor_runner.faults import FaultPoint, Faults
from proctor_runner.metric_wheel import library_versions, metric_code_digest, metric_wheel
from proctor_runner.references import load_prediction, load_reference
from proctor_runner.scoring import Scorer, Scores


def score_run(order: ScoreOrder, desk: Desk, faults: Faults | None = None) -> ScoreReport:
    """Score every case of ``order``.

    Raises:
        OrganizerError: REFERENCE_INVALID or METRIC_FAILED.
        PlatformError: something of ours failed.
        StoppedError: the desk said stop.
    """
    scores = score_cases(order, desk)
    if faults is not None:
        faults.reached(FaultPoint.SCORE)
    return ScoreReport(
        fence=order.fence,
        rows=scores.rows,
        aggregates=scores.aggregates,
        strata=scores.strata,
        private=scores.private,
        metrics=scores.metrics,
        per_item=desk.store_bytes(scores.per_item),
        code_digest=metric_code_digest(),
        code=desk.store_bytes(metric_wheel()),
        libraries=library_versions(),
    )


def score_cases(order: ScoreOrder, desk: Desk) -> Scores:
    """Score every case of ``order`` and aggregate; see ``score_run``."""
    scorer = Scorer(order.task, order.bootstrap, order.inputs_digest)
    for done, case in enumerate(order.cases):
        if desk.stopped():
            raise StoppedError
        desk.progress("scoring", done, len(order.cases))
        _score_case(scorer, order, case, desk)
    return scorer.finish()


def _score_case(scorer: Scorer, order: ScoreOrder, case: ScoreCase, desk: Desk) -> None:
    references = {
        name: load_reference(order.task, name, desk.fetch(file), case.id)
        for name, file in case.reference.items()
    }
    predictions = {}
    if case.outcome is Code.OK:
        predictions = {
            name: load_prediction(desk.fetch(file)) for name, file in case.predictions.items()
        }
    scorer.add(case, predictions, references)
