"""Which contract a submission's container is spoken to by: the one that its content declares."""

from __future__ import annotations

from typing import assert_never

from proctor.spec.contract import (
    ForeignContract,
    GrandChallengeContract,
    MaxContract,
    MedPerfContract,
    ModelHubContract,
)
from proctor.spec.work import AnyContent, ImageContent
from proctor_runner.contracts.driven import PLACE
from proctor_runner.contracts.grand_challenge import GrandChallengeAdapter
from proctor_runner.contracts.interface import CaseContract, ForeignAdapter
from proctor_runner.contracts.max import MaxAdapter
from proctor_runner.contracts.medperf import MedPerfAdapter
from proctor_runner.contracts.modelhub import ModelHubAdapter
from proctor_runner.contracts.native_cases import NativeCases
from proctor_runner.sandbox.interface import Places


def contract_of(content: AnyContent) -> CaseContract:
    """Return the contract that a content's cases are asked by."""
    if isinstance(content, ImageContent) and content.contract is not None:
        return adapter(content.contract)
    return NativeCases()


def folder_places(content: ImageContent) -> frozenset[str]:
    """Return where folders are mounted into an image, but for those of every container."""
    if content.contract is None:
        return frozenset({Places.model} if content.weights else ())
    places = adapter(content.contract).places
    return frozenset(
        {places.input, places.output, PLACE, *places.scratch}
        | ({places.model} if content.weights else set())
    )


def adapter(declared: ForeignContract) -> ForeignAdapter:
    """Return what speaks a declared contract."""
    match declared:
        case MaxContract():
            return MaxAdapter(declared)
        case ModelHubContract():
            return ModelHubAdapter(declared)
        case GrandChallengeContract():
            return GrandChallengeAdapter(declared)
        case MedPerfContract():
            return MedPerfAdapter(declared)
        case _ as unreachable:
            assert_never(unreachable)
