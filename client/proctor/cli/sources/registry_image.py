"""An image of a registry as the config and uncompressed layers that a platform takes."""

from __future__ import annotations

import gzip
import hashlib
import tempfile
import zlib
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from pydantic import ValidationError

from proctor.cli.failures import CommandError, Exit
from proctor.cli.sources.credentials import stored_credentials
from proctor.cli.sources.reference import parse_reference
from proctor.cli.sources.registry import Manifest, Registry
from proctor.cli.transfer import size
from proctor.spec.api import Source, SourceKind
from proctor.spec.base import FileRef
from proctor.spec.work import ImageContent
from proctor_runner.decode import guarded_json
from proctor_runner.intake.rules import IntakeLimits, diff_ids

_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_IMAGES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CONFIGS = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
_LAYERS = (
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
)
_MOST_DOCUMENT_BYTES = 4 << 20
_CHUNK_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_PLATFORM = "linux/amd64"


@dataclass(frozen=True)
class RegistryImage:
    """An image whose files lie in a temporary folder, and where it comes from.

    Attributes:
        source: The repository and the manifest's digest.
    """

    content: ImageContent
    source: Source
    _files: Mapping[str, Path]

    def open_blob(self, digest: str) -> BinaryIO:
        """Open the config or a layer by its digest; layers are unpacked as they are read."""
        return _open(self._files[digest])


class _Parts(NamedTuple):
    """What a manifest names."""

    config: FileRef
    layers: tuple[FileRef, ...]


@contextmanager
def open_registry_image(
    name: str,
    docker_folder: Path,
    say: Callable[[str], None],
    *,
    insecure: bool = False,
    limits: IntakeLimits | None = None,
) -> Generator[RegistryImage]:
    """Fetch the image that ``docker://…`` names, once, by the digest it has now.

    Args:
        docker_folder: Where `docker login` keeps its ``config.json``.
        insecure: Speak plain HTTP to a host that is not this machine.

    Raises:
        CommandError: it cannot be had, or a platform would not take it.
        ParticipantError: its configuration names no layers.
    """
    limits = limits or IntakeLimits()
    reference = parse_reference(name)
    credentials = stored_credentials(docker_folder, reference.host)
    with (
        Registry(reference, credentials, insecure=insecure) as registry,
        tempfile.TemporaryDirectory(prefix="proctor-image-") as folder,
    ):
        manifest = _of_this_platform(registry, registry.manifest(reference.version), name)
        parts = _parts_of(manifest, limits)
        say(f"{reference} is {manifest.digest}.")
        config_path = Path(folder) / "config"
        registry.blob(parts.config, config_path, "its configuration")
        config = _document(config_path.read_bytes(), "Its configuration")
        promised = diff_ids(config)
        if len(promised) != len(parts.layers):
            raise _refusal(
                f"has {len(parts.layers)} layers; its configuration names {len(promised)}"
            )
        files, sizes, left = {parts.config.digest: config_path}, {}, limits.unpacked_bytes
        for number, (packed, digest) in enumerate(zip(parts.layers, promised, strict=True), 1):
            if digest in files:
                continue
            say(f"Layer {number} of {len(promised)}: {size(packed.size)}.")
            path = Path(folder) / digest.removeprefix("sha256:")
            registry.blob(packed, path, f"layer {number}")
            sizes[digest] = _unpacked_size(path, digest, number, left)
            left -= sizes[digest]
            files[digest] = path
        content = ImageContent(
            config=parts.config,
            layers=tuple(FileRef(digest=digest, size=sizes[digest]) for digest in promised),
        )
        source = Source(
            kind=SourceKind.REGISTRY, url=reference.repository, revision=manifest.digest
        )
        yield RegistryImage(content, source, files)


def _of_this_platform(registry: Registry, manifest: Manifest, name: str) -> Manifest:
    """Follow an index of several platforms to the one that workers have."""
    if manifest.media_type not in _INDEXES:
        return manifest
    listed = _document(manifest.content, "Its index").get("manifests")
    offered = []
    for entry in listed if isinstance(listed, list) else []:
        target = entry.get("platform") if isinstance(entry, dict) else None
        if not isinstance(target, dict) or not isinstance(entry.get("digest"), str):
            continue
        kind = f"{target.get('os')}/{target.get('architecture')}"
        if kind == _PLATFORM:
            return registry.manifest(FileRef(digest=entry["digest"], size=0).digest)
        offered.append(kind)
    raise CommandError(
        f"{name} is not there for {_PLATFORM}: it has {', '.join(offered)[:200]}.",
        f"Build it with --platform {_PLATFORM} and push it again.",
        Exit.REJECTED,
    )


def _parts_of(manifest: Manifest, limits: IntakeLimits) -> _Parts:
    if manifest.media_type not in _IMAGES:
        raise _refusal(
            f"has a manifest of the kind {manifest.media_type[:100]!r}",
            "Push it with a Docker of 2017 or later, or with any OCI tool.",
        )
    document = _document(manifest.content, "Its manifest")
    config, layers = document.get("config"), document.get("layers")
    if not isinstance(config, dict) or not isinstance(layers, list):
        raise _refusal("has a manifest without config and layers")
    if config.get("mediaType") not in _CONFIGS:
        raise _refusal(f"is no container image but {str(config.get('mediaType'))[:100]!r}")
    if len(layers) > limits.layers:
        raise _refusal(f"has {len(layers)} layers; {limits.layers} are allowed")
    for layer in layers:
        _check_layer_type(str(layer.get("mediaType")) if isinstance(layer, dict) else "nothing")
    try:
        parts = _Parts(_file(config), tuple(_file(layer) for layer in layers))
    except (ValidationError, KeyError) as error:
        raise _refusal("has a manifest with a digest or a size that is none") from error
    if parts.config.size > limits.config_bytes:
        raise _refusal(f"has a configuration of {parts.config.size} bytes")
    if sum(layer.size for layer in parts.layers) > limits.unpacked_bytes:
        raise _refusal(f"has more than {limits.unpacked_bytes} bytes")
    return parts


def _check_layer_type(media_type: str) -> None:
    if media_type in _LAYERS:
        return
    if "foreign" in media_type or "nondistributable" in media_type:
        raise _refusal(
            "has a layer that its registry does not hold (a foreign one)",
            "Build it on a base whose layers may be distributed.",
        )
    if media_type.endswith("+zstd"):
        raise _refusal(
            "has layers packed with zstd",
            "Push it packed with gzip: `docker buildx build --output type=image,push=true,"
            "compression=gzip,force-compression=true`; or `docker pull` it and submit the local"
            " image.",
        )
    raise _refusal(f"has a layer of the kind {media_type[:100]!r}")


def _file(descriptor: dict[str, Any]) -> FileRef:
    return FileRef(digest=descriptor["digest"], size=descriptor["size"])


def _document(content: bytes, what: str) -> dict[str, Any]:
    try:
        document = guarded_json.loads(content, _MOST_DOCUMENT_BYTES)
    except ValueError as error:
        raise CommandError(f"{what} cannot be read: {error}.", "Push the image again.") from error
    if not isinstance(document, dict):
        raise CommandError(f"{what} is not a JSON object.", "Push the image again.")
    return document


def _unpacked_size(path: Path, digest: str, number: int, most_bytes: int) -> int:
    """Unpack a layer into nothing: count its bytes and compare its digest."""
    state, size = hashlib.sha256(), 0
    try:
        with _open(path) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                state.update(chunk)
                size += len(chunk)
                if size > most_bytes:
                    raise _refusal(f"unpacks to more than is allowed at layer {number}")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _refusal(f"has a damaged layer {number}: {error}") from error
    found = f"sha256:{state.hexdigest()}"
    if found != digest:
        raise _refusal(f"has a layer {number} that unpacks to {found}, not to {digest}")
    return size


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as stream:
        packed = stream.read(2) == _GZIP_MAGIC
    return cast(BinaryIO, gzip.open(path)) if packed else path.open("rb")


def _refusal(what: str, hint: str = "Build and push the image again.") -> CommandError:
    return CommandError(f"The image in the registry {what}.", hint, Exit.REJECTED)
