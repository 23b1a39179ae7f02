"""What a service shows of a model that is an image: its card and its samples, copied out of it.

The engine is asked for two paths of a container that never runs. What it hands out is a stranger's
all the same: only plain files of moderate size are kept, under names of their own.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path, PurePosixPath

import docker
from docker.errors import NotFound

from proctor_runner.sandbox.engine_errors import ours

_MOST_CARD_BYTES = 1 << 20
_MOST_SAMPLES_BYTES = 128 << 20
_MOST_MEMBERS = 1000
_MOST_DEPTH = 4
_WANTED = {
    "/model/model.json": _MOST_CARD_BYTES,
    "/model/samples": _MOST_SAMPLES_BYTES,
    "/model/sample_data": _MOST_SAMPLES_BYTES,
    # Where ModelHub's images have theirs.
    "/contrib_src/model/config.json": _MOST_CARD_BYTES,
    "/contrib_src/sample_data": _MOST_SAMPLES_BYTES,
}


def copy_shown(client: docker.DockerClient, image_id: str, folder: Path) -> None:
    """Copy card, or ModelHub's config, and samples of an image, as far as it has them.

    Raises:
        PlatformError: SANDBOX_FAILED, the daemon failed.
    """
    with ours("an image was looked into"), _unstarted(client, image_id) as container_id:
        for path, most_bytes in _WANTED.items():
            try:
                stream, _ = client.api.get_archive(container_id, path)
            except NotFound:
                continue
            archive = _at_most(stream, most_bytes + 512 * 2 * _MOST_MEMBERS)
            if archive is not None:
                _unpack(archive, folder, most_bytes)


@contextmanager
def _unstarted(client: docker.DockerClient, image_id: str) -> Iterator[str]:
    made = client.api.create_container(image_id, command=["none"], network_disabled=True)
    try:
        yield str(made["Id"])
    finally:
        client.api.remove_container(made["Id"], v=True, force=True)


def _at_most(stream: Iterator[bytes], most_bytes: int) -> BytesIO | None:
    """Return what a stream brings, nothing when that is too much."""
    found = BytesIO()
    for piece in stream:
        found.write(piece)
        if found.tell() > most_bytes:
            return None
    found.seek(0)
    return found


def _unpack(archive: BytesIO, folder: Path, most_bytes: int) -> None:
    left_bytes = most_bytes
    with tarfile.open(fileobj=archive, mode="r|") as members:
        for number, member in enumerate(members):
            parts = PurePosixPath(member.name).parts
            fits = 0 < len(parts) <= _MOST_DEPTH and not {"..", "/", ""} & set(parts)
            left_bytes -= member.size
            if number >= _MOST_MEMBERS or left_bytes < 0:
                return
            source = members.extractfile(member) if fits and member.isreg() else None
            if source is None:
                continue
            target = folder.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read())
