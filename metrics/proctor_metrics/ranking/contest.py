"""What is ranked: submissions, their values in one task or several, and by which scheme.

A contest scores the full data, a bootstrap and every set without one case by the same code. Cases
are drawn by group within each task, tasks independently of each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proctor_metrics.bootstrap import draw_weights
from proctor_metrics.cases import FloatArray
from proctor_metrics.metric import Direction
from proctor_metrics.ranking.aggregation import Weights
from proctor_metrics.ranking.combination import Ranking
from proctor_metrics.ranking.consensus import Consensus, consensus_scores
from proctor_metrics.ranking.ranks import RankTies, rank
from proctor_metrics.ranking.schemes import Bootstrap, Scheme


@dataclass(frozen=True, eq=False)
class Task:
    """The values of all submissions in one task.

    Attributes:
        name: the task's name; part of the seed of its draws.
        cases: a name each.
        values: float64 of shape (n, n_cases, n_columns); NaN is missing.
        directions: which end is better, for each column.
        groups: the group of each case (a patient) that is drawn together; empty where each case
            is its own.
    """

    name: str
    cases: tuple[str, ...]
    values: FloatArray
    directions: tuple[Direction, ...]
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse parts that do not fit.

        Raises:
            ValueError: the numbers of cases, columns or groups differ.
        """
        expected = (len(self.cases), len(self.directions))
        if self.values.ndim != 3 or self.values.shape[1:] != expected:
            raise ValueError(
                f"task {self.name!r}: values of shape {self.values.shape} do not fit"
                f" {expected[0]} cases and {expected[1]} columns"
            )
        if self.groups and len(self.groups) != len(self.cases):
            raise ValueError(
                f"task {self.name!r}: {len(self.groups)} groups do not fit {expected[0]} cases"
            )

    def draws(self, dataset_digest: str, samples: int, seed: int) -> Weights:
        """Draw cases with replacement; uint16 of shape (samples, n_cases)."""
        groups = self.groups or self.cases
        return draw_weights(groups, f"{dataset_digest}|{self.name}", samples, seed)


@dataclass(frozen=True, eq=False)
class Contest:
    """Submissions in tasks, and how they are ranked.

    Attributes:
        algorithms: a name each, in the order of the values.
        tasks: one or several, of the same submissions.
        scheme: what ranks within a task.
        consensus: what puts the ranks of several tasks together.
    """

    algorithms: tuple[str, ...]
    tasks: tuple[Task, ...]
    scheme: Scheme
    consensus: Consensus = Consensus.MEAN_RANK

    def __post_init__(self) -> None:
        """Refuse what cannot be ranked.

        Raises:
            ValueError: there is no task, or one has other submissions.
        """
        if not self.tasks:
            raise ValueError("there is no task to rank in")
        for task in self.tasks:
            if task.values.shape[0] != len(self.algorithms):
                raise ValueError(
                    f"task {task.name!r} has values of {task.values.shape[0]} submissions;"
                    f" there are {len(self.algorithms)}"
                )

    @property
    def direction(self) -> Direction:
        """Return which end of the scores is better."""
        if len(self.tasks) > 1:
            return Direction.LOWER
        return self.scheme.direction(self.tasks[0].directions)

    @property
    def score_title(self) -> str:
        """Return what the scores are, for readers; nothing where they are a column's means."""
        if len(self.tasks) == 1:
            return self.scheme.score_title(len(self.tasks[0].directions))
        return self.consensus.score_title

    @property
    def sentence(self) -> str:
        """Return how it ranks, for readers."""
        if len(self.tasks) == 1:
            return self.scheme.sentence
        return f"{self.scheme.sentence} {self.consensus.sentence}"

    def scores(
        self,
        weights: Sequence[Weights | None] | None = None,
        bootstrap: Bootstrap = Bootstrap.CORRECT,
    ) -> FloatArray:
        """Score every submission, once for each vector of weights.

        Args:
            weights: for each task integers of shape (B, n_cases), or None for the full data.
            bootstrap: what a case that counts more than once means.

        Returns:
            float64 of shape (n, B); (n, 1) for the full data.
        """
        given = weights or [None] * len(self.tasks)
        if len(self.tasks) == 1:
            task = self.tasks[0]
            return self.scheme.scores(task.values, task.directions, given[0], bootstrap)
        ranks = [self.task_ranks(task, given[i], bootstrap) for i, task in enumerate(self.tasks)]
        return consensus_scores(np.stack(np.broadcast_arrays(*ranks), axis=1), self.consensus)

    def task_ranks(
        self,
        task: Task,
        weights: Weights | None = None,
        bootstrap: Bootstrap = Bootstrap.CORRECT,
    ) -> FloatArray:
        """Rank within one task; float64 of shape (n, B)."""
        scores = self.scheme.scores(task.values, task.directions, weights, bootstrap)
        return self.scheme.ranks(scores, task.directions)

    def ranks(self, scores: FloatArray) -> FloatArray:
        """Rank scores of this contest along the first axis."""
        return rank(scores, self.direction, self.scheme.ties, self.scheme.missing.of_scores)

    def ranking(self) -> Ranking:
        """Rank the full data, ties sharing the better rank."""
        scores = self.scores()[:, 0]
        ranks = rank(scores, self.direction, RankTies.MIN).astype(np.int64)
        return Ranking(scores, self.direction, ranks)

    def draws(self, dataset_digest: str, samples: int, seed: int) -> list[Weights | None]:
        """Draw the cases of every task."""
        return [task.draws(dataset_digest, samples, seed) for task in self.tasks]
