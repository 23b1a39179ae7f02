"""The native contract as one of the contracts of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from proctor.spec.task import TaskSpec
from proctor.spec.work import OrderCase
from proctor_runner.contracts import native
from proctor_runner.contracts.interface import AskedCase


class NativeCases:
    """Gives a case as ``native`` says."""

    def prepare(
        self, task: TaskSpec, case: OrderCase, files: Mapping[str, Path], folder: Path
    ) -> AskedCase:
        """Return what the container of ``case`` sees; nothing has to be made."""
        prepared = native.prepare(task, case)
        return AskedCase(
            documents={native.CASE_FILE: prepared.document},
            inputs={file: files[name] for name, file in prepared.input_files.items()},
            outputs=prepared.outputs,
        )
