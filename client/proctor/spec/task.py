"""The tasks of ``challenge.yaml``: what a model is given, what it writes, what it is held against.

Only names and parameters of metrics live here; ``proctor_metrics.registry`` knows what they mean
and is asked at ``proctor challenge check`` and at publishing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, JsonValue, model_validator

from proctor.spec.aggregate_rules import AggregateRule
from proctor.spec.base import Name, Slug, Spec, refuse_twice
from proctor.spec.boxes import MOST_ROWS, Geometry
from proctor.spec.custom import (
    CustomSpec,
    MetricDirection,
    MetricKind,
    absent,
    building_of,
    refuse_unsound_custom,
    with_name,
)
from proctor.spec.outputs import GEOMETRIES, LOSSY_SUFFIXES, PICTURE_SUFFIXES, ClassDivisor
from proctor.spec.outputs import OutputSpec as OutputSpec
from proctor.spec.outputs import OutputType as OutputType
from proctor.spec.outputs import UnknownLabels as UnknownLabels
from proctor.spec.regions import refuse_unsound_regions

FilePattern = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9{][A-Za-z0-9._/{}-]*$", description="holds {case} once")
]


SCORE_CASE_S = 600.0
"""In which a case is scored where the organizer says nothing; the slowest known take a tenth."""


class InputType(StrEnum):
    """How an input file is to be read."""

    ARRAY = "array"
    VOLUME = "volume"
    TABLE = "table"
    FILE = "file"


class ReferenceType(StrEnum):
    """What the reference of a task holds.

    ``labels``: a ``.npy`` file with the number of a class for every item.
    ``values``: a ``.npy`` file with a number for every item, or one for every item and column.
    ``mask_image``: a label map.
    ``multilabel``: a ``.npy`` file with a 0 or 1 for every item and column of the output, which
    says whether that label holds.
    ``survival``: a ``.npy`` file of shape (items, 2) with the time at which every item was last
    seen, and 1 where it had its event then, 0 where it was censored.
    ``text``: a ``.json`` file, an array that has for every item the accepted text, or an array of
    them.
    ``boxes``: a CSV file with the header ``item,label`` and the numbers of its ``geometry``, in
    which every item of the case is named, one without boxes by a row with its number alone; further
    columns are ``ignore`` and ``crowd`` (0 or 1), ``area`` and ``radius``.
    ``instances``: a map of objects, with a ``class_divisor`` of its own. This and ``mask_image``
    are NIfTI volumes, or where the output lies on an array or a picture ``.npy`` arrays or pictures
    (``.png``, ``.tif``) of one whole number a pixel; distances are in pixels there.
    ``image``: a NIfTI volume, a ``.npy`` array or a picture (``.png``, ``.tif``) of numbers on the
    grid of the output; NaN marks what lies outside the region that counts.
    """

    LABELS = "labels"
    VALUES = "values"
    MASK_IMAGE = "mask_image"
    TEXT = "text"
    BOXES = "boxes"
    SURVIVAL = "survival"
    MULTILABEL = "multilabel"
    INSTANCES = "instances"
    IMAGE = "image"


OF_CLASSES = (
    ReferenceType.LABELS,
    ReferenceType.MASK_IMAGE,
    ReferenceType.BOXES,
    ReferenceType.INSTANCES,
)
"""References that hold numbers of classes, which ``labels`` names."""


class InputSpec(Spec):
    """One named input of every case."""

    type: InputType
    file: FilePattern

    @property
    def is_picture(self) -> bool:
        """Tell whether it is a file whose name ends as that of a picture."""
        return self.type is InputType.FILE and self.file.endswith(
            (*PICTURE_SUFFIXES, *LOSSY_SUFFIXES)
        )


class ReferenceSpec(Spec):
    """One named reference, hidden from every model."""

    type: ReferenceType
    file: FilePattern
    geometry: Geometry | None = Field(None, description="of boxes: what a row is")
    class_divisor: ClassDivisor = None

    @model_validator(mode="after")
    def _has_what_its_type_needs(self) -> Self:
        if (self.type is ReferenceType.BOXES) != (self.geometry is not None):
            raise ValueError(f"geometry is what a boxes reference needs, no other: {GEOMETRIES}")
        if self.class_divisor is not None and self.type is not ReferenceType.INSTANCES:
            raise ValueError("class_divisor is for instances")
        return self

    @property
    def holds_one_class(self) -> bool:
        """Tell whether it holds instances that nothing tells the class of."""
        return self.type is ReferenceType.INSTANCES and self.class_divisor is None


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
    """One metric of a task, by its name in the registry, or the organizer's own."""

    id: Name
    name: str = Field("", description="needed, but of the organizer's own, which has custom")
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    output: Name
    reference: Name
    worst: float | None = Field(
        None, description="value of a missing case; the metric's own when not given"
    )
    aggregate: AggregateRule = Field(
        AggregateRule.ITEMS,
        description="of a metric with a value for every item",
        exclude_if=lambda rule: rule is AggregateRule.ITEMS,
    )
    quantile: float | None = Field(None, ge=0, le=1, exclude_if=lambda quantile: quantile is None)
    custom: CustomSpec | None = Field(None, exclude_if=absent)
    kind: MetricKind | None = Field(
        None, description="of custom; per_item when not given", exclude_if=absent
    )
    direction: MetricDirection | None = Field(
        None, description="of custom, needed", exclude_if=absent
    )
    unit: str = Field("", max_length=20, description="of custom", exclude_if=absent)
    labels: tuple[str, ...] = Field(
        (), max_length=100, description="of custom: its numbers, if several", exclude_if=absent
    )

    @model_validator(mode="before")
    @classmethod
    def _custom_needs_no_name(cls, document: object) -> object:
        return with_name(document)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.quantile is None) == (self.aggregate is AggregateRule.QUANTILE):
            raise ValueError("aggregate: quantile needs a quantile, and no other rule has one")
        refuse_unsound_custom(self)
        return self

    @property
    def building(self) -> dict[str, JsonValue]:
        """Return the parameters by which the registry builds the metric."""
        return self.parameters if self.custom is None else building_of(self, self.custom)


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
        default_factory=dict, description="classes by number; none where no reference holds any"
    )
    regions: dict[str, tuple[int, ...]] = Field(
        default_factory=dict,
        description="of a mask: by name the labels that make it up, as in"
        " `{whole: [1, 2, 3], core: [1, 3], enhancing: [3]}`. Where there are any they are scored"
        " instead of the labels, in this order; they may overlap",
    )
    data: TaskData
    metrics: tuple[MetricSpec, ...] = Field(min_length=1)
    primary: Name
    strata: tuple[Name, ...] = ()
    rerun_tolerance: float = Field(0.0, ge=0)
    score_case_s: float = Field(
        SCORE_CASE_S,
        gt=0,
        le=86_400,
        description="seconds in which all metrics but custom ones have to score a case",
        exclude_if=lambda seconds: seconds == SCORE_CASE_S,
    )
    seed: int = Field(0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        refuse_twice("metric id", (metric.id for metric in self.metrics))
        refuse_twice("output file", (output.file for output in self.outputs.values()))
        undivided = [n for n, o in self.outputs.items() if o.holds_one_class] + [
            n for n, r in self.reference.items() if r.holds_one_class
        ]
        if undivided and len(self.labels) > 1:
            raise ValueError(
                f"{undivided[0]}: instances of {len(self.labels)} labels need a class_divisor that"
                " tells which is of which"
            )
        classes = [
            name for name, reference in self.reference.items() if reference.type in OF_CLASSES
        ]
        if classes and not self.labels:
            raise ValueError(f"labels: reference {classes[0]!r} holds classes; name each of them")
        if self.regions and not any(
            reference.type is ReferenceType.MASK_IMAGE for reference in self.reference.values()
        ):
            raise ValueError("regions: they are parts of a mask, and no reference is a mask_image")
        refuse_unsound_regions(self.labels, self.regions)
        if self.primary not in {metric.id for metric in self.metrics}:
            raise ValueError(f"primary: no metric has the id {self.primary!r}")
        for metric in self.metrics:
            if metric.output not in self.outputs:
                raise ValueError(f"metrics.{metric.id}.output: no output {metric.output!r}")
            if metric.reference not in self.reference:
                raise ValueError(
                    f"metrics.{metric.id}.reference: no reference {metric.reference!r}"
                )
            self._refuse_lost_spacing(metric)
        for name, output in self.outputs.items():
            plain = output.type is OutputType.TEXT and output.file.endswith(".txt")
            if plain and self.items_per_case > 1:
                raise ValueError(
                    f"outputs.{name}.file: a .txt file holds one text; say .json where a case has"
                    " several items"
                )
            if output.type is OutputType.CONTOUR and not self.labels:
                raise ValueError(f"outputs.{name}: contours need labels; name each of them")
            if output.grid is not None:
                self._refuse_another_grid(name, output, self.inputs.get(output.grid))
            if self.items_per_case * (output.most_per_item or 0) > MOST_ROWS:
                raise ValueError(
                    f"outputs.{name}.most_per_item: {self.items_per_case} items of"
                    f" {output.most_per_item} boxes are more than {MOST_ROWS} in a case; ask for"
                    " fewer items_per_case or boxes"
                )
        return self

    def _refuse_lost_spacing(self, metric: MetricSpec) -> None:
        reference = self.reference[metric.reference]
        grid = self.inputs.get(self.outputs[metric.output].grid or "")
        if (
            grid is not None
            and grid.type is InputType.VOLUME
            and reference.type in (ReferenceType.MASK_IMAGE, ReferenceType.INSTANCES)
            and not reference.file.endswith((".nii", ".nii.gz"))
        ):
            raise ValueError(
                f"reference.{metric.reference}.file: of a volume it is .nii.gz or .nii, which say"
                " how long a voxel is"
            )

    @staticmethod
    def _refuse_another_grid(name: str, output: OutputSpec, grid: InputSpec | None) -> None:
        picture = output.file.endswith(PICTURE_SUFFIXES)
        flat = picture or output.file.endswith((".npy", ".json"))
        if grid is not None and (
            (grid.type is InputType.VOLUME and not picture)
            or (flat and (grid.type is InputType.ARRAY or grid.is_picture))
        ):
            return
        volume = "" if picture else "volume, "
        kinds = f"{volume}array, or file that is a picture" if flat else "volume"
        raise ValueError(f"outputs.{name}.grid: there is no input {output.grid!r} of type {kinds}")

    @property
    def structures(self) -> dict[str, tuple[int, ...]]:
        """Return what is scored of a mask: its regions as declared, else its labels by number."""
        return dict(self.regions) or {name: (n,) for n, name in sorted(self.labels.items())}

    def metric(self, metric_id: str) -> MetricSpec:
        """Return the metric with this id.

        Raises:
            KeyError: the task has no such metric.
        """
        for metric in self.metrics:
            if metric.id == metric_id:
                return metric
        raise KeyError(metric_id)
