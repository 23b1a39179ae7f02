"""What a platform shows under each label, of a case and of a board, and the means over labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from proctor.cli.audit.cases import AuditCase
from proctor.cli.audit.findings import MEAN, Extent, Finding, board_value
from proctor.spec.leaderboard import BoardRow
from proctor.spec.task import MetricSpec, TaskSpec


def shown_of(case: AuditCase, metric: MetricSpec, names: Iterable[str]) -> list[float]:
    """Return what is shown of a case under each name; NaN where that is nothing."""
    shown = [case.view.scores.get(f"{metric.id}/{name}") for name in names]
    return [float("nan") if value is None else value for value in shown]


def compare_board(
    task: TaskSpec,
    metric: MetricSpec,
    row: BoardRow,
    names: Iterable[str],
    values: npt.NDArray[np.float64],
    extent: Extent,
    finding: Finding,
) -> None:
    """Compare the means over cases under each name, and of the mean over all of them."""
    defined = ~np.isnan(values)
    over = [*values, _means(values.T, defined.T)]
    for name, column in zip((*names, MEAN), over, strict=True):
        mean = _means(column[np.newaxis], ~np.isnan(column[np.newaxis]))[0]
        shown = board_value(row, task, metric, name)
        if np.isnan(mean) and shown is None:
            continue
        finding.compare(row.submission, "board", name, float(mean), shown, extent.allowed)


def _means(values: npt.NDArray[np.float64], defined: npt.NDArray[np.bool_]) -> Any:
    counts = defined.sum(axis=1)
    sums = np.where(defined, values, 0.0).sum(axis=1)
    return np.divide(sums, counts, out=np.full(len(values), np.nan), where=counts > 0)
