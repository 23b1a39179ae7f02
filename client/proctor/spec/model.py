"""``model.json``: the card of a model, in its folder and on its page.

It holds all that ModelHub's ``config.json`` does; ``card.modelhub`` turns the one into the other.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from proctor.spec.base import Slug, Spec
from proctor.spec.card.io import ModelIo
from proctor.spec.card.resources import Resources
from proctor.spec.card.sections import (
    CardOwner,
    Compatibility,
    FreeDocument,
    Languages,
    Licenses,
    Meta,
    Method,
    Publication,
    Support,
    Training,
    Use,
)

ClaimedColumn = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}(?:/[^/]{1,120}){0,2}$", max_length=250)
]
"""A column of a leaderboard, by the metric's id, with its task before it and a label behind."""


class Protocol(StrEnum):
    """How a container is spoken to; ``case`` is assumed when none is declared.

    ``describe``: it writes what it is made of, as the engine does; a model folder always can.
    """

    CASE = "case"
    SERVE = "serve"
    DESCRIBE = "describe"


def _unsaid(value: object) -> bool:
    """Tell whether a section says nothing, so that cards without it stay as short as they were."""
    if isinstance(value, Spec):
        return not value.model_dump(exclude_defaults=True)
    return not value


class ModelCard(Spec):
    """What a contributor says of a model; measured values never come from here."""

    contract: Literal[1] = 1
    name: Slug
    title: str = Field("", max_length=120)
    description: str = Field("", max_length=20_000)
    version: str = Field("1.0", max_length=64)
    license: str = Field("", max_length=120, description="SPDX expression, of its use")
    authors: tuple[Annotated[str, Field(max_length=200)], ...] = Field((), max_length=500)
    links: tuple[Annotated[str, Field(max_length=500)], ...] = Field((), max_length=50)
    protocols: tuple[Protocol, ...] = (Protocol.CASE,)
    runtime: Slug | None = Field(None, description="approved runtime image of a model folder")
    tasks: tuple[Slug, ...] = Field((), max_length=100)
    claimed_scores: dict[ClaimedColumn, float] = Field(
        default_factory=dict,
        max_length=200,
        description="what the author measured: by metric id, task/metric or task/metric/label",
    )
    id: str = Field(
        "",
        pattern=r"^(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$",
        description="UUID that a model keeps from version to version",
        exclude_if=_unsaid,
    )
    io: ModelIo | None = Field(
        None, description="what goes in and comes out, apart from a task", exclude_if=_unsaid
    )
    meta: Meta = Field(default_factory=Meta, exclude_if=_unsaid)
    model: Method = Field(default_factory=Method, exclude_if=_unsaid)
    publication: Publication | None = Field(None, exclude_if=_unsaid)
    owner: CardOwner = Field(default_factory=CardOwner, exclude_if=_unsaid)
    use: Use = Field(default_factory=Use, exclude_if=_unsaid)
    training: Training = Field(default_factory=Training, exclude_if=_unsaid)
    licenses: Licenses = Field(default_factory=Licenses, exclude_if=_unsaid)
    resources: Resources = Field(default_factory=Resources, exclude_if=_unsaid)
    compatibility: Compatibility = Field(default_factory=Compatibility, exclude_if=_unsaid)
    languages: Languages = Field(default_factory=Languages, exclude_if=_unsaid)
    support: Support = Field(default_factory=Support, exclude_if=_unsaid)
    price: str = Field(
        "", max_length=120, description="of its use; free when not given", exclude_if=_unsaid
    )
    release_notes: str = Field(
        "", max_length=10_000, description="what is new in this version", exclude_if=_unsaid
    )
    forked_from: str = Field(
        "",
        max_length=200,
        pattern=r"^[^\s<>\"']*$",
        description="what it was built on: a submission's id, a digest, or an address",
        exclude_if=_unsaid,
    )
    modelhub: FreeDocument = Field(
        default_factory=dict,
        description="hints of ModelHub's web page, as they were",
        exclude_if=_unsaid,
    )
    custom: FreeDocument = Field(
        default_factory=dict,
        description="anything else; it is shown apart and is never taken for a score",
        exclude_if=_unsaid,
    )
