"""The sections of a card that are text for people: what a model is, is for, and comes from."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from proctor.spec.base import Spec
from proctor.spec.card.licenses import License
from proctor.spec.gpus import Dotted

_MOST_FREE_BYTES = 32_768
_MOST_FREE_DEPTH = 8

Line = Annotated[str, Field(max_length=300)]
Text = Annotated[str, Field(max_length=10_000)]
Doi = Annotated[str, Field(max_length=200, pattern=r"^(?:10\.[0-9]{4,9}/\S+)?$")]
Address = Annotated[
    str, Field(max_length=500, pattern=r"^(?:https?://[^\s<>\"']+|mailto:[^\s<>\"']+)?$")
]
LanguageTag = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$",
        max_length=35,
        description="BCP 47, such as en or pt-BR",
    ),
]


def _bounded(document: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Refuse what is too large or too deep to be shown.

    Raises:
        ValueError: it is.
    """
    if _depth(document) > _MOST_FREE_DEPTH:
        raise ValueError(f"it is nested more than {_MOST_FREE_DEPTH} deep")
    if len(json.dumps(document)) > _MOST_FREE_BYTES:
        raise ValueError(f"it has more than {_MOST_FREE_BYTES} bytes")
    return document


def _depth(value: JsonValue) -> int:
    """Return how deep lists and objects are nested, without a call for each level."""
    depth, level = 0, [value]
    while level := [
        inner
        for one in level
        if isinstance(one, list | dict)
        for inner in ([*one.values()] if isinstance(one, dict) else one) or [None]
    ]:
        depth += 1
    return depth


FreeDocument = Annotated[dict[str, JsonValue], AfterValidator(_bounded)]
"""Any JSON object of at most 32 KiB, nested at most 8 deep."""


class Modality(StrEnum):
    """What kind of data a model takes."""

    IMAGE = "image"
    VOLUME = "volume"
    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"
    TABLE = "table"
    TIME_SERIES = "time_series"
    GRAPH = "graph"
    MIXED = "mixed"
    OTHER = "other"


class Meta(Spec):
    """What the model does, to what, in which field: ModelHub's ``meta``."""

    application_area: Line = Field("", description="such as ImageNet, Cardiac MRI, Lung CT")
    task: Line = Field("", description="such as Segmentation, Classification")
    task_extended: Line = Field("", description="the same in more words")
    data_type: Line = Field("", description="such as Photos, CT Dicom, Vectors")
    modality: Modality | None = Field(None, description="to be found by")
    data_source: Line = Field("", description="address of public training data")


class Method(Spec):
    """How it works: what ModelHub has in ``model``, and what makes two models similar."""

    architecture: Line = Field("", description="such as Convolutional Neural Network (CNN)")
    algorithm: Line = Field("", description="such as U-Net, gradient boosted trees")
    objective: Line = Field("", description="what training minimizes, such as cross-entropy")
    learning_type: Line = Field("", description="such as supervised learning")
    framework: Line = Field("", description="what it is built with; the measured one is shown too")
    format: Annotated[str, Field(max_length=60)] = Field(
        "", description="of the weights, with its dot, such as .onnx"
    )
    provenance: Line = Field(
        "", description="address of where the model comes from, or contributed by author"
    )
    hyperparameters: FreeDocument = Field(default_factory=dict)


class Publication(Spec):
    """The paper behind the model: ModelHub's ``publication``, with a DOI."""

    title: Annotated[str, Field(max_length=500)] = ""
    source: Line = Field("", description="journal, conference or preprint server")
    year: int | None = Field(None, ge=1800, le=2200, strict=True)
    authors: Annotated[str, Field(max_length=5000)] = ""
    email: Line = ""
    abstract: Text = ""
    url: Annotated[str, Field(max_length=1000)] = ""
    doi: Doi = ""
    google_scholar: Annotated[str, Field(max_length=1000)] = ""
    bibtex: Text = ""


class CardOwner(Spec):
    """Who answers for the model."""

    name: Line = ""
    affiliation: Line = ""
    contact: Line = Field("", description="mail address or page")


class Use(Spec):
    """What the model is for, what it is not for, and what to be warned of."""

    intended: Text = ""
    restricted: Text = Field("", description="uses that it is not fit or not allowed for")
    content_warning: Annotated[str, Field(max_length=1000)] = Field(
        "", description="of what it shows or was trained on"
    )
    minimum_age: int | None = Field(None, ge=0, le=99, strict=True, description="of a user")
    warnings: tuple[Annotated[str, Field(max_length=1000)], ...] = Field((), max_length=30)


class Overlap(StrEnum):
    """Whether training data hold cases that a challenge may test with, as the author says."""

    NONE = "none"
    POSSIBLE = "possible"
    PARTIAL = "partial"
    FULL = "full"
    UNKNOWN = "unknown"


class TrainingData(Spec):
    """One set of data that the model was trained, tuned or selected on."""

    name: Line = Field(min_length=1)
    url: Address = ""
    license: License = ""
    role: Literal["training", "tuning", "pretraining"] = "training"
    n: int | None = Field(None, ge=0, strict=True, description="cases or items")
    unit: Annotated[str, Field(max_length=60)] = Field("", description="of n, such as patients")
    split: Line = Field("", description="which part of it, such as the official training split")
    columns: dict[Annotated[str, Field(max_length=120)], Line] = Field(
        default_factory=dict, max_length=500, description="its schema: name and meaning of each"
    )
    preprocessing: Text = ""
    population: Text = Field("", description="who or what it shows, and who is missing")
    overlap_with_test: Overlap = Overlap.UNKNOWN
    digest: Annotated[str, Field(max_length=200)] = Field("", description="of the exact files")


class Training(Spec):
    """How the model was made, for whoever wants to make it again."""

    data: tuple[TrainingData, ...] = Field((), max_length=30)
    code: Address = Field("", description="repository of the training code")
    revision: Annotated[str, Field(max_length=80)] = Field("", description="commit of the code")
    image: Annotated[str, Field(max_length=300)] = Field("", description="image it ran in")
    seed: int | None = Field(None, strict=True, ge=-(2**63), lt=2**64)
    hardware: Line = ""
    seconds: float | None = Field(None, ge=0, description="wall-clock")
    notes: Text = ""


class Licenses(Spec):
    """SPDX expressions of the parts, where they differ from ``license``, which is of its use."""

    code: License = ""
    weights: License = ""
    sample_data: License = ""


class Languages(Spec):
    """Languages of people, not of programs."""

    interface: tuple[LanguageTag, ...] = Field((), max_length=100)
    input: tuple[LanguageTag, ...] = Field((), max_length=400, description="that it understands")


class Compatibility(Spec):
    """Which machines it runs on."""

    architectures: tuple[Literal["amd64", "arm64", "ppc64le", "s390x"], ...] = ()
    cpu_flags: tuple[Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")], ...] = Field(
        (), max_length=64, description="that it cannot do without, such as avx2"
    )
    min_cuda: Dotted | None = None


class Support(Spec):
    """Where to read more, try it, and tell its authors."""

    demo: Address = ""
    documentation: Address = ""
    notebook: Address = ""
    issues: Address = ""
