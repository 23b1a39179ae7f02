"""Scans an image blob by blob, as a stream, before the Docker daemon sees any of it."""

from __future__ import annotations

import hashlib
import platform
import posixpath
import tarfile
from collections.abc import Container, Mapping, Sequence
from typing import Any, BinaryIO

from proctor.spec.work import ImageContent
from proctor_runner.contracts.choose import folder_places
from proctor_runner.decode import guarded_json
from proctor_runner.intake.interface import OpenBlob
from proctor_runner.intake.layer_entries import layer_entries
from proctor_runner.intake.rules import (
    IntakeLimits,
    check_attributes,
    check_config,
    check_engine_file,
    check_kind,
    check_mounted_places,
    check_name,
    check_way,
    diff_ids,
    reject,
    volumes,
)


def scan(
    content: ImageContent,
    open_blob: OpenBlob,
    limits: IntakeLimits | None = None,
    machine: str | None = None,
) -> None:
    """Check that an image keeps the rules and is made of the bytes its digests promise.

    Args:
        machine: Where images run, by default this machine's kind.

    Raises:
        ParticipantError: IMAGE_REJECTED, with a sentence.
        OSError: a blob cannot be read, which is ours.
    """
    limits = limits or IntakeLimits()
    config = read_config(content, open_blob, limits)
    check_config(config, machine or platform.machine(), limits)
    layers = diff_ids(config)
    if len(layers) > limits.layers:
        raise reject(f"The image has {len(layers)} layers; {limits.layers} are allowed.")
    if layers != [layer.digest for layer in content.layers]:
        raise reject("The image's layers are not those its configuration names, in its order.")
    mounted = folder_places(content)
    check_mounted_places(volumes(config), mounted)
    left = _Budget(limits)
    for layer in dict.fromkeys(layers):
        with open_blob(layer) as stream:
            _scan_layer(stream, layer, volumes(config), left, mounted)


def read_config(
    content: ImageContent, open_blob: OpenBlob, limits: IntakeLimits | None = None
) -> Mapping[str, Any]:
    """Return the image's configuration, whose digest is the image's identity.

    Raises:
        ParticipantError: IMAGE_REJECTED, it is not the promised JSON.
    """
    most_bytes = (limits or IntakeLimits()).config_bytes
    with open_blob(content.config.digest) as stream:
        text = stream.read(most_bytes + 1)
    if f"sha256:{hashlib.sha256(text).hexdigest()}" != content.config.digest:
        raise reject("The image's configuration does not have the digest that was announced.")
    try:
        config = guarded_json.loads(text, most_bytes)
    except ValueError as error:
        raise reject(f"The image's configuration cannot be read: {error}.") from error
    if not isinstance(config, dict):
        raise reject("The image's configuration is not a JSON object.")
    return config


class _Budget:
    """What is left of the limits that hold for all layers together."""

    def __init__(self, limits: IntakeLimits) -> None:
        self._limits = limits
        self._bytes = limits.unpacked_bytes
        self._files = limits.files

    def spend(self, entry: tarfile.TarInfo) -> None:
        self._bytes -= entry.size
        self._files -= 1
        if self._bytes < 0:
            raise reject(f"The image unpacks to more than {self._limits.unpacked_bytes >> 20} MiB.")
        if self._files < 0:
            raise reject(f"The image holds more than {self._limits.files} files.")


class _Hashing:
    """Passes a stream through and digests what went by."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._state = hashlib.sha256()

    def read(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        self._state.update(chunk)
        return chunk

    def digest(self) -> str:
        while self.read(1 << 20):
            pass
        return f"sha256:{self._state.hexdigest()}"


def _scan_layer(
    stream: BinaryIO,
    digest: str,
    volume_paths: Sequence[str],
    left: _Budget,
    mounted: Container[str],
) -> None:
    hashing = _Hashing(stream)
    links: set[str] = set()
    for entry in layer_entries(hashing.read):
        left.spend(entry)
        check_name(entry.name, volume_paths)
        check_kind(entry.name, entry.isdir(), mounted)
        check_attributes(entry.name, entry.pax_headers)
        check_engine_file(entry)
        check_way(entry.name, links)
        in_dev = posixpath.dirname(posixpath.normpath(entry.name)) == "dev"
        if entry.isfifo() or ((entry.ischr() or entry.isblk()) and not in_dev):
            what = "named pipe" if entry.isfifo() else "device"
            raise reject(f"The image holds the {what} {entry.name[:100]!r}; remove it.")
        if entry.islnk():
            check_name(entry.linkname, ())
        if entry.issym() or entry.islnk():
            links.add(posixpath.normpath(entry.name))
    if hashing.digest() != digest:
        raise reject(f"The layer {digest[:19]}… does not have the digest that was announced.")
