"""The Ladder: publish only what is a significant gain, so that a board cannot be fitted.

Somebody who enters hundreds of guesses and keeps what the board rewards learns the hidden
reference instead of the task. The Ladder answers a submission with its own score only when it is
better than the best so far by more than one standard error of their paired difference, and with
the old score otherwise, so that luck below that margin is not rewarded. It is the parameter-free
form of Blum and Hardt, *The Ladder: A Reliable Leaderboard for Machine Learning Competitions*
(ICML 2015), figure 2.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import FloatArray


@dataclass(frozen=True, eq=False)
class LadderSteps:
    """What a participant is told after each submission; arrays of shape (k,).

    Attributes:
        published: float64, the loss that is shown, to the nearest 1/n; NaN before any was.
        standing: int64, the submission whose loss that is; -1 before any was.
    """

    published: FloatArray
    standing: npt.NDArray[np.int64]


def ladder(losses: FloatArray) -> LadderSteps:
    """Climb the Ladder with one participant's submissions, in the order in which they came.

    With R the mean loss over the n cases that both have, and s the standard deviation (n - 1) of
    the paired differences to the standing submission, a submission takes its place when
    R < R_standing - s / sqrt(n). The first with a loss is always published. A submission without
    any loss is never, nor one without a loss in a case in which the standing one has it: whoever
    could leave out cases would choose what is compared.

    Args:
        losses: float64 of shape (k, n), lower is better; NaN for a case without a value.

    >>> steps = ladder(np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]))
    >>> steps.published, steps.standing
    (array([0.5, 0.5, 0. ]), array([0, 0, 2]))
    """
    count, n_cases = losses.shape
    published = np.full(count, np.nan)
    standing = np.full(count, -1, dtype=np.int64)
    best = -1
    for index in range(count):
        if not np.isnan(losses[index]).all() and (best < 0 or _gains(losses[best], losses[index])):
            best = index
        if best >= 0:
            published[index] = np.rint(np.nanmean(losses[best]) * n_cases) / n_cases
        standing[index] = best
    return LadderSteps(published, standing)


def _gains(old: FloatArray, new: FloatArray) -> bool:
    if (np.isnan(new) & ~np.isnan(old)).any():
        return False
    gain = (old - new)[~np.isnan(old - new)]
    if gain.size < 2:
        return False
    return bool(gain.mean() > gain.std(ddof=1) / np.sqrt(gain.size))
