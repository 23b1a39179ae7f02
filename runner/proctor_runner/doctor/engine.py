"""What the container engine of this host says of itself, and what is known of such versions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from proctor_runner.doctor.findings import Finding, Standing, enforced, fact
from proctor_runner.gpus.interface import GpuLostError, OpenDriver
from proctor_runner.gpus.nvml import open_nvml

Version = tuple[int, ...]


class KnownHole(NamedTuple):
    """A hole that a container can get out by.

    Attributes:
        mended: The first good version of each line, the oldest line first; older lines than the
            first have the hole, newer ones than the last do not.
    """

    names: str
    mended: tuple[Version, ...]


_HOLES: Mapping[str, tuple[KnownHole, ...]] = {
    "runc": (
        KnownHole("CVE-2024-21626", ((1, 1, 12),)),
        KnownHole("CVE-2025-31133, CVE-2025-52565, CVE-2025-52881", ((1, 2, 8), (1, 3, 3))),
    ),
    "containerd": (
        KnownHole("CVE-2024-40635", ((1, 6, 38), (1, 7, 27), (2, 0, 4))),
        KnownHole("CVE-2024-25621", ((1, 7, 29), (2, 0, 7), (2, 1, 5))),
    ),
    "engine": (KnownHole("CVE-2022-24769", ((20, 10, 14),)),),
}
_GVISOR = "runsc"
_CONTAINERD_STORE = "io.containerd.snapshotter.v1"


def describe_engine(info: Mapping[str, Any], version: Mapping[str, Any]) -> list[Finding]:
    """Return what ``docker info`` and ``docker version`` tell that matters here."""
    options = [str(option) for option in info.get("SecurityOptions") or ()]
    runtimes = sorted(info.get("Runtimes") or ())
    groups = f"version {info.get('CgroupVersion', '1')}, {info.get('CgroupDriver', '?')}"
    return [
        *_versions(version),
        _image_store(info),
        fact("cgroup", groups),
        fact("kernel", str(info.get("KernelVersion", "unknown"))),
        _seccomp(options),
        _user_namespace(options),
        fact("gvisor", "present, as the runtime runsc")
        if _GVISOR in runtimes
        else Finding(
            "gvisor",
            Standing.ADVICE,
            "not among the engine's runtimes",
            "For a second wall between models and the kernel: install runsc and name it in"
            " /etc/docker/daemon.json.",
        ),
    ]


def describe_gpus(open_driver: OpenDriver = open_nvml) -> Finding:
    """Return which GPUs NVML shows."""
    try:
        with open_driver() as driver:
            names = [gpu.name for gpu in driver.gpus()]
    except GpuLostError as error:
        return fact("gpus", f"none ({error})")
    return fact("gpus", ", ".join(names) or "none that can be given to a container")


def has_hole(version: Version, hole: KnownHole) -> bool:
    """Tell whether a version has a hole, by the line it belongs to.

    >>> hole = KnownHole("CVE-0", ((1, 2, 8), (1, 3, 3)))
    >>> [has_hole(version, hole) for version in ((1, 1, 15), (1, 2, 8), (1, 3, 2), (1, 4, 0))]
    [True, False, True, False]
    """
    for mended in hole.mended:
        if version[:2] == mended[:2]:
            return version < mended
    return version < hole.mended[-1]


def _versions(version: Mapping[str, Any]) -> Iterator[Finding]:
    for component in version.get("Components") or ():
        name = str(component.get("Name", "")).lower()
        if name not in _HOLES:
            continue
        details = component.get("Details") or {}
        text = str(component.get("Version", "unknown"))
        parts = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text)
        numbers = tuple(int(part or 0) for part in parts.groups()) if parts else ()
        holes = [hole.names for hole in _HOLES[name] if numbers and has_hole(numbers, hole)]
        if not holes:
            yield fact(name, text)
            continue
        build = str(details.get("GitCommit") or "")
        yield Finding(
            name,
            Standing.ADVICE,
            f"{text}{f' ({build})' if build else ''}: known for {', '.join(holes)}",
            "Update it. A distribution may have mended it under its number: see its changelog.",
        )


def _image_store(info: Mapping[str, Any]) -> Finding:
    """Tell whether images go by their configuration's digest, by which Proctor runs them."""
    statuses = [list(row) for row in info.get("DriverStatus") or ()]
    own = ["driver-type", _CONTAINERD_STORE] not in statuses
    return enforced(
        "image_store",
        own,
        f"the engine's own, {info.get('Driver', '?')}"
        if own
        else "containerd's, which names no image by the digest of its configuration",
        'Say {"features": {"containerd-snapshotter": false}} in /etc/docker/daemon.json and start'
        " the engine again; images have to be built or pulled anew.",
    )


def _seccomp(options: list[str]) -> Finding:
    if any(option.startswith("name=seccomp") for option in options):
        return fact("seccomp", "the engine applies profiles of system calls")
    return Finding(
        "seccomp",
        Standing.ADVICE,
        "the engine does not say that it applies profiles",
        "See system_calls: if it is not enforced, use a kernel and an engine with seccomp.",
    )


def _user_namespace(options: list[str]) -> Finding:
    if any(option in ("name=userns", "name=rootless") for option in options):
        return fact("userns", "containers have user ids of their own on this host")
    return Finding(
        "userns",
        Standing.ADVICE,
        "off",
        "For a second line of defence: userns-remap in /etc/docker/daemon.json.",
    )
