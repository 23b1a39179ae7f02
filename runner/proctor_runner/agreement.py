"""Whether a model that serves answers as it does when it is started for each case.

A program that lives through many cases could keep something from one to the next, by mistake or to
look at the test set as a whole. So a few cases, which nobody can know beforehand, are answered once
more through ``case``, and the canonical predictions must be the same bytes.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

from proctor.spec.digests import digest_file
from proctor.spec.outcomes import Code, ParticipantError
from proctor.spec.work import RunOrder

_CASES = 2


def compared_aliases(order: RunOrder) -> frozenset[str]:
    """Return the aliases of the cases that are answered twice, the same for the same order.

    Half of a tiny set at most, but one at least; not the case that is answered first, which has
    none before it, unless no others are left. A later attempt compares as many: the cases to be
    compared are reported last.
    """
    count = max(1, min(_CASES, order.cases_total // 2))
    aliases = sorted(case.alias for case in order.cases)
    # A container may read the run's id from the names of its mounts; what is to come, or the token,
    # it cannot.
    secret = "\n".join((order.id, order.token, *aliases))
    chooser = random.Random(secret)  # noqa: S311 repeatable, and unknown inside a container
    later = aliases[1:] if len(aliases) > count else aliases
    return frozenset(chooser.sample(later, min(count, len(later))))


def same_predictions(first: Mapping[str, Path], second: Mapping[str, Path]) -> bool:
    """Tell whether canonical predictions have equal digests."""
    return _digests(first) == _digests(second)


def disagreement(detail: str) -> ParticipantError:
    """Return the participant's failure that ends the run."""
    return ParticipantError(Code.PROTOCOLS_DISAGREE, detail)


def state_is_kept(case_id: str) -> str:
    """Say that a model answers a case differently once it has seen others."""
    return (
        f"Case {case_id} is answered differently through serve than through case, which answers"
        " it alike each time: the model keeps something from one case to the next."
    )


def never_the_same(case_id: str) -> str:
    """Say that a model answers a case differently each time, so that nothing can be compared."""
    return (
        f"Case {case_id} is answered differently each time, through case as well, so the answers"
        " through serve cannot be checked: the model is not seeded."
    )


def not_answered(case_id: str, why: str) -> str:
    """Say that a case was answered through serve alone."""
    return f"Case {case_id} is answered through serve, but not through case: {why}"


def _digests(predictions: Mapping[str, Path]) -> dict[str, str]:
    return {name: digest_file(path).digest for name, path in predictions.items()}
