"""Images pushed by Docker to the registry that Debian packages."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from proctor.cli.contents import open_image
from proctor.cli.failures import CommandError
from proctor.cli.sources.registry_image import open_registry_image
from proctor_runner.intake.scan import scan

pytestmark = [pytest.mark.docker, pytest.mark.registry]

REPOSITORY = f"models/svc-{os.getpid()}"


@pytest.fixture(scope="module")
def host(registry_server: str) -> str:
    """The address of a registry on this machine."""
    return registry_server


@pytest.fixture(scope="module")
def push(host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Build an image of some files, a layer each, and push it under a tag."""
    client = docker.from_env(timeout=600)
    made: list[str] = []

    def build(tag: str, **files: bytes) -> str:
        context = tmp_path_factory.mktemp("context")
        lines = ["FROM scratch", 'CMD ["/nothing"]']
        for name, content in files.items():
            (context / name).write_bytes(content)
            lines.append(f"COPY {name} /{name}")
        (context / "Dockerfile").write_text("\n".join(lines))
        name = f"{host}/{REPOSITORY}:{tag}"
        client.images.build(path=str(context), tag=name, rm=True)
        made.append(name)
        for line in client.images.push(name, stream=True, decode=True):
            assert "error" not in line, line
        return name

    yield build
    for name in made:
        client.images.remove(name, force=True)
    client.close()


@contextmanager
def fetched(name: str, tmp_path: Path):
    with open_registry_image(f"docker://{name}", tmp_path, lambda _: None) as image:
        yield image


def refuse(name: str, tmp_path: Path, said: str) -> None:
    with pytest.raises(CommandError, match=said), fetched(name, tmp_path):
        pass


def test_a_pushed_image_is_the_same_as_the_local_one(
    push: Callable[..., str], tmp_path: Path
) -> None:
    name = push("same", one=os.urandom(1 << 20), two=b"small")
    with open_image(name) as local, fetched(name, tmp_path) as image:
        assert image.content == local.content
        scan(image.content, image.open_blob, machine="x86_64")


def test_a_version_whose_files_the_registry_lost_is_refused(
    push: Callable[..., str], host: str, tmp_path: Path
) -> None:
    name = push("lost", three=os.urandom(1 << 16))
    refuse(f"{host}/{REPOSITORY}:nothing-of-the-kind", tmp_path, "has no nothing-of-the-kind")
    refuse(f"{host}/{REPOSITORY}@sha256:{'0' * 64}", tmp_path, f"has no sha256:{'0' * 64}")
    with fetched(name, tmp_path) as image:
        pinned = f"{host}/{REPOSITORY}@{image.source.revision}"
    with fetched(pinned, tmp_path) as again:
        assert again.source.revision == image.source.revision
    request = urllib.request.Request(
        f"http://{host}/v2/{REPOSITORY}/manifests/{image.source.revision}", method="DELETE"
    )
    urllib.request.urlopen(request).close()
    refuse(pinned, tmp_path, f"has no {image.source.revision}")
