"""How the files of a predictions-only submission are named.

``<case id>/<output file>``; where a phase has several tasks, ``<task>/<case id>/<output file>``.
"""

from __future__ import annotations

from collections.abc import Sequence

from proctor.spec.work import PredictionsContent


def case_folder(task: str, case: str, tasks: Sequence[str]) -> str:
    """Return where the files of a case lie, in a phase of ``tasks``.

    >>> case_folder("seg", "c1", ["seg"]), case_folder("seg", "c1", ["seg", "age"])
    ('c1', 'seg/c1')
    """
    return case if len(tasks) == 1 else f"{task}/{case}"


def of_task(content: PredictionsContent, task: str, tasks: Sequence[str]) -> PredictionsContent:
    """Return the files of one task, named ``<case id>/<output file>``."""
    if len(tasks) == 1:
        return content
    prefix = f"{task}/"
    return PredictionsContent(
        entries=tuple(
            entry.model_copy(update={"path": entry.path.removeprefix(prefix)})
            for entry in content.entries
            if entry.path.startswith(prefix)
        )
    )
