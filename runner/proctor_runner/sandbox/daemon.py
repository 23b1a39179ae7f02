"""Reaches the Docker daemon of this host."""

from __future__ import annotations

import socket

import docker
from docker.errors import DockerException
from docker.utils import kwargs_from_env

from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox.engine_errors import explain

_USUAL_HOST = "unix:///var/run/docker.sock"
_ANSWERS_WITHIN_S = 60


def connect() -> docker.DockerClient:
    """Return a client of the daemon that DOCKER_HOST names, or of the usual one; close it.

    Raises:
        PlatformError: SANDBOX_FAILED, none answers.
    """
    host = str(kwargs_from_env().get("base_url") or _USUAL_HOST)
    if host.startswith("unix://"):
        _knock(host.removeprefix("unix://"))
    try:
        return docker.from_env(timeout=_ANSWERS_WITHIN_S)
    except DockerException as error:
        raise PlatformError(
            Code.SANDBOX_FAILED, f"No Docker daemon answers at {host}: {explain(error)}"
        ) from error


def _knock(path: str) -> None:
    """Open the socket and close it: the client library leaves one that fails open."""
    with socket.socket(socket.AF_UNIX) as door:
        try:
            door.connect(path)
        except OSError as error:
            raise PlatformError(
                Code.SANDBOX_FAILED, f"No Docker daemon answers at {path}: {error.strerror}."
            ) from error
