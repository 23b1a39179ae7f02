"""A model that fails because this machine has no room left is not to blame for it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from proctor.spec.limits import Limits
from proctor.spec.model import Protocol
from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox.interface import Ending, Program, SandboxJob, SandboxResult
from proctor_runner.sandbox.process import ProcessSandbox
from proctor_runner.sandbox.process_start import Watch
from proctor_runner.sandbox.slots import Slots

CASE = b'{"contract":1,"case":"c","items":["0"],"inputs":{},"outputs":{},"seed":0}'
MODEL = """
import errno, os
class Model:
    def predict(self, inputs):
        raise OSError(errno.{error}, os.strerror(errno.{error}))
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    if os.getuid() != 0:
        pytest.skip("needs root, to mount a small disk")
    size = "size=1m,nr_inodes=20"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "small", str(tmp_path)], check=True)
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def watch(disk: Path) -> Watch:
    return Watch(Limits.model_validate({"case_s": 1, "total_s": 1}), "mark", os.getpid(), disk)


def test_a_disk_that_was_full_for_a_moment_is_remembered(disk: Path) -> None:
    watching = watch(disk)
    watching.look()
    watching.raise_if_disk_was_full()
    (disk / "filler").write_bytes(bytes(1 << 20))
    watching.look()
    (disk / "filler").unlink()
    with pytest.raises(PlatformError) as caught:
        watching.raise_if_disk_was_full()
    assert caught.value.code is Code.SANDBOX_FAILED


def test_a_disk_without_room_for_another_file_is_full(disk: Path) -> None:
    for number in range(18):
        (disk / f"{number}").touch()
    with pytest.raises(PlatformError):
        watch(disk).raise_if_disk_was_full()


def failing_job(folder: Path, protocol: Protocol, error: str) -> SandboxJob:
    (folder / "model").mkdir()
    (folder / "model" / "model.py").write_text(MODEL.format(error=error))
    return SandboxJob(
        work="run_1",
        fence=1,
        part="c",
        program=Program("", folder / "model"),
        documents={"case.json": CASE},
        inputs={},
        outputs=(),
        destination=folder,
        limits=Limits(start_s=60),
        timeout_s=60,
        protocol=protocol,
    )


def run(folder: Path, protocol: Protocol, error: str) -> SandboxResult:
    job = failing_job(folder, protocol, error)
    with closing(ProcessSandbox(folder / "state", Slots(folder / "slots"))) as sandbox:
        if protocol is Protocol.CASE:
            return sandbox.run(job, lambda: False)
        with closing(sandbox.session()) as session:
            return session.run(job, lambda: False)


@pytest.mark.parametrize("protocol", [Protocol.CASE, Protocol.SERVE])
def test_a_disk_that_was_full_between_two_looks_is_not_the_models_fault(
    tmp_path: Path, protocol: Protocol
) -> None:
    with pytest.raises(PlatformError, match="disk of this worker was full") as caught:
        run(tmp_path, protocol, "ENOSPC")
    assert caught.value.code is Code.SANDBOX_FAILED


@pytest.mark.parametrize("protocol", [Protocol.CASE, Protocol.SERVE])
def test_another_error_of_a_disk_is_the_models(tmp_path: Path, protocol: Protocol) -> None:
    result = run(tmp_path, protocol, "EFBIG")
    assert result.ending in (Ending.EXITED, Ending.FAILED)
    assert b"File too large" in result.log
