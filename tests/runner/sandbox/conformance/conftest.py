"""Every sandbox there is, and one way to run a payload in each of them."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import docker
import pytest

from proctor.spec.limits import MIB, Limits
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.interface import Guard, Program, Sandbox, SandboxJob, SandboxResult
from proctor_runner.sandbox.process import ProcessSandbox
from proctor_runner.sandbox.slots import Slots

CASE = b'{"contract":1,"case":"c","items":["0"],"inputs":{},"outputs":{},"seed":0}'
LIMITS = Limits(
    memory_bytes=160 * MIB,
    pids=48,
    output_bytes=2 * MIB,
    output_files=16,
    tmp_bytes=16 * MIB,
    log_bytes=8192,
    cpus=1,
)
_MODEL = """
import json, os, sys
OUTPUT = os.environ.get("PROCTOR_OUTPUT", "/output") + "/"
INPUT = os.environ.get("PROCTOR_INPUT", "/input") + "/"

class Model:
    def predict(self, inputs):
{payload}
        return {{}}
"""


class Bench:
    """Runs payloads, each the body of a model's ``predict``, in one sandbox."""

    def __init__(self, sandbox: Sandbox, image_id: str, folder: Path) -> None:
        self.sandbox = sandbox
        self._image_id = image_id
        self._folder = folder
        self._count = itertools.count()

    def require(self, guard: Guard) -> None:
        """Go on only if the sandbox promises ``guard``; what it does not is asserted elsewhere."""
        if guard not in self.sandbox.enforces:
            pytest.skip(f"the {self.sandbox.name} sandbox does not enforce {guard}")

    def job(
        self,
        payload: str,
        outputs: tuple[str, ...] = (),
        timeout_s: float = 60,
        limits: Limits = LIMITS,
        inputs: Mapping[str, Path] | None = None,
        image_id: str | None = None,
    ) -> SandboxJob:
        number = next(self._count)
        model, destination = self._folder / f"model-{number}", self._folder / f"out-{number}"
        model.mkdir()
        destination.mkdir()
        model.chmod(0o755)
        body = textwrap.indent(textwrap.dedent(payload), " " * 8)
        (model / "model.py").write_text(_MODEL.format(payload=body))
        (model / "model.py").chmod(0o644)
        return SandboxJob(
            work="run_test",
            fence=1,
            part=str(number),
            program=Program(image_id or self._image_id, model),
            documents={"case.json": CASE},
            inputs=inputs or {},
            outputs=outputs,
            destination=destination,
            limits=limits,
            timeout_s=timeout_s,
        )

    def run(
        self,
        payload: str,
        outputs: tuple[str, ...] = (),
        cancelled: Callable[[], bool] = lambda: False,
        **more: object,
    ) -> SandboxResult:
        return self.sandbox.run(self.job(payload, outputs, **more), cancelled)  # type: ignore[arg-type]


_SANDBOXES = [pytest.param("docker", marks=pytest.mark.docker), "process"]


@pytest.fixture(scope="module", params=_SANDBOXES)
def bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    yield from make_bench(request, tmp_path_factory)


@pytest.fixture(
    scope="module", params=[*_SANDBOXES, pytest.param("keeper", marks=pytest.mark.docker)]
)
def output_bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """Each sandbox, Docker with both of its ways to limit and collect outputs."""
    yield from make_bench(request, tmp_path_factory)


def make_bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    root = tmp_path_factory.mktemp(request.param)
    slots = Slots(root / "slots")
    image_id = ""
    sandbox: Sandbox
    if request.param == "process":
        sandbox = ProcessSandbox(root / "state", slots)
    else:
        image_id = request.getfixturevalue("runtime_image")
        client: docker.DockerClient = request.getfixturevalue("docker_client")
        by_itself = request.param == "docker"
        sandbox = DockerSandbox(client, root / "state", slots, image_id, mounts_itself=by_itself)
    yield Bench(sandbox, image_id, root)
    sandbox.close()


@pytest.fixture
def docker_bench(
    docker_client: docker.DockerClient, runtime_image: str, tmp_path: Path
) -> Iterator[Bench]:
    sandbox = DockerSandbox(docker_client, tmp_path / "state", Slots(tmp_path / "slots"))
    yield Bench(sandbox, runtime_image, tmp_path)
    sandbox.close()
