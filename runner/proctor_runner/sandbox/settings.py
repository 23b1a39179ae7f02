"""The one place that says how a stranger's container is started.

Every line holds a row of the threat list; a mutation test takes some of them away and expects the
row to turn red.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import docker
from docker.types import DeviceRequest, LogConfig, Mount, Ulimit

from proctor.spec.limits import Limits
from proctor_runner.sandbox.seccomp import profile

_LONGEST_LOG_FILE_BYTES = 64 * 1024
_TMP_FILES = 16_384
_SHARED_MEMORY_FILES = 4_096
_OPEN_FILES = 4_096
_LOCKED_MEMORY_BYTES = 65_536
GVISOR = "runsc"
"""The name under which engines know gVisor."""

# Its kernel runs beside the model, in the same control group.
_GVISOR_TASKS = 128
_THREAD_COUNT_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
_SCRATCH = ("/tmp", "/dev/shm")  # noqa: S108 inside a container


@dataclass(frozen=True)
class ContainerRequest:
    """One container as the sandbox wants it.

    Attributes:
        image_volumes: Paths that the image declares as volumes; each is masked.
        host_cpus: Cores of the host; an engine refuses to be asked for more.
        command: Replaces the image's entrypoint and command; only our own images get one.
        interactive: Keep standard input open, for one who attaches; it closes when he leaves.
        gpus: The only GPUs that it sees, by UUID.
        runtime: The engine's runtime; its default if empty.
        scratch: Further folders in memory that it may write to.
        low_ports: Let it listen on any port of its own loopback.
    """

    image_id: str
    name: str
    uid: int
    limits: Limits
    mounts: tuple[Mount, ...]
    environment: Mapping[str, str]
    labels: Mapping[str, str]
    host_cpus: float
    image_volumes: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    interactive: bool = False
    gpus: tuple[str, ...] = ()
    runtime: str = ""
    scratch: tuple[str, ...] = ()
    low_ports: bool = False


def create_container(api: docker.APIClient, request: ContainerRequest) -> str:
    """Make the container of ``request``, not yet started, and return its id."""
    created = api.create_container(
        image=request.image_id,
        name=request.name,
        entrypoint=list(request.command) or None,
        user=f"{request.uid}:{request.uid}",
        hostname="sandbox",
        environment=dict(request.environment),
        labels=dict(request.labels),
        network_disabled=True,
        tty=False,
        stdin_open=request.interactive,
        healthcheck={"test": ["NONE"]},
        stop_signal="SIGKILL",
        # A proxy of this host's configuration is nobody's business in there.
        use_config_proxy=False,
        host_config=api.create_host_config(**confinement(request)),
    )
    return str(created["Id"])


def confinement(request: ContainerRequest) -> dict[str, Any]:
    """Return the part of the settings that confines the container."""
    limits = request.limits
    largest_file_bytes = max(limits.output_bytes, limits.tmp_bytes) + 4096
    log_file_bytes = max(2 * limits.log_bytes, _LONGEST_LOG_FILE_BYTES)
    return {
        "network_mode": "none",
        "ipc_mode": "none",
        "init": True,
        "read_only": True,
        "privileged": False,
        "auto_remove": False,
        "restart_policy": {"Name": "no"},
        "cap_drop": ["ALL"],
        # The engine wants the profile's text: a path is read by its client, not by its API.
        "security_opt": ["no-new-privileges:true", f"seccomp={profile()}"],
        "mounts": list(request.mounts),
        "tmpfs": _scratch(limits, request),
        "mem_limit": limits.memory_bytes,
        "memswap_limit": limits.memory_bytes,
        "oom_score_adj": 1000,
        "nano_cpus": int(min(limits.cpus, request.host_cpus) * 1e9),
        "cpu_shares": 512,
        "pids_limit": limits.pids + (_GVISOR_TASKS if request.runtime == GVISOR else 0),
        "device_requests": _devices(request.gpus),
        # Of its own network namespace, in which there is nothing but its loopback.
        "sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"} if request.low_ports else None,
        "runtime": request.runtime or None,
        "ulimits": [
            _limit("nofile", _OPEN_FILES),
            _limit("core", 0),
            _limit("fsize", largest_file_bytes),
            _limit("memlock", _LOCKED_MEMORY_BYTES),
            _limit("msgqueue", 0),
        ],
        "log_config": LogConfig(
            type="json-file", config={"max-size": f"{log_file_bytes}", "max-file": "2"}
        ),
    }


def environment(protocol: str, seed: int, cpus: float, gpus: Sequence[str] = ()) -> dict[str, str]:
    """Return the variables that override whatever the image declares."""
    threads = str(max(1, math.ceil(cpus)))
    return {
        "PROCTOR_PROTOCOL": protocol,
        "PROCTOR_SEED": str(seed),
        "HOME": "/tmp",  # noqa: S108 inside a container
        "LD_PRELOAD": "",
        # An image may ask for every GPU by these two.
        "NVIDIA_VISIBLE_DEVICES": ",".join(gpus) or "void",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
        **dict.fromkeys(_THREAD_COUNT_VARIABLES, threads),
    }


def _devices(gpus: Sequence[str]) -> list[DeviceRequest] | None:
    if not gpus:
        return None
    kinds = [["gpu", "compute", "utility"]]
    return [DeviceRequest(driver="nvidia", device_ids=list(gpus), capabilities=kinds)]


def _scratch(limits: Limits, request: ContainerRequest) -> dict[str, str]:
    # Without a number of files the kernel would let one fill all memory with empty ones. A size of
    # 0 would mean no limit.
    tmp_bytes = max(limits.tmp_bytes, 4096)
    tmp_exec = "exec" if limits.tmp_exec else "noexec"
    # A declared volume that nothing is mounted over would be a writable place on the host's disk.
    mounted = (str(mount["Target"]) for mount in request.mounts)
    taken = {*_SCRATCH, *request.scratch, *mounted}
    masked = {
        path: "ro,nosuid,nodev,noexec,size=4k,nr_inodes=2"
        for path in request.image_volumes
        if path.rstrip("/") not in taken
    }
    room = f"size={tmp_bytes},nr_inodes={_TMP_FILES}"
    # By owner, not by mode: a runtime may give a folder that the image has its mode back.
    own = f"rw,nosuid,nodev,noexec,{room},uid={request.uid},gid={request.uid},mode=0700"
    further = dict.fromkeys(request.scratch, own)
    return {
        **masked,
        **further,
        "/tmp": f"rw,nosuid,nodev,{tmp_exec},{room},mode=1777",  # noqa: S108
        "/dev/shm": "rw,nosuid,nodev,noexec,mode=1777,"  # noqa: S108
        f"size={limits.memory_bytes // 2},nr_inodes={_SHARED_MEMORY_FILES}",
    }


def _limit(name: str, value: int) -> Ulimit:
    return Ulimit(name=name, soft=value, hard=value)
