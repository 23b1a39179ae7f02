"""The inner loop of test-based ranking: Wilcoxon's test of all pairs in every resample.

It is compiled when it is first called; importing it imports the compiler, so only
`significance.py` does, and late. The hard part is the test under weights: a case drawn twice is
two equal differences, which share their midrank and count as a tie.
"""

import math

import numba
import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import FloatArray


@numba.njit(cache=True, nogil=True)
def signed_rank_p_values(
    order: npt.NDArray[np.int32],
    sign: npt.NDArray[np.int8],
    starts_run: npt.NDArray[np.bool_],
    ends: npt.NDArray[np.int64],
    weights: npt.NDArray[np.int32],
    p: FloatArray,
) -> None:
    """Fill in the p-values that the first of each pair beats the second, and the reverse.

    Wilcoxon's signed ranks with midranks, correction for ties, and continuity correction; both
    are 1 where no difference is left.

    Args:
        order: int32 of shape (n_pairs, n_cases): for each pair the cases by the size of their
            differences, those of zero last.
        sign: int8 of the same shape: 1 where the first of the pair is better, -1 where the second.
        starts_run: booleans of the same shape: whether a difference is larger than the one before.
        ends: how many entries of each row are not zero.
        weights: int32 of shape (B, n_cases): how often each case counts.
        p: float64 of shape (B, n_pairs, 2), filled here.
    """
    for draw in range(weights.shape[0]):
        for pair in range(ends.size):
            n = 0.0
            positive_sum = 0.0
            tie_term = 0.0
            run = 0.0
            run_positive = 0.0
            for k in range(ends[pair]):
                if starts_run[pair, k]:
                    positive_sum += (n + (run + 1.0) / 2.0) * run_positive
                    tie_term += run * run * run - run
                    n += run
                    run = 0.0
                    run_positive = 0.0
                weight = weights[draw, order[pair, k]]
                run += weight
                if sign[pair, k] > 0:
                    run_positive += weight
            positive_sum += (n + (run + 1.0) / 2.0) * run_positive
            tie_term += run * run * run - run
            n += run
            variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - tie_term / 48.0
            if n == 0.0:
                p[draw, pair, 0] = 1.0
                p[draw, pair, 1] = 1.0
            else:
                off_center = positive_sum - n * (n + 1.0) / 4.0
                scale = math.sqrt(2.0 * variance)
                p[draw, pair, 0] = 0.5 * math.erfc((off_center - 0.5) / scale)
                p[draw, pair, 1] = 0.5 * math.erfc((-off_center - 0.5) / scale)
