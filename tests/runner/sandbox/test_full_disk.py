"""A model that fails because this machine has no room left is not to blame for it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from proctor.spec.limits import Limits
from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox.process_start import Watch

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root, to mount a small disk")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
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
