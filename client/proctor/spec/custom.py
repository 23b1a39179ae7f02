"""An organizer's own metric: a Python function in a file of the challenge, or a container."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, JsonValue, model_validator

from proctor.spec.base import FileRef, Spec, refuse_twice
from proctor.spec.evaluation import EvaluationContract
from proctor.spec.limits import GIB

if TYPE_CHECKING:
    from proctor.spec.task import MetricSpec

CUSTOM = "custom"
"""What the registry calls every metric of this kind."""

MOST_SOURCE_BYTES = 1 << 20

SourcePath = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*\.py$",
        max_length=200,
    ),
]


def absent(value: object) -> bool:
    """Tell whether a field of custom says nothing, so that other metrics are written without it."""
    return not value


class MetricKind(StrEnum):
    """What an organizer's metric is of: every case by itself, or all of them at once."""

    PER_ITEM = "per_item"
    POOLED = "pooled"


class MetricDirection(StrEnum):
    """Which end of the scale is better."""

    HIGHER = "higher"
    LOWER = "lower"


class CustomSpec(Spec):
    """A function or a container that scores, in the sandbox.

    A function has numpy, SciPy and scikit-learn at hand.

    ``per_item``: ``def score(prediction, reference, case)`` is called once a case. ``pooled``:
    ``def score(predictions, references, cases)`` is called with lists, in which the prediction of a
    case without an answer is ``None``. Either returns a number, or a dict of a number for each of
    the metric's ``labels``; of a case with several items an array of a number for each. ``case``
    is a dict of ``id``, ``items``, ``spacing_mm``, ``labels`` and ``strata``.
    """

    file: SourcePath | None = Field(
        None, description="in the challenge's folder, such as metrics/score.py"
    )
    function: str = Field("score", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")
    seconds: float = Field(60.0, gt=0, le=3600, description="for one call of it, on one core")
    memory_bytes: int = Field(4 * GIB, ge=GIB // 4, le=64 * GIB)
    source: FileRef | None = Field(
        None,
        description="the file by digest; filled in when the challenge is read",
        exclude_if=absent,
    )
    image: str | None = Field(
        None,
        max_length=200,
        pattern=r"^[a-z0-9][A-Za-z0-9._/:@-]*$",
        description="in place of file: an image of your Docker daemon, which answers"
        " /input/metric.json with /output/scores.json",
        exclude_if=absent,
    )
    config: FileRef | None = Field(
        None, description="of the image; filled in at publishing", exclude_if=absent
    )
    layers: tuple[FileRef, ...] = Field(
        (), description="of the image; filled in at publishing", exclude_if=absent
    )
    contract: EvaluationContract | None = Field(
        None,
        description="of an image that evaluates for another system, unmodified",
        exclude_if=absent,
    )

    @property
    def content(self) -> tuple[FileRef, ...]:
        """Return all that it is made of, by digest; nothing before it was read or published."""
        if self.image is None:
            return () if self.source is None else (self.source,)
        return () if self.config is None else (self.config, *self.layers)

    @property
    def digest(self) -> str:
        """Return what the definition id names it by: of an image its own id."""
        if self.image is None:
            return "" if self.source is None else self.source.digest
        return f"image {self.image if self.config is None else self.config.digest}"

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if (self.file is None) == (self.image is None):
            raise ValueError("custom has one of file and image")
        if self.contract is not None and self.image is None:
            raise ValueError("contract: it goes with an image")
        if self.source is not None and self.source.size > MOST_SOURCE_BYTES:
            raise ValueError(f"file: it has more than {MOST_SOURCE_BYTES} bytes")
        return self


def with_name(document: object) -> object:
    """Give an organizer's own metric the name that they all have."""
    if isinstance(document, dict) and document.get("custom") is not None:
        return {"name": CUSTOM, "kind": MetricKind.PER_ITEM} | document
    return document


def refuse_unsound_custom(metric: MetricSpec) -> None:
    """Refuse a metric of the organizer's own that is not whole, and another that looks like one.

    Raises:
        ValueError: the message names the field.
    """
    if metric.custom is None:
        if not metric.name:
            raise ValueError("name: say which metric it is, or custom: {file: ...} of your own")
        said = metric.kind or metric.direction or metric.unit or metric.labels
        if said or metric.name == CUSTOM:
            raise ValueError("kind, direction, unit and labels go with custom: {file: ...}")
        return
    if metric.name != CUSTOM or metric.parameters:
        raise ValueError("custom has neither name nor parameters")
    if metric.direction is None:
        raise ValueError("direction: say whether higher or lower is better")
    foreign = metric.custom.contract is not None
    if metric.worst is None and (metric.kind is MetricKind.PER_ITEM or foreign):
        raise ValueError("worst: say what a missing case counts, which no answer may be below")
    if any(not label or label == "mean" for label in metric.labels):
        raise ValueError("labels: none may be empty or mean, which is the mean over them")
    refuse_twice("label", metric.labels)


def _asked_by(custom: CustomSpec) -> str:
    return "" if custom.contract is None else f"contract {custom.contract.digest}"


def building_of(metric: MetricSpec, custom: CustomSpec) -> dict[str, JsonValue]:
    """Return the parameters by which the registry builds an organizer's own metric."""
    return {
        "source": custom.digest,
        "function": custom.function if custom.image is None else _asked_by(custom),
        "kind": str(metric.kind),
        "direction": str(metric.direction),
        "unit": metric.unit,
        "labels": list(metric.labels),
    }
