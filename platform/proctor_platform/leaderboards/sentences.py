"""All that a board says of how it was made, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proctor.spec.leaderboard import BoardColumn
from proctor.spec.phase_words import gates_rule
from proctor_platform.leaderboards.field import Field
from proctor_platform.leaderboards.wording import ranking_sentence


def board_sentence(field: Field, columns: Sequence[BoardColumn], draws: int, *, bca: bool) -> str:
    """Explain a board: how it ranks, who is not ranked, how exact it is, and on which cases."""
    ranking = field.scope.phase.ranking
    decides = [column for column in columns if column.decides]
    sentences = [ranking_sentence(ranking, decides, draws, bca=bca)]
    if field.single:
        sentences.append(
            f"All cases of {' and '.join(sorted(field.single))} are of one group, such as a"
            " patient: every resample is the same, so there are no intervals of it."
        )
    if ranking.gates:
        sentences.append(gates_rule(ranking.gates))
    return " ".join([*sentences, *_protection(field)])


def _protection(field: Field) -> Iterator[str]:
    phase, spec = field.scope.phase, field.scope.spec
    if field.part.private:
        yield (
            "These are the private cases: no score that was shown while the phase was open was"
            " made from them."
        )
        return
    if phase.feedback.digits is not None:
        yield f"Scores are rounded to {phase.feedback.digits} digits before they are ranked."
    if field.grid.steps is not None:
        yield (
            "By the Ladder a participant's score changes only when a submission is better by more"
            " than a standard error of the difference, and is shown to the nearest"
            f" 1/{field.grid.steps}."
        )
    if phase.private is not None:
        yield (
            "Made from the public cases alone; the board of the private ones is shown from"
            f" {spec.private_opens_at(phase):%Y-%m-%d %H:%M} UTC on."
        )
