"""Makes the one container that a slot may have, with its inputs, its output area and its labels.

It decides between the two kinds of output area and knows whose fault it is when nothing can be
made; it neither starts a container nor watches one.
"""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any, NamedTuple

import docker
from docker.errors import APIError, ImageNotFound
from docker.types import Mount

from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox import settings
from proctor_runner.sandbox.engine_errors import (
    ENGINE_ERRORS,
    explain,
    is_path_unknown,
    is_the_images_fault,
    ours,
    without_host_paths,
)
from proctor_runner.sandbox.interface import NotStartedError, SandboxJob
from proctor_runner.sandbox.leftovers import (
    SLOT_LABEL,
    SLOTS_LABEL,
    container_name,
    output_name,
)
from proctor_runner.sandbox.output_area import HostOutput, KeeperOutput, OutputArea
from proctor_runner.sandbox.slot_folder import SlotFolder
from proctor_runner.sandbox.slots import Slot, Slots

# So much that no path is cut: half a path would not be known as one of the host.
_MOST_SAID = 20_000


class Made(NamedTuple):
    """A container that is not yet started, and its /output."""

    container_id: str
    output: OutputArea


class SlotContainers:
    """The containers of one slot, one at a time.

    Attributes:
        folder: The slot's folder on this host.
    """

    def __init__(
        self,
        client: docker.DockerClient,
        info: dict[str, Any],
        folder: SlotFolder,
        slots: Slots,
        slot: Slot,
        keeper_image: str,
        mounts_itself: bool,
        runtime: str = "",
    ) -> None:
        self.folder = folder
        self._client = client
        self._api = client.api
        self._info = info
        self._slots = slots
        self._slot = slot
        self._keeper_image = keeper_image
        self._mounts_itself = mounts_itself
        self._runtime = runtime
        self._image_volumes: dict[str, tuple[str, ...]] = {}

    @property
    def mounts_itself(self) -> bool:
        """Tell whether this process is root on the daemon's host, so far as has been seen."""
        return self._mounts_itself

    def make(
        self, job: SandboxJob, input_folder: Path, output_folder: Path, interactive: bool = False
    ) -> Made:
        """Make the container of ``job``; ``remove`` and ``output.close`` end it.

        Args:
            interactive: Keep its standard input open; its outputs lie one folder deeper.

        Raises:
            NotStartedError: the image does not allow it.
            PlatformError: SANDBOX_FAILED.
        """
        try:
            try:
                return self._make(job, input_folder, output_folder, interactive)
            except APIError as error:
                if not (self._mounts_itself and is_path_unknown(error, str(output_folder))):
                    raise
            self._mounts_itself = False
            return self._make(job, input_folder, output_folder, interactive)
        except ENGINE_ERRORS as error:
            if isinstance(error, APIError) and is_the_images_fault(error):
                raise NotStartedError(explain(error, _MOST_SAID)) from error
            raise PlatformError(
                Code.SANDBOX_FAILED,
                f"The Docker daemon failed while a container was made: {explain(error)}",
            ) from error

    def start(self, container_id: str) -> None:
        """Start a container.

        Raises:
            NotStartedError: its image does not allow it.
            APIError: the engine failed.
        """
        try:
            self._api.start(container_id)
        except APIError as error:
            if is_the_images_fault(error):
                raise NotStartedError(explain(error, _MOST_SAID)) from error
            raise

    def remove(self, container_id: str) -> None:
        """Remove a container, killed first if it runs.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        with ours("a container was removed"):
            self._api.remove_container(container_id, v=True, force=True)

    def told(self, said: str, job: SandboxJob) -> str:
        """Return what the engine said as a participant may read it: without paths of this host."""
        folders = [str(self.folder.path), str(self._info.get("DockerRootDir") or "")]
        if job.program.model_folder is not None:
            folders.append(str(job.program.model_folder.absolute()))
        folders += [str(path.absolute()) for path in job.program.places.mounts.values()]
        return without_host_paths(said, folders)

    def _make(
        self, job: SandboxJob, input_folder: Path, output_folder: Path, interactive: bool
    ) -> Made:
        output = self._open_output(job, output_folder, interactive)
        try:
            return Made(self._create(job, input_folder, output.mount, interactive), output)
        except BaseException:
            output.close()
            raise

    def _open_output(self, job: SandboxJob, folder: Path, interactive: bool) -> OutputArea:
        name = output_name(self._slots.id, self._slot.number)
        # The folder of a served case is no file of its model's choice.
        own_folders = 1 if interactive else 0
        if self._mounts_itself:
            try:
                return HostOutput(folder, name, self._slot.uid, job.limits, own_folders)
            except OSError:
                self._mounts_itself = False
        if not self._keeper_image:
            raise PlatformError(
                Code.SANDBOX_FAILED,
                f"This process cannot mount at {folder} where the Docker daemon sees it, and no"
                " keeper image is set. Run the worker as root beside the daemon, or set one.",
            )
        return KeeperOutput(
            self._api,
            self._keeper_image,
            name,
            self._slot.uid,
            job.limits,
            self._labels(job),
            own_folders,
        )

    def _create(self, job: SandboxJob, input_folder: Path, output: Mount, interactive: bool) -> str:
        places = job.program.places
        mounts = [_read_only(places.input, input_folder), _at(places.output, output)]
        if job.program.model_folder is not None:
            mounts.append(_read_only(places.model, job.program.model_folder.absolute()))
        mounts += [_read_only(place, path.absolute()) for place, path in places.mounts.items()]
        request = settings.ContainerRequest(
            image_id=job.program.image_id,
            name=container_name(self._slots.id, self._slot.number),
            uid=self._slot.uid,
            limits=job.limits,
            mounts=tuple(mounts),
            environment={
                **job.program.environment,
                **settings.environment(job.protocol.value, job.seed, job.limits.cpus, job.gpus),
            },
            labels=self._labels(job),
            host_cpus=float(self._info.get("NCPU") or 1),
            image_volumes=self._volumes_of(job.program.image_id),
            command=job.program.command,
            interactive=interactive,
            gpus=job.gpus,
            runtime=self._runtime,
            scratch=places.scratch,
            low_ports=places.low_ports,
        )
        return settings.create_container(self._api, request)

    def _volumes_of(self, image_id: str) -> tuple[str, ...]:
        if image_id not in self._image_volumes:
            try:
                found = self._client.images.get(image_id)
            except ImageNotFound as error:
                raise PlatformError(
                    Code.SANDBOX_FAILED, f"The Docker daemon has no image {image_id}."
                ) from error
            self._image_volumes[image_id] = tuple(
                (found.attrs.get("Config") or {}).get("Volumes") or ()
            )
        return self._image_volumes[image_id]

    def _labels(self, job: SandboxJob) -> dict[str, str]:
        """Return every label we filter on: an image must not be able to bring one of its own."""
        return {
            SLOTS_LABEL: self._slots.id,
            SLOT_LABEL: str(self._slot.number),
            "proctor.work": job.work,
            "proctor.fence": str(job.fence),
        }


def _at(target: str, mount: Mount) -> Mount:
    moved = copy(mount)
    moved["Target"] = target
    return moved


def _read_only(target: str, source: Path) -> Mount:
    return Mount(target, str(source), type="bind", read_only=True, propagation="rprivate")
