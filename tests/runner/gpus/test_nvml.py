"""NVML as its binding speaks, without a GPU: what is asked, and what its errors become."""

from __future__ import annotations

from types import SimpleNamespace

import pynvml
import pytest

from proctor_runner.gpus.interface import GpuLostError
from proctor_runner.gpus.nvml import open_nvml

UUIDS = ["GPU-a", "GPU-b"]


class Binding:
    """The functions of pynvml that are used, with its own errors and constants."""

    def __init__(self, **answers):
        self.closed = 0
        self.ecc = 0
        self.xids = []
        self.divided = set()
        self.gone = False
        vars(self).update(answers)
        for name in ("NVMLError", "NVMLError_NotSupported", "NVMLError_Timeout"):
            setattr(self, name, getattr(pynvml, name))
        for name in (
            "NVML_MEMORY_ERROR_TYPE_UNCORRECTED",
            "NVML_VOLATILE_ECC",
            "nvmlEventTypeXidCriticalError",
        ):
            setattr(self, name, getattr(pynvml, name))

    def nvmlInit(self): ...

    def nvmlShutdown(self):
        self.closed += 1

    def nvmlSystemGetDriverVersion(self):
        return "535.104.05"

    def nvmlDeviceGetCount(self):
        return len(UUIDS)

    def nvmlDeviceGetHandleByIndex(self, index):
        return UUIDS[index]

    def nvmlDeviceGetHandleByUUID(self, uuid):
        if self.gone:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return uuid

    def nvmlDeviceGetUUID(self, handle):
        return handle

    def nvmlDeviceGetName(self, handle):
        return "NVIDIA A10"

    def nvmlDeviceGetMemoryInfo(self, handle):
        return SimpleNamespace(total=24 * 10**9, used=3 * 10**9)

    def nvmlDeviceGetCudaComputeCapability(self, handle):
        return 8, 6

    def nvmlDeviceGetMigMode(self, handle):
        if handle in self.divided:
            return 1, 1
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    def nvmlDeviceGetComputeRunningProcesses(self, handle):
        return [SimpleNamespace(pid=7)]

    def nvmlDeviceGetTotalEccErrors(self, handle, kind, since):
        return self.ecc

    def nvmlEventSetCreate(self):
        return "events"

    def nvmlDeviceRegisterEvents(self, handle, kind, events): ...

    def nvmlEventSetWait_v2(self, events, timeout_ms):
        if not self.xids:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_TIMEOUT)
        return SimpleNamespace(eventData=self.xids.pop())

    def nvmlEventSetFree(self, events): ...


def test_every_function_that_is_used_is_one_of_the_binding():
    used = [name for name in dir(Binding) if name.startswith("nvml")]
    assert len(used) > 10
    assert [name for name in used if not callable(getattr(pynvml, name, None))] == []


def test_gpus_are_described_and_divided_ones_left_out():
    binding = Binding(divided={"GPU-b"})
    with open_nvml(binding) as driver:
        (found,) = driver.gpus()
        assert driver.users("GPU-a") == 1
        assert driver.used_bytes("GPU-a") == 3 * 10**9
    assert (found.uuid, found.vram_bytes) == ("GPU-a", 24 * 10**9)
    assert (found.compute_capability, found.driver) == ("8.6", "535.104.05")
    assert binding.closed == 1


@pytest.mark.parametrize(("xid", "broken"), [(79, "Xid 79"), (31, ""), (13, "")])
def test_only_errors_that_no_program_causes_break_a_gpu(xid, broken):
    binding = Binding()
    with open_nvml(binding) as driver:
        assert driver.fault("GPU-a") == ""
        binding.xids.append(xid)
        assert driver.fault("GPU-a") == broken


def test_memory_errors_that_came_meanwhile_break_a_gpu():
    binding = Binding(ecc=2)
    with open_nvml(binding) as driver:
        assert driver.fault("GPU-a") == ""
        binding.ecc = 3
        assert driver.fault("GPU-a") == "1 uncorrectable memory errors"


def test_a_gpu_that_is_lost_is_told_as_such():
    binding = Binding()
    with open_nvml(binding) as driver:
        binding.gone = True
        for question in (driver.users, driver.used_bytes, driver.fault):
            with pytest.raises(GpuLostError, match="GPU-a"):
                question("GPU-a")


def test_a_host_without_a_driver_is_told_so():
    with pytest.raises(GpuLostError, match="NVML cannot be used"), open_nvml():
        pass
