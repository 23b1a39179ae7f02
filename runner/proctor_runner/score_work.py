"""A scoring: canonical predictions and the reference, both by digest, become a report.

This is the only work that may fetch a reference. It opens nothing a participant wrote: canonical
arrays were written by decode, and are read without pickle.
"""

from __future__ import annotations

from proctor.spec.work import ScoreOrder, ScoreReport
from proctor_metrics import registry
from proctor_metrics.segmentation.warm_up import warm_up
from proctor_runner.case_scoring import score_all
from proctor_runner.custom.score import OpenTools, score_custom
from proctor_runner.desk import Desk
from proctor_runner.faults import FaultPoint, Faults
from proctor_runner.metric_wheel import library_versions, metric_code_digest, metric_wheel
from proctor_runner.scoring import Scorer, Scores


def score_run(
    order: ScoreOrder,
    desk: Desk,
    open_tools: OpenTools,
    faults: Faults | None = None,
    processes: int = 1,
) -> ScoreReport:
    """Score every case of ``order``, in at most so many processes.

    Args:
        open_tools: Opens a sandbox for organizers' own metrics; not asked where there are none.

    Raises:
        OrganizerError: REFERENCE_INVALID or METRIC_FAILED.
        PlatformError: something of ours failed.
        StoppedError: the desk said stop.
    """
    scores = score_cases(order, desk, open_tools, processes)
    if faults is not None:
        faults.reached(FaultPoint.SCORE)
    report = ScoreReport(
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
    if faults is not None:
        faults.reached(FaultPoint.UPLOAD)
    return report


def prepare() -> None:
    """Do once what every scoring needs, in a process that scorings are forked from."""
    warm_up()
    registry.load()
    metric_wheel()
    library_versions()


def score_cases(order: ScoreOrder, desk: Desk, open_tools: OpenTools, processes: int = 1) -> Scores:
    """Score every case of ``order`` and aggregate; see ``score_run``."""
    custom = score_custom(order, desk, open_tools)
    scorer = Scorer(order.task, order.bootstrap, order.inputs_digest)
    score_all(order, desk, scorer, processes)
    return scorer.finish(custom)
