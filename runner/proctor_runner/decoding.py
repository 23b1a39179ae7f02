"""Decoding, seen from the host: raw outputs go into a sandbox, canonical arrays come out.

Nothing a participant wrote is parsed in this process. What comes back from the decode step is
distrusted as well: its report is read with guards, and of every array only the header is read.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from proctor.spec.base import Spec
from proctor.spec.digests import canonical_json
from proctor.spec.limits import GIB, MIB, Limits
from proctor.spec.outcomes import Code, PlatformError, ProctorError
from proctor.spec.task import TaskSpec
from proctor_runner.canonical import PreparedCase, RawCase, is_canonical, prepare
from proctor_runner.sandbox.interface import Ending, Program, Sandbox, SandboxJob, SandboxResult
from proctor_runner.sandbox.logs import sanitize

_JOB_FILE, _REPORT_FILE, _EMPTY_FILE = "decode.json", "decode-report.json", "empty"
_MOST_BATCH_BYTES = 512 * MIB
# A case's own process is stopped after 120 s, so that a job ends in time whatever it reads.
_BATCH_S, _CASE_S = 120.0, 150.0
_BYTES_PER_ELEMENT = 48
_MOST_REPORT_BYTES = 64 * MIB
_MOST_DETAIL_BYTES = 1_900


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
            prepared.append(prepare(task, case, number))
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

    def decode(self, batch: list[PreparedCase]) -> dict[str, DecodedCase]:
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

    def _emptied(self, one: PreparedCase) -> PreparedCase:
        empty = self._destination / _EMPTY_FILE
        empty.touch()
        return replace(
            one,
            outputs={
                name: replace(output, raw=empty, more=dict.fromkeys(output.more, empty))
                for name, output in one.outputs.items()
            },
        )

    def _run(self, batch: list[PreparedCase]) -> dict[str, DecodedCase]:
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
    files = [case.file_of(name, output) for name, output in task.outputs.items()]
    for file in files:
        if file in case.problems:
            detail = f"{file} {case.problems[file]}; expected a plain file."
            return DecodedCase(Code.INVALID_OUTPUT, detail)
    for file in files:
        if file not in case.files:
            return DecodedCase(Code.MISSING_OUTPUT, f"{file} was not written to /output.")
    return None


def _batches(cases: Iterable[PreparedCase]) -> Iterator[list[PreparedCase]]:
    """Cut the list so that the arrays of one batch fit into one /output in memory."""
    batch: list[PreparedCase] = []
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
    batch: list[PreparedCase],
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
    for output in files:
        inputs |= output.more
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


def _decoded(one: PreparedCase, report: _Report, outputs: Mapping[str, Path]) -> DecodedCase:
    found = report.cases.get(one.case.id)
    if found is None:
        raise PlatformError(Code.DECODE_FAILED, f"Decoding says nothing of case {one.case.id}.")
    if found.outcome is not Code.OK:
        detail = sanitize(found.detail.replace("\n", " ").encode(), _MOST_DETAIL_BYTES).decode()
        return DecodedCase(Code.INVALID_OUTPUT, detail)
    predictions = {}
    for name, output in one.outputs.items():
        path = outputs.get(output.target)
        if path is None or not is_canonical(path, output):
            raise PlatformError(
                Code.DECODE_FAILED, f"Decoding left no array for {name} of case {one.case.id}."
            )
        predictions[name] = path
    return DecodedCase(Code.OK, predictions=predictions)
