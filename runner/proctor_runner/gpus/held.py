"""The GPUs that one worker process has to itself on this host.

A GPU is held by a lock on a file, so the kernel gives it back when its holder dies, however it
dies. Several workers of one host share the folder of the locks, as they do for slots.
"""

from __future__ import annotations

import fcntl
import os
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


def hold(open_driver: OpenDriver, folder: Path, count: int) -> HeldGpus:
    """Hold ``count`` GPUs that no other process of this host holds.

    Args:
        open_driver: What knows the GPUs.
        folder: Where the locks are.
        count: How many.

    Raises:
        PlatformError: SANDBOX_FAILED, there are not so many that are free.
    """
    try:
        with open_driver() as driver:
            gpus = driver.gpus()
    except GpuLostError as error:
        raise PlatformError(Code.SANDBOX_FAILED, f"The GPUs do not answer: {error}") from error
    held: dict[str, int] = {}
    for gpu in gpus:
        if len(held) < count and (lock := _try(folder / f"gpu-{gpu.uuid}")) is not None:
            held[gpu.uuid] = lock
    if len(held) < count:
        for lock in held.values():
            os.close(lock)
        raise PlatformError(
            Code.SANDBOX_FAILED,
            f"This process needs {count} of the {len(gpus)} GPUs here; {len(held)} are free.",
        )
    return HeldGpus(open_driver, tuple(held), tuple(held.values()))


def _try(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
