"""What a model asks of the machine, and what it therefore gets: its permissions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from proctor.spec.base import Spec
from proctor.spec.gpus import GpuLimits
from proctor.spec.limits import MIB, Limits

_NARROWED = ("memory_bytes", "cpus", "pids", "tmp_bytes", "output_bytes", "case_s")


class Resources(Spec):
    """What the model asks for: it gets no more than this, nor more than the phase allows."""

    memory_bytes: int | None = Field(None, ge=64 * MIB, strict=True)
    cpus: float | None = Field(None, gt=0, le=256)
    pids: int | None = Field(None, ge=8, le=32_768, strict=True)
    tmp_bytes: int | None = Field(None, ge=0, strict=True)
    output_bytes: int | None = Field(None, ge=4096, strict=True)
    case_s: float | None = Field(None, gt=0, le=86_400, description="seconds for one case")
    gpu: GpuLimits | None = Field(None, description="what it was built for; none: a CPU is enough")
    network: Literal[False] = Field(False, description="no model has any")

    def within(self, limits: Limits) -> Limits:
        """Return the limits of a phase, narrowed to what the model asks for.

        >>> Resources(cpus=2.0).within(Limits(cpus=4.0)).cpus
        2.0
        >>> Resources(cpus=8.0).within(Limits(cpus=4.0)).cpus
        4.0
        """
        asked = {name: getattr(self, name) for name in _NARROWED}
        smaller = {
            name: value
            for name, value in asked.items()
            if value is not None and value < getattr(limits, name)
        }
        return limits.model_copy(update=smaller) if smaller else limits

    def granted(self, limits: Limits) -> Limits:
        """Return limits with all that the model asks for, but GPUs: those of no phase.

        >>> Resources(cpus=8.0).granted(Limits(cpus=4.0)).cpus
        8.0
        """
        asked = {name: getattr(self, name) for name in _NARROWED}
        return limits.model_copy(
            update={n: value for n, value in asked.items() if value is not None}
        )

    def beyond(self, limits: Limits) -> tuple[str, ...]:
        """Say what the model asks for and a phase does not give.

        >>> Resources(cpus=8.0).beyond(Limits(cpus=4.0))
        ('cpus: it asks for 8, the phase gives 4',)
        """
        told = [
            f"{name}: it asks for {asked:g}, the phase gives {given:g}"
            for name in _NARROWED
            if (asked := getattr(self, name)) is not None
            and asked > (given := getattr(limits, name))
        ]
        if self.gpu is not None and limits.gpu is None:
            told.append(f"gpu: it asks for {self.gpu.in_words()}, the phase gives none")
        return tuple(told)
