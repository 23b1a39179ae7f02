"""What must agree between the phases of a challenge and its tasks, by names and times alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proctor.spec.challenge import PhaseSpec
    from proctor.spec.task import TaskSpec


def refuse_unknown(phase: PhaseSpec, tasks: Sequence[TaskSpec]) -> None:
    """Refuse a ranking, gate or private split that names what the phase's tasks do not have.

    Raises:
        ValueError: it does; the message names the field.
    """
    where = f"phases.{phase.slug}"
    metrics = {task.slug: {metric.id for metric in task.metrics} for task in tasks}
    columns = [("ranking.columns", column) for column in phase.ranking.columns]
    gates = list(enumerate(phase.ranking.gates))
    columns += [(f"ranking.gates[{n}].score", gate.score) for n, gate in gates if gate.score]
    for field, column in columns:
        if column.task not in metrics:
            raise ValueError(f"{where}.{field}: task {column.task!r} is not in it")
        if column.metric not in metrics[column.task]:
            raise ValueError(
                f"{where}.{field}: task {column.task!r} has no metric {column.metric!r}"
            )
    strata = [
        (f"ranking.gates[{n}].stratum", gate.stratum, gate.score.task if gate.score else None)
        for n, gate in gates
    ]
    if phase.private is not None:
        strata.append(("private.column", phase.private.column, None))
    for field, stratum, only in strata:
        for task in tasks:
            if stratum and only in (None, task.slug) and stratum not in task.strata:
                raise ValueError(f"{where}.{field}: task {task.slug!r} has no stratum {stratum!r}")


def refuse_open_private_cases(phases: Sequence[PhaseSpec]) -> None:
    """Refuse a phase that would show what another keeps private till its end.

    Raises:
        ValueError: there is one.
    """
    for kept in phases:
        for other in phases if kept.private else ():
            shared = set(kept.tasks) & set(other.tasks)
            if shared and other.opens_at < kept.closes_at and other.private != kept.private:
                raise ValueError(
                    f"phases.{other.slug}.private: it shows scores of the cases of {min(shared)}"
                    f" that phase {kept.slug} keeps private; give both the same private split"
                )


def private_opens_at(phases: Sequence[PhaseSpec], phase: PhaseSpec) -> datetime:
    """Return when a phase's private cases are shown: when no phase that has them is open."""
    return max(
        other.closes_at
        for other in phases
        if other.slug == phase.slug
        or (other.private == phase.private and set(other.tasks) & set(phase.tasks))
    )
