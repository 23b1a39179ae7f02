"""Images built byte by byte, honest ones and others."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from proctor.spec.base import FileRef
from proctor.spec.work import ImageContent
from proctor_runner.intake.kept_images import KeptImages


@pytest.fixture
def kept(docker_client: docker.DockerClient, tmp_path: Path) -> Iterator[KeptImages]:
    """Kept images without a limit."""
    images = KeptImages(docker_client, tmp_path)
    yield images
    images.close()


@pytest.fixture
def make_image() -> type[FakeImage]:
    return FakeImage


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def entry(name: str, content: bytes = b"", **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in more.items():
        setattr(info, key, value)
    return info, content


def layer(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


HELLO = layer(entry("hello.txt", b"good morning"))


class FakeImage:
    """An image's config and layers as blobs; ``declared`` changes what its config declares."""

    def __init__(
        self,
        layers: tuple[bytes, ...] = (HELLO,),
        top: dict[str, Any] | None = None,
        **declared: Any,
    ) -> None:
        document = {
            "os": "linux",
            "architecture": "amd64",
            "config": {"Cmd": ["/bin/true"], **declared},
            "rootfs": {"type": "layers", "diff_ids": [digest(one) for one in layers]},
            **(top or {}),
        }
        self.config = json.dumps(document).encode()
        self.layers = layers
        self.blobs = {digest(one): one for one in (self.config, *layers)}
        self.content = ImageContent(
            config=self._reference(self.config),
            layers=tuple(self._reference(one) for one in layers),
        )

    def open_blob(self, name: str) -> io.BytesIO:
        return io.BytesIO(self.blobs[name])

    def saved(self, oci: bool = False, pack: Any = None, tags: Any = None) -> bytes:
        """Return the image as `docker save` writes it, in the old or in the OCI layout."""
        pack = pack or (lambda content: content)
        packed = [pack(one) for one in self.layers]
        if oci:
            config_name = f"blobs/sha256/{digest(self.config)[7:]}"
            names = [f"blobs/sha256/{digest(one)[7:]}" for one in packed]
        else:
            config_name = f"{digest(self.config)[7:]}.json"
            names = [f"{number:064x}/layer.tar" for number in range(len(packed))]
        manifest = [{"Config": config_name, "RepoTags": tags, "Layers": names}]
        files = {config_name: self.config, **dict(zip(names, packed, strict=True))}
        return layer(
            entry("manifest.json", json.dumps(manifest).encode()),
            *(entry(name, content) for name, content in files.items()),
        )

    @staticmethod
    def _reference(content: bytes) -> FileRef:
        return FileRef(digest=digest(content), size=len(content))
