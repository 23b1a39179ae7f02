"""What a second inference shows beside the archived one; platform and archives judge alike.

*Identical*: the canonical digests of every case are equal. *Within tolerance*: every score of the
re-run lies within the task's ``rerun_tolerance`` of the archived one. Else *different*, with the
first case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from proctor.spec.leaderboard import Verdict

ScoreKey = tuple[str, str, str]
"""Case, metric and label; the case of a pooled score is empty."""


class Finding(NamedTuple):
    """A verdict and the sentence that says where it comes from."""

    verdict: Verdict
    detail: str


@dataclass(frozen=True)
class Answer:
    """How a case ended, and the digests of its canonical predictions by output."""

    outcome: str
    digests: Mapping[str, str] = field(default_factory=dict)


def compare_predictions(first: Mapping[str, Answer], rerun: Mapping[str, Answer]) -> Finding | None:
    """Return a verdict if digests alone decide, else none."""
    for case_id in sorted(first.keys() | rerun.keys()):
        before, after = first.get(case_id), rerun.get(case_id)
        answered = bool(before and before.digests), bool(after and after.digests)
        if answered[0] != answered[1]:
            return Finding(
                Verdict.DIFFERENT,
                f"Case {case_id} ended with {_outcome(after)}; in the first run it was"
                f" {_outcome(before)}.",
            )
    if changed_case(first, rerun) is not None:
        return None
    count = sum(bool(answer.digests) for answer in rerun.values())
    return Finding(Verdict.IDENTICAL, f"The predictions of all {count} cases have equal digests.")


def changed_case(first: Mapping[str, Answer], rerun: Mapping[str, Answer]) -> str | None:
    """Return the first case whose predictions have other digests, if there is one."""
    for case_id in sorted(first.keys() & rerun.keys()):
        if first[case_id].digests != rerun[case_id].digests:
            return case_id
    return None


def compare_scores(
    first: Mapping[ScoreKey, float | None],
    rerun: Mapping[ScoreKey, float | None],
    tolerance: float,
    changed: str | None,
) -> Finding:
    """Compare every score of two evaluations; pooled ones after those of cases.

    The sentence holds no score: a re-run counts against no quota, and its owner reads it.
    """
    for key in sorted(first.keys() | rerun.keys(), key=lambda key: (not key[0], key)):
        if _difference(first.get(key), rerun.get(key)) > tolerance:
            case_id, metric, label = key
            where = f"Case {case_id}" if case_id else "All cases together"
            return Finding(
                Verdict.DIFFERENT,
                f"{where}: {metric} ({label}) differs by more than the tolerance {tolerance:g}.",
            )
    return Finding(
        Verdict.WITHIN_TOLERANCE,
        f"Predictions of case {changed} differ; every score lies within the tolerance"
        f" {tolerance:g}.",
    )


def environment_difference(first: Mapping[str, Any] | None, rerun: Mapping[str, Any] | None) -> str:
    """Say in words what differs between the machines of two runs.

    >>> environment_difference({"kernel": "6.1"}, {"kernel": "6.5", "worker": "b"})
    'The environment differs: kernel 6.1 → 6.5.'
    """
    before, after = _flat(first or {}), _flat(rerun or {})
    changes = [
        f"{name} {before.get(name) or 'none'} → {after.get(name) or 'none'}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    if not changes:
        return "The environment is the same."
    return f"The environment differs: {', '.join(changes)}."


def _outcome(answer: Answer | None) -> str:
    return "missing" if answer is None else answer.outcome


def _difference(before: float | None, after: float | None) -> float:
    if before is None or after is None:
        return 0.0 if before is after else float("inf")
    return abs(after - before)


def _flat(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the facts that can change a score, libraries one by one; not the worker's name."""
    facts = {
        name.replace("_", " "): str(value)
        for name, value in environment.items()
        if name not in ("worker", "libraries")
    }
    return facts | {
        f"library {name}": version
        for name, version in dict(environment.get("libraries") or {}).items()
    }
