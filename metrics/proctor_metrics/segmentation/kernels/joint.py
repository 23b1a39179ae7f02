"""Count every pair of labels of two label maps in one pass.

Stretches of eight voxels that are of one pair, most of a label map, cost one addition.
"""

import numpy as np
import numpy.typing as npt

from proctor_metrics.compiled import kernel, load_word
from proctor_metrics.segmentation.kernels.label_rows import Codes, Extents, Starts

N_CODES = 256
_ONES = np.uint64(0x0101010101010101)
_LOW_BYTE = np.uint64(0xFF)


@kernel
def count_pairs(
    predicted: Codes,
    predicted_starts: Starts,
    predicted_extents: Extents,
    true: Codes,
    true_starts: Starts,
    true_extents: Extents,
    width: int,
) -> npt.NDArray[np.int64]:
    """Return int64 (256 * 256,): cell 256 * true + predicted holds the voxels of that pair.

    The arrays are those of two `LabelRows` of one shape, whose labels are uint8 codes.
    """
    table = np.zeros(N_CODES * N_CODES, np.int64)
    zero = np.uint64(0)
    for row in range(predicted_starts.size):
        first, end = np.int64(predicted_extents[row, 0]), np.int64(predicted_extents[row, 1])
        true_first, true_end = np.int64(true_extents[row, 0]), np.int64(true_extents[row, 1])
        if end == 0:
            low, high = true_first, true_end
        elif true_end == 0:
            low, high = first, end
        else:
            low, high = min(first, true_first), max(end, true_end)
        for x in range(low, high, 8):
            p = t = zero
            if first <= x < end:
                p = load_word(predicted, predicted_starts[row] + x)
            if true_first <= x < true_end:
                t = load_word(true, true_starts[row] + x)
            one_p, one_t = p & _LOW_BYTE, t & _LOW_BYTE
            if (p ^ (one_p * _ONES)) | (t ^ (one_t * _ONES)) == zero:
                table[one_t << np.uint64(8) | one_p] += 8
            else:
                for _ in range(8):
                    table[(t & _LOW_BYTE) << np.uint64(8) | (p & _LOW_BYTE)] += 1
                    p >>= np.uint64(8)
                    t >>= np.uint64(8)
    # Rows are kept in eights, so background may have been counted that is not there.
    table[0] = 0
    table[0] = predicted_starts.size * width - table.sum()
    return table
