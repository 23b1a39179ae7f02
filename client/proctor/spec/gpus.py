"""GPUs: what a phase asks for, what a worker says it has, and whether the one serves the other.

The platform asks before it hands work out, the worker when it chooses among the GPUs it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from proctor.spec.base import Spec

_GB = 1_000_000_000
_DOTTED = r"^[0-9]{1,6}(?:\.[0-9]{1,6}){0,3}$"

Dotted = Annotated[str, Field(pattern=_DOTTED, description="numbers with dots between")]


class GpuFacts(Spec):
    """One GPU of a worker, as its driver tells."""

    uuid: str = Field(max_length=80)
    name: str = Field(max_length=120)
    vram_bytes: int = Field(ge=0)
    compute_capability: Dotted
    driver: Dotted


class GpuLimits(Spec):
    """The GPUs that every container of a phase gets, and what each of them must be."""

    count: int = Field(1, ge=1, le=16, description="GPUs of one container")
    min_vram_bytes: int = Field(0, ge=0, description="memory of each")
    models: tuple[str, ...] = Field(
        (), description="accepted are GPUs whose name holds one of these; all when empty"
    )
    min_compute_capability: Dotted | None = Field(None, description="such as 8.0")
    min_driver: Dotted | None = Field(None, description="such as 535.104")

    def fitting(self, gpus: Sequence[GpuFacts]) -> tuple[GpuFacts, ...]:
        """Return those of ``gpus`` that are what each must be; they may be too few."""
        return tuple(gpu for gpu in gpus if self._fits(gpu))

    def served_by(self, gpus: Sequence[GpuFacts]) -> bool:
        """Tell whether a worker with these can do work under these limits."""
        return len(self.fitting(gpus)) >= self.count

    def in_words(self) -> str:
        """Say what is asked for, as what follows "a worker with".

        >>> GpuLimits(min_vram_bytes=40_000_000_000).in_words()
        'a GPU of ≥ 40 GB'
        >>> GpuLimits(count=2, models=("A100", "H100"), min_compute_capability="8.0").in_words()
        '2 GPUs of model A100 or H100 and compute capability ≥ 8.0'
        """
        demands = [f"≥ {gigabytes(self.min_vram_bytes)}"] if self.min_vram_bytes else []
        if self.models:
            demands.append(f"model {' or '.join(self.models)}")
        if self.min_compute_capability:
            demands.append(f"compute capability ≥ {self.min_compute_capability}")
        if self.min_driver:
            demands.append(f"driver ≥ {self.min_driver}")
        noun = "a GPU" if self.count == 1 else f"{self.count} GPUs"
        return f"{noun} of {' and '.join(demands)}" if demands else noun

    def _fits(self, gpu: GpuFacts) -> bool:
        name = gpu.name.lower()
        return (
            gpu.vram_bytes >= self.min_vram_bytes
            and (not self.models or any(model.lower() in name for model in self.models))
            and _at_least(gpu.compute_capability, self.min_compute_capability)
            and _at_least(gpu.driver, self.min_driver)
        )


def gigabytes(count: int) -> str:
    """Write a number of bytes as people speak of GPUs.

    >>> gigabytes(24_000_000_000), gigabytes(42_949_672_960)
    ('24 GB', '42.9 GB')
    """
    return f"{count / _GB:.1f}".removesuffix(".0") + " GB"


def _at_least(have: str, asked: str | None) -> bool:
    return asked is None or _numbers(have) >= _numbers(asked)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
