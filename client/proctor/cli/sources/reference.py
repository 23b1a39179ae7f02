"""The name of an image in a registry: ``docker://HOST/NAME:TAG`` or ``docker://HOST/NAME@DIGEST``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from proctor.cli.failures import CommandError, Exit

SCHEME = "docker://"

_HUB = "docker.io"
_HUB_SERVER = "registry-1.docker.io"
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?")
_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LOOPBACK = re.compile(r"(?:localhost|127(?:\.\d{1,3}){3})(?::\d+)?")
_MOST_NAME = 255


@dataclass(frozen=True)
class ImageReference:
    """An image in a registry.

    Attributes:
        host: Host and port as they were named.
        name: The repository.
        version: A tag, or a manifest's digest.
    """

    host: str
    name: str
    version: str

    @property
    def repository(self) -> str:
        """HOST/NAME, as it is recorded."""
        return f"{self.host}/{self.name}"

    @property
    def pinned(self) -> bool:
        """Whether it names a manifest by digest, so that it means the same for ever."""
        return self.version.startswith("sha256:")

    @property
    def on_loopback(self) -> bool:
        """Whether the registry runs on this machine, where plain HTTP is no risk."""
        return is_loopback(self.host)

    @property
    def server(self) -> str:
        """The host that answers: Docker Hub's is not the one of its name."""
        return _HUB_SERVER if self.host == _HUB else self.host

    def __str__(self) -> str:
        return f"{self.repository}{'@' if self.pinned else ':'}{self.version}"


def parse_reference(text: str) -> ImageReference:
    """Read what follows ``docker://``; without a host it is Docker Hub, without a tag ``latest``.

    >>> str(parse_reference("docker://localhost:5000/models/svc"))
    'localhost:5000/models/svc:latest'
    >>> str(parse_reference("docker://python:3.12-slim"))
    'docker.io/library/python:3.12-slim'

    Raises:
        CommandError: It names no image.
    """
    rest, at, digest = text.removeprefix(SCHEME).partition("@")
    first, slash, remainder = rest.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host, path = first, remainder
    else:
        host, path = _HUB, rest
    name, colon, tag = path.partition(":")
    if host == _HUB and "/" not in name:
        name = f"library/{name}"
    version = digest if at else tag if colon else "latest"
    wanted = _DIGEST if at else _TAG
    fits = _HOST.fullmatch(host) and len(name) <= _MOST_NAME and _NAME.fullmatch(name)
    if not fits or not wanted.fullmatch(version) or (colon and not at and not tag):
        raise CommandError(
            f"{text} names no image in a registry.",
            f"Write {SCHEME}HOST/NAME:TAG, or {SCHEME}HOST/NAME@sha256:… for one that stays."
            " NAME is in lower case; user names and passwords are for `docker login`.",
            Exit.USAGE,
        )
    return ImageReference(host, name, version)


def is_loopback(host: str) -> bool:
    """Tell whether a host, with or without a port, is this machine under its own name."""
    return _LOOPBACK.fullmatch(host) is not None
