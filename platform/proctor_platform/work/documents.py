"""The documents that an order is made of: challenge version, datasets, content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlmodel import Session

from proctor.spec.api import Content
from proctor.spec.challenge import ChallengeSpec, PhaseSpec
from proctor.spec.dataset import Dataset, DatasetCase
from proctor.spec.predictions import of_task
from proctor.spec.task import TaskSpec
from proctor.spec.work import (
    AnyContent,
    ImageContent,
    PredictionsContent,
    Purpose,
    RuntimeImage,
    Split,
)
from proctor_platform.tables import ChallengeVersion, DatasetRow, Run, Submission
from proctor_platform.versions import spec_of

_CONTENT: TypeAdapter[AnyContent] = TypeAdapter(Content)


@dataclass(frozen=True, eq=False)
class Frame:
    """What a run stands in: its submission, and the challenge version that rules it."""

    submission: Submission
    version: ChallengeVersion
    entered: ChallengeVersion
    challenge: ChallengeSpec
    task: TaskSpec
    split: Split

    @property
    def phase(self) -> PhaseSpec:
        """The phase that the submission entered."""
        return self.challenge.phase(self.submission.phase)

    @property
    def inputs_digest(self) -> str:
        """Digest of the inputs, of the sample for a try-out, else the hidden ones."""
        return self._digest(self.split, "inputs")

    @property
    def reference_digest(self) -> str:
        """Digest of the hidden reference."""
        return self._digest(Split.HIDDEN, "reference")

    def runtime(self, name: str) -> RuntimeImage | None:
        """Return the runtime image of this name that was approved when it was entered, if any."""
        images = (RuntimeImage.model_validate(image) for image in self.entered.runtimes)
        return next((image for image in images if image.name == name), None)

    def _digest(self, split: Split, kind: str) -> str:
        digest: str = self.version.data[self.task.slug][split][kind]
        return digest


def frame_of(session: Session, run: Run, version: int | None = None) -> Frame:
    """Return what ``run`` stands in; by ``version`` of the challenge when it is not its own."""
    submission = session.get_one(Submission, run.submission_id)
    number = run.version if version is None else version
    row = session.get_one(ChallengeVersion, (submission.challenge_id, number))
    challenge = spec_of(row)
    entered = session.get_one(ChallengeVersion, (submission.challenge_id, submission.version))
    task = challenge.task(run.task)
    return Frame(submission, row, entered, challenge, task, Split(run.split))


def dataset(session: Session, digest: str) -> Dataset:
    """Return a dataset by its digest."""
    return Dataset.model_validate(session.get_one(DatasetRow, digest).document)


def cases_of(session: Session, run: Run, frame: Frame) -> tuple[DatasetCase, ...]:
    """Return the cases that a run answers: of the sample, a try-out answers the first few."""
    cases = dataset(session, frame.inputs_digest).cases
    return cases[: run.cases_total] if run.purpose == Purpose.TRYOUT else cases


def content_of(run: Run, frame: Frame) -> AnyContent:
    """Return what the run executes: its own content if it has one, else the submission's.

    Of predictions these are the run's task's alone.
    """
    document: dict[str, Any] = frame.submission.content if run.content is None else run.content
    content = _CONTENT.validate_python(document)
    if isinstance(content, PredictionsContent):
        return of_task(content, run.task, frame.phase.tasks)
    return content


def image_digests(image: ImageContent) -> frozenset[str]:
    """Return the digests of all blobs of an image."""
    return frozenset({image.config.digest, *(layer.digest for layer in image.layers)})


def content_digests(content: AnyContent) -> frozenset[str]:
    """Return the digests of all blobs of what a participant entered."""
    if isinstance(content, ImageContent):
        return image_digests(content) | {entry.file.digest for entry in content.weights}
    return frozenset(entry.file.digest for entry in content.entries)
