"""What may change a score and is not on it by digest: the machine a run was made on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from proctor.spec.work import Environment

# The instruction sets by which numerical libraries choose their kernels.
_NUMERIC_FLAGS = (
    *("sse4_1", "sse4_2", "avx", "avx2", "fma", "f16c"),
    *("avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16", "amx_tile"),
    *("asimd", "sve", "sve2"),
)


def environment(
    worker: str,
    sandbox: str,
    engine: str = "",
    runtime: str = "",
    libraries: dict[str, str] | None = None,
) -> Environment:
    """Return where this process runs models."""
    facts = _cpu_facts()
    flags = set((facts.get("flags") or facts.get("Features") or "").split())
    return Environment(
        worker=worker,
        sandbox=sandbox,
        cpu=facts.get("model name") or platform.processor() or platform.machine(),
        cpu_count=os.cpu_count() or 1,
        cpu_flags=" ".join(flag for flag in _NUMERIC_FLAGS if flag in flags),
        kernel=f"{platform.system()} {platform.release()}",
        container_engine=engine,
        container_runtime=runtime,
        libraries=libraries or {},
    )


def _cpu_facts() -> dict[str, str]:
    """Read the first processor's entry where the kernel has one."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
