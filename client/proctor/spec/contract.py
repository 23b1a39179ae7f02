"""Contracts of other systems: how an image that was not made for Proctor is spoken to.

A submission declares its contract, and it is part of what was submitted: a re-run years later
speaks to the image in the same way. What is not said is derived from the task, so a name alone is
often enough.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, TypeAdapter, model_validator

from proctor.spec.base import Name, Spec

LABEL = "proctor.contract"
"""The label by which an image names its contract."""

_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
RelativePath = Annotated[str, Field(pattern=rf"^{_PART}(?:/{_PART})*$", max_length=200)]
CollectedPath = Annotated[str, Field(pattern=rf"^{_PART}(?:/{_PART})*(?:/\*)?$", max_length=200)]
"""A file below the output folder; ``/*`` at its end is the only file of that folder."""

_TAKEN = frozenset(("proc", "sys", "dev", "tmp", "etc", "proctor"))


def _outside_what_is_taken(path: str) -> str:
    if path.split("/")[1] in _TAKEN:
        raise ValueError(f"{path}: nothing can be mounted there; choose another folder")
    return path


MountPath = Annotated[
    str,
    Field(pattern=rf"^/{_PART}(?:/{_PART})*$", max_length=200),
    AfterValidator(_outside_what_is_taken),
]
"""A place in a container that a file or folder is mounted at."""


class Contract(StrEnum):
    """Whose contract an image keeps."""

    NATIVE = "native"
    MODELHUB = "modelhub"
    MAX = "max"
    GRAND_CHALLENGE = "grand-challenge"
    MEDPERF = "medperf"


class AxesOrder(StrEnum):
    """Which axis of an array comes first, counted as the voxels of the grid are."""

    XYZ = "xyz"
    ZYX = "zyx"


class AnswerSpec(Spec):
    """Where an output of the task is in the answer of a foreign model, and how it is read."""

    at: str = Field(
        "",
        max_length=200,
        description="which part: a key of a MAX answer or of its entries, the name of an output of"
        " ModelHub, a socket's path, a file; found by type when not given",
    )
    labels: dict[str, str] = Field(
        default_factory=dict,
        max_length=20_000,
        description="classes of the task by what the answer calls them",
    )
    others: Literal["refuse", "ignore"] = Field(
        "refuse", description="what becomes of a class that the task does not know"
    )
    axes: AxesOrder | None = Field(
        None, description="of an array; found by its shape when not given"
    )


class Sending(StrEnum):
    """What of an input goes to a server: the file, each item as a PNG picture, or JSON."""

    FILE = "file"
    PNG = "png"
    JSON = "json"


class MaxContract(Spec):
    """An image of the Model Asset Exchange: ``/model/predict`` on port 5000."""

    name: Literal[Contract.MAX] = Contract.MAX
    input: Name | None = Field(None, description="the input that is sent; needed of several")
    send: Sending | None = Field(
        None, description="png of an array, json of a table, else file, when not given"
    )
    field: str = Field(
        "",
        max_length=64,
        description="of the form (file, image) or of the JSON (text); asked of swagger.json when"
        " not given",
    )
    column: str = Field("", max_length=120, description="of a table: the one that is sent")
    scale: tuple[float, float] | None = Field(
        None, description="of an array sent as PNG: the values that become 0 and 255"
    )
    query: dict[str, str] = Field(
        default_factory=dict, max_length=20, description="such as threshold: 0"
    )
    outputs: dict[Name, AnswerSpec] = Field(default_factory=dict)


class Door(StrEnum):
    """Which of ModelHub's two interfaces is used; Python, where it is there, reads every file."""

    AUTO = "auto"
    PYTHON = "python"
    REST = "rest"


class ModelHubContract(Spec):
    """An image of ModelHub.AI, with ``contrib_src`` inside or mounted."""

    name: Literal[Contract.MODELHUB] = Contract.MODELHUB
    inputs: dict[Annotated[str, Field(max_length=120)], Name] = Field(
        default_factory=dict,
        description="the task's input by the model's key; the names alike when not given",
    )
    send: Sending | None = Field(None, description="png of an array, else file, when not given")
    scale: tuple[float, float] | None = Field(
        None, description="of an array sent as PNG: the values that become 0 and 255"
    )
    door: Door = Door.AUTO
    outputs: dict[Name, AnswerSpec] = Field(default_factory=dict)


class SocketSpec(Spec):
    """A socket (component interface) of Grand Challenge."""

    slug: str = Field("", pattern=r"^[a-z0-9-]*$", max_length=120)
    relative_path: RelativePath | None = None
    kind: str = Field("", max_length=60, description="such as Image, Segmentation, Anything")


class SocketAnswer(AnswerSpec):
    """An output of the task by the socket that it is written to; ``at`` is a key in its JSON."""

    socket: SocketSpec = SocketSpec()


class GrandChallengeContract(Spec):
    """An algorithm container of Grand Challenge."""

    name: Literal[Contract.GRAND_CHALLENGE] = Contract.GRAND_CHALLENGE
    inputs: dict[Name, SocketSpec] = Field(default_factory=dict)
    outputs: dict[Name, SocketAnswer] = Field(default_factory=dict)


class MedPerfMounts(Spec):
    """Where the container expects what; see the ``infer`` task of ``container_config.yaml``."""

    data_path: MountPath
    output_path: MountPath
    parameters_file: MountPath | None = None
    additional_files: MountPath | None = None

    @model_validator(mode="after")
    def _are_apart(self) -> Self:
        places = [place for place in self.model_dump().values() if place]
        for one in places:
            if any(one != other and other.startswith(f"{one}/") for other in places) or (
                places.count(one) > 1
            ):
                raise ValueError(f"{one} is mounted twice, or something else inside it")
        return self


class MedPerfContract(Spec):
    """A model container of MedPerf, by the ``infer`` task of its ``container_config.yaml``."""

    name: Literal[Contract.MEDPERF] = Contract.MEDPERF
    mounts: MedPerfMounts
    entrypoint: tuple[str, ...] = Field((), max_length=50)
    command: tuple[str, ...] = Field((), max_length=200)
    environment: dict[
        Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,120}$")],
        Annotated[str, Field(max_length=4000)],
    ] = Field(default_factory=dict, max_length=100)
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    inputs: dict[Name, RelativePath] = Field(
        default_factory=dict, description="files in data_path; named as the input when not given"
    )
    outputs: dict[Name, CollectedPath] = Field(
        default_factory=dict, description="files in output_path; the task's own when not given"
    )


def said(contract: ForeignContract) -> dict[str, object]:
    """Return what a contract says beyond its defaults: what names it in a digest."""
    return {
        "name": contract.name.value,
        **contract.model_dump(mode="json", exclude_defaults=True),
    }


ForeignContract = MaxContract | ModelHubContract | GrandChallengeContract | MedPerfContract
DeclaredContract = Annotated[ForeignContract, Field(discriminator="name")]

_ANY: TypeAdapter[ForeignContract] = TypeAdapter(DeclaredContract)


def parse_contract(text: str) -> ForeignContract | None:
    """Return the contract that a text declares: its name, or a JSON object with what it says.

    None is the native one.

    >>> parse_contract("native") is None, parse_contract("max").name
    (True, <Contract.MAX: 'max'>)
    >>> parse_contract('{"name": "max", "query": {"threshold": "0"}}').query
    {'threshold': '0'}

    Raises:
        ValueError: It declares none.
    """
    document = json.loads(text) if text.lstrip().startswith("{") else {"name": text.strip()}
    if document.get("name") == Contract.NATIVE and len(document) == 1:
        return None
    return _ANY.validate_python(document)
