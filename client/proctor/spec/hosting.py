"""Wire types of models that the platform hosts: between people and it, and between it and workers.

A deployment has one address. Behind it stands a version, which is a submission, kept running by a
worker: that is a hosting. Whatever is asked at the address is a question, brought to the worker as
an HTTP request without anything of the asker's in it but its body.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from proctor.spec.base import Slug, Spec, UtcDatetime
from proctor.spec.states import HostingState

SubmissionId = Annotated[str, Field(pattern=r"^sub_[0-9a-z]{26}$")]


class DeploymentState(StrEnum):
    """What somebody finds at a deployment's address.

    ``starting``: a model that is being made ready; questions wait. ``serving``: one that answers.
    ``asleep``: nobody asked for a while; the next question starts it again. ``stopped``: until
    somebody starts it. ``failed``: it could not be started, or kept running.
    """

    STARTING = "starting"
    SERVING = "serving"
    ASLEEP = "asleep"
    STOPPED = "stopped"
    FAILED = "failed"


class DeploymentCreate(Spec):
    """Deploy a model: keep it running at an address of its own."""

    submission: SubmissionId


class VersionSwap(Spec):
    """Put another version behind an address."""

    submission: SubmissionId


class HostingView(Spec):
    """One version of a deployed model, and how it went."""

    id: str
    submission: str
    version: str = Field(description="as its model card says")
    state: HostingState
    detail: str = ""
    worker: str | None = None
    queued_at: UtcDatetime
    serving_at: UtcDatetime | None = None
    ended_at: UtcDatetime | None = None


class DeploymentView(Spec):
    """A deployed model as the asker may see it."""

    id: str
    state: DeploymentState
    detail: str = Field("", description="why it is not serving, or why a swap failed")
    submission: str = Field(description="the version that answers, or did last")
    model: str = Field(description="name of the model")
    version: str = Field(description="as its model card says")
    challenge: Slug
    owner: str
    path: str = Field(description="where it is asked, below the platform's address")
    manageable: bool = Field(description="whether the asker may swap, stop and start it")
    next: HostingView | None = Field(None, description="a version that is being swapped in")
    hostings: tuple[HostingView, ...] = Field(
        (), description="the newest twenty, newest first; for those who may manage it"
    )
    asked: int = Field(description="questions since it was deployed")
    asked_at: UtcDatetime | None = None
    idle_s: float = Field(description="it falls asleep when nobody asks for so long")
    created_at: UtcDatetime


class VisitView(Spec):
    """An address at which a browser may ask a model for a while, with nobody's token."""

    path: str = Field(description="below the platform's address")
    expires_at: UtcDatetime


class Question(Spec):
    """A request to a hosted model; its body, if it has one, is fetched by its id."""

    id: str
    method: str
    path: str = Field(description="below the model's address, with a slash before it")
    query: dict[str, str]
    content_type: str
    body_bytes: int
    base: str = Field(description="the model's address as whoever asks has it")


class TurnAsked(Spec):
    """A worker asks for its deployment's next question."""

    fence: int
    wait_s: float = Field(0, ge=0, le=20, description="how long the answer may wait for one")


class QuestionTurn(Spec):
    """What a worker is to do next for its deployment."""

    question: Question | None = None
    cancel: bool = Field(False, description="answer what was taken, then end")


class AnswerHead(Spec):
    """What a worker says of an answer beside its bytes."""

    status: int = Field(ge=200, le=599)
    media_type: str = Field(max_length=200)
    retry_after: int | None = Field(None, ge=0, le=3600)
    allow: str = Field("", max_length=100)
