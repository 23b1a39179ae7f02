"""Sets up the bench of this machine: two slots of a sandbox, the decode image, the image shelf.

It is opened in the process that does the run: a slot's lock and a daemon's connection belong to one
process and end with it, however it ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import docker
from docker.errors import DockerException, ImageNotFound

from proctor.spec.model import Protocol as ContainerProtocol
from proctor.spec.outcomes import Code, PlatformError
from proctor.spec.work import Environment, ImageContent
from proctor_runner.contracts.interface import ImageFacts
from proctor_runner.contracts.protocols import of_image
from proctor_runner.decoding import decode_program
from proctor_runner.faults import Faults
from proctor_runner.gpus.held import HeldGpus
from proctor_runner.gpus.sandbox import GpuSandbox
from proctor_runner.images.builder import DECODE_REPOSITORY, released_tag
from proctor_runner.intake.daemon import ensure_image
from proctor_runner.intake.interface import OpenBlob
from proctor_runner.intake.kept_images import KeptImages
from proctor_runner.model_program import ImageShelf, NoImages
from proctor_runner.run_work import Bench
from proctor_runner.sandbox.choose import choose
from proctor_runner.sandbox.daemon import connect
from proctor_runner.sandbox.slots import shared_folder
from proctor_runner.serving.image_model import copy_shown


@dataclass(frozen=True)
class RunTools:
    """A bench to run on, and what brings images to it."""

    bench: Bench
    shelf: ImageShelf
    environment: Environment


class Workshop(Protocol):
    """Opens what a run needs, in the process that runs it."""

    def open(self, scratch: Path) -> AbstractContextManager[RunTools]:
        """Give the tools for as long as the block lasts; ``scratch`` is the bench's folder."""
        ...


class DockerShelf:
    """Images in a Docker daemon."""

    def __init__(self, client: docker.DockerClient, kept: KeptImages) -> None:
        self._client = client
        self._kept = kept

    def ensure(self, content: ImageContent, open_blob: OpenBlob, check: bool) -> str:
        """Return the image's id in the daemon; see ``ensure_image``."""
        return ensure_image(self._client, content, open_blob, check, self._kept)

    def tagged(self, name: str) -> str:
        """Return the id of a local image.

        Raises:
            PlatformError: SANDBOX_FAILED, there is none or the daemon does not answer.
        """
        try:
            return str(self._client.images.get(name).id)
        except ImageNotFound as error:
            raise PlatformError(
                Code.SANDBOX_FAILED, f"there is no image {name} here; build it first"
            ) from error
        except DockerException as error:
            raise PlatformError(
                Code.SANDBOX_FAILED, f"the Docker daemon failed: {error}"
            ) from error

    def protocols(self, image_id: str) -> frozenset[ContainerProtocol]:
        """Return the protocols that an image declares by its label and its command.

        Raises:
            PlatformError: SANDBOX_FAILED, the daemon does not answer.
        """
        facts = self.facts(image_id)
        return of_image(facts.labels, facts.own_command)

    def facts(self, image_id: str) -> ImageFacts:
        """Return what an image declares of itself.

        Raises:
            PlatformError: SANDBOX_FAILED, the daemon does not answer.
        """
        try:
            attributes = self._client.images.get(image_id).attrs
        except DockerException as error:
            raise PlatformError(
                Code.SANDBOX_FAILED, f"the Docker daemon failed: {error}"
            ) from error
        found = attributes.get("Config") or {}
        return ImageFacts(
            id=image_id,
            entrypoint=tuple(found.get("Entrypoint") or ()),
            command=tuple(found.get("Cmd") or ()),
            labels=found.get("Labels") or {},
            size_bytes=attributes.get("Size"),
        )

    def copy_shown(self, image_id: str, folder: Path) -> None:
        """Copy the card and the samples that an image holds into ``folder``.

        Raises:
            PlatformError: SANDBOX_FAILED, the daemon failed.
        """
        copy_shown(self._client, image_id, folder)


@dataclass(frozen=True)
class SandboxWorkshop:
    """The workshop of a real worker, and of a local run.

    Attributes:
        sandbox: ``auto``, ``docker`` or ``process``.
        decode_image: Id of the decode image; empty for the one of this release.
        gpus: What models may use; decoding uses none.
        image_cache_bytes: Most bytes of submissions' images that stay; without, any number.
        runtime: The engine's runtime for models and for decoding; its default if empty.
    """

    sandbox: str
    state: Path
    worker: str
    decode_image: str = ""
    decode_cases: int = 8
    decode_wait_s: float = 10.0
    faults: Faults = field(default_factory=Faults)
    gpus: HeldGpus | None = None
    image_cache_bytes: int | None = None
    runtime: str = ""

    @contextmanager
    def open(self, scratch: Path) -> Iterator[RunTools]:
        """Take two slots and give them back at the end.

        Raises:
            PlatformError: SANDBOX_FAILED, the sandbox cannot be used.
        """
        with ExitStack() as stack:
            docker_shelf = self._docker_shelf(stack)
            shelf: ImageShelf = NoImages()
            decode_image = ""
            if docker_shelf is not None:
                shelf = docker_shelf
                decode_image = self.decode_image or docker_shelf.tagged(
                    released_tag(DECODE_REPOSITORY)
                )
            name = "process" if docker_shelf is None else "docker"
            # The decode image may keep outputs as well: it is ours, has Python, and is trusted.
            first, second = (
                stack.enter_context(closing(choose(name, self.state, decode_image, self.runtime)))
                for _ in range(2)
            )
            if self.gpus is not None:
                first = GpuSandbox(first, self.gpus)
            yield RunTools(
                bench=Bench(
                    sandbox=first,
                    decoder=second,
                    decode_program=decode_program(decode_image),
                    scratch=scratch,
                    decode_cases=self.decode_cases,
                    decode_wait_s=self.decode_wait_s,
                    faults=self.faults,
                ),
                shelf=shelf,
                environment=first.describe(self.worker),
            )

    def _docker_shelf(self, stack: ExitStack) -> DockerShelf | None:
        if self.sandbox == "process":
            return None
        try:
            client = stack.enter_context(closing(connect()))
            kept = KeptImages(client, shared_folder(), self.image_cache_bytes)
            return DockerShelf(client, stack.enter_context(closing(kept)))
        except PlatformError:
            if self.sandbox == "docker":
                raise
            return None
