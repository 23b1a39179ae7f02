"""The rows of what happens before an image runs, beside those that intake's own tests hold."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import uuid
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from proctor.spec.base import FileRef
from proctor.spec.work import ImageContent
from proctor_runner.intake.daemon import ensure_image
from proctor_runner.intake.kept_images import KeptImages

ROOT = Path(__file__).parents[3]


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def packed(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


class Image:
    """An image of one tiny layer, and its archive under a name of somebody else's."""

    def __init__(self, text: str) -> None:
        self.layer = packed({"hello.txt": text.encode()})
        self.config = json.dumps(
            {
                "os": "linux",
                "architecture": "amd64",
                "config": {"Cmd": ["/bin/true"]},
                "rootfs": {"type": "layers", "diff_ids": [digest(self.layer)]},
            }
        ).encode()
        self.blobs = {digest(one): one for one in (self.config, self.layer)}
        self.content = ImageContent(
            config=FileRef(digest=digest(self.config), size=len(self.config)),
            layers=(FileRef(digest=digest(self.layer), size=len(self.layer)),),
        )

    def open_blob(self, name: str) -> io.BytesIO:
        return io.BytesIO(self.blobs[name])

    def archive(self, name: str) -> bytes:
        manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
        files = {"config.json": self.config, "layer.tar": self.layer}
        return packed({"manifest.json": json.dumps(manifest).encode(), **files})


@pytest.mark.docker
def test_row_47_an_image_takes_nobodys_name(
    docker_client: docker.DockerClient, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    name = f"victim-{uuid.uuid4().hex}/team:latest"
    theirs, evil = Image(name), Image(f"evil {name}")
    kept = KeptImages(docker_client, tmp_path)
    made = []
    try:
        docker_client.images.load(theirs.archive(name))
        made.append(docker_client.images.get(name).id)
        docker_client.images.load(evil.archive(name))
        made.append(docker_client.images.get(name).id)
        # `docker load` has moved the victim's name to the attacker's image.
        assert made[1] == digest(evil.config) != made[0]
        docker_client.images.load(theirs.archive(name))

        ensure_image(docker_client, evil.content, evil.open_blob, True, kept)
    finally:
        after = docker_client.images.get(name).id
        kept.close()
        for image in made:
            docker_client.images.remove(image, force=True)
    assert after == made[0]
    measured("docker load moved the name, intake did not")


def test_row_51_nothing_is_pulled_by_a_name_of_a_participants(
    measured: Callable[[str], None],
) -> None:
    pulls = {
        str(path.relative_to(ROOT))
        for folder in ("platform", "runner", "client")
        for path in (ROOT / folder).rglob("*.py")
        if ".pull(" in path.read_text()
    }
    # The base of Proctor's own images, pinned there.
    assert pulls == {"runner/proctor_runner/images/base.py"}
    assert not [
        path
        for path in (ROOT / "platform").rglob("*.py")
        if any(f"import {name}" in path.read_text() for name in ("httpx2", "requests", "urllib"))
    ]
    measured("the platform asks no address; images come by digest")
