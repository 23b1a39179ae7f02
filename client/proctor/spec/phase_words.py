"""What ranks in a phase, in plain sentences, for who thinks of entering it."""

from __future__ import annotations

from collections.abc import Iterator

from proctor.spec.challenge import ChallengeSpec, PhaseSpec
from proctor.spec.ranking import Gate, RankingColumn


def phase_words(challenge: ChallengeSpec, phase: PhaseSpec) -> tuple[str, ...]:
    """Say by what a phase ranks, what must be kept to be ranked, and what is shown when."""
    return tuple(_sentences(challenge, phase))


def gate_rule(gate: Gate) -> str:
    """Return what a gate asks, as part of a sentence.

    >>> gate_rule(Gate(missing_cases=0, stratum="site"))
    'no case without an answer in every site'
    """
    each = f" in every {gate.stratum}" if gate.stratum else ""
    if gate.score is not None:
        end = "at least" if gate.at_least is not None else "at most"
        limit = gate.at_most if gate.at_least is None else gate.at_least
        return f"{_column(gate.score)} {end} {limit:g}{each}"
    if gate.seconds_per_case is not None:
        return f"no case takes more than {gate.seconds_per_case:g} s{each}"
    if not gate.missing_cases:
        return f"no case without an answer{each}"
    return f"at most {gate.missing_cases} cases without an answer{each}"


def gates_rule(gates: tuple[Gate, ...]) -> str:
    """Return what all gates ask, as a sentence."""
    return f"Only what keeps these gates is ranked: {'; '.join(map(gate_rule, gates))}."


def _sentences(challenge: ChallengeSpec, phase: PhaseSpec) -> Iterator[str]:
    columns = ", ".join(map(_column, challenge.ranking_columns(phase)))
    yield f"Ranked by {columns} (scheme {phase.ranking.scheme.value})."
    if phase.ranking.gates:
        yield gates_rule(phase.ranking.gates)
    if phase.private is not None:
        yield (
            "Some cases are private: they decide a board of their own, shown from"
            f" {challenge.private_opens_at(phase):%Y-%m-%d %H:%M} UTC on."
        )
    if phase.feedback.ladder:
        yield "By the Ladder, scores change only by a significant gain."
    if phase.feedback.digits is not None:
        yield f"Scores are rounded to {phase.feedback.digits} digits."


def _column(column: RankingColumn) -> str:
    return column.metric if column.label == "mean" else f"{column.metric} {column.label}"
