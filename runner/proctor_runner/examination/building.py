"""Builds the Dockerfile of a model folder on this machine, as its author would."""

from __future__ import annotations

from pathlib import Path

import docker
from docker.errors import APIError, BuildError

from proctor.spec.card.examination import Check
from proctor.spec.outcomes import Code, ParticipantError
from proctor_runner.examination.verdicts import Question

_BUILDS = Question("builds", "Its Dockerfile builds")
_MOST_LINES = 20


def build_folder(client: docker.DockerClient, folder: Path) -> tuple[str, Check]:
    """Return the id of the image that the folder becomes.

    Raises:
        ParticipantError: IMAGE_REJECTED, it does not build; the end of the log is told.
    """
    try:
        image, _ = client.images.build(path=str(folder), rm=True, forcerm=True)
    except BuildError as error:
        lines = [str(line.get("stream", "")).strip() for line in error.build_log]
        last = "\n".join([line for line in lines if line][-_MOST_LINES:])
        raise ParticipantError(
            Code.IMAGE_REJECTED, f"{folder} does not build: {error.msg}\n{last}"
        ) from error
    except (APIError, TypeError) as error:
        raise ParticipantError(Code.IMAGE_REJECTED, f"{folder} does not build: {error}") from error
    return str(image.id), _BUILDS.passed(f"{str(image.id)[:19]}.")
