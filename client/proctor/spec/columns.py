"""The order in which the columns of a task are shown, the same wherever they are."""

from __future__ import annotations

from collections.abc import Callable

from proctor.spec.task import TaskSpec


def column_places(task: TaskSpec) -> Callable[[str, str], tuple[int, bool, int, str]]:
    """Return what says of a metric and a label what columns are sorted by: metrics as declared; in
    each its regions as declared or its labels by number, then the mean.
    """
    metrics: dict[str, int] = {}
    for number, spec in enumerate(task.metrics):
        metrics.setdefault(spec.id, number)
    by_number = (name for _, name in sorted(task.labels.items()))
    labels = dict.fromkeys((*task.structures, *by_number))
    names = {name: number for number, name in enumerate(labels)}

    def place(metric: str, label: str) -> tuple[int, bool, int, str]:
        return (
            metrics.get(metric, len(task.metrics)),
            label == "mean",
            names.get(label, len(names)),
            label,
        )

    return place
