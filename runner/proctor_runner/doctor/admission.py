"""Decides at its start whether a worker may run models of others on this host.

What was found is kept for the host until it is started anew or its engine, Proctor's images or the
settings of the sandbox change, so that only the first start takes the seconds that trying takes.
Only a host that enforces everything is remembered.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NoReturn

import structlog

from proctor.spec.digests import digest_document
from proctor.spec.limits import Limits
from proctor.spec.outcomes import PlatformError
from proctor_runner.doctor.examination import Examine, describe_process_sandbox, examine_docker
from proctor_runner.doctor.findings import Finding, not_enforced
from proctor_runner.images.builder import DECODE_REPOSITORY, released_tag
from proctor_runner.rq_worker import fork_bound
from proctor_runner.sandbox.daemon import connect
from proctor_runner.sandbox.engine_errors import ours
from proctor_runner.sandbox.settings import ContainerRequest, confinement
from proctor_runner.sandbox.slots import shared_folder
from proctor_runner.settings import WorkerSettings

_KEPT = "examined.json"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_OVERRIDE = "PROCTOR_ACCEPT_UNENFORCED_LIMITS"
_WARNING = """\
**********************************************************************
*  This worker serves models of others although this host does not
*  enforce: {names}.
*  {override} is set. What a model may do
*  here is on whoever set it.
**********************************************************************
"""

_log = structlog.get_logger()


def admit(
    settings: WorkerSettings,
    examine: Examine = examine_docker,
    identify: Callable[[str], dict[str, Any] | None] | None = None,
    folder: Path | None = None,
) -> bool:
    """Tell whether this worker may serve, and say on standard error why not.

    Args:
        examine: Tries the Docker sandbox.
        identify: Returns all that decides what an examination finds; None where no engine answers.
        folder: Keeps what was found; by default one that all workers of this host share.
    """
    lacking = _lacking(settings, examine, identify or identity, folder)
    if not lacking:
        return True
    names = ", ".join(one.name for one in lacking)
    if settings.accept_unenforced_limits:
        sys.stderr.write(_WARNING.format(names=names, override=_OVERRIDE))
        _log.warning("unenforced_limits_accepted", limits=[str(one.name) for one in lacking])
        return True
    lines = [f"This host does not enforce what models of others need: {names}."]
    lines += [f"  {one.name}: {one.found}. {one.advice}" for one in lacking]
    lines.append(f"`proctor doctor` shows all of it; {_OVERRIDE}=true serves all the same.")
    sys.stderr.write("\n".join(lines) + "\n")
    _log.error("host_refused", limits=[str(one.name) for one in lacking])
    return False


def in_a_child(decide: Callable[[], bool]) -> bool:
    """Decide in a process of its own, which leaves this one without connections and threads."""

    def work() -> NoReturn:
        os._exit(0 if decide() else 1)

    child = fork_bound(work)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def identity(image: str) -> dict[str, Any] | None:
    """Return boot, engine, image, user and settings; None where no engine answers."""
    try:
        with closing(connect()) as client, ours("the daemon was asked for its version"):
            version = client.version()
            found = client.images.list(filters={"reference": image}) if image else []
            return {
                "boot": _BOOT_ID.read_text().strip(),
                "engine": [
                    [component.get("Name"), component.get("Version"), component.get("Details")]
                    for component in version.get("Components") or ()
                ],
                "image": sorted(str(one.id) for one in found) or image,
                "user": os.geteuid(),
                "settings": digest_document(json.loads(json.dumps(_confinement()))),
            }
    except (PlatformError, OSError):
        return None


def _confinement() -> dict[str, Any]:
    return confinement(
        ContainerRequest(
            image_id="",
            name="",
            uid=1,
            limits=Limits(),
            mounts=(),
            environment={},
            labels={},
            host_cpus=1,
        )
    )


def _lacking(
    settings: WorkerSettings,
    examine: Examine,
    identify: Callable[[str], dict[str, Any] | None],
    folder: Path | None,
) -> list[Finding]:
    if settings.sandbox == "process":
        return not_enforced(describe_process_sandbox())
    kept = (folder or shared_folder()) / _KEPT
    now = identify(settings.decode_image or released_tag(DECODE_REPOSITORY))
    if now is not None:
        now |= {"runtime": settings.sandbox_runtime}
    if now is None and settings.sandbox == "auto":
        return not_enforced(describe_process_sandbox())
    if now is not None and _read(kept) == now:
        return []
    lacking = not_enforced(
        examine(settings.worker_state.resolve(), settings.decode_image, settings.sandbox_runtime)
    )
    if now is not None and not lacking:
        _write(kept, now)
        _log.info("host_examined")
    return lacking


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def _write(path: Path, content: object) -> None:
    """Replace the file as a whole; without it the next start merely takes longer."""
    with suppress(OSError):
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(content))
        partial.replace(path)
