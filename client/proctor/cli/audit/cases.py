"""Where an audit finds what it compares: predictions on the platform, references there or here."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from proctor.spec.outcomes import Code, OrganizerError
from proctor.spec.task import TaskSpec

if TYPE_CHECKING:
    from proctor.client import Client
    from proctor.spec.api import CaseView
    from proctor.spec.leaderboard import BoardRow
    from proctor_runner.references import Reference


class AuditCase(NamedTuple):
    """A case of a submission: what it was answered, and the scores that the platform shows."""

    submission: str
    view: CaseView


class References(Protocol):
    """Hands out the reference of a case by its name in the task."""

    def get(self, task: TaskSpec, name: str, case: AuditCase) -> Reference:
        """Return a reference."""
        ...


class LocalReferences:
    """Those of a challenge's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: dict[str, dict[str, dict[str, Path]]] = {}

    def get(self, task: TaskSpec, name: str, case: AuditCase) -> Reference:
        """Return a reference.

        Raises:
            OrganizerError: it is not what the task declares, or not there.
            ChallengeInvalidError: files are missing.
        """
        from proctor_runner.references import load_reference

        if task.slug not in self._paths:
            self._paths[task.slug] = self._of_task(task.slug)
        path = self._paths[task.slug].get(case.view.case, {}).get(name)
        if path is None:
            where = f"{self._folder} has no reference {name!r} of case {case.view.case!r}"
            raise OrganizerError(Code.REFERENCE_INVALID, f"{where} of task {task.slug!r}")
        return load_reference(task, name, path, case.view.case)

    def _of_task(self, slug: str) -> dict[str, dict[str, Path]]:
        """Return the references of a task's cases; where they lie only the folder itself says."""
        from proctor_runner.challenge_folder import (
            ChallengeInvalidError,
            load_challenge,
            read_split,
        )

        declared = {task.slug: task for task in load_challenge(self._folder).tasks}
        if slug not in declared:
            return {}
        split = read_split(self._folder, declared[slug], "hidden", f"task {slug}")
        if split.problems:
            raise ChallengeInvalidError(split.problems)
        return {one.id: dict(one.reference) for one in split.cases}


class PlatformReferences:
    """Those of the platform, which shows them to organizers, and to all once they are released."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._kept: dict[tuple[str, str, str], bytes] = {}

    def get(self, task: TaskSpec, name: str, case: AuditCase) -> Reference:
        """Return a reference.

        Raises:
            ApiError: it may not be looked at.
            OrganizerError: it is not what the task declares.
        """
        from proctor_runner.references import load_reference

        files = self._client.case_files(case.submission, case.view.run, case.view.case)
        content = self._client.case_file(case.submission, files, "reference", name)
        with tempfile.TemporaryDirectory(prefix="proctor-audit-") as folder:
            path = Path(folder) / "reference"
            path.write_bytes(content)
            return load_reference(task, name, path, case.view.case)


def cases_of(
    client: Client, row: BoardRow, task: TaskSpec, most: int | None, seed: int
) -> Iterator[AuditCase]:
    """Yield the cases of the run of a task that a row was scored from, or so many at random."""
    runs = [run for run in client.submission(row.submission).runs if run.task == task.slug]
    first = next(run.id for run in runs if run.purpose == "first")
    # A row's scores are those of another run where a newer test set was answered.
    scored = (run.id for run in runs if run.evaluation and run.evaluation.id in row.evaluations)
    chosen_run = next(scored, first)
    views = [view for view in client.cases(row.submission, chosen_run) if view.run == chosen_run]
    if most is not None and most < len(views):
        # The same cases of every submission.
        chosen = set(
            random.Random(seed).sample(sorted(view.case for view in views), most)  # noqa: S311
        )
        views = [view for view in views if view.case in chosen]
    for view in views:
        yield AuditCase(row.submission, view)


def prediction(client: Client, case: AuditCase, output: str) -> npt.NDArray[Any] | None:
    """Return a canonical prediction; None of a case that left none."""

    if output in case.view.predictions:
        content = client.get_blob(case.view.predictions[output].digest)
    else:
        if case.view.outcome != "OK":
            return None
        files = client.case_files(case.submission, case.view.run, case.view.case)
        if output not in files.predictions:
            return None
        content = client.case_file(case.submission, files, "predictions", output)
    found: npt.NDArray[Any] = np.load(BytesIO(content), allow_pickle=False)
    return found
