"""Tells which walls stood around a model while it was tested."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from proctor.spec.card.examination import Check
from proctor_runner.examination.verdicts import Question
from proctor_runner.sandbox.interface import Guard

_WALLS = (
    (Question("network", "It works without any network"), Guard.NO_NETWORK),
    (Question("unprivileged", "It works as an unprivileged user"), Guard.NO_PRIVILEGES),
    (Question("read_only", "It works on a read-only file system"), Guard.READ_ONLY_WORLD),
)


def wall_checks(enforced: Collection[Guard], sandbox: str, answered: bool) -> Iterator[Check]:
    """Judge what a test in this sandbox says of a run on a platform.

    Args:
        answered: Whether the model answered any case within these walls.
    """
    for question, guard in _WALLS:
        if guard not in enforced:
            yield question.warned(
                f"The {sandbox} sandbox does not enforce it, so nobody knows.",
                "Test once more with --sandbox docker, as a platform runs it.",
            )
        elif answered:
            yield question.passed("The sandbox enforced it.")
        else:
            yield question.skipped("It answered no case.")
