"""Chooses the sandbox of this worker."""

from __future__ import annotations

from pathlib import Path

from proctor.spec.outcomes import PlatformError
from proctor_runner.sandbox.daemon import connect
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.interface import Sandbox
from proctor_runner.sandbox.process import ProcessSandbox
from proctor_runner.sandbox.slots import Slots

NAMES = ("auto", "docker", "process")


def choose(name: str, state: Path, keeper_image: str = "", runtime: str = "") -> Sandbox:
    """Return the sandbox called ``name``; ``auto`` is the first usable of docker and process.

    Args:
        state: The worker's state folder; inputs and mounts live in ``state/sandbox``.
        keeper_image: Id of a trusted image with python3, for hosts on which this process may not
            mount; not needed where it may.
        runtime: The engine's runtime for models, such as ``runsc``; its default if empty.

    Raises:
        PlatformError: SANDBOX_FAILED, it cannot be used here; the detail says why.
        ValueError: There is no sandbox of that name.
    """
    if name not in NAMES:
        raise ValueError(f"There is no sandbox {name!r}; choose one of {', '.join(NAMES)}.")
    if name != "process":
        try:
            return _docker(state, keeper_image, runtime)
        except PlatformError:
            if name == "docker":
                raise
    return ProcessSandbox(state, Slots())


def _docker(state: Path, keeper_image: str, runtime: str) -> DockerSandbox:
    client = connect()
    try:
        return DockerSandbox(
            client, state, Slots(), keeper_image, closes_client=True, runtime=runtime
        )
    except PlatformError:
        client.close()
        raise
