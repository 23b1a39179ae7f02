"""The mount a container writes its outputs to: limited in bytes and in files, gone at the end.

``HostOutput`` is a file system in memory that this process mounts itself. ``KeeperOutput`` needs
nothing but the Docker API: the file system belongs to a named volume and lives as long as a
container of a trusted image, the keeper, has it mounted. Neither is ever removed file by file.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import docker
from docker.errors import NotFound
from docker.types import Mount

from proctor.spec.limits import MIB, Limits
from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox import tmpfs
from proctor_runner.sandbox.engine_errors import ours
from proctor_runner.sandbox.outputs import CHANGED, UNREADABLE, Collected, collect, judge_facts
from proctor_runner.sandbox.settings import ContainerRequest, create_container, environment

PAGE_BYTES = 4096
_WRITABLE_FOLDER = "data"
_KEEPER_LIMITS = Limits(memory_bytes=64 * MIB, pids=16, cpus=1, tmp_bytes=4096, log_bytes=0)
_SLEEP = ("python3", "-c", "import signal; signal.pause()")
# Runs in the keeper once the program has ended: how full the file system is, and what each name is.
_INSPECT = """
import json, os, sys
space = os.statvfs("/output")
facts = {}
for name in sys.argv[1:]:
    try:
        found = os.lstat("/output/" + name)
    except FileNotFoundError:
        continue
    facts[name] = [found.st_mode, found.st_nlink, found.st_size]
print(json.dumps([space.f_bfree, space.f_ffree, facts]))
"""


class OutputArea(Protocol):
    """One job's /output."""

    @property
    def mount(self) -> Mount:
        """How the container gets it."""
        ...

    def is_full_now(self) -> bool:
        """Tell during the run whether a limit was reached, if that costs next to nothing."""
        ...

    def gather(self, names: Iterable[str], destination: Path) -> tuple[Collected, bool]:
        """Collect after the end; the second value tells whether a limit was reached."""
        ...

    def close(self) -> None:
        """Drop everything that was written."""
        ...


class HostOutput:
    """A tmpfs mounted by this process; raises OSError where it may not."""

    def __init__(self, path: Path, source: str, uid: int, limits: Limits) -> None:
        self._path = path
        self._folder = path / _WRITABLE_FOLDER
        self._most_bytes = limits.output_bytes
        # Root and the writable folder are files too; the extra page and file tell full from over.
        tmpfs.mount(path, source, _size_bytes(limits), limits.output_files + 3)
        try:
            self._folder.mkdir()
            os.chown(self._folder, uid, uid)
            self._folder.chmod(0o700)
        except OSError:
            tmpfs.unmount(path)
            raise

    @property
    def folder(self) -> Path:
        """Return the folder that the daemon must see."""
        return self._folder

    @property
    def mount(self) -> Mount:
        """Return a private bind of the writable folder."""
        return Mount("/output", str(self._folder), type="bind", propagation="rprivate")

    def is_full_now(self) -> bool:
        """Ask the file system."""
        space = os.statvfs(self._path)
        return space.f_bfree == 0 or space.f_ffree == 0

    def gather(self, names: Iterable[str], destination: Path) -> tuple[Collected, bool]:
        """Read the declared files from the mount."""
        full = self.is_full_now()
        try:
            return collect(self._folder, names, destination, self._most_bytes), full
        except OSError as error:
            raise _cannot_collect(destination, error) from error

    def close(self) -> None:
        """Unmount; the files go with the mount."""
        try:
            tmpfs.unmount(self._path)
        except OSError as error:
            raise PlatformError(
                Code.SANDBOX_FAILED, f"{self._path} cannot be unmounted: {error.strerror}."
            ) from error


class KeeperOutput:
    """A named volume in memory and the container that keeps it alive."""

    def __init__(
        self,
        api: docker.APIClient,
        image_id: str,
        name: str,
        uid: int,
        limits: Limits,
        labels: Mapping[str, str],
    ) -> None:
        self._api = api
        self._volume = name
        self._most_bytes = limits.output_bytes
        options = (
            f"size={_size_bytes(limits)},nr_inodes={limits.output_files + 2},"
            f"uid={uid},gid={uid},mode=0700,nosuid,nodev,noexec"
        )
        with ours("an output volume was made"):
            api.create_volume(
                name=name,
                driver="local",
                driver_opts={"type": "tmpfs", "device": "tmpfs", "o": options},
                labels=dict(labels),
            )
            keeper = ContainerRequest(
                image_id=image_id,
                name=name,
                uid=uid,
                limits=_KEEPER_LIMITS,
                mounts=(self.mount,),
                environment=environment("case", 0, 1),
                labels=labels,
                host_cpus=1,
                command=_SLEEP,
            )
            self._keeper = create_container(api, keeper)
            api.start(self._keeper)

    @property
    def mount(self) -> Mount:
        """Return the volume, empty: nothing of the image is copied into it."""
        return Mount("/output", self._volume, type="volume", no_copy=True)

    def is_full_now(self) -> bool:
        """Say no: asking would start a process in the keeper every time."""
        return False

    def gather(self, names: Iterable[str], destination: Path) -> tuple[Collected, bool]:
        """Ask the keeper what is there, then have each plain file sent as a stream."""
        collected = Collected()
        wanted = tuple(names)
        with ours("outputs were collected"):
            free_blocks, free_files, facts = self._inspect(wanted)
            for name in wanted:
                if name not in facts:
                    collected.missing.append(name)
                    continue
                problem = judge_facts(*facts[name], self._most_bytes)
                if not problem:
                    problem = self._fetch(name, facts[name][2], destination)
                if problem:
                    collected.problems[name] = problem
                else:
                    collected.outputs[name] = destination / name
        return collected, free_blocks == 0 or free_files == 0

    def close(self) -> None:
        """Remove keeper and volume."""
        remove_keeper(self._api, self._volume)

    def _inspect(self, names: tuple[str, ...]) -> tuple[int, int, dict[str, tuple[int, int, int]]]:
        command = ["python3", "-c", _INSPECT, *names]
        started = self._api.exec_create(self._keeper, command, stderr=False)
        answer = self._api.exec_start(started["Id"])
        try:
            free_blocks, free_files, facts = json.loads(answer)
        except ValueError as error:
            raise PlatformError(
                Code.SANDBOX_FAILED, f"The keeper answered {answer[:200]!r}; it needs python3."
            ) from error
        return free_blocks, free_files, facts

    def _fetch(self, name: str, size_bytes: int, destination: Path) -> str:
        stream, _ = self._api.get_archive(self._keeper, f"/output/{name}")
        path = destination / name
        try:
            with tarfile.open(fileobj=_Reader(stream), mode="r|") as archive:
                entry = archive.next()
                content = archive.extractfile(entry) if entry and entry.isreg() else None
                if entry is None or content is None or entry.size != size_bytes:
                    return CHANGED
                with path.open("xb") as target:
                    while chunk := content.read(1 << 20):
                        target.write(chunk)
        except tarfile.TarError:
            path.unlink(missing_ok=True)
            return UNREADABLE
        except OSError as error:
            raise _cannot_collect(destination, error) from error
        return ""


def remove_keeper(api: docker.APIClient, name: str) -> None:
    """Remove the keeper and the volume called ``name``, if they are there.

    Raises:
        PlatformError: SANDBOX_FAILED, the daemon did not.
    """
    with ours("an output volume was removed"):
        with suppress(NotFound):
            api.remove_container(name, v=True, force=True)
        with suppress(NotFound):
            api.remove_volume(name, force=True)


class _Reader(io.RawIOBase):
    """Reads an iterator of chunks like a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self._left) < size or size < 0:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            self._left += chunk
        size = len(self._left) if size < 0 else size
        taken, self._left = self._left[:size], self._left[size:]
        return taken


def _size_bytes(limits: Limits) -> int:
    return (limits.output_bytes // PAGE_BYTES + 2) * PAGE_BYTES


def _cannot_collect(destination: Path, error: OSError) -> PlatformError:
    return PlatformError(
        Code.SANDBOX_FAILED, f"Outputs cannot be collected into {destination}: {error.strerror}."
    )
