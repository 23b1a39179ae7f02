"""Recomputes a metric of maps of objects, class by class, case by case or over all cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from proctor.cli.audit.cases import References, cases_of, prediction
from proctor.cli.audit.findings import CASES_LOST, MEAN, OF_ALL_CASES, Extent, Finding, board_value
from proctor.cli.audit.label_scores import compare_board, shown_of
from proctor.cli.audit.object_peers import ObjectPeer, ObjectTally, added, of_class, tallied
from proctor.spec.leaderboard import BoardRow, Leaderboard
from proctor.spec.task import MetricSpec, TaskSpec

if TYPE_CHECKING:
    from proctor.client import Client
    from proctor_runner.references import Reference


def audit_objects(
    client: Client,
    task: TaskSpec,
    metric: MetricSpec,
    peer: ObjectPeer,
    board: Leaderboard,
    references: References,
    extent: Extent,
    finding: Finding,
) -> None:
    """Compare what is shown of every row with what the peer makes of its objects."""
    if peer.pooled and not extent.boards:
        finding.reason = OF_ALL_CASES
        return
    names = [name for _, name in sorted(task.labels.items())]
    for row in board.rows:
        counted: list[list[ObjectTally]] = []
        values: list[list[float]] = []
        lost = False
        for case in cases_of(client, row, task, extent.cases, extent.seed):
            shown = shown_of(case, metric, names)
            answer = prediction(client, case, metric.output)
            if answer is None:
                lost = True
                finding.edges += len(shown)
                values.append(shown)
                continue
            truth = references.get(task, metric.reference, case)
            counted.append(_tallies(task, metric, answer, truth))
            if peer.pooled:
                continue
            found = [peer.of(tally) for tally in counted[-1]]
            for name, theirs, ours in zip(names, found, shown, strict=True):
                if theirs is None:
                    finding.edges += 1
                elif not np.isnan(ours):
                    finding.compare(case.submission, case.view.case, name, theirs, ours)
            values.append(
                [
                    ours if theirs is None else theirs
                    for theirs, ours in zip(found, shown, strict=True)
                ]
            )
        if peer.pooled and lost:
            finding.reason = CASES_LOST
        elif peer.pooled and counted:
            _compare_pooled(task, metric, peer, row, names, counted, extent, finding)
        elif extent.boards and values:
            compare_board(task, metric, row, names, np.array(values).T, extent, finding)


def _tallies(
    task: TaskSpec, metric: MetricSpec, answer: npt.NDArray[Any], truth: Reference
) -> list[ObjectTally]:
    from proctor_runner.references import InstancesReference

    if not isinstance(truth, InstancesReference):
        raise TypeError(f"{metric.name} is of maps of objects")
    divisor = task.outputs[metric.output].class_divisor
    return [
        tallied(
            of_class(answer, value, divisor),
            of_class(truth.values, value, truth.class_divisor),
            truth.spacing_mm,
            metric.parameters,
        )
        for value in sorted(task.labels)
    ]


def _compare_pooled(
    task: TaskSpec,
    metric: MetricSpec,
    peer: ObjectPeer,
    row: BoardRow,
    names: list[str],
    counted: list[list[ObjectTally]],
    extent: Extent,
    finding: Finding,
) -> None:
    each = [peer.of(added(of_all)) for of_all in zip(*counted, strict=True)]
    defined = [value for value in each if value is not None]
    finding.edges += len(each) - len(defined)
    mean = float(np.mean(defined)) if len(defined) == len(each) else None
    for name, value in zip((*names, MEAN), (*each, mean), strict=True):
        if value is not None:
            shown = board_value(row, task, metric, name)
            finding.compare(row.submission, "board", name, value, shown, extent.allowed)
