"""Recomputes a metric of boxes over all cases of each row of a board."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from proctor.cli.audit.box_peers import BoxPeer, FoundBoxes
from proctor.cli.audit.cases import References, cases_of, prediction
from proctor.cli.audit.findings import CASES_LOST, MEAN, OF_ALL_CASES, Extent, Finding, board_value
from proctor.spec.leaderboard import Leaderboard
from proctor.spec.task import MetricSpec, TaskSpec

if TYPE_CHECKING:
    from proctor.client import Client


def audit_boxes(
    client: Client,
    task: TaskSpec,
    metric: MetricSpec,
    peer: BoxPeer,
    board: Leaderboard,
    references: References,
    extent: Extent,
    finding: Finding,
) -> None:
    """Compare every row's value with what the peer finds."""
    from proctor_runner.box_reference import BoxesReference

    if not extent.boards:
        finding.reason = OF_ALL_CASES
        return
    for row in board.rows:
        found: list[FoundBoxes] = []
        lost = 0
        for case in cases_of(client, row, task, extent.cases, extent.seed):
            answer = prediction(client, case, metric.output)
            truth = references.get(task, metric.reference, case)
            if not isinstance(truth, BoxesReference):
                raise TypeError(f"{metric.name} is of boxes")
            if answer is None:
                lost += 1
                continue
            rows = np.asarray(answer, dtype=np.float64)
            found.append(FoundBoxes(rows, truth.boxes, truth.n_items))
        if lost:
            # A case that was lost is wrong above every score, which no library knows.
            finding.edges += lost
            finding.reason = CASES_LOST
            continue
        value = peer.measure(found)
        if value is None:
            finding.edges += 1
            continue
        shown = board_value(row, task, metric, MEAN)
        finding.compare(row.submission, "board", MEAN, value, shown, extent.allowed)
