"""What GPUs add to a sandbox: devices, the most memory in use, and whose failure it was."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from proctor.spec.gpus import GpuLimits
from proctor.spec.limits import Limits
from proctor.spec.outcomes import Code, PlatformError
from proctor.spec.work import Environment
from proctor_runner.case_verdict import judge
from proctor_runner.gpus.held import hold
from proctor_runner.gpus.sandbox import GpuSandbox
from proctor_runner.sandbox.interface import Ending, Program, SandboxJob, SandboxResult

GB = 1_000_000_000
CRASH = SandboxResult(Ending.EXITED, 1, 1.0, 1000, b"")
FINE = replace(CRASH, exit_code=0)


class Inner:
    """A sandbox and session that do what the test says and remember their jobs."""

    name = "docker"
    enforces = frozenset()

    def __init__(self, answer):
        self.answer = answer
        self.jobs = []
        self.closed = 0

    def describe(self, worker):
        return Environment(worker=worker, sandbox="docker", cpu="c", cpu_count=1, kernel="k")

    def run(self, job, cancelled):
        self.jobs.append(job)
        return self.answer()

    def session(self):
        return self

    def sweep(self): ...

    def close(self):
        self.closed += 1


@pytest.fixture
def job(tmp_path):
    return SandboxJob(
        work="run_1",
        fence=1,
        part="a",
        program=Program(),
        documents={},
        inputs={},
        outputs=(),
        destination=tmp_path,
        limits=Limits(gpu=GpuLimits()),
        timeout_s=1,
    )


def through(driver, tmp_path, answer):
    inner = Inner(answer)
    return inner, GpuSandbox(inner, hold(driver.open, tmp_path, 1))


def never() -> bool:
    return False


def test_a_model_gets_its_gpu_and_the_most_memory_it_took_is_kept(driver, tmp_path, job):
    uuid = driver.there[0].uuid
    driver.used[uuid] = 1 * GB

    def answer():
        driver.used[uuid] = 5 * GB
        return FINE

    inner, sandbox = through(driver, tmp_path, answer)
    result = sandbox.run(job, never)
    assert inner.jobs[0].gpus == (uuid,)
    assert result == replace(FINE, peak_gpu_memory_bytes=4 * GB)


def test_what_asks_for_no_gpu_gets_none(driver, tmp_path, job):
    inner, sandbox = through(driver, tmp_path, lambda: FINE)
    driver.lost = True
    assert sandbox.run(replace(job, limits=Limits()), never) == FINE
    assert inner.jobs[0].gpus == ()


def test_a_run_says_which_gpu_it_was_made_on(driver, tmp_path):
    _, sandbox = through(driver, tmp_path, lambda: FINE)
    found = sandbox.describe("w")
    assert (found.gpu, found.driver, found.compute_capability) == (
        "NVIDIA A10",
        "535.104.05",
        "8.6",
    )


@pytest.mark.parametrize(
    "said",
    [
        b"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB.",
        b"torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 MiB",
        b"RuntimeError: CUDA error: out of memory",
        b"jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying"
        b" to allocate 68719476736 bytes.",
        b"tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating"
        b" tensor with shape[65536,65536]",
        b"cupy.cuda.memory.OutOfMemoryError: Out of memory allocating 8,000,000,000 bytes",
        b"cupy_backends.cuda.api.runtime.CUDARuntimeError: cudaErrorMemoryAllocation: out of"
        b" memory",
        b"[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : bfc_arena.cc:376 Failed to allocate memory"
        b" for requested buffer of size 4194304",
        b"numba.cuda.cudadrv.driver.CudaAPIError: [2] Call to cuMemAlloc results in"
        b" CUDA_ERROR_OUT_OF_MEMORY",
    ],
)
def test_a_model_that_asks_for_more_than_the_gpu_has_is_told_so(driver, tmp_path, job, said):
    _, sandbox = through(driver, tmp_path, lambda: replace(CRASH, log=b"Traceback\n" + said))
    result = sandbox.run(job, never)
    code, detail = judge(result, by_total=False)
    assert code is Code.CUDA_OOM
    assert detail == (
        "It asked for more memory than the 22888 MiB of its GPU; 0 MiB was the most in use at once."
    )


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (replace(CRASH, log=b"ValueError: CUDA is great"), Code.CRASH),
        (replace(CRASH, log=b"CUDA out of memory" + b"\n.." * 9000 + b"KeyError"), Code.CRASH),
        (replace(FINE, log=b"CUDA out of memory, so I took the CPU"), Code.OK),
        (replace(CRASH, ending=Ending.OUT_OF_MEMORY, log=b"CUDA out of memory"), Code.OOM),
    ],
)
def test_other_endings_stay_what_they_are(driver, tmp_path, job, result, code):
    _, sandbox = through(driver, tmp_path, lambda: result)
    assert judge(sandbox.run(job, never), by_total=False)[0] is code


@pytest.mark.parametrize("result", [CRASH, FINE], ids=["crashed", "answered"])
@pytest.mark.parametrize("breaks", [{"broken": "Xid 79"}, {"lost": True}], ids=str)
def test_a_gpu_that_breaks_is_nobodys_failure_but_ours(driver, tmp_path, job, result, breaks):
    def answer():
        for name, value in breaks.items():
            setattr(driver, name, value)
        return result

    _, sandbox = through(driver, tmp_path, answer)
    with pytest.raises(PlatformError) as caught:
        sandbox.run(job, never)
    assert caught.value.code is Code.SANDBOX_FAILED


def test_a_gpu_that_somebody_else_computes_on_is_not_given_to_a_model(
    driver, tmp_path, job, monkeypatch
):
    monkeypatch.setattr("proctor_runner.gpus.watch._FREE_WITHIN_S", 0)
    inner, sandbox = through(driver, tmp_path, lambda: FINE)
    driver.computing = 1
    with pytest.raises(PlatformError, match="Another process computes on GPU"):
        sandbox.run(job, never)
    assert inner.jobs == []


def test_a_session_keeps_its_gpu_and_measures_every_case_apart(driver, tmp_path, job):
    uuid = driver.there[0].uuid
    takes = iter([5 * GB, 2 * GB])
    answered = replace(FINE, ending=Ending.ANSWERED)

    def answer():
        driver.used[uuid] = next(takes)
        return answered

    inner, sandbox = through(driver, tmp_path, answer)
    with closing(sandbox.session()) as session:
        peaks = [session.run(job, never).peak_gpu_memory_bytes for _ in range(2)]
    # The second begins with what the first has left in memory.
    assert peaks[0] == 5 * GB
    assert peaks[1] in (2 * GB, 5 * GB)
    assert {given.gpus for given in inner.jobs} == {(uuid,)}
    assert inner.closed == 1
