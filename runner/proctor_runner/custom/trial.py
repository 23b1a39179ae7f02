"""Tries organizers' own metrics on the public sample, without any model.

An answer of nothing takes a model's place: an empty mask, zeros, the first class, empty texts. What
a function makes of it does not matter, only that it makes something; of a pooled one the first
case has no answer at all, as can happen.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from proctor.spec.outcomes import Code
from proctor.spec.task import OutputType
from proctor.spec.work import CaseReport
from proctor_runner.canonical import RawCase, prepare
from proctor_runner.custom.score import OpenTools, custom_metrics, score_custom
from proctor_runner.decode.text import pack_texts
from proctor_runner.local import LocalDesk, LocalTask, local_score_order

if TYPE_CHECKING:
    from proctor.spec.base import FileRef
    from proctor.spec.dataset import DatasetCase


def try_metrics(local: LocalTask, stored: Path, open_tools: OpenTools) -> None:
    """Have every organizer's metric of a task score its sample.

    Args:
        local: the task with its sample.
        stored: a folder that is not there yet.

    Raises:
        OrganizerError: METRIC_FAILED, one fails; or a reference is not sound.
        PlatformError: the sandbox cannot be used.
    """
    if not custom_metrics(local.task):
        return
    desk = LocalDesk(local.blobs, stored, lambda _stage, _done, _total: None)
    reports = {}
    for place, case in enumerate(local.data.inputs.cases):
        lost = place == 0 and len(local.data.inputs.cases) > 1
        outcome = Code.MISSING_OUTPUT if lost else Code.OK
        predictions = {} if lost else _nothing(local, case, desk)
        reports[case.id] = CaseReport(
            fence=1, case=case.id, outcome=outcome, predictions=predictions
        )
    score_custom(local_score_order(local, reports), desk, open_tools)


def _nothing(local: LocalTask, case: DatasetCase, desk: LocalDesk) -> Mapping[str, FileRef]:
    """Return canonical arrays that say nothing."""
    task = local.task
    files = {name: desk.fetch(file) for name, file in case.files.items()}
    anything = next(iter(files.values()))
    raw = RawCase(
        id=case.id,
        items=case.items,
        files={output.file: anything for output in task.outputs.values()},
        grids=files,
    )
    found = {}
    for name, output in prepare(task, raw, 0).outputs.items():
        kind = task.outputs[name].type
        if kind is OutputType.TEXT:
            array: np.ndarray[tuple[int, ...], np.dtype[np.generic]] = pack_texts(
                [b""] * case.items
            )
        elif kind is OutputType.CUSTOM:
            array = np.frombuffer(b"null", dtype=np.uint8)
        else:
            shape = (0, *output.shape[1:]) if output.shorter else output.shape
            first = min(task.labels) if kind is OutputType.LABEL_LIST and task.labels else 0
            array = np.full(shape, first, dtype=output.dtypes[0])
        stream = io.BytesIO()
        np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=False)
        found[name] = desk.store_bytes(stream.getvalue())
    return found
