"""Brings an image that passed intake into the Docker daemon, by id and never by name.

An archive can carry names, and the daemon would give them to the image in it, whoever had them
before. So the archive the daemon gets is made here: one image, no names, and its id compared with
what the daemon says it loaded.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from typing import BinaryIO, cast

import docker
from docker.errors import ImageNotFound

from proctor.spec.base import FileRef
from proctor.spec.outcomes import Code, PlatformError
from proctor.spec.work import ImageContent
from proctor_runner.intake.interface import OpenBlob
from proctor_runner.intake.kept_images import KeptImages
from proctor_runner.intake.rules import reject
from proctor_runner.intake.scan import scan
from proctor_runner.sandbox.engine_errors import is_the_archives_fault, ours, without_host_paths

_CHUNK_BYTES = 1 << 20
_LOADED = re.compile(r"^Loaded image(?: ID)?: (\S+)", re.MULTILINE)


def ensure_image(
    client: docker.DockerClient,
    content: ImageContent,
    open_blob: OpenBlob,
    check: bool,
    kept: KeptImages,
) -> str:
    """Return the id under which the daemon runs ``content``, loading it when it is not there.

    Args:
        kept: Holds the image from now on.
        check: Scan the image by the rules of intake first, even when the daemon has it already.

    Raises:
        ParticipantError: IMAGE_REJECTED, with a sentence.
        PlatformError: SANDBOX_FAILED, the daemon did not take it.
    """
    if check:
        scan(content, open_blob)
    image_id = content.config.digest
    with ours("an image was loaded"):
        kept.hold(image_id)
        if not _has(client, image_id):
            _load(client, content, open_blob)
        # Without a name of its own an image is the first that a clean-up of the daemon removes.
        kept.keep(image_id)
    return image_id


def assemble(content: ImageContent, open_blob: OpenBlob) -> Iterator[bytes]:
    """Make the archive that a daemon loads: the config, the layers, a list without names.

    Raises:
        PlatformError: STORAGE_FAILED, a blob is shorter or longer than its reference says.
    """
    config = f"{content.config.digest.removeprefix('sha256:')}.json"
    layers = {layer.digest: _layer_name(layer) for layer in content.layers}
    manifest = [
        {
            "Config": config,
            "RepoTags": None,
            "Layers": [layers[layer.digest] for layer in content.layers],
        }
    ]
    text = json.dumps(manifest).encode()
    yield from _member("manifest.json", len(text), iter([text]))
    for name, file in [
        (config, content.config),
        *((layers[layer.digest], layer) for layer in dict.fromkeys(content.layers)),
    ]:
        yield from _member(name, file.size, _chunks(file, open_blob))
    yield bytes(2 * tarfile.BLOCKSIZE)


def _has(client: docker.DockerClient, image_id: str) -> bool:
    try:
        return str(client.images.get(image_id).id) == image_id
    except ImageNotFound:
        return False


def _load(client: docker.DockerClient, content: ImageContent, open_blob: OpenBlob) -> None:
    # Sent in chunks as it is made; the stubs know whole files only.
    archive = cast(BinaryIO, assemble(content, open_blob))
    loaded, failure = [], ""
    # Read to its end: an answer left half read would keep its connection.
    for said in client.api.load_image(archive):  # type: ignore[no-untyped-call]
        failure = failure or str(said.get("error") or "")
        loaded += _LOADED.findall(str(said.get("stream") or ""))
    if failure:
        if is_the_archives_fault(failure):
            said = without_host_paths(failure, ())[:300]
            raise reject(f"Docker cannot load the image: {said}")
        raise PlatformError(
            Code.SANDBOX_FAILED, f"The Docker daemon did not load an image: {failure}"
        )
    if loaded != [content.config.digest]:
        raise PlatformError(
            Code.SANDBOX_FAILED,
            f"The Docker daemon loaded {loaded} for the image {content.config.digest}. Its image"
            " store must name images by their configuration, which containerd's does not.",
        )


def _member(name: str, size_bytes: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size_bytes, 0o444
    yield entry.tobuf(tarfile.USTAR_FORMAT if size_bytes < 8**11 else tarfile.GNU_FORMAT)
    yield from chunks
    yield bytes(-size_bytes % tarfile.BLOCKSIZE)


def _chunks(file: FileRef, open_blob: OpenBlob) -> Iterator[bytes]:
    sent = 0
    with open_blob(file.digest) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            sent += len(chunk)
            yield chunk
    if sent != file.size:
        raise PlatformError(
            Code.STORAGE_FAILED, f"The blob {file.digest} has {sent} bytes, not {file.size}."
        )


def _layer_name(layer: FileRef) -> str:
    return f"{layer.digest.removeprefix('sha256:')}.tar"
