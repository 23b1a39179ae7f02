"""What two versions of a challenge have in common: what a model is asked, and how it is scored.

Predictions stay good as long as the same cases are asked in the same way; scores, as long as they
were made from the same predictions, reference and metrics. Text, dates and quotas change neither.
"""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from proctor.spec.challenge import ChallengeSpec, PhaseSpec
from proctor.spec.task import TaskSpec
from proctor_platform.tables import ChallengeVersion, DatasetRow
from proctor_platform.versions import spec_of

_INTERFACE = {"inputs", "outputs"}
_ASKED_WITH = {"inputs", "outputs", "seed"}
_SCORED_FROM = {
    "inputs",
    "outputs",
    "reference",
    "labels",
    "regions",
    "metrics",
    "strata",
    "seed",
}


def asked_alike(
    session: Session, old: ChallengeVersion, new: ChallengeVersion, task_slug: str
) -> bool:
    """Tell whether predictions made for ``old`` answer what ``new`` asks.

    Groups and strata may differ: no model sees them.
    """
    if old.number == new.number:
        return True
    before, after = _task(spec_of(old), task_slug), _task(spec_of(new), task_slug)
    if before is None or after is None:
        return False
    if before.model_dump(include=_ASKED_WITH) != after.model_dump(include=_ASKED_WITH):
        return False
    digests = [version.data[task_slug]["hidden"]["inputs"] for version in (old, new)]
    return digests[0] == digests[1] or _cases(session, digests[0]) == _cases(session, digests[1])


def answerable(old: ChallengeVersion, new: ChallengeVersion, task_slug: str) -> bool:
    """Tell whether a model entered for ``old`` can answer what ``new`` asks, if it is asked.

    Its cases may be others, as long as they come and are answered in the same files.
    """
    before, after = _task(spec_of(old), task_slug), _task(spec_of(new), task_slug)
    if before is None or after is None:
        return False
    return before.model_dump(include=_INTERFACE) == after.model_dump(include=_INTERFACE)


def scored_alike(
    old: ChallengeVersion, new: ChallengeVersion, task_slug: str, phase: PhaseSpec
) -> bool:
    """Tell whether scores of ``old`` are comparable with those of ``new`` in its phase."""
    spec = spec_of(old)
    before, after = _task(spec, task_slug), _task(spec_of(new), task_slug)
    old_phase = next((found for found in spec.phases if found.slug == phase.slug), None)
    if before is None or after is None or old_phase is None:
        return False
    return (
        before.model_dump(include=_SCORED_FROM) == after.model_dump(include=_SCORED_FROM)
        and old.data[task_slug]["hidden"] == new.data[task_slug]["hidden"]
        and old_phase.ranking.bootstrap == phase.ranking.bootstrap
        and old_phase.private == phase.private
    )


def _task(spec: ChallengeSpec, slug: str) -> TaskSpec | None:
    return next((task for task in spec.tasks if task.slug == slug), None)


def _cases(session: Session, digest: str) -> list[tuple[Any, ...]]:
    """Return of each case what a model may see of it."""
    document = session.get_one(DatasetRow, digest).document
    return sorted(
        (case["id"], case["items"], sorted((n, f["digest"]) for n, f in case["files"].items()))
        for case in document["cases"]
    )
