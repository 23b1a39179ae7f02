"""``challenge.yaml``: what an organizer declares; what a task may hold is in ``task``."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from proctor.spec.base import Slug, Spec, UtcDatetime, refuse_twice
from proctor.spec.limits import Limits
from proctor.spec.phase_rules import (
    private_opens_at,
    refuse_open_private_cases,
    refuse_unknown,
)
from proctor.spec.protection import FeedbackSpec, PrivateSplit
from proctor.spec.ranking import RankingColumn, RankingSpec
from proctor.spec.review import ReviewPolicy
from proctor.spec.task import TaskSpec


class Visibility(StrEnum):
    """Who finds a challenge: everybody, those with the address, or its members (others get 404)."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    MEMBERS = "members"


class BoardVisibility(StrEnum):
    """When a phase's scores are shown to participants and readers."""

    LIVE = "live"
    HIDDEN_UNTIL_CLOSE = "hidden_until_close"


class SubmissionKind(StrEnum):
    """What a participant may enter."""

    FOLDER = "folder"
    IMAGE = "image"
    PREDICTIONS = "predictions"


class Release(StrEnum):
    """When the sealed archive, hidden data included, is open to everybody."""

    NEVER = "never"
    AFTER_CLOSE = "after_close"


class Quota(Spec):
    """How often one participant may submit to a phase; null is no limit."""

    per_day: int | None = Field(10, ge=1, description="in any 24 hours")
    total: int | None = Field(None, ge=1)
    tryouts_per_day: int | None = Field(50, ge=1, description="try-outs in any 24 hours")


class PhaseSpec(Spec):
    """A time window over tasks, with quota, visibility, limits and a leaderboard."""

    slug: Slug
    title: str = Field(min_length=1, max_length=120)
    tasks: tuple[Slug, ...] = Field(min_length=1)
    opens_at: UtcDatetime
    closes_at: UtcDatetime
    visibility: BoardVisibility = BoardVisibility.LIVE
    show_logs: bool = Field(False, description="participants may read their models' logs")
    tryout: bool = Field(
        True, description="a submission meets hidden cases only after the public sample"
    )
    running: int | None = Field(
        None, ge=1, description="runs of one participant that are carried out at once"
    )
    quota: Quota = Quota()
    limits: Limits = Limits()
    ranking: RankingSpec = RankingSpec()
    private: PrivateSplit | None = Field(
        None,
        description="cases that decide only when the phase is over",
        exclude_if=lambda private: private is None,
    )
    feedback: FeedbackSpec = Field(
        FeedbackSpec(), exclude_if=lambda feedback: feedback == FeedbackSpec()
    )

    @model_validator(mode="after")
    def _closes_after_it_opens(self) -> Self:
        if self.closes_at <= self.opens_at:
            raise ValueError(f"closes_at {self.closes_at} is not after opens_at {self.opens_at}")
        return self


class Terms(Spec):
    """What a participant accepts by joining; the version accepted is kept."""

    version: str = Field(min_length=1, max_length=32)
    text: str = Field(min_length=1)


class ChallengeSpec(Spec):
    """A whole challenge, as written in ``challenge.yaml``."""

    schema_version: Literal[1] = Field(alias="schema")
    slug: Slug
    title: str = Field(min_length=1, max_length=120)
    summary: str = Field("", max_length=400)
    text: str = Field("", max_length=100_000, description="Markdown; HTML is shown as text")
    notice: str = Field("", max_length=400, description="shown on every page of the challenge")
    visibility: Visibility = Visibility.PUBLIC
    terms: Terms | None = None
    release: Release = Release.NEVER
    review: ReviewPolicy | None = Field(
        None,
        description="organizers look at a model before it is public",
        exclude_if=lambda review: review is None,
    )
    accepts: tuple[SubmissionKind, ...] = (SubmissionKind.FOLDER, SubmissionKind.IMAGE)
    runtimes: tuple[Slug, ...] = Field((), description="approved runtime images")
    members: tuple[str, ...] = Field((), description="user names that may enter")
    baselines: tuple[str, ...] = Field((), description="model folders beside challenge.yaml")
    tasks: tuple[TaskSpec, ...] = Field(min_length=1)
    phases: tuple[PhaseSpec, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _phases_and_tasks_agree(self) -> Self:
        refuse_twice("task slug", (task.slug for task in self.tasks))
        refuse_twice("phase slug", (phase.slug for phase in self.phases))
        tasks = {task.slug: task for task in self.tasks}
        for phase in self.phases:
            refuse_twice(f"task of phase {phase.slug}", phase.tasks)
            for slug in phase.tasks:
                if slug not in tasks:
                    raise ValueError(f"phases.{phase.slug}.tasks: no task {slug!r}")
            refuse_unknown(phase, [tasks[slug] for slug in phase.tasks])
        refuse_open_private_cases(self.phases)
        if SubmissionKind.PREDICTIONS in self.accepts:
            for task in self.tasks:
                if not task.inputs_public:
                    raise ValueError(
                        f"accepts: predictions need inputs that everybody has; say"
                        f" inputs_public: true in task {task.slug}, or take predictions out"
                    )
        if SubmissionKind.FOLDER in self.accepts and not self.runtimes:
            raise ValueError("runtimes: name at least one, or take folder out of accepts")
        return self

    def private_opens_at(self, phase: PhaseSpec) -> UtcDatetime:
        """Return when a phase's private cases are shown: when no phase that has them is open."""
        return private_opens_at(self.phases, phase)

    def task(self, slug: str) -> TaskSpec:
        """Return the task with this slug.

        Raises:
            KeyError: the challenge has no such task.
        """
        return {task.slug: task for task in self.tasks}[slug]

    def phase(self, slug: str) -> PhaseSpec:
        """Return the phase with this slug.

        Raises:
            KeyError: the challenge has no such phase.
        """
        return {phase.slug: phase for phase in self.phases}[slug]

    def ranking_columns(self, phase: PhaseSpec) -> tuple[RankingColumn, ...]:
        """Return the columns that decide ranks: those declared, else each task's primary."""
        return phase.ranking.columns or tuple(
            RankingColumn(task=slug, metric=self.task(slug).primary) for slug in phase.tasks
        )
