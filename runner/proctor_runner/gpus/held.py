"""The GPUs that one worker process has to itself on this host.

A GPU is held by a lock on a file, so the kernel gives it back when its holder dies, however it
dies. Several workers of one host share the folder of the locks, as they do for slots.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from proctor.spec.gpus import GpuFacts, GpuLimits
from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.gpus.interface import GpuLostError, OpenDriver


@dataclass(frozen=True)
class HeldGpus:
    """GPUs that are locked for this process and its children.

    Attributes:
        open_driver: What answers questions about them.
        locks: Open descriptors; they stay open as long as the process lives.
    """

    open_driver: OpenDriver
    uuids: tuple[str, ...]
    locks: tuple[int, ...] = ()

    def facts(self) -> tuple[GpuFacts, ...]:
        """Return what they are at this moment.

        Raises:
            PlatformError: SANDBOX_FAILED, one of them is not there any more.
        """
        try:
            with self.open_driver() as driver:
                found = {gpu.uuid: gpu for gpu in driver.gpus()}
        except GpuLostError as error:
            raise PlatformError(Code.SANDBOX_FAILED, f"The GPUs do not answer: {error}") from error
        lost = [uuid for uuid in self.uuids if uuid not in found]
        if lost:
            raise PlatformError(Code.SANDBOX_FAILED, f"GPU {lost[0]} is not there any more.")
        return tuple(found[uuid] for uuid in self.uuids)

    def release(self) -> None:
        """Let others have them."""
        for lock in self.locks:
            os.close(lock)

    def chosen_for(self, asked: GpuLimits) -> tuple[GpuFacts, ...]:
        """Return as many of them as a container is to get.

        Raises:
            PlatformError: SANDBOX_FAILED, they are not what is asked for, or not there.
        """
        fitting = asked.fitting(self.facts())
        if len(fitting) < asked.count:
            raise PlatformError(
                Code.SANDBOX_FAILED,
                f"The phase asks for {asked.in_words()}; this worker holds {len(fitting)} such.",
            )
        return fitting[: asked.count]


def count_gpus(open_driver: OpenDriver) -> int:
    """Return how many GPUs this host can give to containers.

    Raises:
        GpuLostError: they cannot be found.
    """
    with open_driver() as driver:
        return len(driver.gpus())


@contextmanager
def held_for(open_driver: OpenDriver, folder: Path, asked: GpuLimits) -> Iterator[HeldGpus]:
    """Hold the GPUs that a phase asks for as long as the block lasts; see ``hold``."""
    held = hold(open_driver, folder, asked.count, asked)
    try:
        yield held
    finally:
        held.release()


def hold(
    open_driver: OpenDriver, folder: Path, count: int, asked: GpuLimits | None = None
) -> HeldGpus:
    """Hold ``count`` GPUs that no other process of this host holds.

    Args:
        open_driver: What knows the GPUs.
        folder: Where the locks are.
        count: How many.
        asked: What each of them must be; any will do without.

    Raises:
        PlatformError: SANDBOX_FAILED, there are not so many that are free.
    """
    try:
        with open_driver() as driver:
            gpus = driver.gpus()
    except GpuLostError as error:
        raise PlatformError(Code.SANDBOX_FAILED, f"The GPUs do not answer: {error}") from error
    fitting = gpus if asked is None else asked.fitting(gpus)
    held: dict[str, int] = {}
    for gpu in fitting:
        if len(held) < count and (lock := _try(folder / f"gpu-{gpu.uuid}")) is not None:
            held[gpu.uuid] = lock
    found = HeldGpus(open_driver, tuple(held), tuple(held.values()))
    if len(held) < count:
        found.release()
        such = "" if asked is None else f", {len(fitting)} of which are what the phase asks for"
        raise PlatformError(
            Code.SANDBOX_FAILED,
            f"This process needs {count} of the {len(gpus)} GPUs here{such}; {len(held)} are free.",
        )
    return found


def _try(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
