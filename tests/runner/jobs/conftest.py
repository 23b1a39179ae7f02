"""Fakes of the seams of a run: a sandbox that answers at once, a desk that remembers."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from proctor.spec.base import FileRef
from proctor.spec.digests import digest_bytes, digest_file
from proctor.spec.limits import Limits
from proctor.spec.model import Protocol
from proctor.spec.task import TaskSpec
from proctor.spec.work import CaseReport, Environment, FolderContent, OrderCase, RunOrder
from proctor_runner.decode.__main__ import main as decode_main
from proctor_runner.decoding import decode_program
from proctor_runner.model_program import NoImages
from proctor_runner.run_work import Bench
from proctor_runner.sandbox.interface import Ending, Guard, SandboxJob, SandboxResult
from proctor_runner.workshop import RunTools

Answer = Callable[[SandboxJob, Callable[[], bool]], SandboxResult]

TASK = {
    "slug": "sort",
    "title": "Sort",
    "items_per_case": 4,
    "inputs": {"rows": {"type": "array", "file": "{case}.npy"}},
    "outputs": {"scores": {"type": "table", "file": "scores.csv", "columns": ["a", "b"]}},
    "reference": {"labels": {"type": "labels", "file": "{case}.npy"}},
    "labels": {0: "a", 1: "b"},
    "data": {
        "hidden": {"inputs": "inputs", "reference": "reference"},
        "sample": {"inputs": "inputs", "reference": "reference"},
    },
    "metrics": [{"id": "acc", "name": "accuracy", "output": "scores", "reference": "labels"}],
    "primary": "acc",
}


def table(*rows: tuple[object, object]) -> bytes:
    """Write a scores.csv."""
    return "".join(f"{a},{b}\n" for a, b in (("a", "b"), *rows)).encode()


def leave(
    job: SandboxJob,
    files: Mapping[str, bytes],
    ending: Ending = Ending.EXITED,
    exit_code: int | None = 0,
    seconds: float = 1.0,
    log: bytes = b"",
    detail: str = "",
) -> SandboxResult:
    """Leave files as a program that ended so would have."""
    outputs = {}
    for name in job.outputs:
        if name in files:
            outputs[name] = job.destination / name
            outputs[name].write_bytes(files[name])
    missing = tuple(name for name in job.outputs if name not in outputs)
    return SandboxResult(ending, exit_code, seconds, 1000, log, outputs, missing, {}, detail)


def good(job: SandboxJob, cancelled: Callable[[], bool]) -> SandboxResult:
    """Answer two rows."""
    ending = Ending.ANSWERED if job.protocol is Protocol.SERVE else Ending.EXITED
    return leave(job, {"scores.csv": table((0.9, 0.1), (0.2, 0.8))}, ending, log=b"hello\n")


@dataclass
class FakeSession:
    """Answers by the function of its sandbox, and knows whether it was closed."""

    sandbox: FakeSandbox
    is_open: bool = True

    def run(self, job: SandboxJob, cancelled: Callable[[], bool]) -> SandboxResult:
        assert self.is_open
        assert job.protocol is Protocol.SERVE
        return self.sandbox.run(job, cancelled)

    def close(self) -> None:
        self.is_open = False


@dataclass
class FakeSandbox:
    """Runs decoding in this process and everything else by a function."""

    answer: Answer = good
    name: str = "process"
    enforces: frozenset[Guard] = frozenset()
    jobs: list[SandboxJob] = field(default_factory=list)
    sessions: list[FakeSession] = field(default_factory=list)

    def describe(self, worker: str) -> Environment:
        return Environment(worker=worker, sandbox="fake", cpu="c", cpu_count=1, kernel="k")

    def run(self, job: SandboxJob, cancelled: Callable[[], bool]) -> SandboxResult:
        self.jobs.append(job)
        if job.protocol is Protocol.CASE:
            assert not any(session.is_open for session in self.sessions)
        if "decode.json" in job.documents:
            return self._decode(job)
        return self.answer(job, cancelled)

    def session(self) -> FakeSession:
        self.sessions.append(FakeSession(self))
        return self.sessions[-1]

    def sweep(self) -> None: ...

    def close(self) -> None: ...

    def _decode(self, job: SandboxJob) -> SandboxResult:
        source, target = job.destination / "in", job.destination / "out"
        source.mkdir()
        target.mkdir()
        for name, content in job.documents.items():
            (source / name).write_bytes(content)
        for name, path in job.inputs.items():
            shutil.copy(path, source / name)
        places = {"PROCTOR_INPUT": str(source), "PROCTOR_OUTPUT": str(target)}
        with mock.patch.dict(os.environ, places):
            decode_main()
        result = leave(job, {path.name: path.read_bytes() for path in target.iterdir()})
        shutil.rmtree(source)
        shutil.rmtree(target)
        return result


class FakeDesk:
    """Keeps files in a folder and reports in a dict that refuses a second one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.reports: dict[str, CaseReport] = {}
        self.said: list[tuple[str, int, int]] = []
        self.passed_intake = 0
        self.stop = threading.Event()

    def fetch(self, file: FileRef) -> Path:
        path = self.folder / file.digest.removeprefix("sha256:")
        assert digest_file(path) == file
        return path

    def store(self, path: Path) -> FileRef:
        return self.store_bytes(path.read_bytes())

    def store_bytes(self, content: bytes) -> FileRef:
        file = FileRef(digest=digest_bytes(content), size=len(content))
        (self.folder / file.digest.removeprefix("sha256:")).write_bytes(content)
        return file

    def store_array(self, *values: object) -> FileRef:
        path = self.folder / "array.npy"
        np.save(path, np.asarray(values), allow_pickle=False)
        return self.store(path)

    def progress(self, stage: str, cases_done: int, cases_total: int) -> None:
        self.said.append((stage, cases_done, cases_total))

    def stopped(self) -> bool:
        return self.stop.is_set()

    def intake_passed(self) -> None:
        self.passed_intake += 1

    def report_case(self, report: CaseReport) -> None:
        assert report.case not in self.reports, "a case was reported twice"
        self.reports[report.case] = report


@dataclass
class FakeWorkshop:
    """Opens the bench of fakes."""

    sandbox: FakeSandbox
    decoder: FakeSandbox = field(default_factory=FakeSandbox)
    shelf: object = field(default_factory=NoImages)

    def open(self, scratch: Path) -> object:
        import contextlib

        @contextlib.contextmanager
        def tools() -> Iterator[RunTools]:
            yield RunTools(
                bench_of(scratch, self.sandbox, self.decoder),
                self.shelf,  # type: ignore[arg-type]
                self.sandbox.describe("fake"),
            )

        return tools()


def bench_of(
    scratch: Path, sandbox: FakeSandbox, decoder: FakeSandbox, decode_cases: int = 2
) -> Bench:
    return Bench(sandbox, decoder, decode_program(), scratch, decode_cases=decode_cases)


def case_document(job: SandboxJob) -> dict[str, object]:
    """Return the case.json that a model was given."""
    document = json.loads(job.documents["case.json"])
    assert isinstance(document, dict)
    return document


class Fakes:
    """Everything above under one name, since test files cannot import each other."""

    Desk = FakeDesk
    Sandbox = FakeSandbox
    Workshop = FakeWorkshop
    TASK = TASK
    table = staticmethod(table)
    leave = staticmethod(leave)
    good = staticmethod(good)
    bench = staticmethod(bench_of)
    case_document = staticmethod(case_document)

    @staticmethod
    def task(**changes: object) -> TaskSpec:
        return TaskSpec.model_validate(TASK | changes)

    @staticmethod
    def order(desk: FakeDesk, cases: int = 4, **changes: object) -> RunOrder:
        """Make an order whose aliases sort the other way round than its ids."""
        files = desk.store_array([1.0], [2.0])
        model = desk.store_bytes(b"class Model: ...\n")
        facts: dict[str, object] = {
            "id": "run_" + "0" * 26,
            "fence": 1,
            "token": "t",
            "lease_s": 60,
            "submission": "sub",
            "challenge": "sorting",
            "phase": "main",
            "content": FolderContent.model_validate(
                {"entries": [{"path": "model.py", "file": model}], "runtime": "runtime-cpu"}
            ),
            "intake": False,
            "task": Fakes.task(),
            "limits": Limits(case_s=10, total_s=100),
            "cases": tuple(
                OrderCase(
                    id=f"patient-{number}",
                    alias=f"x{9 - number}",
                    items=2,
                    files={"rows": files},
                )
                for number in range(cases)
            ),
            "cases_total": cases,
        }
        return RunOrder.model_validate(facts | changes)


@pytest.fixture
def fakes() -> type[Fakes]:
    return Fakes


@pytest.fixture
def desk(tmp_path: Path) -> FakeDesk:
    return FakeDesk(tmp_path / "desk")
