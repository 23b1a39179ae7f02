"""What one container may use."""

from __future__ import annotations

from pydantic import Field

from proctor.spec.base import Spec

MIB = 1 << 20
GIB = 1 << 30


class Limits(Spec):
    """Limits of a phase; every one is enforced by the sandbox and shown to participants."""

    start_s: float = Field(60, gt=0, le=3600, description="seconds until a server is ready")
    case_s: float = Field(300, gt=0, le=86_400, description="wall-clock seconds for one case")
    total_s: float = Field(7200, gt=0, le=604_800, description="wall-clock seconds for one run")
    memory_bytes: int = Field(2 * GIB, ge=64 * MIB, description="memory, /tmp and shm included")
    cpus: float = Field(1.0, gt=0, le=256, description="CPU cores")
    gpus: int = Field(0, ge=0, le=16, description="GPUs")
    pids: int = Field(256, ge=8, le=32_768, description="processes and threads")
    output_bytes: int = Field(256 * MIB, ge=4096, description="bytes in /output for one case")
    output_files: int = Field(64, ge=1, le=100_000, description="files and folders in /output")
    tmp_bytes: int = Field(512 * MIB, ge=0, description="bytes in /tmp, part of the memory")
    tmp_exec: bool = Field(False, description="whether files in /tmp may be executed")
    log_bytes: int = Field(256 * 1024, ge=0, le=16 * MIB, description="log kept for one case")
