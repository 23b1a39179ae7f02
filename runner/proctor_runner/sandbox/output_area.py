"""The mount a container writes its outputs to: limited in bytes and in files, gone at the end.

``HostOutput`` is a file system in memory that this process mounts itself. ``KeeperOutput`` needs
nothing but the Docker API: the file system belongs to a named volume and lives as long as a
container of a trusted image, the keeper, has it mounted. Neither is ever removed file by file.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import docker
from docker.errors import NotFound
from docker.types import Mount

from proctor.spec.limits import MIB, Limits
from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox import tmpfs
from proctor_runner.sandbox.attached import STDERR, Attached
from proctor_runner.sandbox.engine_errors import ours
from proctor_runner.sandbox.outputs import (
    NO_FOLDER,
    NOT_ONE_FILE,
    UNREADABLE,
    Collected,
    collect_below,
    flat_name,
    judge_facts,
)
from proctor_runner.sandbox.settings import ContainerRequest, create_container, environment

PAGE_BYTES = 4096
_WRITABLE_FOLDER = "data"
# Room to list a folder of as many files, of as long names, as a phase may allow.
_KEEPER_LIMITS = Limits(memory_bytes=256 * MIB, pids=16, cpus=1, tmp_bytes=4096, log_bytes=0)
_SLEEP = ("python3", "-c", "import signal; signal.pause()")
_ANSWERS_WITHIN_S = 60.0
# Runs in the keeper and answers one line each: how full the file system is and what each name is,
# followed by the bytes of the plain files; or whether everything could be removed. Whoever wrote
# the files has ended or is paused, and may have locked the folder.
_KEEP = """
import json, os, shutil, stat, sys

def facts(folder, name, most):
    path, *parts = folder, *name.split("/")
    try:
        for depth, part in enumerate(parts, start=1):
            if part == "*":
                names = os.listdir(path)
                if len(names) != 1:
                    return [stat.S_IFDIR, 1, 0, ""]
                part = names[0]
            path = os.path.join(path, part)
            found = os.lstat(path)
            if depth < len(parts):
                if not stat.S_ISDIR(found.st_mode):
                    return [stat.S_IFDIR, 0, 0, ""]
                os.chmod(path, 0o700)
    except OSError:
        return None
    sent = stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_size <= most
    return [found.st_mode, found.st_nlink, found.st_size, path if sent else ""]

def look(below, names, most):
    folder = os.path.join("/output", below)
    space = os.statvfs("/output")
    os.chmod("/output", 0o700)
    try:
        plain = stat.S_ISDIR(os.lstat(folder).st_mode)
    except OSError:
        plain = None
    if plain:
        os.chmod(folder, 0o700)
    found = {name: facts(folder, name, most) for name in names} if plain else {}
    files = []
    for name, fact in found.items():
        if fact and fact[3]:
            os.chmod(fact[3], 0o600)
            files.append((os.open(fact[3], os.O_RDONLY | os.O_NOFOLLOW), fact[2]))
    yield json.dumps([space.f_bfree, space.f_ffree, plain, found]).encode() + b"\\n"
    for descriptor, left in files:
        while left:
            data = os.read(descriptor, min(left, 1 << 20))
            if not data:
                raise SystemExit("a file became shorter")
            left -= len(data)
            yield data
        os.close(descriptor)

def empty():
    os.chmod("/output", 0o700)
    try:
        for entry in os.scandir("/output"):
            if entry.is_dir(follow_symlinks=False):
                os.chmod(entry.path, 0o700)
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)
    except (OSError, RecursionError):
        pass
    left = next(os.scandir("/output"), None)
    yield json.dumps(left is None and free() == at_first).encode() + b"\\n"

def free():
    space = os.statvfs("/output")
    return space.f_bfree, space.f_ffree

at_first = free()
for line in sys.stdin:
    asked = json.loads(line)
    for data in look(**asked) if asked else empty():
        sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
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

    def gather(
        self, names: Iterable[str], destination: Path, below: str = ""
    ) -> tuple[Collected, bool]:
        """Collect while nobody writes; the second value tells whether a limit was reached.

        Args:
            below: The folder in /output that is looked into; empty for /output itself.
        """
        ...

    def empty(self) -> bool:
        """Remove everything while nobody writes; tell whether all room is free again.

        It is not when a program holds a removed file open.
        """
        ...

    def close(self) -> None:
        """Drop everything that was written."""
        ...


class HostOutput:
    """A tmpfs mounted by this process; raises OSError where it may not."""

    def __init__(
        self, path: Path, source: str, uid: int, limits: Limits, own_folders: int = 0
    ) -> None:
        self._path = path
        self._folder = path / _WRITABLE_FOLDER
        self._most_bytes = limits.output_bytes
        # Root and the writable folder are files too; the extra page and file tell full from over.
        tmpfs.mount(path, source, _size_bytes(limits), limits.output_files + 3 + own_folders)
        try:
            self._folder.mkdir()
            os.chown(self._folder, uid, uid)
            self._folder.chmod(0o700)
        except OSError:
            tmpfs.unmount(path)
            raise
        self._free_at_first = self._free()

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

    def gather(
        self, names: Iterable[str], destination: Path, below: str = ""
    ) -> tuple[Collected, bool]:
        """Read the declared files from the mount."""
        full = self.is_full_now()
        try:
            collected = collect_below(self._folder, below, names, destination, self._most_bytes)
        except OSError as error:
            raise _cannot_collect(destination, error) from error
        return collected, full

    def empty(self) -> bool:
        """Remove what lies in the mount."""
        return remove_all(self._folder) and self._free() == self._free_at_first

    def close(self) -> None:
        """Unmount; the files go with the mount."""
        try:
            tmpfs.unmount(self._path)
        except OSError as error:
            raise PlatformError(
                Code.SANDBOX_FAILED, f"{self._path} cannot be unmounted: {error.strerror}."
            ) from error

    def _free(self) -> tuple[int, int]:
        space = os.statvfs(self._path)
        return space.f_bfree, space.f_ffree


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
        own_folders: int = 0,
    ) -> None:
        self._api = api
        self._volume = name
        self._most_bytes = limits.output_bytes
        options = (
            f"size={_size_bytes(limits)},nr_inodes={limits.output_files + 2 + own_folders},"
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
            container = create_container(api, keeper)
            api.start(container)
            self._keeper = Attached.to_command(api, container, ["python3", "-c", _KEEP])
            self._keeper.give_up_after(_ANSWERS_WITHIN_S)

    @property
    def mount(self) -> Mount:
        """Return the volume, empty: nothing of the image is copied into it."""
        return Mount("/output", self._volume, type="volume", no_copy=True)

    def is_full_now(self) -> bool:
        """Say no: a keeper is asked once a case."""
        return False

    def gather(
        self, names: Iterable[str], destination: Path, below: str = ""
    ) -> tuple[Collected, bool]:
        """Ask the keeper what is there and read what it sends."""
        wanted = tuple(names)
        question = {"below": below, "names": wanted, "most": self._most_bytes}
        reader = self._ask(question)
        free_blocks, free_files, plain, facts = reader.answer()
        full = free_blocks == 0 or free_files == 0
        if plain is False:
            return Collected(problems=dict.fromkeys(wanted, NO_FOLDER)), full
        collected = Collected()
        for name in wanted:
            fact = facts.get(name)
            if fact is None:
                collected.missing.append(name)
                continue
            mode, count, size_bytes, sent = fact
            if sent:
                reader.copy(size_bytes, destination / flat_name(name))
                collected.outputs[name] = destination / flat_name(name)
            elif mode == stat.S_IFDIR:
                collected.problems[name] = NOT_ONE_FILE if count else NO_FOLDER
            else:
                problem = judge_facts(mode, count, size_bytes, self._most_bytes)
                collected.problems[name] = problem or UNREADABLE
        return collected, full

    def empty(self) -> bool:
        """Have the keeper remove everything."""
        return self._ask({}).answer() is True

    def close(self) -> None:
        """Remove keeper and volume."""
        self._keeper.close()
        remove_keeper(self._api, self._volume)

    def _ask(self, question: Mapping[str, object]) -> _Answer:
        try:
            self._keeper.send(json.dumps(question).encode() + b"\n")
        except OSError as error:
            raise _keeper_failed(str(error)) from error
        return _Answer(self._keeper)


class _Answer:
    """What a keeper sends: one line, then the bytes of files."""

    def __init__(self, keeper: Attached) -> None:
        self._keeper = keeper
        self._left = b""

    def answer(self) -> Any:
        """Return the line."""
        line, end, self._left = b"", b"", b""
        while not end:
            more, end, self._left = self._more().partition(b"\n")
            line += more
        try:
            return json.loads(line)
        except ValueError as error:
            raise _keeper_failed(repr(line[:200])) from error

    def copy(self, size_bytes: int, path: Path) -> None:
        """Write the next so many bytes to a new file."""
        try:
            with path.open("xb") as target:
                while size_bytes:
                    data = self._left or self._more()
                    target.write(data[:size_bytes])
                    self._left = data[size_bytes:]
                    size_bytes -= min(size_bytes, len(data))
        except OSError as error:
            raise _cannot_collect(path.parent, error) from error

    def _more(self) -> bytes:
        try:
            piece = self._keeper.read()
        except OSError as error:
            raise _keeper_failed(str(error)) from error
        if piece is None or piece.stream == STDERR:
            raise _keeper_failed("" if piece is None else piece.data.decode(errors="replace"))
        return piece.data


def remove_all(folder: Path) -> bool:
    """Remove what lies in ``folder``, which nobody changes now; tell whether nothing is left."""
    try:
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)
    except (OSError, RecursionError):
        return False
    return True


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


def _size_bytes(limits: Limits) -> int:
    return (limits.output_bytes // PAGE_BYTES + 2) * PAGE_BYTES


def _cannot_collect(destination: Path, error: OSError) -> PlatformError:
    return PlatformError(
        Code.SANDBOX_FAILED, f"Outputs cannot be collected into {destination}: {error.strerror}."
    )


def _keeper_failed(said: str) -> PlatformError:
    return PlatformError(
        Code.SANDBOX_FAILED,
        f"The keeper of /output stopped answering; it needs python3. {said[:300]}".rstrip(),
    )
