"""Which cases decide the order: the ranking without each of them in turn."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import FloatArray
from proctor_metrics.ranking.aggregation import Weights
from proctor_metrics.ranking.contest import Contest
from proctor_metrics.ranking.correlation import kendall_tau

# Sets without one case that are ranked at once.
_CHUNK_CASES = 512


@dataclass(frozen=True, eq=False)
class Influence:
    """What leaving out each case of a task does to the ranking; arrays of shape (n_cases,).

    Attributes:
        task: the task's name.
        cases: the names of the cases.
        kendall_tau: of the ranking without the case to the full one; NaN where either ties all.
        moved_ranks: int64, how many submissions have another rank without the case.
    """

    task: str
    cases: tuple[str, ...]
    kendall_tau: FloatArray
    moved_ranks: npt.NDArray[np.int64]


def influence(contest: Contest) -> tuple[Influence, ...]:
    """Rank without each case in turn, for every task.

    All sets without one case are scored as resamples are, by their weights. Takes memory and
    time in the square of the number of cases.
    """
    full = contest.ranks(contest.scores())
    result = []
    for number, task in enumerate(contest.tasks):
        n_cases = len(task.cases)
        taus = np.empty(n_cases)
        moved = np.empty(n_cases, dtype=np.int64)
        for first in range(0, n_cases, _CHUNK_CASES):
            left_out = np.arange(first, min(first + _CHUNK_CASES, n_cases))
            weights = np.ones((left_out.size, n_cases), dtype=np.uint16)
            weights[np.arange(left_out.size), left_out] = 0
            given: list[Weights | None] = [None] * len(contest.tasks)
            given[number] = weights
            ranks = contest.ranks(contest.scores(given))
            taus[left_out] = kendall_tau(full[:, 0], ranks)
            moved[left_out] = np.count_nonzero(ranks != full, axis=0)
        result.append(Influence(task.name, task.cases, taus, moved))
    return tuple(result)
