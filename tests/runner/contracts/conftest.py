"""Images that keep other systems' contracts, and one way to have a task answered by each.

They are built once and kept by the digest of what is in them. Cases run in Docker; decoding, which
has its own tests in a container, runs as a process.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import nibabel
import numpy as np
import pytest

from proctor.spec.base import FileRef
from proctor.spec.contract import ForeignContract, parse_contract
from proctor.spec.digests import FolderEntry, digest_bytes, read_folder
from proctor.spec.limits import MIB, Limits
from proctor.spec.outcomes import ParticipantError
from proctor.spec.task import TaskSpec
from proctor.spec.work import CaseReport, ImageContent, OrderCase, RunOrder
from proctor_runner.decoding import decode_program
from proctor_runner.images import ImageBuilder
from proctor_runner.images.base import BaseImage
from proctor_runner.images.context import ImageRecipe, write_archive
from proctor_runner.images.wheels import PROBE, download_wheels, parse_probe
from proctor_runner.intake.kept_images import KeptImages
from proctor_runner.local import LocalDesk
from proctor_runner.model_program import image_program, lay_out_folder
from proctor_runner.run_work import Bench, RunOutcome, run_cases
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.process import ProcessSandbox
from proctor_runner.sandbox.slots import Slots
from proctor_runner.workshop import DockerShelf, RunTools

CACHE = Path(__file__).parents[3] / ".cache" / "images"
IMAGES = Path(__file__).parent / "images"
LIMITS = Limits(memory_bytes=512 * MIB, case_s=60, total_s=300, start_s=60, cpus=1)
SPLIT = {"inputs": "i", "reference": "r"}


@dataclass(frozen=True)
class Foreign:
    """The images of this folder, each by its Dockerfile's folder and build arguments."""

    builder: ImageBuilder
    base: BaseImage

    def build(self, folder: str, **arguments: str) -> str:
        """Return the id of an image, built if anything in it changed."""
        client = self.builder.client
        files = {
            path.relative_to(IMAGES / folder).as_posix(): path.read_bytes()
            for path in sorted((IMAGES / folder).rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }
        wanted = files | {"arguments": json.dumps(arguments, sort_keys=True).encode()}
        recipe = ImageRecipe(f"proctor-test/{folder}", self.base.name, self.base.id, wanted)
        try:
            return str(client.images.get(recipe.tag).id)
        except docker.errors.ImageNotFound:
            pass
        wheels = {}
        if "requirements.txt" in files:
            command = ["python3", "-c", PROBE]
            answer = client.containers.run(
                self.base.name, command, entrypoint="", remove=True, network_mode="none"
            )
            target = parse_probe(json.loads(answer), self.base.name)
            pins = IMAGES / folder / "requirements.txt"
            wheels = download_wheels(pins, target, CACHE / "wheels-foreign")
        with tempfile.TemporaryFile() as archive:
            write_archive(archive, files, wheels)
            archive.seek(0)
            image, _ = client.images.build(
                fileobj=archive,
                custom_context=True,
                tag=recipe.tag,
                buildargs={"BASE": self.base.name, **arguments},
                network_mode="none",
                rm=True,
                forcerm=True,
            )
        return str(image.id)


@pytest.fixture(scope="session")
def images(docker_client: docker.DockerClient) -> Foreign:
    builder = ImageBuilder(docker_client, CACHE, print)
    plain = Foreign(builder, builder.ensure_base())
    image = docker_client.images.get(plain.build("base"))
    return Foreign(builder, BaseImage(image.tags[0], str(image.id)))


def task_of(**facts: object) -> TaskSpec:
    """Return a task of which a test says what matters: its inputs, outputs and labels."""
    outputs = facts["outputs"]
    assert isinstance(outputs, dict)
    whole = {
        "slug": "task",
        "title": "Task",
        "labels": {0: "dark", 1: "light"},
        "reference": {"true": {"type": "labels", "file": "{case}.npy"}},
        "data": {"hidden": SPLIT, "sample": SPLIT},
        "metrics": [
            {"id": "m", "name": "accuracy", "output": next(iter(outputs)), "reference": "true"}
        ],
        "primary": "m",
    }
    return TaskSpec.model_validate(whole | facts)


@dataclass(frozen=True)
class Answered:
    """What came of a run: its outcome, and the canonical arrays of each case by output."""

    outcome: RunOutcome
    reports: Mapping[str, CaseReport]
    arrays: Mapping[str, Mapping[str, np.ndarray]]
    logs: Mapping[str, str] = field(default_factory=dict)
    container: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class LookingDesk(LocalDesk):
    """A desk that looks at the container of its run when it is asked whether to stop."""

    client: docker.DockerClient | None = None
    seen: dict[str, Any] = field(default_factory=dict)

    def stopped(self) -> bool:
        if self.client is not None and not self.seen:
            api = self.client.api
            for found in api.containers(
                filters={"label": f"proctor.work=run_{self.stored.parent.name}"}
            ):
                with suppress(docker.errors.NotFound):
                    self.seen = api.inspect_container(found["Id"])
        return False


class Room:
    """Asks images in the sandbox."""

    task = staticmethod(task_of)

    def __init__(self, client: docker.DockerClient, folder: Path) -> None:
        self._folder = folder
        self._client = client
        slots = Slots(folder / "slots")
        self._sandbox = DockerSandbox(client, folder / "state", slots)
        self._decoder = ProcessSandbox(folder / "state", slots)
        self._shelf = DockerShelf(client, KeptImages(client, folder, None))

    def ask(
        self,
        image: str,
        contract: ForeignContract | str,
        task: TaskSpec,
        cases: Mapping[str, Mapping[str, bytes]],
        items: int = 1,
        weights: Path | None = None,
        limits: Limits = LIMITS,
    ) -> Answered:
        """Have an image answer cases, given as the bytes of their inputs."""
        declared = parse_contract(contract) if isinstance(contract, str) else contract
        work = Path(tempfile.mkdtemp(dir=self._folder))
        desk = LookingDesk(
            {}, work / "stored", lambda _stage, _done, _total: None, client=self._client
        )
        entries: tuple[FolderEntry, ...] = ()
        if weights is not None:
            entries = read_folder(weights)
            for entry in entries:
                desk.store(weights / entry.path)
            lay_out_folder(entries, desk, work / "model")
        content = ImageContent(
            config=FileRef(digest=image, size=0), layers=(), weights=entries, contract=declared
        )
        order = RunOrder(
            id=f"run_{work.name}",
            fence=1,
            token="",
            lease_s=0,
            submission="s",
            challenge="c",
            phase="p",
            content=content,
            intake=False,
            task=task,
            limits=limits,
            cases=tuple(
                OrderCase(
                    id=case,
                    alias=digest_bytes(case.encode())[7:23],
                    items=items,
                    files={name: desk.store_bytes(data) for name, data in files.items()},
                )
                for case, files in cases.items()
            ),
            cases_total=len(cases),
        )
        program = image_program(
            image, content, work / "model" if entries else None, self._shelf, work / "model"
        )
        (work / "cases").mkdir()
        bench = Bench(self._sandbox, self._decoder, decode_program(), work / "cases")
        outcome = run_cases(order, program, desk, bench)
        arrays = {
            case: {name: np.load(desk.fetch(file)) for name, file in report.predictions.items()}
            for case, report in desk.reports.items()
        }
        logs = {
            case: desk.fetch(report.log).read_text()
            for case, report in desk.reports.items()
            if report.log is not None
        }
        return Answered(outcome, desk.reports, arrays, logs, desk.seen)

    @contextmanager
    def tools(self, scratch: Path) -> Iterator[RunTools]:
        """Give what a scoring runs an organizer's container with."""
        scratch.mkdir()
        bench = Bench(self._sandbox, self._decoder, decode_program(), scratch)
        yield RunTools(bench, self._shelf, self._sandbox.describe("test"))

    def close(self) -> None:
        self._sandbox.close()
        self._decoder.close()


@pytest.fixture(scope="session")
def room(
    docker_client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Room]:
    room = Room(docker_client, tmp_path_factory.mktemp("contracts"))
    yield room
    room.close()


class Volumes:
    """Volumes with an oblique grid, and tasks that want a mask of one."""

    affine = np.array(
        [[0.0, -2.0, 0.0, 12.0], [1.0, 0.0, 0.0, -7.0], [0.0, 0.0, 3.0, 5.0], [0, 0, 0, 1.0]]
    )

    def voxels(self, seed: int) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 100, (16, 17, 18)).astype(np.int16)

    def nifti(self, seed: int) -> bytes:
        return self.nifti_of(self.voxels(seed))

    def nifti_of(self, voxels: np.ndarray) -> bytes:
        image = nibabel.Nifti1Image(voxels, self.affine)
        return gzip.compress(image.to_bytes(), mtime=0)

    @staticmethod
    def task(*inputs: str, output: str) -> TaskSpec:
        mask = {"type": "mask_image", "file": "seg.nii.gz", "grid": inputs[0]}
        return task_of(
            labels={1: "one", 2: "two"},
            inputs={name: {"type": "volume", "file": "{case}.nii.gz"} for name in inputs},
            outputs={output: mask},
            reference={"true": {"type": "mask_image", "file": "{case}.nii.gz"}},
        )


@pytest.fixture(scope="session")
def volumes() -> Volumes:
    return Volumes()


@pytest.fixture
def refusal() -> Callable[..., str]:
    """A function that calls another one, which must refuse, and returns what is said."""

    def call(function: Callable[..., object], *arguments: object) -> str:
        with pytest.raises(ParticipantError) as refused:
            function(*arguments)
        return refused.value.detail

    return call
