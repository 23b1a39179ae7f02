"""Kemeny's order: the one that the fewest pairwise preferences speak against.

The hard part is that there are n! orders. The cost of an order is a sum over its places of what
the last one there adds to the set before it, so the best order of a set follows from those of its
subsets: 2^n of them, in turn by size (Held and Karp 1962). Above `EXACT_UP_TO` submissions an order
by mean rank is improved by moving one submission at a time until no move helps.
"""

from math import prod

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import FloatArray

EXACT_UP_TO = 12


def kemeny_orders(ranks: FloatArray) -> FloatArray:
    """Return the place of each submission in the best order, 1 is best.

    An order costs one for each task and pair that the task orders the other way; pairs that a
    task ties cost nothing. Neighbors in the order share a place when as many tasks prefer the one
    as the other, for every pair among them: any order of theirs is as good. Where further orders
    cost the same, mean ranks decide which is taken.

    Args:
        ranks: float64 of shape (n, n_tasks, ...); each remaining position is a problem of its
            own.

    Returns:
        float64 of shape (n, ...).
    """
    n, n_tasks = ranks.shape[:2]
    rest = ranks.shape[2:]
    # Resamples often leave all ranks as they were; equal problems are solved once.
    problems, which = np.unique(ranks.reshape(n * n_tasks, prod(rest)), axis=1, return_inverse=True)
    places = np.empty((n, problems.shape[1]))
    for problem in range(problems.shape[1]):
        task_ranks = problems[:, problem].reshape(n, n_tasks)
        # Submissions are numbered by mean rank, so that the first of equal choices is the fair one.
        start = np.argsort(task_ranks.mean(axis=1), kind="stable")
        costs = contradictions(task_ranks[start])
        order = _exact_order(costs) if n <= EXACT_UP_TO else _improved_order(costs)
        places[start[order], problem] = _shared_places(costs[np.ix_(order, order)])
    return places[:, which.ravel()].reshape(n, *rest)


def contradictions(ranks: FloatArray) -> npt.NDArray[np.int64]:
    """Return for each pair how many tasks speak against the row standing before the column.

    Args:
        ranks: float64 of shape (n, n_tasks).

    Returns:
        int64 of shape (n, n).
    """
    return np.asarray((ranks[:, np.newaxis] > ranks[np.newaxis]).sum(axis=2), dtype=np.int64)


def _shared_places(costs: npt.NDArray[np.int64]) -> FloatArray:
    """Return the places of submissions in order, given what each pair of them costs."""
    balanced = costs == costs.T
    places = np.empty(costs.shape[0])
    first = 0
    for place in range(costs.shape[0]):
        if not balanced[place, first:place].all():
            first = place
        places[place] = first + 1
    return places


def _exact_order(costs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    n = costs.shape[0]
    subsets = np.arange(1 << n)
    has = (subsets[:, np.newaxis] >> np.arange(n)) & 1
    # What it costs to place a submission behind all of a set.
    behind = has @ costs
    size = has.sum(axis=1)
    best = np.zeros(1 << n, dtype=np.int64)
    last = np.zeros(1 << n, dtype=np.int64)
    for count in range(1, n + 1):
        sets = subsets[size == count]
        without = sets[:, np.newaxis] & ~(1 << np.arange(n))
        totals = best[without] + behind[without, np.arange(n)]
        totals[has[sets] == 0] = np.iinfo(np.int64).max
        # The last of equal ones goes last, so that the first stay in front.
        chosen = n - 1 - totals[:, ::-1].argmin(axis=1)
        last[sets] = chosen
        best[sets] = totals[np.arange(sets.size), chosen]
    order = np.empty(n, dtype=np.int64)
    remaining = (1 << n) - 1
    for place in range(n - 1, -1, -1):
        order[place] = last[remaining]
        remaining &= ~(1 << int(order[place]))
    return order


def _improved_order(costs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    order = np.arange(costs.shape[0])
    gains = costs - costs.T
    improved = True
    while improved:
        improved = False
        for place in range(order.size):
            moved = order[place]
            others = np.delete(order, place)
            # The cost of standing at each place among the others, up to a constant.
            at = np.concatenate(([0], np.cumsum(gains[others, moved])))
            target = int(at.argmin())
            if at[target] < at[place]:
                order = np.insert(others, target, moved)
                improved = True
    return order
