"""Starts a job's first process and looks at all of them from outside."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from proctor.spec.limits import Limits
from proctor_runner.sandbox import settings
from proctor_runner.sandbox.full_disk import disk_was_full
from proctor_runner.sandbox.interface import Ending, SandboxJob
from proctor_runner.sandbox.processes import MARK_VARIABLE, marked, memory_bytes

_OPEN_FILES = 4_096
_ROOM_BYTES, _ROOM_FILES = 64 << 10, 4
"""With less, a disk is full."""


class Places(NamedTuple):
    """The folders of a job."""

    input: Path
    output: Path
    scratch: Path


def start_process(
    job: SandboxJob, places: Places, mark: str, serves: bool = False
) -> subprocess.Popen[bytes]:
    """Start the program of ``job`` in a session of its own.

    Args:
        serves: Give it a standard input, and keep what it writes to its two outputs apart.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", job.program.module],
        cwd=places.scratch,
        env=environment_of(job, places, mark),
        stdin=subprocess.PIPE if serves else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if serves else subprocess.STDOUT,
        bufsize=0,
        start_new_session=True,
    )
    for kind, value in (
        (resource.RLIMIT_FSIZE, max(job.limits.output_bytes, job.limits.tmp_bytes) + 4096),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        try:
            resource.prlimit(child.pid, kind, (value, value))
        except ProcessLookupError:
            break
    return child


def environment_of(job: SandboxJob, places: Places, mark: str) -> dict[str, str]:
    """Return the environment of a job's processes."""
    environment = {
        **settings.environment(job.protocol.value, job.seed, job.limits.cpus),
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(places.scratch),
        "TMPDIR": str(places.scratch),
        # A plea, not a wall: no model that keeps to it takes a GPU that it was not given.
        "CUDA_VISIBLE_DEVICES": ",".join(job.gpus),
        "PROCTOR_INPUT": str(places.input),
        "PROCTOR_OUTPUT": str(places.output),
        "PROCTOR_MODEL": str(job.program.model_folder or ""),
        MARK_VARIABLE: mark,
    }
    del environment["LD_PRELOAD"]
    return environment


def shell_exit_code(status: int) -> int:
    """Return the status as a shell and a container engine say it."""
    return status if status >= 0 else 128 - status


class Watch:
    """Adds up what a job's processes use."""

    def __init__(self, limits: Limits, mark: str, session: int, output_folder: Path) -> None:
        self._limits = limits
        self._mark = mark
        self._session = session
        self._output_folder = output_folder
        self._disk_was_full = False
        self.peak_bytes = 0

    def raise_if_disk_was_full(self) -> None:
        """Refuse what a job did while this machine had no room: that is not the program's doing.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        self.look_at_disk()
        if self._disk_was_full:
            raise disk_was_full()

    def look(self) -> Ending | None:
        """Look again; return the limit that was passed."""
        self.look_at_disk()
        most_bytes = self._limits.memory_bytes
        pids = marked(self._mark, self._session)
        self.peak_bytes = max(self.peak_bytes, memory_bytes(pids, most_bytes))
        if self.peak_bytes > most_bytes:
            return Ending.OUT_OF_MEMORY
        return Ending.OUTPUT_LIMIT if self.is_output_over() else None

    def look_at_disk(self) -> None:
        """Remember if the disk is full."""
        try:
            disk = os.statvfs(self._output_folder)
        except OSError:
            return
        full = disk.f_bavail * disk.f_frsize < _ROOM_BYTES
        # Some file systems have as many files as there is room for, and say 0.
        self._disk_was_full |= full or (disk.f_files > 0 and disk.f_favail < _ROOM_FILES)

    def is_output_over(self) -> bool:
        """Add up what lies in the output folder, as far as the limits reach."""
        files, size_bytes = 0, 0
        folders = [self._output_folder]
        while folders:
            try:
                entries = list(os.scandir(folders.pop()))
            except OSError:
                continue
            for entry in entries:
                files += 1
                try:
                    size_bytes += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                except OSError:
                    continue
            if files > self._limits.output_files:
                return True
        return size_bytes > self._limits.output_bytes + files * 4096
