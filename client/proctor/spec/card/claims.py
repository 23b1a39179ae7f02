"""Which scores that an author claims are of something that a challenge measures."""

from __future__ import annotations

from collections.abc import Collection

from proctor.spec.model import ModelCard
from proctor.spec.task import TaskSpec


def claims_of_nothing(card: ModelCard, tasks: Collection[TaskSpec]) -> list[str]:
    """Return the claimed scores that none of these tasks measures; no board shows them."""
    return [name for name in card.claimed_scores if not _is_measured(name, tasks)]


def measured_by(tasks: Collection[TaskSpec]) -> list[str]:
    """Return the metrics of these tasks, each once."""
    return list(dict.fromkeys(metric.id for task in tasks for metric in task.metrics))


def _is_measured(name: str, tasks: Collection[TaskSpec]) -> bool:
    parts = name.split("/")
    for task in tasks:
        metrics = {metric.id for metric in task.metrics}
        if len(parts) == 1 and parts[0] in metrics:
            return True
        if len(parts) > 1 and parts[0] == task.slug and parts[1] in metrics:
            labels = {*task.structures, *task.labels.values(), "mean", "all"}
            return len(parts) == 2 or not task.structures or parts[2] in labels
    return False
