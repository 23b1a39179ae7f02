"""How to have the model: on one's own machine, or as a service."""

from __future__ import annotations

from collections.abc import Iterator

from proctor.spec.hosting import DeploymentState
from proctor.spec.registry.pages import Fact
from proctor_platform.registry.elements.known import Known, measured, recorded, stated

_ANSWERS = {
    DeploymentState.SERVING: "it answers",
    DeploymentState.STARTING: "it is being started",
    DeploymentState.ASLEEP: "the next question starts it",
}


def deployment(known: Known) -> Iterator[Fact]:
    """Say how to run it as a service."""
    if "serve" in known.commands:
        yield recorded("as a service", known.commands["serve"])


def compatibility(known: Known) -> Iterator[Fact]:
    """Say where and by which contract it runs."""
    yield recorded("contract", f"Proctor, version {known.card.contract}")
    if known.protocols:
        yield recorded("answered through", ", ".join(known.protocols))
    if known.measured is not None and known.measured.python:
        platform = f" on {known.measured.platform}" if known.measured.platform else ""
        yield measured("Python", f"{known.measured.python}{platform}")
    if known.environment is not None:
        yield recorded("ran on", known.environment.gpu or known.environment.cpu)
    asks = known.card.compatibility
    yield from stated("architectures", *asks.architectures)
    yield from stated("processor flags", *asks.cpu_flags)
    yield from stated("CUDA at least", asks.min_cuda)


def installation(known: Known) -> Iterator[Fact]:
    """Say how to have it here."""
    if "download" in known.commands:
        yield recorded("download it", known.commands["download"])


def cloud(known: Known) -> Iterator[Fact]:
    """Say where it answers: at this platform, and where its author says."""
    for one in known.hosted:
        if one.state in _ANSWERS:
            yield recorded("hosted here", f"{one.path} ({_ANSWERS[one.state]})")
    yield from stated("hosted at", known.card.support.demo)
