"""What is entered while faults happen: models of three kinds, each by a participant of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from storm.world import PATIENCE_S, World

from proctor.cli.publishing import NoDockerShelf, RuntimeShelf, publish_folder
from proctor.client.blobs import Blob
from proctor.client.errors import ApiError, ClientError
from proctor.spec.api import SubmissionCreate, UserCreate
from proctor.spec.digests import FolderEntry
from proctor.spec.model import ModelCard
from proctor.spec.work import FolderContent

SLUG = "half"

_SOURCE = """# {number}
import numpy as np

class Model:
    def predict(self, inputs):
        {action}
        high = inputs["values"][:, 0] > 0.5
        return {{"probabilities": np.where(high[:, None], {rows})}}
"""
_RIGHT, _WRONG = "[0.1, 0.9], [0.9, 0.1]", "[0.9, 0.1], [0.1, 0.9]"


@dataclass(frozen=True)
class Entry:
    """One submission, and what must become of it.

    Attributes:
        score: None for a model that fails by itself.
    """

    submission: str
    user: str
    score: float | None


def publish(world: World, folder: Path, docker: bool) -> None:
    """Publish a challenge of one case, in which everybody may enter once."""
    shelf = RuntimeShelf(world.folder / "runtimes") if docker else NoDockerShelf()
    with world.direct_client(world.admin_token) as admin:
        publish_folder(admin, folder, True, shelf, b"key", lambda _: None)


def invite(world: World, names: Sequence[str]) -> list[str]:
    """Return the tokens of people who are new."""
    with world.direct_client(world.admin_token) as admin:
        return [admin.create_user(UserCreate(name=name)).secret for name in names]


def invite_in_a_storm(world: World, name: str) -> list[str]:
    """Return the token of somebody new, or none where a fault kept the platform from answering.

    The account may have been made all the same, so whoever tries again takes another name.
    """
    try:
        return invite(world, [name])
    except ClientError as error:
        if not _is_ours(error):
            raise
        return []


def enter(world: World, number: int, token: str) -> Entry:
    """Enter the model of a number, whatever happens on the way."""
    rows, action, score = _RIGHT, "pass", 1.0
    if number % 5 == 1:
        rows, score = _WRONG, 0.0
    if number % 10 == 7:
        action, score = "raise SystemExit(3)", None
    source = _SOURCE.format(number=number, rows=rows, action=action).encode()
    card = ModelCard.model_validate(
        {
            "contract": 1,
            "name": f"model-{number}",
            "title": f"Model {number}",
            "license": "Apache-2.0",
            "runtime": "runtime-cpu",
        }
    )
    files = {"model.json": json.dumps(card.model_dump(mode="json")).encode(), "model.py": source}
    blobs = {path: Blob.of_bytes(content) for path, content in files.items()}
    content = FolderContent(
        entries=tuple(FolderEntry(path=path, file=blob.ref) for path, blob in blobs.items()),
        runtime="runtime-cpu",
    )
    request = SubmissionCreate(challenge=SLUG, phase="main", content=content, card=card)
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            with world.client(token) as client:
                client.join(SLUG)
                client.upload(list(blobs.values()))
                view = client.submit(request, f"key-of-{number}")
            return Entry(view.id, view.participant, score)
        except ClientError as error:
            # What is ours is said again by people too, with the key of before.
            if not _is_ours(error) or time.monotonic() > end:
                raise
        time.sleep(0.1)


def _is_ours(error: ClientError) -> bool:
    return not isinstance(error, ApiError) or error.problem.status >= 500
