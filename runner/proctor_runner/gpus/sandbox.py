"""A sandbox whose programs get GPUs: another sandbox, with GPUs handed in and watched around it.

The hard part is blame, as for every sandbox: a program that asks for more memory than a GPU has
ends with an ending of its own; a GPU that breaks, or cannot be asked any more, is our failure,
whatever the program made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace

from proctor.spec.gpus import GpuFacts, GpuLimits
from proctor.spec.work import Environment
from proctor_runner.gpus.held import HeldGpus
from proctor_runner.gpus.memory_errors import ran_out_of_gpu_memory
from proctor_runner.gpus.watch import GpuWatch, watched
from proctor_runner.sandbox.interface import (
    Ending,
    Guard,
    Inside,
    Sandbox,
    SandboxJob,
    SandboxResult,
    Session,
)

_MIB = 1 << 20


class GpuSandbox:
    """``inner`` for jobs that ask for no GPU; for the others, with those that ``gpus`` holds."""

    def __init__(self, inner: Sandbox, gpus: HeldGpus) -> None:
        self._inner = inner
        self._gpus = gpus

    @property
    def name(self) -> str:
        """The name of the inner sandbox."""
        return self._inner.name

    @property
    def enforces(self) -> frozenset[Guard]:
        """What the inner sandbox enforces."""
        return self._inner.enforces

    def describe(self, worker: str) -> Environment:
        """Return where runs are made, GPUs included.

        Raises:
            PlatformError: SANDBOX_FAILED, a GPU does not answer.
        """
        facts = self._gpus.facts()
        return self._inner.describe(worker).model_copy(
            update={
                "gpu": _each(gpu.name for gpu in facts),
                "driver": _each(gpu.driver for gpu in facts),
                "compute_capability": _each(gpu.compute_capability for gpu in facts),
            }
        )

    def run(self, job: SandboxJob, cancelled: Callable[[], bool]) -> SandboxResult:
        """Run ``job`` with its GPUs.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        if job.limits.gpu is None:
            return self._inner.run(job, cancelled)
        chosen = self._gpus.chosen_for(job.limits.gpu)
        uuids = tuple(gpu.uuid for gpu in chosen)
        with watched(self._gpus.open_driver, uuids) as watch:
            result = self._inner.run(replace(job, gpus=uuids), cancelled)
            return weighed(result, watch, chosen)

    def session(self) -> Session:
        """Return a session whose program keeps its GPUs from the first case on."""
        return _GpuSession(self._inner.session(), self._gpus)

    def sweep(self) -> None:
        """Sweep."""
        self._inner.sweep()

    def close(self) -> None:
        """Give the slot back; the GPUs stay with the process."""
        self._inner.close()


class _GpuSession:
    def __init__(self, inner: Session, gpus: HeldGpus) -> None:
        self._inner = inner
        self._gpus = gpus
        self._stack = ExitStack()
        self._watch: GpuWatch | None = None
        self._chosen: tuple[GpuFacts, ...] = ()

    def start(self, job: SandboxJob, cancelled: Callable[[], bool]) -> SandboxResult | None:
        if job.limits.gpu is None:
            return self._inner.start(job, cancelled)
        watch = self._watching(job.limits.gpu)
        failed = self._inner.start(self._with_gpus(job), cancelled)
        return None if failed is None else weighed(failed, watch, self._chosen)

    def run(self, job: SandboxJob, cancelled: Callable[[], bool]) -> SandboxResult:
        if job.limits.gpu is None:
            return self._inner.run(job, cancelled)
        watch = self._watching(job.limits.gpu)
        return weighed(self._inner.run(self._with_gpus(job), cancelled), watch, self._chosen)

    def _watching(self, wanted: GpuLimits) -> GpuWatch:
        if self._watch is None:
            self._chosen = self._gpus.chosen_for(wanted)
            uuids = [gpu.uuid for gpu in self._chosen]
            self._watch = self._stack.enter_context(watched(self._gpus.open_driver, uuids))
        return self._watch

    def _with_gpus(self, job: SandboxJob) -> SandboxJob:
        return replace(job, gpus=tuple(gpu.uuid for gpu in self._chosen))

    def inside(self) -> Inside | None:
        return self._inner.inside()

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            self._stack.close()


def weighed(result: SandboxResult, watch: GpuWatch, chosen: tuple[GpuFacts, ...]) -> SandboxResult:
    """Add what the GPUs tell to what a program did.

    Raises:
        PlatformError: SANDBOX_FAILED, a GPU broke; an answer that was given may be wrong as well.
    """
    peak_bytes = watch.take_peak()
    measured = replace(result, peak_gpu_memory_bytes=peak_bytes)
    if result.ending is Ending.CANCELLED:
        return measured
    watch.raise_if_broken()
    crashed = result.ending is Ending.EXITED and result.exit_code != 0
    if (crashed or result.ending is Ending.FAILED) and ran_out_of_gpu_memory(
        result.log + result.detail.encode()
    ):
        most = min(gpu.vram_bytes for gpu in chosen)
        return replace(
            measured,
            ending=Ending.OUT_OF_GPU_MEMORY,
            detail=f"It asked for more memory than the {most / _MIB:.0f} MiB of its GPU;"
            f" {peak_bytes / _MIB:.0f} MiB was the most in use at once.",
        )
    return measured


def _each(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))
