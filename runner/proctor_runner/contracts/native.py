"""The native contract, version 1: files in /input, files out of /output.

It turns a case of a work order into what one container sees. Ids inside are the order's aliases;
nothing here knows references, the platform, or how a container is started.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from proctor.spec.base import FileRef
from proctor.spec.case import CaseFile, CaseInput
from proctor.spec.digests import canonical_json
from proctor.spec.task import TaskSpec
from proctor.spec.work import OrderCase

CASE_FILE = "case.json"

_DOUBLE_SUFFIXES = frozenset({".gz", ".bz2", ".xz"})


@dataclass(frozen=True)
class PreparedCase:
    """What one container finds and is asked for.

    Attributes:
        document: The bytes of ``case.json``.
        inputs: The input files by their name in /input.
        input_files: The name in /input by input name.
        outputs: The file names expected in /output.
    """

    document: bytes
    inputs: Mapping[str, FileRef]
    input_files: Mapping[str, str]
    outputs: tuple[str, ...]


def prepare(task: TaskSpec, case: OrderCase) -> PreparedCase:
    """Return what the container of ``case`` sees.

    Input files are renamed ``<input name><suffix>``: an organizer's file names may tell a label.
    """
    names = {
        name: f"{name}{suffix(declared.file)}"
        for name, declared in task.inputs.items()
        if name in case.files
    }
    document = CaseFile(
        case=case.alias,
        items=tuple(str(index) for index in range(case.items)),
        inputs={name: CaseInput(type=task.inputs[name].type, file=names[name]) for name in names},
        outputs=task.outputs,
        seed=task.seed,
    )
    return PreparedCase(
        document=canonical_json(document.model_dump(mode="json", exclude_none=True)),
        inputs={names[name]: case.files[name] for name in names},
        input_files=names,
        outputs=tuple(output.file for output in task.outputs.values()),
    )


def suffix(file: str) -> str:
    """Return what tells a file's format: ``.npy``, ``.nii.gz``; empty when there is none.

    >>> suffix("scans/{case}.nii.gz"), suffix("{case}.npy"), suffix("README")
    ('.nii.gz', '.npy', '')
    """
    parts = PurePosixPath(file.replace("{case}", "case")).suffixes
    if parts and parts[-1] in _DOUBLE_SUFFIXES:
        return "".join(parts[-2:])
    return parts[-1] if parts else ""
