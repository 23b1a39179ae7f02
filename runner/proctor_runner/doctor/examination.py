"""Examines this host: the engine's own word, then every promise of the sandbox, tried."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import docker
from docker.errors import ImageNotFound

from proctor.spec.outcomes import PlatformError
from proctor_runner.doctor.engine import describe_engine, describe_gpus
from proctor_runner.doctor.findings import Finding, Standing, enforced, fact
from proctor_runner.doctor.walls import probe
from proctor_runner.images.builder import DECODE_REPOSITORY, released_tag
from proctor_runner.sandbox.daemon import connect
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.engine_errors import ours
from proctor_runner.sandbox.interface import Guard
from proctor_runner.sandbox.process import ProcessSandbox
from proctor_runner.sandbox.slots import Slots

Examine = Callable[[Path, str, str], list[Finding]]
"""Examines the Docker sandbox: a worker's state folder, the id of an image, a runtime."""


def examine_docker(state: Path, image_id: str = "", runtime: str = "") -> list[Finding]:
    """Return what is enforced here; a daemon that does not answer is a finding like any other.

    Args:
        state: A worker's state folder, which the daemon must see.
        image_id: Of our own, with python3; the decode image of this release if none is given.
        runtime: The engine's runtime that models are to have; its default if empty.
    """
    try:
        client = connect()
    except PlatformError as error:
        return [
            enforced(
                "daemon",
                False,
                error.detail,
                "Start one, or name its socket with DOCKER_HOST; see that this user may use it.",
            ),
            describe_gpus(),
        ]
    with closing(client):
        try:
            return _examine(client, state, image_id, runtime)
        except PlatformError as error:
            return [
                enforced("sandbox", False, error.detail, "Mend what is said, then run it again.")
            ]


def describe_process_sandbox() -> list[Finding]:
    """Return what the process sandbox enforces by its own word; it is for models one trusts."""
    advice = "Use Docker for models of others; see `proctor doctor`."
    return [
        enforced(guard, guard in ProcessSandbox.enforces, "by the process sandbox", advice)
        for guard in Guard
    ]


def describe_slots(slots: Slots) -> Finding:
    """Return which slots nobody can use, and why."""
    aside = slots.told_aside()
    if not aside:
        return fact("slots", "none is set aside")
    return Finding(
        "slots",
        Standing.ADVICE,
        " ".join(aside),
        "The engine does not remove what it is told to: look at its log, or start it anew. Workers"
        " use other slots meanwhile, and these again once nothing is left of them.",
    )


def _examine(
    client: docker.DockerClient, state: Path, image_id: str, runtime: str
) -> list[Finding]:
    with ours("the daemon was asked for its properties"):
        info, version = client.info(), client.version()
        found = [
            fact("daemon", f"Docker {info.get('ServerVersion', '?')} answers"),
            *describe_engine(info, version),
            describe_gpus(),
        ]
    image = _image(client, image_id or released_tag(DECODE_REPOSITORY))
    if image is None:
        return [
            *found,
            enforced(
                "image",
                False,
                f"there is no image {image_id or released_tag(DECODE_REPOSITORY)} to probe with",
                "Make Proctor's own images: python -m proctor_runner.images",
            ),
        ]
    work = f"doctor-{secrets.token_hex(8)}"
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state, prefix="doctor-") as folder:
        slots = Slots()
        with closing(DockerSandbox(client, state, slots, image, runtime=runtime)) as sandbox:
            found += probe(sandbox, image, Path(folder), work)
            way = "mounts of this process's own" if sandbox.mounts_itself else "a keeper"
            found.append(fact("output_way", f"/output is limited by {way}"))
            with suppress(PlatformError):
                sandbox.sweep()
        found += [_nothing_left(client, work), describe_slots(slots)]
    return sorted(found, key=lambda one: list(Standing).index(one.standing))


def _image(client: docker.DockerClient, name: str) -> str | None:
    with ours("an image was looked for"):
        try:
            return str(client.images.get(name).id)
        except ImageNotFound:
            return None


def _nothing_left(client: docker.DockerClient, work: str) -> Finding:
    with ours("leftovers were looked for"):
        label = f"proctor.work={work}"
        containers = client.containers.list(all=True, filters={"label": label})
        volumes = client.volumes.list(filters={"label": label})
        left = [*(str(one.name) for one in containers), *(str(one.name) for one in volumes)]
    return enforced(
        Guard.NO_LEFTOVERS,
        not left,
        f"{', '.join(left) or 'nothing'} left of the probes",
        "The engine does not remove what it is told to: look at its log.",
    )
