"""How alike two rankings are."""

import numpy as np

from proctor_metrics.cases import FloatArray

# Elements of a temporary array; bounds memory to about 32 MB for each.
_CHUNK_ELEMENTS = 4_000_000


def kendall_tau(ranks: FloatArray, others: FloatArray) -> FloatArray:
    """Return Kendall's tau-b of one ranking to each of many.

    tau-b = (C - D) / sqrt(P Q), with C and D the pairs that both order alike and in reverse, and
    P and Q the pairs that the one and the other do not tie (Kendall 1945). Takes time in the
    square of the number of submissions.

    Args:
        ranks: float64 of shape (n,).
        others: float64 of shape (n, B).

    Returns:
        float64 of shape (B,), in [-1, 1]; NaN where a ranking ties all.

    Raises:
        ValueError: the rankings are of different submissions.

    >>> kendall_tau(np.array([1.0, 2.0, 3.0]), np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]]))
    array([ 1., -1.])
    """
    if others.ndim != 2 or ranks.shape != (others.shape[0],):
        raise ValueError(f"rankings of shapes {ranks.shape} and {others.shape} cannot be compared")
    agreement = np.zeros(others.shape[1])
    untied = np.zeros(others.shape[1])
    step = max(1, _CHUNK_ELEMENTS // max(1, others.shape[1]))
    first, second = np.triu_indices(ranks.size, k=1)
    signs = np.sign(ranks[first] - ranks[second])
    for start in range(0, first.size, step):
        part = slice(start, start + step)
        compared = np.sign(others[first[part]] - others[second[part]])
        agreement += signs[part] @ compared
        untied += np.count_nonzero(compared, axis=0)
    scale = np.sqrt(np.count_nonzero(signs) * untied)
    taus = np.full(others.shape[1], np.nan)
    np.divide(agreement, scale, out=taus, where=scale > 0)
    return np.asarray(np.clip(taus, -1.0, 1.0))
