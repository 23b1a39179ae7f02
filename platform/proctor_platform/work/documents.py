"""The documents that an order is made of: challenge version, datasets, content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlmodel import Session

from proctor.spec.api import Content
from proctor.spec.challenge import ChallengeSpec, PhaseSpec, TaskSpec
from proctor.spec.dataset import Dataset
from proctor.spec.work import AnyContent, ImageContent, RuntimeImage
from proctor_platform.tables import ChallengeVersion, DatasetRow, Run, Submission
from proctor_platform.versions import spec_of

_CONTENT: TypeAdapter[AnyContent] = TypeAdapter(Content)


@dataclass(frozen=True, eq=False)
class Frame:
    """What a run stands in: its submission, and the challenge version that rules it."""

    submission: Submission
    version: ChallengeVersion
    challenge: ChallengeSpec
    task: TaskSpec

    @property
    def phase(self) -> PhaseSpec:
        """The phase that the submission entered."""
        return self.challenge.phase(self.submission.phase)

    @property
    def inputs_digest(self) -> str:
        """Digest of the hidden inputs."""
        return self._hidden("inputs")

    @property
    def reference_digest(self) -> str:
        """Digest of the hidden reference."""
        return self._hidden("reference")

    def runtime(self, name: str) -> RuntimeImage | None:
        """Return the approved runtime image of this name, if there is one."""
        images = (RuntimeImage.model_validate(image) for image in self.version.runtimes)
        return next((image for image in images if image.name == name), None)

    def _hidden(self, kind: str) -> str:
        digest: str = self.version.data[self.task.slug]["hidden"][kind]
        return digest


def frame_of(session: Session, run: Run, version: int | None = None) -> Frame:
    """Return what ``run`` stands in; by ``version`` of the challenge when it is not its own."""
    submission = session.get_one(Submission, run.submission_id)
    number = run.version if version is None else version
    row = session.get_one(ChallengeVersion, (submission.challenge_id, number))
    challenge = spec_of(row)
    return Frame(submission, row, challenge, challenge.task(run.task))


def dataset(session: Session, digest: str) -> Dataset:
    """Return a dataset by its digest."""
    return Dataset.model_validate(session.get_one(DatasetRow, digest).document)


def content_of(run: Run, submission: Submission) -> AnyContent:
    """Return what the run executes: its own content if it has one, else the submission's."""
    document: dict[str, Any] = submission.content if run.content is None else run.content
    return _CONTENT.validate_python(document)


def image_digests(image: ImageContent) -> frozenset[str]:
    """Return the digests of all blobs of an image."""
    return frozenset({image.config.digest, *(layer.digest for layer in image.layers)})


def content_digests(content: AnyContent) -> frozenset[str]:
    """Return the digests of all blobs of what a participant entered."""
    if isinstance(content, ImageContent):
        return image_digests(content) | {entry.file.digest for entry in content.weights}
    return frozenset(entry.file.digest for entry in content.entries)
