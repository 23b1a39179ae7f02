"""The seam between a worker and whatever knows the GPUs of its host."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from proctor.spec.gpus import GpuFacts


class GpuLostError(Exception):
    """A GPU, or the driver of all of them, does not answer as it should; nobody is charged."""


class GpuDriver(Protocol):
    """Answers questions about GPUs. Every method raises GpuLostError when it cannot."""

    def gpus(self) -> tuple[GpuFacts, ...]:
        """Return the GPUs of this host that can be given to a container."""
        ...

    def users(self, uuid: str) -> int:
        """Return how many processes compute on a GPU, whoever they belong to."""
        ...

    def used_bytes(self, uuid: str) -> int:
        """Return the memory of a GPU that is in use."""
        ...

    def fault(self, uuid: str) -> str:
        """Say what broke in a GPU since the driver was opened; empty when nothing did."""
        ...


OpenDriver = Callable[[], AbstractContextManager[GpuDriver]]
"""Opens the driver for as long as the block lasts, in the process that opens it."""
