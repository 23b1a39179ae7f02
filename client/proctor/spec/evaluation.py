"""Evaluation containers of other systems, as an organizer's own metric, unmodified."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from proctor.spec.base import Spec
from proctor.spec.contract import Contract, MountPath, SocketSpec
from proctor.spec.digests import digest_document


class EvaluationMounts(Spec):
    """Where a metrics container of MedPerf expects what; see its ``evaluate`` task."""

    predictions: MountPath
    labels: MountPath
    parameters_file: MountPath | None = None
    output_path: Annotated[
        str, Field(pattern=r"^/[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+$", max_length=200)
    ] = Field(description="of the results file, in a folder of its own")


class EvaluationContract(Spec):
    """How an evaluation container is asked, and where its score is.

    It is started for each case, or of a pooled metric for each set of cases that is asked for. A
    set with a case that has no answer is worth the metric's ``worst``.
    """

    name: Literal[Contract.GRAND_CHALLENGE, Contract.MEDPERF]
    score: str = Field(
        pattern=r"^[^.\s]+(?:\.[^.\s]+)*$",
        max_length=200,
        description="where in metrics.json or results.yaml, such as aggregates.dice or"
        " results.0.dice; {label} is each of the metric's labels",
    )
    socket: SocketSpec = Field(
        SocketSpec(), description="of Grand Challenge: the one that predictions are written to"
    )
    mounts: EvaluationMounts | None = Field(None, description="of MedPerf, needed")
    entrypoint: tuple[str, ...] = Field((), max_length=50)
    command: tuple[str, ...] = Field((), max_length=200)
    environment: dict[str, str] = Field(default_factory=dict, max_length=100)
    parameters: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if (self.name is Contract.MEDPERF) != (self.mounts is not None):
            raise ValueError("mounts is what medperf needs, and no other")
        return self

    @property
    def digest(self) -> str:
        """Return what names it in a definition id."""
        return digest_document(self.model_dump(mode="json", exclude_defaults=True))
