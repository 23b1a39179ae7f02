"""What tests of the runner share: a Docker daemon and Proctor's own images on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from proctor_runner.images import ImageBuilder

_CACHE = Path(__file__).parents[2] / ".cache" / "images"


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.DockerClient]:
    try:
        client = docker.from_env(timeout=600)
    except DockerException as error:
        pytest.skip(f"no Docker daemon answers: {error}")
    yield client
    client.close()


@pytest.fixture(scope="session")
def runtime_image(docker_client: docker.DockerClient) -> str:
    """Return the id of the image that runs model folders."""
    return ImageBuilder(docker_client, _CACHE, print).ensure_runtime()


@pytest.fixture(scope="session")
def decode_image(docker_client: docker.DockerClient) -> str:
    """Return the id of the image that decodes."""
    return ImageBuilder(docker_client, _CACHE, print).ensure_decode()


@pytest.fixture
def stands_still(docker_client: docker.DockerClient) -> Callable[[str], bool]:
    """Ask the kernel whether a container's processes stand still, whoever stopped them."""

    def look(container: str) -> bool:
        pid = docker_client.api.inspect_container(container)["State"]["Pid"]
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "freezer":
                state = Path(f"/sys/fs/cgroup/freezer{path}/freezer.state")
                return state.read_text().strip() == "FROZEN"
            if not controllers and (now := Path(f"/sys/fs/cgroup{path}/cgroup.events")).exists():
                return "frozen 1" in now.read_text().splitlines()
        raise AssertionError(f"no control group of container {container} is within sight")

    return look
