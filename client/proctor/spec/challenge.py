"""``challenge.yaml``: what an organizer declares.

Only names and parameters of metrics live here; ``proctor_metrics.registry`` knows what they mean
and is asked at ``proctor challenge check`` and at publishing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from proctor.spec.base import FileName, Name, Slug, Spec, UtcDatetime
from proctor.spec.limits import Limits
from proctor.spec.ranking import RankingColumn, RankingSpec

FilePattern = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9{][A-Za-z0-9._/{}-]*$", description="holds {case} once")
]


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


class InputType(StrEnum):
    """How an input file is to be read."""

    ARRAY = "array"
    VOLUME = "volume"
    TABLE = "table"
    FILE = "file"


class OutputType(StrEnum):
    """What a model writes and how decode reads it.

    ``table``: a number for every item and column, in CSV, or as an array of floats in a file
    whose name ends in ``.npy``. ``label_list``: in CSV under the header ``label``, a class for
    every item by its number or name. ``mask_image``: a label map on the grid of an input.
    """

    TABLE = "table"
    LABEL_LIST = "label_list"
    MASK_IMAGE = "mask_image"


class ReferenceType(StrEnum):
    """What the reference of a task holds.

    ``labels``: a ``.npy`` file with the number of a class for every item. ``values``: a ``.npy``
    file with a number for every item, or one for every item and column. ``mask_image``: a label
    map.
    """

    LABELS = "labels"
    VALUES = "values"
    MASK_IMAGE = "mask_image"


class InputSpec(Spec):
    """One named input of every case."""

    type: InputType
    file: FilePattern


class OutputSpec(Spec):
    """One named output a model writes for every case."""

    type: OutputType
    file: FileName
    columns: tuple[str, ...] = Field((), description="of a table, in order")
    grid: Name | None = Field(None, description="of a mask: the input whose grid it lies on")

    @model_validator(mode="after")
    def _has_what_its_type_needs(self) -> Self:
        if self.type is OutputType.TABLE and not self.columns:
            raise ValueError("a table output needs its columns, for example columns: [a, b]")
        if self.type is OutputType.MASK_IMAGE and self.grid is None:
            raise ValueError("a mask_image output needs grid: the input whose grid it lies on")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("a column is named twice")
        return self


class ReferenceSpec(Spec):
    """One named reference, hidden from every model."""

    type: ReferenceType
    file: FilePattern


class SplitSpec(Spec):
    """Where the files of one split lie, relative to challenge.yaml."""

    inputs: str
    reference: str
    cases: str | None = Field(None, description="CSV with case, group and one column a stratum")


class TaskData(Spec):
    """The splits of a task: the hidden test set and the public sample."""

    hidden: SplitSpec
    sample: SplitSpec


class MetricSpec(Spec):
    """One metric of a task, by its name in the registry."""

    id: Name
    name: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    output: Name
    reference: Name
    worst: float | None = Field(
        None, description="value of a missing case; the metric's own when not given"
    )


class TaskSpec(Spec):
    """Inputs given to a model, the reference hidden from it, and the metrics."""

    slug: Slug
    title: str = Field(min_length=1, max_length=120)
    items_per_case: int = Field(1, ge=1, le=1_000_000)
    inputs_public: bool = Field(
        False, description="everybody may download the inputs and enter predictions"
    )
    tryout_cases: int = Field(
        3, ge=1, le=1000, description="so many cases of the sample a try-out answers"
    )
    inputs: dict[Name, InputSpec] = Field(min_length=1)
    outputs: dict[Name, OutputSpec] = Field(min_length=1)
    reference: dict[Name, ReferenceSpec] = Field(min_length=1)
    labels: dict[int, str] = Field(
        default_factory=dict, description="classes by number; none where all references are values"
    )
    data: TaskData
    metrics: tuple[MetricSpec, ...] = Field(min_length=1)
    primary: Name
    strata: tuple[Name, ...] = ()
    rerun_tolerance: float = Field(0.0, ge=0)
    seed: int = Field(0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        _refuse_twice("metric id", (metric.id for metric in self.metrics))
        _refuse_twice("output file", (output.file for output in self.outputs.values()))
        classes = [
            name
            for name, reference in self.reference.items()
            if reference.type is not ReferenceType.VALUES
        ]
        if classes and not self.labels:
            raise ValueError(f"labels: reference {classes[0]!r} holds classes; name each of them")
        if self.primary not in {metric.id for metric in self.metrics}:
            raise ValueError(f"primary: no metric has the id {self.primary!r}")
        for metric in self.metrics:
            if metric.output not in self.outputs:
                raise ValueError(f"metrics.{metric.id}.output: no output {metric.output!r}")
            if metric.reference not in self.reference:
                raise ValueError(
                    f"metrics.{metric.id}.reference: no reference {metric.reference!r}"
                )
        for name, output in self.outputs.items():
            if output.grid is not None and (
                output.grid not in self.inputs
                or self.inputs[output.grid].type is not InputType.VOLUME
            ):
                raise ValueError(f"outputs.{name}.grid: no volume input {output.grid!r}")
        return self

    def metric(self, metric_id: str) -> MetricSpec:
        """Return the metric with this id.

        Raises:
            KeyError: the task has no such metric.
        """
        for metric in self.metrics:
            if metric.id == metric_id:
                return metric
        raise KeyError(metric_id)


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
    accepts: tuple[SubmissionKind, ...] = (SubmissionKind.FOLDER, SubmissionKind.IMAGE)
    runtimes: tuple[Slug, ...] = Field((), description="approved runtime images")
    members: tuple[str, ...] = Field((), description="user names that may enter")
    baselines: tuple[str, ...] = Field((), description="model folders beside challenge.yaml")
    tasks: tuple[TaskSpec, ...] = Field(min_length=1)
    phases: tuple[PhaseSpec, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _phases_and_tasks_agree(self) -> Self:
        _refuse_twice("task slug", (task.slug for task in self.tasks))
        _refuse_twice("phase slug", (phase.slug for phase in self.phases))
        tasks = {task.slug: task for task in self.tasks}
        for phase in self.phases:
            _refuse_twice(f"task of phase {phase.slug}", phase.tasks)
            for slug in phase.tasks:
                if slug not in tasks:
                    raise ValueError(f"phases.{phase.slug}.tasks: no task {slug!r}")
            for column in phase.ranking.columns:
                if column.task not in phase.tasks:
                    raise ValueError(
                        f"phases.{phase.slug}.ranking.columns: task {column.task!r} is not in it"
                    )
                if column.metric not in {metric.id for metric in tasks[column.task].metrics}:
                    raise ValueError(
                        f"phases.{phase.slug}.ranking.columns: task {column.task!r} has no"
                        f" metric {column.metric!r}"
                    )
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


def _refuse_twice(what: str, names: Iterable[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"{what} {repeated[0]!r} is given twice")
