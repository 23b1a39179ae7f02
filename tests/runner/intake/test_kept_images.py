"""Images stay below a limit; what is in use, or somebody else's, stays in any case."""

from __future__ import annotations

import io
import os
import secrets
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import ImageNotFound

from proctor_runner.intake.daemon import ensure_image
from proctor_runner.intake.kept_images import KeptImages

pytestmark = pytest.mark.docker

IMAGE_BYTES = 1 << 20
TWO_IMAGES = IMAGE_BYTES * 5 // 2

Shelf = Callable[..., KeptImages]
Load = Callable[[KeptImages], str]


@pytest.fixture
def repository() -> str:
    """A name that no other test and no worker gives."""
    return f"proctor-test/kept-{os.getpid()}-{secrets.token_hex(4)}"


@pytest.fixture
def shelf(docker_client: docker.DockerClient, tmp_path: Path, repository: str) -> Iterator[Shelf]:
    """A function that makes the shelf of another slot of the same host."""
    made: list[KeptImages] = []

    def make(limit_bytes: int = TWO_IMAGES) -> KeptImages:
        made.append(KeptImages(docker_client, tmp_path, limit_bytes, repository))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def load(docker_client: docker.DockerClient, make_image: Any) -> Iterator[Load]:
    """A function that loads a new image of one MiB and returns its id."""
    loaded: list[str] = []

    def new(kept: KeptImages) -> str:
        image = make_image((layer_of(secrets.token_bytes(IMAGE_BYTES)),))
        loaded.append(image.content.digest())
        return ensure_image(docker_client, image.content, image.open_blob, check=False, kept=kept)

    yield new
    for image_id in loaded:
        try:
            docker_client.images.remove(image_id, force=True)
        except ImageNotFound:
            continue


def layer_of(content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("weights")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def is_here(client: docker.DockerClient, image_id: str) -> bool:
    try:
        client.images.get(image_id)
    except ImageNotFound:
        return False
    return True


def used_once(shelf: Shelf, load: Load) -> str:
    kept = shelf()
    image_id = load(kept)
    kept.close()
    return image_id


def test_the_image_that_was_not_used_for_longest_goes(
    docker_client: docker.DockerClient, shelf: Shelf, load: Load
) -> None:
    first, second = used_once(shelf, load), used_once(shelf, load)
    again = shelf()
    again.keep(first)
    third = used_once(shelf, load)
    assert [is_here(docker_client, one) for one in (first, second, third)] == [True, False, True]


def test_an_image_that_another_slot_uses_stays_above_the_limit(
    docker_client: docker.DockerClient, shelf: Shelf, load: Load
) -> None:
    busy = shelf()
    in_use = load(busy)
    others = [used_once(shelf, load) for _ in range(2)]
    assert [is_here(docker_client, one) for one in (in_use, *others)] == [True, False, True]
    busy.close()
    used_once(shelf, load)
    assert not is_here(docker_client, in_use)


def test_an_image_with_a_name_of_somebody_elses_loses_ours_alone(
    docker_client: docker.DockerClient, shelf: Shelf, load: Load, repository: str
) -> None:
    theirs = used_once(shelf, load)
    name = f"{repository}-theirs:1"
    docker_client.images.get(theirs).tag(name)
    for _ in range(2):
        used_once(shelf, load)
    assert docker_client.images.get(theirs).tags == [name]


def test_an_image_that_a_container_was_made_of_stays(
    docker_client: docker.DockerClient, shelf: Shelf, load: Load
) -> None:
    image_id = used_once(shelf, load)
    container = docker_client.containers.create(image_id, ["/nothing"])
    try:
        for _ in range(2):
            used_once(shelf, load)
        assert is_here(docker_client, image_id)
    finally:
        container.remove()


def test_the_image_that_is_being_loaded_is_never_the_one_that_goes(
    docker_client: docker.DockerClient, shelf: Shelf, load: Load
) -> None:
    kept = shelf(limit_bytes=1)
    image_id = load(kept)
    assert is_here(docker_client, image_id)
