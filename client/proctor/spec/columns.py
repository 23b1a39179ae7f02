"""The order in which the columns of a task are shown, the same wherever they are."""

from __future__ import annotations

from proctor.spec.task import TaskSpec


def column_place(task: TaskSpec, metric: str, label: str) -> tuple[int, bool, int, str]:
    """Return what columns are sorted by: metrics as declared; in each its regions as declared or
    its labels by number, then the mean.
    """
    metrics = [spec.id for spec in task.metrics]
    by_number = (name for _, name in sorted(task.labels.items()))
    names = list(dict.fromkeys((*task.structures, *by_number)))
    return (
        metrics.index(metric) if metric in metrics else len(metrics),
        label == "mean",
        names.index(label) if label in names else len(names),
        label,
    )
