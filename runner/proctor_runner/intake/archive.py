"""Reads an image on a participant's machine: from a file of ``docker save`` or from the daemon.

Both layouts are understood: the old one of a folder a layer, and the OCI one with blobs by digest.
Nothing is unpacked to disk by the names in the archive; blobs are ranges of the archive itself.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import tempfile
import zlib
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import docker
from docker.errors import ImageNotFound

from proctor.spec.base import FileRef
from proctor.spec.digests import digest_stream
from proctor.spec.outcomes import Code, ParticipantError
from proctor.spec.work import ImageContent
from proctor_runner.decode import guarded_json
from proctor_runner.intake.rules import IntakeLimits, diff_ids, reject

_GZIP_MAGIC = b"\x1f\x8b"
_MANIFEST = "manifest.json"
_MOST_MANIFEST_BYTES = 4 << 20


@dataclass(frozen=True)
class LocalImage:
    """An image as blobs that can be opened, any number of times, while its archive is open."""

    content: ImageContent
    _archive: tarfile.TarFile
    _members: dict[str, tarfile.TarInfo]

    def open_blob(self, digest: str) -> BinaryIO:
        """Open the config or a layer by its digest; layers are uncompressed.

        Raises:
            KeyError: the image has no such blob.
        """
        return _open(self._archive, self._members[digest])


@contextmanager
def read_archive(path: Path) -> Generator[LocalImage]:
    """Open the file of a ``docker save``, packed with gzip or not, that holds one image.

    Raises:
        ParticipantError: IMAGE_REJECTED: no such archive, several images, cut off, altered.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise reject(f"There is no file {path}: {error.strerror}.") from None
    with stream, _unpacked(stream) as archive:
        yield _read(archive, str(path))


@contextmanager
def read_local(client: docker.DockerClient, reference: str) -> Generator[LocalImage]:
    """Take the image called ``reference`` from the local daemon.

    Raises:
        ParticipantError: IMAGE_REJECTED, the daemon has no image of that name.
        DockerException: the daemon failed.
    """
    try:
        image = client.images.get(reference)
    except ImageNotFound:
        raise reject(f"The local Docker daemon has no image {reference!r}.") from None
    with tempfile.TemporaryFile() as stream:
        for chunk in client.api.get_image(str(image.id)):
            stream.write(chunk)
        stream.seek(0)
        with _unpacked(stream) as archive:
            yield _read(archive, reference)


@contextmanager
def _unpacked(stream: IO[bytes]) -> Generator[tarfile.TarFile]:
    """Open a tar archive that can be read at any place, unpacking a packed one into memory's disk.

    A temporary file without a name is all that is ever written.
    """
    packed = stream.read(2) == _GZIP_MAGIC
    stream.seek(0)
    with tempfile.TemporaryFile() as whole:
        with _damage_told():
            if packed:
                with gzip.GzipFile(fileobj=stream) as source:
                    _copy(cast(BinaryIO, source), whole, IntakeLimits().unpacked_bytes)
                whole.seek(0)
            opened = tarfile.TarFile(fileobj=whole if packed else stream)
        with opened as archive:
            yield archive


@contextmanager
def _damage_told() -> Generator[None]:
    """Refuse an archive that cannot be read, whichever of its readers says so."""
    try:
        yield
    except (tarfile.TarError, zlib.error, OSError, EOFError, ValueError, RecursionError) as error:
        raise reject(f"This is not a whole `docker save` archive: {error}.") from error


@_damage_told()
def _read(archive: tarfile.TarFile, what: str) -> LocalImage:
    members = {entry.name.removeprefix("./"): entry for entry in _entries(archive)}
    if _MANIFEST not in members:
        raise reject(f"{what} holds no {_MANIFEST}: it is no archive of `docker save`.")
    manifest = _json(archive, members, _MANIFEST)
    if not isinstance(manifest, list) or len(manifest) != 1 or not isinstance(manifest[0], dict):
        count = len(manifest) if isinstance(manifest, list) else 0
        raise reject(f"{what} holds {count} images; save exactly one.")
    config_name, layer_names = manifest[0].get("Config"), manifest[0].get("Layers")
    if not isinstance(config_name, str) or not isinstance(layer_names, list):
        raise reject(f"{what} has a manifest without Config and Layers.")
    config_member = _member(members, config_name)
    config = _json(archive, members, config_name)
    if not isinstance(config, dict):
        raise reject(f"{what} has a configuration that is not a JSON object.")
    by_digest: dict[str, tarfile.TarInfo] = {}
    config_file = _file(archive, config_member)
    by_digest[config_file.digest] = config_member
    layers = []
    promised = diff_ids(config)
    if len(promised) != len(layer_names):
        raise reject(
            f"{what} has {len(layer_names)} layers; its configuration names {len(promised)}."
        )
    for name, digest in zip(layer_names, promised, strict=True):
        member = _member(members, name)
        file = _file(archive, member)
        if file.digest != digest:
            raise reject(
                f"{what}: the layer {name!r} is damaged; its digest is not {digest[:80]!r}."
            )
        by_digest[digest] = member
        layers.append(file)
    return LocalImage(ImageContent(config=config_file, layers=tuple(layers)), archive, by_digest)


def _entries(archive: tarfile.TarFile) -> Iterable[tarfile.TarInfo]:
    """List the archive; a cut-off one must not look like a shorter one."""
    entries = archive.getmembers()
    stream = cast(BinaryIO, archive.fileobj)
    end = stream.seek(0, io.SEEK_END)
    for entry in entries:
        if entry.offset_data + entry.size > end:
            raise reject(f"The archive ends inside {entry.name!r}: it was cut off.")
    return entries


def _member(members: dict[str, tarfile.TarInfo], name: object) -> tarfile.TarInfo:
    """Find a file by name; old archives write a layer that comes twice as a link to the first."""
    for _ in range(len(members)):
        entry = members.get(name) if isinstance(name, str) else None
        if entry is None:
            raise reject(f"The archive lacks {name!r}, which its manifest names.")
        if entry.issym() or entry.islnk():
            base = "" if entry.islnk() else entry.name.rpartition("/")[0]
            name = _normal(f"{base}/{entry.linkname}")
            continue
        if not entry.isreg():
            raise reject(f"{name!r} in the archive is not a file.")
        return entry
    raise reject(f"{name!r} in the archive is a link that leads nowhere.")


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _json(archive: tarfile.TarFile, members: dict[str, tarfile.TarInfo], name: str) -> Any:
    entry = _member(members, name)
    with _raw(archive, entry) as stream:
        content = stream.read(_MOST_MANIFEST_BYTES + 1)
    try:
        return guarded_json.loads(content, _MOST_MANIFEST_BYTES)
    except ValueError as error:
        raise reject(f"{name} in the archive cannot be read: {error}.") from error


def _file(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> FileRef:
    try:
        with _open(archive, entry) as stream:
            return digest_stream(stream)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise reject(f"{entry.name!r} in the archive is damaged: {error}.") from error


def _open(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> BinaryIO:
    raw = _raw(archive, entry)
    packed = raw.read(2) == _GZIP_MAGIC
    raw.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if packed else raw


def _raw(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> BinaryIO:
    stream = archive.extractfile(entry)
    if stream is None:
        raise reject(f"{entry.name!r} in the archive is not a file.")
    return cast(BinaryIO, stream)


def _copy(source: IO[bytes], target: IO[bytes], most_bytes: int) -> None:
    while chunk := source.read(1 << 20):
        most_bytes -= len(chunk)
        if most_bytes < 0:
            raise ParticipantError(Code.IMAGE_REJECTED, "The archive unpacks to more than allowed.")
        target.write(chunk)
