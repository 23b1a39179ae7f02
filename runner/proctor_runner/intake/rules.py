"""The rules an image must keep before it touches the Docker daemon.

What the sandbox neutralizes by itself is let through: the user is replaced by a number, a health
check is switched off, exposed ports mean nothing without a network, a stop signal is replaced,
declared volumes are masked, variables that steer a GPU runtime are overridden, set-user-id files
have no effect. Refused is what has no honest use, or what the sandbox could not take back: another
platform, labels in our name, files below a declared volume (they would vanish behind the mask),
triggers, names that leave the image, devices outside /dev, pipes, bombs, and what would have the
engine itself wait: it opens the image's /etc/passwd and /etc/group before any wall stands, and
without an init process it never ends saying that it did not find a program of an endless name.
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proctor.spec.contract import LABEL as CONTRACT_LABEL
from proctor.spec.limits import GIB
from proctor.spec.outcomes import Code, ParticipantError

ALLOWED_LABEL = "proctor.protocols"

_OWN_LABELS = "proctor."
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_SYSTEM_FOLDERS = ("/proc", "/sys", "/dev")
_MOST_NAME_BYTES, _MOST_PATH_BYTES = 255, 1024
_MOST_PROGRAM_BYTES = 4096
# The engine puts its own folders before it: 4,096 are the most.
_LONGEST_NAME_BYTES = 3072
_OF_EVERY_CONTAINER = ("/input", "/output")
_OPENED_BY_ENGINE = frozenset(("etc/passwd", "etc/group"))
_MOST_OPENED_BYTES = 1 << 20
# A file system keeps them in a block, and says that its disk is full where they do not fit.
_MOST_ATTRIBUTE_BYTES = 2048
_ATTRIBUTE, _SPARSE = "SCHILY.xattr.", "GNU.sparse."
_MOUNTED = frozenset(("proc", "sys", "dev", "dev/shm", "tmp", "input", "output"))
_KEYS = frozenset(
    (
        *("architecture", "config", "os", "rootfs", "diff_ids"),
        *("Cmd", "Entrypoint", "Env", "Labels", "OnBuild", "Volumes", "WorkingDir"),
    )
)
_FOLDED_KEYS = {key.casefold() for key in _KEYS}


@dataclass(frozen=True)
class IntakeLimits:
    """How large an image may be."""

    config_bytes: int = 1 << 20
    # Docker itself takes no more.
    layers: int = 125
    unpacked_bytes: int = 32 * GIB
    files: int = 2_000_000
    environment_bytes: int = 64 * 1024
    volumes: int = 32


def reject(sentence: str) -> ParticipantError:
    """Return the error that refuses an image."""
    return ParticipantError(Code.IMAGE_REJECTED, sentence)


def check_config(config: Mapping[str, Any], machine: str, limits: IntakeLimits) -> None:
    """Check what an image declares about itself.

    Args:
        machine: The machine images run on here, as ``platform.machine()`` says it.

    Raises:
        ParticipantError: IMAGE_REJECTED.
    """
    for part in (config, config.get("config"), config.get("rootfs")):
        _check_keys(part if isinstance(part, dict) else {})
    system, architecture = config.get("os"), config.get("architecture")
    if system != "linux" or _MACHINES.get(str(architecture)) != machine:
        wanted = next(name for name, value in _MACHINES.items() if value == machine)
        raise reject(
            f"The image is for {system}/{architecture}; this platform runs linux/{wanted}."
            f" Build it with --platform linux/{wanted}."
        )
    declared = _mapping(config.get("config") or {}, "config")
    if not (declared.get("Entrypoint") or declared.get("Cmd")):
        raise reject("The image has no ENTRYPOINT and no CMD; there is nothing to start.")
    for command in (declared.get("Entrypoint"), declared.get("Cmd")):
        _check_command(command)
    if declared.get("OnBuild"):
        raise reject("The image has ONBUILD triggers; remove them.")
    _check_labels(_mapping(declared.get("Labels") or {}, "Labels"))
    _check_environment(declared.get("Env") or [], limits)
    _check_folder(str(declared.get("WorkingDir") or "/"), "WORKDIR")
    volumes = _mapping(declared.get("Volumes") or {}, "Volumes")
    if len(volumes) > limits.volumes:
        raise reject(f"The image declares {len(volumes)} volumes; {limits.volumes} are allowed.")
    for volume in volumes:
        if _normal(volume) == "/":
            raise reject("The image declares / as a VOLUME; remove that line.")
        _check_folder(volume, "VOLUME")


def diff_ids(config: Mapping[str, Any]) -> list[str]:
    """Return the digests of the uncompressed layers that a config names, lowest first.

    Raises:
        ParticipantError: IMAGE_REJECTED, it names none.
    """
    listed = _mapping(config.get("rootfs") or {}, "rootfs").get("diff_ids")
    if not isinstance(listed, list) or not listed or not all(isinstance(d, str) for d in listed):
        raise reject("The image's configuration names no layers.")
    return listed


def volumes(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths that a checked config declares as volumes."""
    return tuple((config.get("config") or {}).get("Volumes") or ())


def check_name(name: str, volume_paths: Sequence[str]) -> None:
    """Check the name of one file in a layer.

    Raises:
        ParticipantError: IMAGE_REJECTED.
    """
    if name.startswith("/") or ".." in name.split("/"):
        raise reject(f"A layer holds a file called {name[:100]!r}, which leaves the image.")
    if len(name.encode(errors="surrogateescape")) > _LONGEST_NAME_BYTES:
        raise reject(
            f"A layer holds a file called {name[:100]!r}…, a name longer than Linux takes."
        )
    place = "/" + posixpath.normpath(name)
    for volume in volume_paths:
        if place.startswith(_normal(volume) + "/"):
            raise reject(
                f"The image holds {place[:100]} below its VOLUME {volume}; volumes are empty here."
                " Remove the VOLUME line."
            )


def check_mounted_places(volume_paths: Sequence[str], mounted: Iterable[str]) -> None:
    """Check that an image leaves the places alone where folders of its own are mounted.

    Raises:
        ParticipantError: IMAGE_REJECTED.
    """
    for volume in volume_paths:
        for place in (*_OF_EVERY_CONTAINER, *mounted):
            if _normal(volume).startswith(f"{place}/"):
                raise reject(
                    f"The image declares the VOLUME {volume} below {place}, where a folder is"
                    " mounted."
                )


def check_kind(name: str, is_folder: bool, mounted: Container[str] = ()) -> None:
    """Check what one file in a layer is, where the sandbox mounts something over it.

    Args:
        mounted: Where folders are mounted beside those of every container.

    Raises:
        ParticipantError: IMAGE_REJECTED.
    """
    place = posixpath.normpath(name)
    if (place in _MOUNTED or f"/{place}" in mounted) and not is_folder:
        raise reject(f"The image holds a file or link /{place}; it must be a folder, or absent.")


def check_attributes(name: str, headers: Mapping[str, str]) -> None:
    """Check what a file in a layer has beside its content.

    Raises:
        ParticipantError: IMAGE_REJECTED.
    """
    if any(key.startswith(_SPARSE) for key in headers):
        raise reject("A layer holds a sparse file; Docker does not write such layers.")
    size = sum(
        len(key) + len(value.encode(errors="surrogateescape"))
        for key, value in headers.items()
        if key.startswith(_ATTRIBUTE)
    )
    if size > _MOST_ATTRIBUTE_BYTES:
        raise reject(
            f"The file {name[:100]!r} of the image has {size} bytes of extended attributes;"
            f" {_MOST_ATTRIBUTE_BYTES} are allowed."
        )


def check_engine_file(entry: tarfile.TarInfo) -> None:
    """Check that what the engine opens of an image is a plain file, or absent.

    A pipe, or a link to a device that never ends, would hold the engine up, and with it the slot of
    the container, for good.

    Raises:
        ParticipantError: IMAGE_REJECTED.
    """
    place = posixpath.normpath(entry.name)
    if place == "etc" and not entry.isdir():
        raise reject("The image's /etc is no folder; Docker itself reads files in it.")
    if place in _OPENED_BY_ENGINE and not (entry.isreg() and entry.size <= _MOST_OPENED_BYTES):
        raise reject(
            f"The image's /{place} is no plain file of {_MOST_OPENED_BYTES >> 20} MiB at most;"
            " Docker itself reads it."
        )


def check_way(name: str, links: Container[str]) -> None:
    """Check that a file does not lie behind a link of its own layer; Docker writes no such layer.

    Args:
        links: The links that came before it.

    Raises:
        ParticipantError: IMAGE_REJECTED.
    """
    parts = posixpath.normpath(name).split("/")
    for depth in range(1, len(parts)):
        if "/".join(parts[:depth]) in links:
            raise reject(
                f"A layer holds {name[:100]!r}, which lies behind a link of the same layer."
            )


def _normal(path: str) -> str:
    """Return an absolute path without detours; two slashes at its start are one to Docker."""
    return posixpath.normpath(f"/{path.lstrip('/')}")


def _check_keys(part: Mapping[str, Any]) -> None:
    """Refuse a key that differs from one we look at in case alone: to Docker they are the same."""
    for key in part:
        if key not in _KEYS and key.casefold() in _FOLDED_KEYS:
            raise reject(
                f"The image's configuration has a key {key[:100]!r}, which Docker takes for another"
                " that differs in case."
            )


def _check_labels(labels: Mapping[str, Any]) -> None:
    for label in labels:
        if label.startswith(_OWN_LABELS) and label not in (ALLOWED_LABEL, CONTRACT_LABEL):
            raise reject(
                f"The image has the label {label[:100]!r}; of the labels that start with"
                f" {_OWN_LABELS!r} only {ALLOWED_LABEL!r} and {CONTRACT_LABEL!r} are yours to set."
            )
    protocols = str(labels.get(ALLOWED_LABEL, "case")).split(",")
    if "case" not in [protocol.strip() for protocol in protocols]:
        raise reject(
            f"The image declares the protocols {','.join(protocols)[:100]!r}; this platform speaks"
            " 'case'."
        )


def _check_command(command: object) -> None:
    """Refuse a program with a name longer than Linux takes.

    Where runc cannot find a program it says so with its name, into a pipe that holds 64 KiB and
    that nobody empties: the container neither starts nor can it be removed, until runc is killed.
    Our containers start with an init process, which is found; this is the second line of defence.
    """
    words = command if isinstance(command, list) else [command]
    name = words[0] if words and isinstance(words[0], str) else ""
    if len(name.encode(errors="replace")) > _MOST_PROGRAM_BYTES:
        raise reject(
            f"The image starts {name[:60]!r}…, a name of more than {_MOST_PROGRAM_BYTES} bytes."
        )


def _check_environment(environment: object, limits: IntakeLimits) -> None:
    if not isinstance(environment, list) or not all(isinstance(one, str) for one in environment):
        raise reject("The image's environment is not a list of texts.")
    for one in environment:
        if "=" not in one[1:] or "\0" in one:
            raise reject(f"The image's environment holds {one[:100]!r}, which sets no variable.")
    size = sum(len(one.encode(errors="replace")) for one in environment)
    if size > limits.environment_bytes:
        raise reject(
            f"The image's environment has {size} bytes; {limits.environment_bytes} are allowed."
        )


def _check_folder(path: str, what: str) -> None:
    normal = _normal(path)
    inside = any(normal == one or normal.startswith(f"{one}/") for one in _SYSTEM_FOLDERS)
    odd = not path.isprintable() or any(sign in path for sign in " \"'")
    odd |= len(path.encode()) > _MOST_PATH_BYTES
    odd |= any(len(part.encode()) > _MOST_NAME_BYTES for part in path.split("/"))
    if not path.startswith("/") or ".." in path.split("/") or inside or odd:
        raise reject(f"The image's {what} is {path[:100]!r}; choose an ordinary absolute folder.")


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise reject(f"The image's configuration has no object in {what}.")
    return value
