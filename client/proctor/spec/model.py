"""``model.json``: the card of a model, in its folder and on its page."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from proctor.spec.base import Slug, Spec

ClaimedColumn = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}(?:/[^/]{1,120}){0,2}$", max_length=250)
]
"""A column of a leaderboard, by the metric's id, with its task before it and a label behind."""


class Protocol(StrEnum):
    """How a container is spoken to; ``case`` is assumed when none is declared."""

    CASE = "case"
    SERVE = "serve"


class ModelCard(Spec):
    """What a contributor says of a model; measured values never come from here."""

    contract: Literal[1] = 1
    name: Slug
    title: str = Field("", max_length=120)
    description: str = Field("", max_length=20_000)
    version: str = Field("1.0", max_length=64)
    license: str = Field("", max_length=120, description="SPDX expression")
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
