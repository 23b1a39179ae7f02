"""`proctor challenge publish`: a folder becomes a version of a challenge.

Everything is checked here first, then digested, then uploaded where the platform lacks it; only
then is the version announced, so that a publish cut off leaves no half of a challenge behind.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pydantic import ValidationError

from proctor.cli.contents import docker_client, open_image
from proctor.cli.failures import CommandError
from proctor.cli.salts import with_salts
from proctor.cli.transfer import upload
from proctor.client.blobs import Blob
from proctor.client.errors import ApiError
from proctor.spec.api import ChallengeView, PublishRequest
from proctor.spec.base import FileRef
from proctor.spec.digests import canonical_json
from proctor.spec.outcomes import Code
from proctor.spec.work import ImageContent, RuntimeImage

if TYPE_CHECKING:
    from proctor.client import Client
    from proctor.spec.challenge import ChallengeSpec
    from proctor.spec.dataset import TaskDatasets

Say = Callable[[str], None]


class Published(NamedTuple):
    """The version that stands now, and whether it is new."""

    view: ChallengeView
    new: bool


class Shelf(Protocol):
    """Where the runtime images that a challenge names are found."""

    def publish(self, client: Client, name: str, say: Say) -> RuntimeImage:
        """Upload the runtime called ``name`` and return what it is made of."""
        ...


@dataclass(frozen=True)
class RuntimeShelf:
    """The runtime images of this machine, and what is remembered of them.

    Attributes:
        memory: Folder that remembers what an image is made of, so that it is saved from the daemon
            only when a platform lacks a layer of it.
    """

    memory: Path

    def publish(self, client: Client, name: str, say: Say) -> RuntimeImage:
        """Upload the runtime image called ``name`` and return what it is made of.

        Raises:
            CommandError: The Docker daemon has no such image.
        """
        reference, image_id = self._find(name)
        path = self.memory / f"{image_id.removeprefix('sha256:')}.json"
        content = _remembered(path)
        if content is not None and not client.missing_blobs([ref.digest for ref in _refs(content)]):
            return RuntimeImage(name=name, image=content)
        say(f"Reading the runtime image {reference} from the Docker daemon.")
        with open_image(image_id) as image:
            upload(client, image.blobs)
            content = image.content
        self.memory.mkdir(parents=True, exist_ok=True)
        path.write_text(content.model_dump_json())
        return RuntimeImage(name=name, image=content)

    def _find(self, name: str) -> tuple[str, str]:
        from importlib.metadata import version

        from docker.errors import ImageNotFound

        tags = (f"proctor/{name}:{version('proctor')}", f"proctor/{name}:latest", name)
        with docker_client() as daemon:
            for reference in tags:
                with suppress(ImageNotFound):
                    return reference, str(daemon.images.get(reference).id)
        raise CommandError(
            f"runtimes: the Docker daemon has no image {tags[0]} for the runtime {name!r}.",
            "`proctor up` builds runtime-cpu, `python -m proctor_runner.images --torch` also"
            " runtime-torch (docs/models.md); tag another one with that name.",
        )


@dataclass(frozen=True)
class NoDockerShelf:
    """Stands in for runtime images on a platform whose workers have no Docker.

    The process sandbox runs a model folder on the worker's own Python. What is published in the
    image's place is an image of nothing, so that no Docker worker can ever run it by mistake.
    """

    def publish(self, client: Client, name: str, say: Say) -> RuntimeImage:
        """Publish the image of nothing under the name of a runtime."""
        config = {
            "architecture": "",
            "os": "linux",
            "config": {"Labels": {"proctor.runtime": f"{name}, process sandbox only"}},
            "rootfs": {"type": "layers", "diff_ids": []},
        }
        blob = Blob.of_bytes(canonical_json(config))
        client.upload([blob])
        say(f"The runtime {name} stands for the workers' own Python: process sandbox only.")
        return RuntimeImage(name=name, image=ImageContent(config=blob.ref, layers=()))


def publish_folder(
    client: Client,
    folder: Path,
    allow_identifiers: bool,
    shelf: Shelf,
    key: bytes,
    say: Say,
) -> Published:
    """Check, upload and publish the challenge in ``folder``.

    Args:
        shelf: Where runtime images are found.
        key: The organizer's secret from which the salts of references are derived.

    Raises:
        CommandError: The challenge has problems.
    """
    from proctor.cli.checking import check_folder
    from proctor_runner.challenge_folder import metric_sources
    from proctor_runner.datasets import build_datasets

    spec = check_folder(folder, allow_identifiers)
    built = build_datasets(folder, spec)
    upload(
        client,
        [
            *(Blob.of_file(built.blobs[ref.digest], ref) for ref in _files(built.data)),
            *map(Blob.of_file, metric_sources(folder, spec).values()),
        ],
    )
    runtimes = tuple(shelf.publish(client, name, say) for name in spec.runtimes)
    spec = _with_images(client, spec, say)
    data = with_salts(built.data, key)
    before = _newest_version(client, spec.slug)
    view = client.publish(PublishRequest(challenge=spec, data=data, runtimes=runtimes))
    return Published(view, new=view.version != before)


def _with_images(client: Client, spec: ChallengeSpec, say: Say) -> ChallengeSpec:
    """Upload the images of an organizer's own metrics, and name them by what they are made of."""
    tasks = []
    for task in spec.tasks:
        metrics = []
        for metric in task.metrics:
            custom = metric.custom
            if custom is not None and custom.image is not None:
                say(f"Reading the image {custom.image} of metric {metric.id} from Docker.")
                with open_image(_image_id(custom.image, metric.id)) as image:
                    upload(client, image.blobs)
                    made = {"config": image.content.config, "layers": image.content.layers}
                metric = metric.model_copy(update={"custom": custom.model_copy(update=made)})
            metrics.append(metric)
        tasks.append(task.model_copy(update={"metrics": tuple(metrics)}))
    return spec.model_copy(update={"tasks": tuple(tasks)})


def _image_id(name: str, metric: str) -> str:
    from docker.errors import ImageNotFound

    with docker_client() as daemon:
        try:
            return str(daemon.images.get(name).id)
        except ImageNotFound as error:
            raise CommandError(
                f"metrics.{metric}.custom.image: the Docker daemon has no image {name}.",
                "Build or pull it on this machine first.",
            ) from error


def _newest_version(client: Client, slug: str) -> int | None:
    try:
        return client.challenge(slug).version
    except ApiError as error:
        if error.problem.code is not Code.NOT_FOUND:
            raise
        return None


def _remembered(path: Path) -> ImageContent | None:
    try:
        return ImageContent.model_validate(json.loads(path.read_text()))
    except (OSError, ValueError, ValidationError):
        return None


def _refs(content: ImageContent) -> tuple[FileRef, ...]:
    return (content.config, *content.layers)


def _files(data: Mapping[str, TaskDatasets]) -> Iterator[FileRef]:
    """Yield every file of every split; what lies in several cases comes several times."""
    for task in data.values():
        for split in (task.hidden, task.sample):
            for dataset in (split.inputs, split.reference):
                for case in dataset.cases:
                    yield from case.files.values()
