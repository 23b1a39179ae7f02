"""Watches GPUs while a model has them: how much memory it takes, and whether they stay whole.

GPU memory is in no control group, so it is asked for, ten times a second. Nobody else computes on a
GPU that is held, so what is in use above what was before is the model's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.gpus.interface import GpuDriver, GpuLostError, OpenDriver

_LOOK_EVERY_S = 0.1
_FREE_WITHIN_S = 15.0
"""So long the driver may take to clear up after a container that was killed."""


@contextmanager
def watched(open_driver: OpenDriver, uuids: Sequence[str]) -> Iterator[GpuWatch]:
    """Watch GPUs for as long as the block lasts; they must be unused when it begins.

    Raises:
        PlatformError: SANDBOX_FAILED, they do not answer, or somebody else computes on one.
    """
    try:
        with open_driver() as driver:
            _wait_until_unused(driver, uuids)
            watch = GpuWatch(driver, uuids)
            try:
                yield watch
            finally:
                watch.stop()
    except GpuLostError as error:
        raise PlatformError(Code.SANDBOX_FAILED, f"The GPUs do not answer: {error}") from error


class GpuWatch:
    """A thread that looks at GPUs until it is stopped."""

    def __init__(self, driver: GpuDriver, uuids: Sequence[str]) -> None:
        self._driver = driver
        self._uuids = uuids
        self._before = {uuid: driver.used_bytes(uuid) for uuid in uuids}
        self._broken = ""
        self._peak_bytes = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._look()
        self._thread = threading.Thread(target=self._keep, name="gpu-watch", daemon=True)
        self._thread.start()

    def take_peak(self) -> int:
        """Look once more; return the most memory in use since the last call, all GPUs together."""
        self._look()
        with self._lock:
            peak, self._peak_bytes = self._peak_bytes, 0
        return peak

    def raise_if_broken(self) -> None:
        """Raise what happened to a GPU; whatever the model did then was not its fault.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        self._look()
        if self._broken:
            raise PlatformError(Code.SANDBOX_FAILED, f"A GPU failed during the run: {self._broken}")

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._over.wait(_LOOK_EVERY_S):
            self._look()

    def _look(self) -> None:
        with self._lock:
            if self._broken:
                return
            try:
                faults = [(uuid, self._driver.fault(uuid)) for uuid in self._uuids]
                used = [self._driver.used_bytes(uuid) - self._before[uuid] for uuid in self._uuids]
            except GpuLostError as error:
                self._broken = str(error)
                return
            self._broken = "; ".join(f"{uuid}: {said}" for uuid, said in faults if said)
            self._peak_bytes = max(self._peak_bytes, sum(max(0, count) for count in used))


def _wait_until_unused(driver: GpuDriver, uuids: Sequence[str]) -> None:
    deadline = time.monotonic() + _FREE_WITHIN_S
    for uuid in uuids:
        while driver.users(uuid):
            if time.monotonic() >= deadline:
                raise PlatformError(
                    Code.SANDBOX_FAILED,
                    f"Another process computes on GPU {uuid}, which this worker holds; end it.",
                )
            time.sleep(_LOOK_EVERY_S)
