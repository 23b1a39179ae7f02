"""Has a sandbox run programs that push against every one of its promises, and judges what they saw.

The programs run as a stranger's would: the same settings, the same watch, the same collection. What
a promise rests on is never read from a configuration; it is tried.
"""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

from proctor.spec.limits import MIB, Limits
from proctor_runner.doctor.findings import Finding, enforced
from proctor_runner.doctor.wall_script import (
    ENDLESS_SCRIPT,
    FORK_SCRIPT,
    HOARD_SCRIPT,
    WALL_SCRIPT,
)
from proctor_runner.sandbox.interface import (
    Ending,
    Guard,
    Program,
    Sandbox,
    SandboxJob,
    SandboxResult,
)

PROBE_LIMITS = Limits(
    memory_bytes=96 * MIB,
    pids=24,
    output_bytes=MIB,
    output_files=24,
    tmp_bytes=MIB,
    log_bytes=32 * 1024,
    cpus=1,
)
_LINK = "link"
_PATIENCE_S = 60.0
_ENDLESS_S = 1.0
_TIMES_OVER = 8
_REFUSED = frozenset((errno.EPERM, errno.ENOSYS))
_UNWRITABLE = frozenset((errno.EROFS, errno.EACCES, errno.EPERM, errno.ENXIO))
_UNREACHABLE = frozenset((errno.ENETUNREACH, errno.EHOSTUNREACH))
_NO_FAMILY = frozenset((errno.EPERM, errno.EAFNOSUPPORT, errno.EACCES))
# What engines themselves put into a container; everything else there is the host's or ours.
_ENGINES_PLACES = (
    *("/proc", "/sys", "/dev"),
    *("/sbin/docker-init", "/usr/sbin/docker-init", "/run/podman-init", "/run/.containerenv"),
)
_ENGINES_FILES = frozenset(("/", "/tmp", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"))  # noqa: S108
_OUR_PLACES = frozenset(("/input", "/output"))


def probe(sandbox: Sandbox, image_id: str, folder: Path, work: str) -> list[Finding]:
    """Return a finding for each promise of a sandbox that can be tried.

    Args:
        image_id: An image of our own with python3.
        folder: Receives what is collected.
        work: Stands on the labels of every container.

    Raises:
        PlatformError: SANDBOX_FAILED, the sandbox cannot be used at all.
    """
    walls = _run(sandbox, image_id, folder, work, _filled_in(WALL_SCRIPT), (_LINK,))
    bomb = _run(sandbox, image_id, folder, work, _filled_in(FORK_SCRIPT))
    hoard = _run(sandbox, image_id, folder, work, HOARD_SCRIPT)
    endless = _run(sandbox, image_id, folder, work, ENDLESS_SCRIPT, timeout_s=_ENDLESS_S)
    facts = _facts(walls)
    if "interfaces" not in facts:
        said = walls.log.decode(errors="replace").strip()[-300:]
        return [
            enforced(
                "probe",
                False,
                f"The probe ended ({walls.ending}) before it saw anything: {said or 'no word'}",
                "Run `docker info`, and see that the image of Proctor's own has python3.",
            )
        ]
    return [
        *_judge_walls(facts),
        *_judge_output(facts, walls),
        _judge_forks(bomb),
        _judge_memory(hoard),
        *_judge_end(endless),
    ]


def _filled_in(script: str) -> str:
    limits = PROBE_LIMITS
    for name, value in (
        ("FORKS", _TIMES_OVER * limits.pids),
        ("FILES", _TIMES_OVER * limits.output_files),
        ("BYTES", _TIMES_OVER * limits.output_bytes),
    ):
        script = script.replace(name, str(value))
    return script


def _run(
    sandbox: Sandbox,
    image_id: str,
    folder: Path,
    work: str,
    script: str,
    outputs: tuple[str, ...] = (),
    timeout_s: float = _PATIENCE_S,
) -> SandboxResult:
    job = SandboxJob(
        work=work,
        fence=1,
        part="probe",
        program=Program(image_id, command=("python3", "-c", script)),
        documents={},
        inputs={},
        outputs=outputs,
        destination=folder,
        limits=PROBE_LIMITS,
        timeout_s=timeout_s,
    )
    return sandbox.run(job, lambda: False)


def _facts(result: SandboxResult) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for line in result.log.decode(errors="replace").splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict):
            facts |= said
    return facts


def _judge_walls(facts: dict[str, Any]) -> list[Finding]:
    families = [name for name, number in facts["families"].items() if number not in _NO_FAMILY]
    calls = [name for name, number in facts["calls"].items() if number not in _REFUSED]
    writable = [path for path, number in facts["writes"].items() if number not in _UNWRITABLE]
    reached = [a for a, number in facts["connect"].items() if number not in _UNREACHABLE]
    foreign = [place for place in facts["places"] if not _is_expected(place)]
    open_calls = [*families, *calls]
    return [
        enforced(
            Guard.NO_NETWORK,
            facts["interfaces"] == ["lo"] and not reached,
            f"interfaces {', '.join(facts['interfaces'])}; {_names(reached)} reachable",
            "The engine does not keep network_mode none; use the Docker Engine or Podman itself.",
        ),
        enforced(
            "vsock",
            "AF_VSOCK" not in families,
            "AF_VSOCK is " + ("open" if "AF_VSOCK" in families else "refused"),
            "Its profile of system calls is not applied: see system_calls.",
        ),
        enforced(
            Guard.SYSTEM_CALLS,
            not open_calls,
            f"{_names(open_calls)} allowed that should not be",
            "The engine runs without seccomp: `docker info` must name it under Security Options;"
            " gVisor needs --oci-seccomp among its runtimeArgs.",
        ),
        enforced(
            Guard.READ_ONLY_WORLD,
            not writable,
            f"{_names(writable)} writable beside /output and /tmp",
            "The engine ignores a read-only root; use the Docker Engine or Podman itself.",
        ),
        enforced(
            Guard.NO_PRIVILEGES,
            facts["uid"] > 0
            and not any(facts["capabilities"])
            and facts["no_new_privileges"].strip() in ("1", "?"),
            f"user {facts['uid']}, capabilities {facts['capabilities'][0]:x},"
            f" no_new_privs {facts['no_new_privileges'].strip()}",
            "The engine ignores user, cap_drop or no-new-privileges; rootless ones may.",
        ),
        enforced(
            Guard.OWN_VIEW,
            not foreign and facts["processes"] <= PROBE_LIMITS.pids,
            f"{_names(foreign)} mounted beside its own; {facts['processes']} processes in sight",
            "Something mounts more into containers than was asked for: see the engine's hooks.",
        ),
    ]


def _judge_output(facts: dict[str, Any], result: SandboxResult) -> list[Finding]:
    # A flood that the sandbox ended has not come to say how far it got.
    stopped = result.ending is Ending.OUTPUT_LIMIT
    files, most_files = facts.get("files"), PROBE_LIMITS.output_files
    size_bytes, most_bytes = facts.get("bytes"), PROBE_LIMITS.output_bytes
    way = "This process may not mount, and the keeper's volume has no limit: use a local daemon."
    return [
        enforced(
            Guard.OUTPUT_FILES,
            stopped if files is None else files <= most_files + 2,
            "stopped" if files is None else f"{files} files with a limit of {most_files}",
            way,
        ),
        enforced(
            Guard.OUTPUT_BYTES,
            stopped if size_bytes is None else size_bytes <= most_bytes + 2 * 65_536,
            "stopped" if size_bytes is None else f"{size_bytes} bytes with a limit of {most_bytes}",
            way,
        ),
        enforced(
            Guard.PLAIN_OUTPUTS,
            _LINK in result.problems and not result.outputs,
            f"a link {result.problems.get(_LINK, 'was followed')}",
            "This is a defect of Proctor; do not serve, and report it.",
        ),
    ]


def _judge_forks(result: SandboxResult) -> Finding:
    forks, most = _facts(result).get("forks"), PROBE_LIMITS.pids
    tried = f"{_TIMES_OVER * most} forks with a limit of {most}"
    # gVisor counts by memory: its bomb ends as a whole.
    ended = result.ending is Ending.OUT_OF_MEMORY
    return enforced(
        Guard.PROCESSES,
        ended if forks is None else forks <= most,
        f"{tried} ended as {result.ending}" if forks is None else f"{forks} of {tried}",
        "The kernel has no pids control group: boot with it, or use cgroup version 2.",
    )


def _judge_memory(result: SandboxResult) -> Finding:
    most = PROBE_LIMITS.memory_bytes // MIB
    return enforced(
        Guard.MEMORY,
        result.ending is Ending.OUT_OF_MEMORY,
        f"512 MiB with a limit of {most} MiB ended as {result.ending}",
        "The engine lacks the memory control group: boot with cgroup_enable=memory"
        " swapaccount=1, or use cgroup version 2.",
    )


def _judge_end(result: SandboxResult) -> list[Finding]:
    most = PROBE_LIMITS.log_bytes
    return [
        enforced(
            Guard.WALL_CLOCK,
            result.ending is Ending.TIMEOUT and result.seconds < _PATIENCE_S / 2,
            f"what ignores SIGTERM ended as {result.ending} after {result.seconds:.1f} s",
            "The engine does not kill containers: look at its log.",
        ),
        enforced(
            Guard.LOG_BYTES,
            len(result.log) <= most,
            f"{len(result.log)} bytes of 262144 kept with a limit of {most}",
            "This is a defect of Proctor; do not serve, and report it.",
        ),
    ]


def _is_expected(place: str) -> bool:
    return (
        place in _ENGINES_FILES
        or place in _OUR_PLACES
        or any(place == known or place.startswith(f"{known}/") for known in _ENGINES_PLACES)
    )


def _names(found: list[str]) -> str:
    return ", ".join(found) or "nothing"
