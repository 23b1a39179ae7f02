"""A driver of GPUs that are not there, to be changed at will."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from proctor.spec.gpus import GpuFacts
from proctor_runner.gpus.interface import GpuLostError

GB = 1_000_000_000


def gpu(number: int, vram_gb: int = 24) -> GpuFacts:
    return GpuFacts(
        uuid=f"GPU-00000000-0000-0000-0000-00000000000{number}",
        name="NVIDIA A10",
        vram_bytes=vram_gb * GB,
        compute_capability="8.6",
        driver="535.104.05",
    )


@dataclass
class FakeDriver:
    """Says what the test has put into it."""

    there: list[GpuFacts] = field(default_factory=lambda: [gpu(0), gpu(1)])
    used: dict[str, int] = field(default_factory=dict)
    computing: int = 0
    broken: str = ""
    lost: bool = False

    @contextmanager
    def open(self) -> Iterator[FakeDriver]:
        self._answer()
        yield self

    def gpus(self) -> tuple[GpuFacts, ...]:
        self._answer()
        return tuple(self.there)

    def users(self, uuid: str) -> int:
        self._answer()
        return self.computing

    def used_bytes(self, uuid: str) -> int:
        self._answer()
        return self.used.get(uuid, 0)

    def fault(self, uuid: str) -> str:
        self._answer()
        return self.broken

    def _answer(self) -> None:
        if self.lost:
            raise GpuLostError("the library went away")


class Gpus:
    """Both under one name, since test files cannot import each other."""

    Driver = FakeDriver
    gpu = staticmethod(gpu)


@pytest.fixture
def gpus() -> type[Gpus]:
    return Gpus


@pytest.fixture
def driver() -> FakeDriver:
    return FakeDriver()
