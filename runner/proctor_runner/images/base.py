"""The image every other one starts from: `python:3.12-slim`, else a Debian made on the spot.

The hard part is a machine that can reach a Debian mirror but no image registry: there debootstrap
unpacks a minimal Debian with Python, which is kept as an archive, so that a wiped Docker data
folder costs seconds and not a minute.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

import docker
from docker.errors import DockerException, ImageNotFound
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from proctor_runner.images.errors import ImageBuildError

OFFICIAL_BASE = "python:3.12-slim"
LOCAL_BASE = "proctor/base:local"

_DEBIAN_SUITE = "bookworm"
_DEBIAN_PACKAGES = "python3,python3-venv"
# What a running container does not need, and what would tell about the machine the image was made
# on.
_LEFT_OUT = (
    "./dev/*",
    "./proc/*",
    "./sys/*",
    "./tmp/*",
    "./var/cache/apt/*",
    "./var/cache/debconf/*-old",
    "./var/lib/apt/lists/*",
    "./var/log/*",
    "./usr/share/doc/*",
    "./usr/share/info/*",
    "./usr/share/locale/*",
    "./usr/share/man/*",
    "./etc/hostname",
    "./etc/resolv.conf",
    "./etc/machine-id",
)
BringDebootstrap = Callable[[], str | None]
"""Installs debootstrap, and returns a clause that says why that was not done, or None."""

_PULL_LIMIT_S = 180
_PULL_SILENCE_LIMIT_S = 15
_DEBOOTSTRAP_LIMIT_S = 900


@dataclass(frozen=True)
class BaseImage:
    """A base image that this machine's Docker daemon holds."""

    name: str
    id: str


def ensure_base(
    client: docker.DockerClient,
    cache: Path,
    progress: Callable[[str], None],
    wanted: str | None = None,
    bring_debootstrap: BringDebootstrap = lambda: None,
) -> BaseImage:
    """Return a base image the daemon holds, and bring or make one when it holds none.

    Args:
        client: The Docker daemon to ask.
        cache: Folder that keeps the archive of a base made here.
        progress: Receives one line for each step that takes time.
        wanted: An image to use instead of the official one; nothing is made in its place.
        bring_debootstrap: Called when a base has to be made and debootstrap is missing.

    Raises:
        ImageBuildError: There is no base image and none could be pulled or made.
    """
    for name in [wanted] if wanted else [OFFICIAL_BASE, LOCAL_BASE]:
        if found := _find(client, name):
            return found
    name = wanted or OFFICIAL_BASE
    progress(f"Pulling the base image {name}.")
    refusal = _pull(client, name)
    if refusal is None and (found := _find(client, name)):
        return found
    if wanted:
        raise ImageBuildError(
            f"The base image {wanted} is not on this machine and cannot be pulled: {refusal}",
            "Load it with `docker load`, or leave the base unset to have one made.",
        )
    progress(f"{OFFICIAL_BASE} cannot be pulled: {refusal}")
    return _make(client, cache, progress, bring_debootstrap)


def _find(client: docker.DockerClient, name: str) -> BaseImage | None:
    try:
        return BaseImage(name, str(client.images.get(name).id))
    except ImageNotFound:
        return None


def _pull(client: docker.DockerClient, name: str) -> str | None:
    """Pull an image; return why that did not work, or None."""
    heard: SimpleQueue[str | None] = SimpleQueue()
    # The limits are kept here, by a thread of its own: the timeout of the HTTP client does not
    # cover a stream that has begun.
    Thread(target=_follow_pull, args=(client, name, heard.put), daemon=True).start()
    ends_at = time.monotonic() + _PULL_LIMIT_S
    while time.monotonic() < ends_at:
        try:
            outcome = heard.get(timeout=_PULL_SILENCE_LIMIT_S)
        except Empty:
            return f"the registry was silent for {_PULL_SILENCE_LIMIT_S} s"
        if outcome is not None:
            return outcome or None
    return f"it took longer than {_PULL_LIMIT_S} s"


def _follow_pull(
    client: docker.DockerClient, name: str, tell: Callable[[str | None], None]
) -> None:
    """Tell None at each sign of life, and at the end why the pull failed, or an empty string."""
    repository, _, tag = name.rpartition(":")
    try:
        for event in client.api.pull(repository, tag=tag, stream=True, decode=True):
            if "error" in event:
                tell(str(event["error"]))
                return
            tell(None)
    except (DockerException, RequestException, HTTPError) as error:
        tell(str(getattr(error, "explanation", None) or error))
    else:
        tell("")


def _make(
    client: docker.DockerClient,
    cache: Path,
    progress: Callable[[str], None],
    bring_debootstrap: BringDebootstrap,
) -> BaseImage:
    recipe = hashlib.sha256(
        "\n".join([_DEBIAN_SUITE, _DEBIAN_PACKAGES, *_LEFT_OUT]).encode()
    ).hexdigest()
    archive = cache / f"base-{_DEBIAN_SUITE}-{os.uname().machine}-{recipe[:12]}.tar"
    if not archive.exists():
        _bootstrap(archive, progress, bring_debootstrap)
    progress(f"Importing {archive.name} as {LOCAL_BASE}.")
    repository, _, tag = LOCAL_BASE.rpartition(":")
    client.api.import_image_from_file(
        str(archive),
        repository,
        tag,
        changes=["ENV PATH=/usr/local/bin:/usr/bin:/bin", 'CMD ["bash"]'],
    )
    found = _find(client, LOCAL_BASE)
    if found is None:
        raise ImageBuildError(
            f"The Docker daemon did not import {archive}.", f"Delete {archive} and try again."
        )
    return found


def _bootstrap(
    archive: Path, progress: Callable[[str], None], bring_debootstrap: BringDebootstrap
) -> None:
    refusal = None if _debootstrap() else bring_debootstrap()
    program = _debootstrap()
    if program is None or os.geteuid() != 0:
        why = f": {refusal}" if refusal else ""
        raise ImageBuildError(
            f"{OFFICIAL_BASE} cannot be pulled, and making a base needs root and debootstrap{why}.",
            f"Run `docker pull {OFFICIAL_BASE}` where a registry can be reached and load it here, "
            "or run once as root with debootstrap installed (`apt-get install debootstrap`).",
        )
    archive.parent.mkdir(parents=True, exist_ok=True)
    progress(
        f"Making a Debian {_DEBIAN_SUITE} base image with debootstrap; about a minute, done once."
    )
    partial = archive.with_suffix(".partial")
    with tempfile.TemporaryDirectory(prefix="base-", dir=archive.parent) as root:
        bootstrap = [
            program,
            "--variant=minbase",
            f"--include={_DEBIAN_PACKAGES}",
            _DEBIAN_SUITE,
            root,
        ]
        _run(bootstrap, "debootstrap")
        left_out = [f"--exclude={pattern}" for pattern in _LEFT_OUT]
        pack = ["tar", "--create", "--file", str(partial), "--numeric-owner", "--sort=name"]
        _run([*pack, "--anchored", "--wildcards", *left_out, "--directory", root, "."], "tar")
    partial.replace(archive)


def _debootstrap() -> str | None:
    return shutil.which("debootstrap") or shutil.which("debootstrap", path="/usr/sbin:/sbin")


def _run(command: list[str], name: str) -> None:
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=_DEBOOTSTRAP_LIMIT_S
        )
    except subprocess.TimeoutExpired as error:
        raise ImageBuildError(
            f"{name} did not finish within {_DEBOOTSTRAP_LIMIT_S} s.",
            "Check this machine's connection to its Debian mirror and try again.",
        ) from error
    except subprocess.CalledProcessError as error:
        last_lines = "\n".join((error.stdout + error.stderr).strip().splitlines()[-5:])
        raise ImageBuildError(
            f"{name} failed with exit status {error.returncode}: {last_lines}",
            "Check the connection to the Debian mirror and the free disk space, and try again.",
        ) from error
