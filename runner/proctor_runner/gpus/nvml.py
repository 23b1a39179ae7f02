"""NVIDIA's GPUs, asked through NVML.

It is opened anew wherever it is needed: a handle of NVML does not survive a fork. GPUs that are
divided (MIG) are left out, since a container cannot be given the whole of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import structlog

from proctor.spec.gpus import GpuFacts
from proctor_runner.gpus.interface import GpuLostError

# Those of NVIDIA's Xid errors that only hardware or driver can cause: memory (48, 64, 94, 95), the
# chip's own controllers (62, 110, 119, 120, 140), the links (74), gone from the bus (79). A program
# may cause the others as well, and then it ends with an error of its own.
_BROKEN_XIDS = frozenset((48, 62, 64, 74, 79, 94, 95, 110, 119, 120, 140))

_log = structlog.get_logger()


@contextmanager
def open_nvml(nvml: ModuleType | None = None) -> Iterator[NvmlDriver]:
    """Open NVML for as long as the block lasts.

    Args:
        nvml: The binding; the installed one when not given.

    Raises:
        GpuLostError: there is no binding, no library, no driver, or it does not answer.
    """
    if nvml is None:
        try:
            import pynvml  # type: ignore[import-untyped]  # it has no stubs
        except ImportError as error:
            raise GpuLostError(
                "the package nvidia-ml-py is not installed; install proctor[runner]"
            ) from error
        nvml = pynvml
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        raise GpuLostError(f"NVML cannot be used: {error}") from error
    try:
        driver = NvmlDriver(nvml)
        try:
            yield driver
        finally:
            driver.close()
    finally:
        # Whatever it would say now has been said before.
        try:
            nvml.nvmlShutdown()
        except nvml.NVMLError as error:
            _log.warning("nvml_not_closed", error=str(error))


class NvmlDriver:
    """See ``GpuDriver``."""

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        self._events: dict[str, Any] = {}
        self._ecc_errors: dict[str, int] = {}

    def gpus(self) -> tuple[GpuFacts, ...]:
        """Return the GPUs that are not divided."""
        nvml = self._nvml
        try:
            driver = nvml.nvmlSystemGetDriverVersion()
            handles = [
                nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())
            ]
            return tuple(
                self._facts(handle, driver) for handle in handles if not self._is_divided(handle)
            )
        except nvml.NVMLError as error:
            raise GpuLostError(f"the GPUs cannot be listed: {error}") from error

    def users(self, uuid: str) -> int:
        """Return how many processes compute on it."""
        return len(self._ask(uuid, self._nvml.nvmlDeviceGetComputeRunningProcesses))

    def used_bytes(self, uuid: str) -> int:
        """Return the memory in use."""
        return int(self._ask(uuid, self._nvml.nvmlDeviceGetMemoryInfo).used)

    def fault(self, uuid: str) -> str:
        """Say what broke; the first question begins to listen."""
        nvml = self._nvml
        errors = self._uncorrected(uuid)
        first = self._ecc_errors.setdefault(uuid, errors)
        if errors > first:
            return f"{errors - first} uncorrectable memory errors"
        try:
            if uuid not in self._events:
                events = nvml.nvmlEventSetCreate()
                self._events[uuid] = events
                handle = nvml.nvmlDeviceGetHandleByUUID(uuid)
                nvml.nvmlDeviceRegisterEvents(handle, nvml.nvmlEventTypeXidCriticalError, events)
            xid = int(nvml.nvmlEventSetWait_v2(self._events[uuid], 0).eventData)
        except (nvml.NVMLError_Timeout, nvml.NVMLError_NotSupported):
            return ""
        except nvml.NVMLError as error:
            raise GpuLostError(f"{uuid}: {error}") from error
        return f"Xid {xid}" if xid in _BROKEN_XIDS else ""

    def close(self) -> None:
        """Stop listening."""
        while self._events:
            _, events = self._events.popitem()
            try:
                self._nvml.nvmlEventSetFree(events)
            except self._nvml.NVMLError as error:
                _log.warning("nvml_not_closed", error=str(error))

    def _facts(self, handle: Any, driver: str) -> GpuFacts:
        nvml = self._nvml
        major, minor = nvml.nvmlDeviceGetCudaComputeCapability(handle)
        return GpuFacts(
            uuid=nvml.nvmlDeviceGetUUID(handle),
            name=nvml.nvmlDeviceGetName(handle)[:120],
            vram_bytes=nvml.nvmlDeviceGetMemoryInfo(handle).total,
            compute_capability=f"{major}.{minor}",
            driver=driver,
        )

    def _is_divided(self, handle: Any) -> bool:
        try:
            current, _ = self._nvml.nvmlDeviceGetMigMode(handle)
        except self._nvml.NVMLError_NotSupported:
            return False
        return bool(current)

    def _uncorrected(self, uuid: str) -> int:
        nvml = self._nvml
        try:
            handle = nvml.nvmlDeviceGetHandleByUUID(uuid)
            kind, since = nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC
            return int(nvml.nvmlDeviceGetTotalEccErrors(handle, kind, since))
        except nvml.NVMLError_NotSupported:
            return 0
        except nvml.NVMLError as error:
            raise GpuLostError(f"{uuid}: {error}") from error

    def _ask(self, uuid: str, question: Any) -> Any:
        try:
            return question(self._nvml.nvmlDeviceGetHandleByUUID(uuid))
        except self._nvml.NVMLError as error:
            raise GpuLostError(f"{uuid}: {error}") from error
