"""Which of a participant's submissions stands on a board."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, assert_never

import numpy as np
import numpy.typing as npt

from proctor.spec.ranking import Selection
from proctor_metrics.ranking import Ranking
from proctor_metrics.ranking.ladder import ladder


class Entrant(NamedTuple):
    """Who a submission stands for, and when it came."""

    participant: str
    baseline: bool
    submitted_at: datetime
    submission: str


def choose(
    entrants: Sequence[Entrant],
    board: Ranking,
    select: Selection,
    eligible: Sequence[bool] | None = None,
) -> npt.NDArray[np.intp]:
    """Return the submissions that stand on the board: one a participant, and every baseline.

    What is not eligible stands for a participant who has nothing else. Of equally good
    submissions the earlier one stands.
    """
    may_stand = [True] * len(entrants) if eligible is None else eligible
    chosen: dict[str, int] = {}
    for index, entrant in enumerate(entrants):
        key = standing_for(entrant)
        standing = chosen.get(key)
        if (
            standing is None
            or may_stand[index] > may_stand[standing]
            or (
                may_stand[index] == may_stand[standing]
                and _replaces(entrants, board, select, index, standing)
            )
        ):
            chosen[key] = index
    return np.array(sorted(chosen.values()), dtype=np.intp)


def choose_by_ladder(
    entrants: Sequence[Entrant], losses: npt.NDArray[np.float64], eligible: Sequence[bool]
) -> npt.NDArray[np.intp]:
    """Return the submissions that stand on the board when only a significant gain is published.

    Args:
        entrants: the submissions.
        losses: float64 of shape (n, n_cases), lower is better.
        eligible: whether each keeps every gate; the others climb no ladder.
    """
    by_key: dict[str, list[int]] = {}
    for index in sorted(
        range(len(entrants)), key=lambda at: (entrants[at].submitted_at, entrants[at].submission)
    ):
        by_key.setdefault(standing_for(entrants[index]), []).append(index)
    chosen = []
    for indices in by_key.values():
        climbing = [index for index in indices if eligible[index]] or indices
        standing = int(ladder(losses[climbing]).standing[-1])
        chosen.append(climbing[max(standing, 0)])
    return np.array(sorted(chosen), dtype=np.intp)


def standing_for(entrant: Entrant) -> str:
    """Return whose place a submission takes: its participant's, or a baseline's own."""
    return entrant.submission if entrant.baseline else f"@{entrant.participant}"


def _replaces(
    entrants: Sequence[Entrant], board: Ranking, select: Selection, index: int, standing: int
) -> bool:
    new, old = entrants[index], entrants[standing]
    newer = (new.submitted_at, new.submission) > (old.submitted_at, old.submission)
    match select:
        case Selection.LATEST:
            return newer
        case Selection.BEST:
            if board.ranks[index] == board.ranks[standing]:
                return not newer
            return bool(board.ranks[index] < board.ranks[standing])
        case _ as unreachable:
            assert_never(unreachable)
