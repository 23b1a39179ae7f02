"""Decoding, seen from the host: raw outputs go into a sandbox, canonical arrays come out.

Nothing a participant wrote is parsed in this process. What comes back from the decode step is
distrusted as well: its report is read with guards, and of every array only the header is read.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from proctor.spec.base import Spec
from proctor.spec.challenge import OutputSpec, OutputType, TaskSpec
from proctor.spec.digests import canonical_json
from proctor.spec.limits import GIB, MIB, Limits
from proctor.spec.outcomes import Code, OrganizerError, PlatformError, ProctorError
from proctor_runner.contracts.native import suffix
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.mask import mask_type
from proctor_runner.decode.table import ARRAY_SUFFIX, ARRAY_TYPES
from proctor_runner.decode.volume import open_volume
from proctor_runner.references import label_names
from proctor_runner.sandbox.interface import Ending, Program, Sandbox, SandboxJob, SandboxResult
from proctor_runner.sandbox.logs import sanitize

_JOB_FILE, _REPORT_FILE, _EMPTY_FILE = "decode.json", "decode-report.json", "empty"
_MOST_BATCH_BYTES = 512 * MIB
# A case's own process is stopped after 120 s, so that a job ends in time whatever it reads.
_BATCH_S, _CASE_S = 120.0, 150.0
_BYTES_PER_ELEMENT = 48
_NPY_HEADER_BYTES = 4096
_MOST_REPORT_BYTES = 64 * MIB
_MOST_DETAIL_BYTES = 1_900


@dataclass(frozen=True)
class RawCase:
    """The outputs one case left.

    Attributes:
        id: The alias of the case.
        items: How many rows a table must have.
        files: The collected files by their name in /output; a missing one is simply not here.
        grids: For each input that a mask's grid names: the input file on this host.
        problems: Why a file was not collected, by name, as the sandbox said it.
    """

    id: str
    items: int
    files: Mapping[str, Path]
    grids: Mapping[str, Path] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DecodedCase:
    """One case after decoding: OK, MISSING_OUTPUT or INVALID_OUTPUT.

    Attributes:
        detail: One sentence for the participant when it is not OK.
        predictions: The canonical ``.npy`` by output name, when it is OK.
    """

    outcome: Code
    detail: str = ""
    predictions: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class _Canonical:
    """One output as it goes in and the array it must come out as."""

    raw: Path
    entry: dict[str, object]
    target: str
    shape: tuple[int, ...]
    dtypes: tuple[np.dtype[Any], ...]

    @property
    def size_bytes(self) -> int:
        return math.prod(self.shape) * max(dtype.itemsize for dtype in self.dtypes)


@dataclass(frozen=True)
class _Prepared:
    """A case whose files are all there."""

    case: RawCase
    outputs: Mapping[str, _Canonical]
    grids: Mapping[str, Path]

    @property
    def size_bytes(self) -> int:
        return sum(output.size_bytes + _NPY_HEADER_BYTES for output in self.outputs.values())

    @property
    def elements(self) -> int:
        return sum(math.prod(output.shape) for output in self.outputs.values())


class _CaseReport(Spec):
    outcome: Literal[Code.OK, Code.INVALID_OUTPUT]
    detail: str = Field(max_length=16_384)


class _Report(Spec):
    cases: dict[str, _CaseReport]


def decode(
    sandbox: Sandbox,
    program: Program,
    task: TaskSpec,
    cases: Iterable[RawCase],
    destination: Path,
    cancelled: Callable[[], bool],
    work: str,
    fence: int,
) -> dict[str, DecodedCase]:
    """Decode ``cases`` in as few sandbox jobs as their size allows and return each by its id.

    Args:
        program: What ``decode_program`` returned.
        destination: An existing folder that receives the canonical arrays.

    Raises:
        OrganizerError: CHALLENGE_INVALID, the input that a mask's grid names is no volume.
        PlatformError: SANDBOX_FAILED; DECODE_FAILED when it fails whatever the files hold.
        ProctorError: CANCELLED.
    """
    decoded: dict[str, DecodedCase] = {}
    prepared = []
    for number, case in enumerate(cases):
        refused = _without_all_files(task, case)
        if refused is not None:
            decoded[case.id] = refused
        else:
            prepared.append(_prepare(task, case, number))
    decoder = _Decoder(sandbox, program, destination, cancelled, work, fence)
    for batch in _batches(prepared):
        decoded |= decoder.decode(batch)
    return decoded


class _Decoder:
    """Runs decode jobs, and finds the case that brings one down.

    A job that fails says nothing about who is to blame: its cases are decoded one by one, and one
    that fails alone is blamed only while the same job with empty files in their place succeeds.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        program: Program,
        destination: Path,
        cancelled: Callable[[], bool],
        work: str,
        fence: int,
    ) -> None:
        self._sandbox = sandbox
        self._program = program
        self._destination = destination
        self._cancelled = cancelled
        self._work = work
        self._fence = fence
        self._parts = itertools.count()

    def decode(self, batch: list[_Prepared]) -> dict[str, DecodedCase]:
        try:
            return self._run(batch)
        except PlatformError as error:
            if error.code is not Code.DECODE_FAILED:
                raise
        if len(batch) > 1:
            return {one.case.id: self.decode([one])[one.case.id] for one in batch}
        (one,) = batch
        self._run([self._emptied(one)])
        files = " or ".join(str(output.entry["name"]) for output in one.outputs.values())
        detail = f"Reading {files} brings the decoder down; expected a file that can be read."
        return {one.case.id: DecodedCase(Code.INVALID_OUTPUT, detail)}

    def _emptied(self, one: _Prepared) -> _Prepared:
        empty = self._destination / _EMPTY_FILE
        empty.touch()
        return replace(
            one,
            outputs={name: replace(output, raw=empty) for name, output in one.outputs.items()},
        )

    def _run(self, batch: list[_Prepared]) -> dict[str, DecodedCase]:
        job = _job(
            batch, self._program, self._destination, self._work, self._fence, next(self._parts)
        )
        result = self._sandbox.run(job, self._cancelled)
        if result.ending is Ending.CANCELLED:
            raise ProctorError(Code.CANCELLED)
        try:
            report = _report_of(result)
            decoded = {one.case.id: _decoded(one, report, result.outputs) for one in batch}
        except PlatformError:
            # The next job collects files of the same names.
            for path in result.outputs.values():
                path.unlink()
            raise
        result.outputs[_REPORT_FILE].unlink()
        return decoded


def decode_program(image_id: str = "") -> Program:
    """Return the program that decodes; without an image only the process sandbox can run it."""
    return Program(image_id=image_id, module="proctor_runner.decode")


def _without_all_files(task: TaskSpec, case: RawCase) -> DecodedCase | None:
    for output in task.outputs.values():
        if output.file in case.problems:
            detail = f"{output.file} {case.problems[output.file]}; expected a plain file."
            return DecodedCase(Code.INVALID_OUTPUT, detail)
    for output in task.outputs.values():
        if output.file not in case.files:
            return DecodedCase(Code.MISSING_OUTPUT, f"{output.file} was not written to /output.")
    return None


def _prepare(task: TaskSpec, case: RawCase, number: int) -> _Prepared:
    outputs, grids = {}, {}
    for index, (name, output) in enumerate(task.outputs.items()):
        stem = f"{number}-{index}"
        entry: dict[str, object] = {
            "type": output.type.value,
            "name": output.file,
            "file": f"{stem}{suffix(output.file)}",
            "target": f"{stem}.npy",
        }
        match output.type:
            case OutputType.TABLE:
                entry["columns"] = list(output.columns)
                shape: tuple[int, ...] = (case.items, len(output.columns))
                array = output.file.endswith(ARRAY_SUFFIX)
                dtypes: tuple[np.dtype[Any], ...] = ARRAY_TYPES if array else ARRAY_TYPES[:1]
            case OutputType.LABEL_LIST:
                entry["labels"] = label_names(task.labels)
                shape, dtypes = (case.items,), (np.dtype(np.int64),)
            case OutputType.MASK_IMAGE:
                grid_name, shape = _grid(task, output, case)
                grid_file = f"{number}-grid-{grid_name}{suffix(task.inputs[grid_name].file)}"
                grids[grid_file] = case.grids[grid_name]
                entry |= {
                    "grid": grid_name,
                    "grid_file": grid_file,
                    "labels": sorted(task.labels),
                    "voxels": math.prod(shape),
                }
                dtypes = (mask_type(task.labels),)
        outputs[name] = _Canonical(case.files[output.file], entry, f"{stem}.npy", shape, dtypes)
    return _Prepared(case, outputs, grids)


def _grid(task: TaskSpec, output: OutputSpec, case: RawCase) -> tuple[str, tuple[int, ...]]:
    name = output.grid or ""
    path = case.grids[name]
    try:
        return name, open_volume(path, f"{name}{suffix(task.inputs[name].file)}").grid.shape
    except InvalidOutputError as error:
        raise OrganizerError(
            Code.CHALLENGE_INVALID, f"The input {name} of a case is not a volume: {error}"
        ) from error


def _batches(cases: Iterable[_Prepared]) -> Iterator[list[_Prepared]]:
    """Cut the list so that the arrays of one batch fit into one /output in memory."""
    batch: list[_Prepared] = []
    size_bytes = 0
    for case in cases:
        if batch and size_bytes + case.size_bytes > _MOST_BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
        batch.append(case)
        size_bytes += case.size_bytes
    if batch:
        yield batch


def _job(
    batch: list[_Prepared],
    program: Program,
    destination: Path,
    work: str,
    fence: int,
    part: int,
) -> SandboxJob:
    files = [output for one in batch for output in one.outputs.values()]
    document = {
        "cases": [
            {
                "id": one.case.id,
                "items": one.case.items,
                "outputs": {name: output.entry for name, output in one.outputs.items()},
            }
            for one in batch
        ]
    }
    inputs = {str(output.entry["file"]): output.raw for output in files}
    for one in batch:
        inputs |= one.grids
    output_bytes = sum(one.size_bytes for one in batch) + _MOST_REPORT_BYTES
    limits = Limits(
        memory_bytes=GIB + output_bytes + max(one.elements for one in batch) * _BYTES_PER_ELEMENT,
        cpus=1,
        pids=64,
        output_bytes=output_bytes,
        output_files=len(files) + 1,
        tmp_bytes=MIB,
        log_bytes=64 * 1024,
    )
    return SandboxJob(
        work=work,
        fence=fence,
        part=f"decode-{part}",
        program=program,
        documents={_JOB_FILE: canonical_json(document)},
        inputs=inputs,
        outputs=(_REPORT_FILE, *(output.target for output in files)),
        destination=destination,
        limits=limits,
        timeout_s=_BATCH_S + _CASE_S * len(batch),
    )


def _report_of(result: SandboxResult) -> _Report:
    if _REPORT_FILE not in result.outputs or result.ending is Ending.TIMEOUT:
        said = result.log.decode().strip().splitlines()[-1:] or [result.detail]
        raise PlatformError(
            Code.DECODE_FAILED,
            f"Decoding ended as {result.ending} with exit code {result.exit_code}: {said[0]}",
        )
    return _read_report(result.outputs[_REPORT_FILE])


def _read_report(path: Path) -> _Report:
    if path.stat().st_size > _MOST_REPORT_BYTES:
        raise PlatformError(Code.DECODE_FAILED, "The report of decoding is too large.")
    try:
        return _Report.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise PlatformError(
            Code.DECODE_FAILED, f"The report of decoding has {error.error_count()} faults."
        ) from error


def _decoded(one: _Prepared, report: _Report, outputs: Mapping[str, Path]) -> DecodedCase:
    found = report.cases.get(one.case.id)
    if found is None:
        raise PlatformError(Code.DECODE_FAILED, f"Decoding says nothing of case {one.case.id}.")
    if found.outcome is not Code.OK:
        detail = sanitize(found.detail.replace("\n", " ").encode(), _MOST_DETAIL_BYTES).decode()
        return DecodedCase(Code.INVALID_OUTPUT, detail)
    predictions = {}
    for name, output in one.outputs.items():
        path = outputs.get(output.target)
        if path is None or not _is_canonical(path, output):
            raise PlatformError(
                Code.DECODE_FAILED, f"Decoding left no array for {name} of case {one.case.id}."
            )
        predictions[name] = path
    return DecodedCase(Code.OK, predictions=predictions)


def _is_canonical(path: Path, output: _Canonical) -> bool:
    """Compare the header and the length of an array with what they must be; read no more."""
    with path.open("rb") as stream:
        try:
            if np.lib.format.read_magic(stream) != (1, 0):
                return False
            shape, by_columns, dtype = np.lib.format.read_array_header_1_0(stream)
        except ValueError:
            return False
        size_bytes = path.stat().st_size - stream.tell()
    right = shape == output.shape and dtype in output.dtypes and not by_columns
    return right and size_bytes == math.prod(shape) * dtype.itemsize
