"""Gates: what a submission must keep to be ranked, and in words what it does not keep.

What is compared is what is shown: where a phase rounds scores, the rounded ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session, col, select

from proctor.spec.outcomes import Code
from proctor.spec.ranking import Gate
from proctor_platform.leaderboards import gather
from proctor_platform.leaderboards.candidates import (
    Candidate,
    ColumnKey,
    Numbers,
    portions,
)
from proctor_platform.leaderboards.rounding import Grid
from proctor_platform.leaderboards.scope import Scope
from proctor_platform.leaderboards.wording import resolved_key
from proctor_platform.parts import Part
from proctor_platform.tables import CaseResult


@dataclass
class _Cases:
    """How the cases of one submission went, by level where a gate asks for levels.

    Attributes:
        slowest_s: seconds of the slowest case; none where no case has a time.
        missing: cases without an answer; the key is (stratum, level), both empty for all.
    """

    slowest_s: dict[tuple[str, str], float] = field(default_factory=dict)
    missing: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))


def reasons_of(
    session: Session,
    scope: Scope,
    part: Part,
    candidates: Sequence[Candidate],
    numbers: Sequence[Mapping[ColumnKey, Numbers]],
    grid: Grid,
) -> list[tuple[str, ...]]:
    """Say of each candidate which gates of the phase it fails, and why; mostly none.

    Args:
        session: a reading session.
        scope: what the board is of.
        part: the part of the cases that is looked at.
        candidates: the submissions.
        numbers: their aggregates, as they will be shown.
        grid: how numbers are rounded.
    """
    gates = scope.phase.ranking.gates
    if not gates:
        return [()] * len(candidates)
    found = {key for row in numbers for key in row}
    keys = [resolved_key(gate.score, found) if gate.score else None for gate in gates]
    in_strata = [key for key, gate in zip(keys, gates, strict=True) if key and gate.stratum]
    strata = gather.strata_of(session, part, candidates, in_strata)
    cases = [_Cases() for _ in candidates]
    if any(gate.score is None for gate in gates):
        cases = _cases_of(session, scope, part, candidates)
    return [
        tuple(
            reason
            for gate, key in zip(gates, keys, strict=True)
            for reason in (
                _of_cases(gate, cases[index])
                if key is None
                else _of_score(gate, key, numbers[index].get(key), strata[index].get(key, {}), grid)
            )
        )
        for index in range(len(candidates))
    ]


def _of_score(
    gate: Gate,
    key: ColumnKey,
    number: Numbers | None,
    strata: Mapping[str, Mapping[str, float]],
    grid: Grid,
) -> Iterable[str]:
    _, metric, label = key
    name = metric if label == "mean" else f"{metric} {label}"
    if gate.stratum is None:
        value = None if number is None else number.value
        if value is None:
            yield f"{name} has no value; {_needed(gate)} is needed"
        elif not _reaches(gate, value):
            yield f"{name} is {_short(gate, value)}; {_needed(gate)} is needed"
        return
    levels = strata.get(gate.stratum, {})
    if not levels:
        yield f"{name} has no value in any {gate.stratum}; {_needed(gate)} is needed in each"
    below = [
        f"{_short(gate, value)} in {level}"
        for level, exact in sorted(levels.items())
        if not _reaches(gate, value := grid.of(exact))
    ]
    if below:
        yield f"{name} by {gate.stratum} is {', '.join(below)}; {_needed(gate)} is needed in each"


def _short(gate: Gate, value: float) -> str:
    """Return a value that fails in four digits, or in all where four hide that it fails."""
    short = f"{value:.4g}"
    return str(float(value)) if _reaches(gate, float(short)) else short


def _reaches(gate: Gate, value: float) -> bool:
    if gate.at_least is not None:
        return value >= gate.at_least
    return gate.at_most is not None and value <= gate.at_most


def _needed(gate: Gate) -> str:
    return (
        f"at least {gate.at_least:g}" if gate.at_least is not None else f"at most {gate.at_most:g}"
    )


def _of_cases(gate: Gate, cases: _Cases) -> Iterable[str]:
    wanted = gate.stratum or ""
    if gate.seconds_per_case is not None:
        for (stratum, level), seconds in sorted(cases.slowest_s.items()):
            if stratum == wanted and seconds > gate.seconds_per_case:
                yield (
                    f"a case{_where(stratum, level)} took {_coarse(seconds)};"
                    f" {gate.seconds_per_case:g} s is the most"
                )
    if gate.missing_cases is not None:
        for (stratum, level), count in sorted(cases.missing.items()):
            if stratum == wanted and count > gate.missing_cases:
                yield (
                    f"{count} {'case has' if count == 1 else 'cases have'} no answer"
                    f"{_where(stratum, level)}; {gate.missing_cases} is the most"
                )


def _where(stratum: str, level: str) -> str:
    return f" where {stratum} is {level}" if stratum else ""


def _coarse(seconds: float) -> str:
    # A model could tell in exact figures what its log may not say.
    return f"{float(f'{seconds:.1e}'):g} s"


def _cases_of(
    session: Session, scope: Scope, part: Part, candidates: Sequence[Candidate]
) -> list[_Cases]:
    found = [_Cases() for _ in candidates]
    levels = {task: _levels(session, scope, part, task) for task in scope.phase.tasks}
    refused = _refused(session, part, candidates)
    place = {
        run: (index, task, candidate.evaluations.get(task, ""))
        for index, candidate in enumerate(candidates)
        for task, run in candidate.runs.items()
    }
    for portion in portions(list(place)):
        rows = session.execute(
            select(
                CaseResult.run_id, CaseResult.case_id, CaseResult.outcome, CaseResult.seconds
            ).where(col(CaseResult.run_id).in_(portion))
        )
        for run, case_id, outcome, seconds in rows:
            index, task, evaluation = place[run]
            if case_id not in levels[task]:
                continue
            lost = outcome != Code.OK or (evaluation, case_id) in refused
            cases = found[index]
            for level in levels[task][case_id]:
                if seconds is not None:
                    cases.slowest_s[level] = max(seconds, cases.slowest_s.get(level, 0.0))
                cases.missing[level] += lost
    return found


def _levels(
    session: Session, scope: Scope, part: Part, task: str
) -> dict[str, list[tuple[str, str]]]:
    """Return, for the cases of the part, the levels that each counts in."""
    named = {gate.stratum for gate in scope.phase.ranking.gates if gate.stratum}
    return {
        case.id: [
            ("", ""),
            *((name, case.strata[name]) for name in sorted(named & set(case.strata))),
        ]
        for case in gather.cases_of(session, scope, part, task)
    }


def _refused(session: Session, part: Part, candidates: Sequence[Candidate]) -> set[tuple[str, str]]:
    """Return the cases, with their evaluations, whose answers a metric could not take."""
    evaluations = [one for candidate in candidates for one in candidate.evaluations.values()]
    found: set[tuple[str, str]] = set()
    for portion in portions(evaluations):
        rows = session.execute(
            select(part.scores.evaluation_id, part.scores.case_id).where(
                col(part.scores.evaluation_id).in_(portion),
                col(part.scores.flag).in_(gather.UNANSWERED),
            )
        )
        found |= {(evaluation, case) for evaluation, case in rows}
    return found
