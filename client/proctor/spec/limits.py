"""What one container may use."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from proctor.spec.base import Spec
from proctor.spec.gpus import GpuLimits

MIB = 1 << 20
GIB = 1 << 30


class Limits(Spec):
    """Limits of a phase; every one is enforced by the sandbox and shown to participants."""

    start_s: float = Field(60, gt=0, le=3600, description="seconds until a server is ready")
    case_s: float = Field(300, gt=0, le=86_400, description="wall-clock seconds for one case")
    total_s: float = Field(7200, gt=0, le=604_800, description="wall-clock seconds for one run")
    memory_bytes: int = Field(2 * GIB, ge=64 * MIB, description="memory, /tmp and shm included")
    cpus: float = Field(1.0, gt=0, le=256, description="CPU cores")
    gpu: GpuLimits | None = Field(None, description="GPUs; none when not given")
    pids: int = Field(256, ge=8, le=32_768, description="processes and threads")
    output_bytes: int = Field(256 * MIB, ge=4096, description="bytes in /output for one case")
    output_files: int = Field(64, ge=1, le=100_000, description="files and folders in /output")
    tmp_bytes: int = Field(512 * MIB, ge=0, description="bytes in /tmp, part of the memory")
    tmp_exec: bool = Field(False, description="whether files in /tmp may be executed")
    log_bytes: int = Field(256 * 1024, ge=0, le=16 * MIB, description="log kept for one case")

    @model_validator(mode="before")
    @classmethod
    def _read_a_bare_number(cls, given: Any) -> Any:
        """Read ``gpus: 2``, the short form, as ``gpu: {count: 2}``.

        Raises:
            ValueError: both forms are given.
        """
        if not isinstance(given, dict) or "gpus" not in given:
            return given
        rest = {name: value for name, value in given.items() if name != "gpus"}
        if rest.get("gpu") is not None:
            raise ValueError("gpus is the short form of gpu: {count: N}; give one of them")
        return rest | ({"gpu": {"count": given["gpus"]}} if given["gpus"] != 0 else {})
