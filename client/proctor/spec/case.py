"""``case.json``: what a container reads in /input (the native contract, version 1)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from proctor.spec.base import CaseId, FileName, Name, Spec
from proctor.spec.task import InputType, OutputSpec

CONTRACT_VERSION: Literal[1] = 1


class CaseInput(Spec):
    """One input file of the case, in /input."""

    type: InputType
    file: FileName


class CaseFile(Spec):
    """The one case a container answers."""

    contract: Literal[1] = CONTRACT_VERSION
    case: CaseId = Field(description="random for every run")
    items: tuple[str, ...] = Field(description="outputs align to them")
    inputs: dict[Name, CaseInput]
    meta: dict[str, JsonValue] = Field(default_factory=dict, description="public only")
    outputs: dict[Name, OutputSpec]
    seed: int
