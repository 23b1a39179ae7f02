"""What tests of the runner share: a Docker daemon, Proctor's own images, a fake of a GPU driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from proctor.spec.gpus import GpuFacts
from proctor_runner.gpus.interface import GpuLostError
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


GB = 1_000_000_000


def gpu(number: int, vram_gb: int = 24) -> GpuFacts:
    return GpuFacts(
        uuid=f"GPU-00000000-0000-0000-0000-00000000000{number}",
        name="NVIDIA A10",
        vram_bytes=vram_gb * GB,
        compute_capability="8.6",
        driver="535.104.05",
    )


@dataclass
class FakeDriver:
    """A driver of GPUs that are not there; it says what the test has put into it."""

    there: list[GpuFacts] = field(default_factory=lambda: [gpu(0), gpu(1)])
    used: dict[str, int] = field(default_factory=dict)
    computing: int = 0
    broken: str = ""
    lost: bool = False

    @contextmanager
    def open(self) -> Iterator[FakeDriver]:
        self._answer()
        yield self

    def gpus(self) -> tuple[GpuFacts, ...]:
        self._answer()
        return tuple(self.there)

    def users(self, uuid: str) -> int:
        self._answer()
        return self.computing

    def used_bytes(self, uuid: str) -> int:
        self._answer()
        return self.used.get(uuid, 0)

    def fault(self, uuid: str) -> str:
        self._answer()
        return self.broken

    def _answer(self) -> None:
        if self.lost:
            raise GpuLostError("the library went away")


class Gpus:
    """Both under one name, since test files cannot import each other."""

    Driver = FakeDriver
    gpu = staticmethod(gpu)


@pytest.fixture
def gpus() -> type[Gpus]:
    return Gpus


@pytest.fixture
def driver() -> FakeDriver:
    return FakeDriver()
