"""Brings an image that passed intake into the Docker daemon, by id and never by name."""

from __future__ import annotations

import docker

from proctor.spec.work import ImageContent
from proctor_runner.intake.interface import OpenBlob


def ensure_image(
    client: docker.DockerClient, content: ImageContent, open_blob: OpenBlob, check: bool
) -> str:
    """Return the id under which the daemon runs ``content``, loading it when it is not there.

    Args:
        check: Scan the image by the rules of intake first, even when the daemon has it already.

    Raises:
        ParticipantError: IMAGE_REJECTED, with a sentence.
        PlatformError: SANDBOX_FAILED, the daemon did not take it.
    """
    raise NotImplementedError
