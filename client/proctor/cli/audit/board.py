"""Recomputes a board, metric by metric, and keeps every difference that is more than rounding.

Nothing of Proctor's metrics is used but where another library has another definition than the
board: there Proctor's value under that definition is compared (see `mask_peers`). What a library
leaves undefined follows the metric's edge rule: the shown value is taken, and counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from proctor.cli.audit.box_peers import box_peer
from proctor.cli.audit.boxes import audit_boxes
from proctor.cli.audit.cases import AuditCase, References, cases_of, prediction
from proctor.cli.audit.findings import (
    CASES_LOST,
    EVERYTHING,
    MEAN,
    OF_ALL_CASES,
    Extent,
    Finding,
    board_value,
)
from proctor.cli.audit.label_scores import compare_board, shown_of
from proctor.cli.audit.mask_peers import MaskPeer, mask_peer
from proctor.cli.audit.object_peers import object_peer
from proctor.cli.audit.objects import audit_objects
from proctor.cli.audit.peers import Answers, TablePeer
from proctor.cli.audit.table_peers import table_peer
from proctor.spec.leaderboard import Leaderboard
from proctor.spec.task import MetricSpec, OutputType, TaskSpec

if TYPE_CHECKING:
    from proctor.client import Client
    from proctor_runner.references import Reference


def audit_board(
    client: Client,
    slug: str,
    tasks: tuple[TaskSpec, ...],
    board: Leaderboard,
    references: References,
    extent: Extent = EVERYTHING,
) -> Iterator[Finding]:
    """Recompute every column of a board from the predictions of its rows.

    Args:
        client: An organizer's, who alone may read predictions while data are hidden.
        slug: The challenge's.
    """
    for task in tasks:
        for metric in task.metrics:
            finding = Finding(slug, metric.id)
            kind = task.outputs[metric.output].type
            if kind.is_mask:
                mask = mask_peer(metric, next(iter(task.structures)))
                if mask is not None:
                    finding.library = mask.library
                    _audit_masks(client, task, metric, mask, board, references, extent, finding)
            elif kind is OutputType.BOXES:
                box = box_peer(metric, task)
                if box is not None:
                    finding.library = box.library
                    audit_boxes(client, task, metric, box, board, references, extent, finding)
            elif kind is OutputType.INSTANCES:
                objects = object_peer(metric)
                if objects is not None:
                    finding.library = objects.library
                    audit_objects(client, task, metric, objects, board, references, extent, finding)
            elif kind in (OutputType.TABLE, OutputType.LABEL_LIST, OutputType.VECTOR):
                table = table_peer(metric)
                if table is not None:
                    finding.library = table.library
                    _audit_table(client, task, metric, table, board, references, extent, finding)
            if not finding.library:
                finding.reason = f"no library that is installed has {metric.name} in this form"
            elif not finding.values and not finding.edges:
                finding.reason = finding.reason or "no case could be compared"
                finding.library = ""
            yield finding


def _audit_masks(
    client: Client,
    task: TaskSpec,
    metric: MetricSpec,
    peer: MaskPeer,
    board: Leaderboard,
    references: References,
    extent: Extent,
    finding: Finding,
) -> None:
    for row in board.rows:
        found: list[list[float]] = []
        for case in cases_of(client, row, task, extent.cases, extent.seed):
            answer = prediction(client, case, metric.output)
            if answer is None:
                finding.edges += len(task.structures)
                found.append(shown_of(case, metric, task.structures))
                continue
            truth = references.get(task, metric.reference, case)
            found.append(_audit_mask(task, metric, peer, case, answer, truth, finding))
        if peer.under is None and extent.boards and found:
            compare_board(task, metric, row, task.structures, np.array(found).T, extent, finding)


def _audit_mask(
    task: TaskSpec,
    metric: MetricSpec,
    peer: MaskPeer,
    case: AuditCase,
    answer: npt.NDArray[Any],
    truth: Reference,
    finding: Finding,
) -> list[float]:
    from proctor_runner.mask_reference import MaskReference

    if not isinstance(truth, MaskReference):
        raise TypeError(f"{metric.name} is of masks")
    values = np.asarray(truth.values)
    shown = shown_of(case, metric, task.structures)
    if peer.under is not None:
        shown = _under(task, metric, peer.under, case.view.case, answer, truth)
    scores = []
    for place, (name, members) in enumerate(task.structures.items()):
        predicted, true = np.isin(answer, members), np.isin(values, members)
        here = mask_peer(metric, name) or peer
        theirs = here.measure(predicted, true, truth.spacing_mm)
        if theirs is None:
            finding.edges += 1
            scores.append(shown[place])
            continue
        scores.append(theirs)
        if not np.isnan(shown[place]):
            finding.compare(case.submission, case.view.case, name, theirs, shown[place])
    return scores


def _under(
    task: TaskSpec,
    metric: MetricSpec,
    under: dict[str, object],
    case: str,
    answer: npt.NDArray[Any],
    truth: Reference,
) -> list[float]:
    """Return Proctor's own values under the definition that the other library has."""
    from proctor_metrics.metric import PerItemMetric
    from proctor_metrics.registry import resolve
    from proctor_runner.references import make_case

    ours = resolve(metric.name, metric.parameters | under, worst=metric.worst)
    if not isinstance(ours, PerItemMetric):
        raise TypeError(f"{metric.name} is a metric of single cases")
    made = make_case(task, metric.output, case, answer, truth)
    return [float(value) for value in ours.per_item(made).values[:, 0]]


def _audit_table(
    client: Client,
    task: TaskSpec,
    metric: MetricSpec,
    peer: TablePeer,
    board: Leaderboard,
    references: References,
    extent: Extent,
    finding: Finding,
) -> None:
    if peer.pooled and not extent.boards:
        finding.reason = OF_ALL_CASES
        return
    for row in board.rows:
        kept: list[Answers] = []
        means: list[tuple[float, int]] = []
        lost = False
        for case in cases_of(client, row, task, extent.cases, extent.seed):
            answer = prediction(client, case, metric.output)
            truth = references.get(task, metric.reference, case)
            shown = case.view.scores.get(f"{metric.id}/{MEAN}")
            if answer is None:
                lost = True
                finding.edges += 1
                means.append((float("nan") if shown is None else shown, _items(truth)))
                continue
            answers = _answers(task, metric, answer, truth)
            if peer.pooled:
                kept.append(answers)
                continue
            found = peer.measure(answers)
            finding.edges += found.edges if found.value is not None else 1
            value = shown if found.value is None else found.value
            means.append((float("nan") if value is None else value, len(answers.true)))
            if found.value is not None and shown is not None:
                finding.compare(case.submission, case.view.case, MEAN, found.value, shown)
        shown = board_value(row, task, metric, MEAN)
        if peer.pooled and lost:
            finding.reason = CASES_LOST
        elif peer.pooled:
            found = peer.measure(_joined(kept))
            finding.edges += found.edges if found.value is not None else 1
            if found.value is not None:
                finding.compare(row.submission, "board", MEAN, found.value, shown, extent.allowed)
        elif extent.boards and means:
            values, counts = (np.array(part, dtype=np.float64) for part in zip(*means, strict=True))
            mean = float((values * counts).sum() / counts.sum())
            finding.compare(row.submission, "board", MEAN, mean, shown, extent.allowed)


def _answers(
    task: TaskSpec, metric: MetricSpec, answer: npt.NDArray[Any], truth: Reference
) -> Answers:
    """Return the items of a case, columns in the order of their classes."""
    from proctor_runner.references import LabelsReference, class_values

    values = np.asarray(truth.values)  # type: ignore[union-attr]  # tables' references have them
    if not isinstance(truth, LabelsReference):
        return Answers(answer, values)
    if answer.ndim == 1:
        return Answers(answer, values, tuple(sorted(task.labels)))
    classes = class_values(task.labels, task.outputs[metric.output].columns)
    order = np.argsort(classes)
    return Answers(
        answer[:, order].astype(np.float64), values, tuple(int(classes[place]) for place in order)
    )


def _joined(parts: list[Answers]) -> Answers:
    return Answers(
        np.concatenate([part.predicted for part in parts]),
        np.concatenate([part.true for part in parts]),
        parts[0].classes,
    )


def _items(truth: Reference) -> int:
    return len(np.asarray(truth.values))  # type: ignore[union-attr]  # as above
