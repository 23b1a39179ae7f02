"""The images of submissions that a daemon keeps, held below a size together.

Each has one name of ours, so that nothing else cleans it up; naming it again at each use is how
the daemon tells which was used last. A lock for the whole host says which are in use: between two
cases there is no container, and so nothing that the daemon would know of. Images with other names
only lose ours; images without it are never touched.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import docker
import structlog
from docker.errors import APIError, ImageNotFound

KEPT_REPOSITORY = "proctor/cand"

_log = structlog.get_logger(__name__)


class _Kept(NamedTuple):
    used_at: str
    image_id: str
    name: str
    size_bytes: int


class KeptImages:
    """The kept images of a daemon; what one user of this object uses stays until ``close``.

    Args:
        client: the daemon.
        locks: a folder that all workers of the host share.
        limit_bytes: most bytes of all together, each with all its layers; without, any number.
        repository: the first part of their names.
    """

    def __init__(
        self,
        client: docker.DockerClient,
        locks: Path,
        limit_bytes: int | None = None,
        repository: str = KEPT_REPOSITORY,
    ) -> None:
        self._client = client
        self._locks = locks
        self._limit_bytes = limit_bytes
        self._repository = repository
        self._held: dict[str, int] = {}

    def hold(self, image_id: str) -> None:
        """Keep an image, there or about to come, from being removed."""
        if image_id not in self._held:
            descriptor = self._opened(image_id)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            self._held[image_id] = descriptor

    def keep(self, image_id: str) -> None:
        """Give an image its name, as the one used last, and remove others for its sake."""
        self._client.api.tag(image_id, self._repository, _tag(image_id))
        if self._limit_bytes is not None:
            self._trim(self._limit_bytes)

    def close(self) -> None:
        """Let go of what was held."""
        for descriptor in self._held.values():
            os.close(descriptor)
        self._held.clear()

    def _trim(self, limit_bytes: int) -> None:
        listed: list[dict[str, Any]] = self._client.api.images(name=self._repository)
        held_bytes = sum(int(image["Size"]) for image in listed)
        if held_bytes <= limit_bytes:
            return
        for image in sorted(kept for image in listed if (kept := self._kept(image)) is not None):
            if self._remove(image):
                _log.info("image_removed", image=image.image_id, bytes=image.size_bytes)
                held_bytes -= image.size_bytes
            if held_bytes <= limit_bytes:
                return

    def _kept(self, listed: dict[str, Any]) -> _Kept | None:
        image_id = str(listed["Id"])
        name = f"{self._repository}:{_tag(image_id)}"
        if name not in (listed.get("RepoTags") or ()):
            return None
        try:
            found = self._client.api.inspect_image(image_id)  # type: ignore[no-untyped-call]
        except ImageNotFound:
            return None
        used_at = str(found.get("Metadata", {}).get("LastTagTime", ""))
        return _Kept(used_at, image_id, name, int(listed["Size"]))

    def _remove(self, image: _Kept) -> bool:
        if image.image_id in self._held:
            return False
        descriptor = self._opened(image.image_id)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Without force: a container of whoever it is keeps its image.
            self._client.api.remove_image(image.name)
        except (BlockingIOError, APIError):
            return False
        finally:
            os.close(descriptor)
        return True

    def _opened(self, image_id: str) -> int:
        folder = self._locks / "images"
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        return os.open(folder / _tag(image_id), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _tag(image_id: str) -> str:
    return image_id.removeprefix("sha256:")[:12]
