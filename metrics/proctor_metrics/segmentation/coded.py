"""A pair of large label maps in the form that the compiled passes take.

Labels become codes of one byte, in rows without the background around them. Small label maps stay
as they are: for them NumPy and SciPy are done before Numba is imported. Which of the two a case
takes depends on its size and labels alone, so it never depends on the machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases.faults import Side, UnknownLabelError
from proctor_metrics.cases.label_volume import LabelArray, LabelVolume
from proctor_metrics.threads import side_by_side

if TYPE_CHECKING:
    from proctor_metrics.segmentation.kernels.label_rows import LabelRows

SMALL_VOXELS = 1 << 20
"""Below this many voxels nothing is compiled."""

MOST_CODES = 256
_LONGEST_AXIS = 1 << 21


@dataclass(frozen=True, eq=False)
class CodedPair:
    """Both label maps as codes.

    Attributes:
        values: int64 of shape (n_codes,): the label of each code.
        prediction: its rows, labels as uint8 codes.
        reference: likewise.
        joint: int64 of shape (n_codes, n_codes): voxels of each pair, reference by prediction.
    """

    values: npt.NDArray[np.int64]
    prediction: "LabelRows"
    reference: "LabelRows"
    joint: npt.NDArray[np.int64]


def coded_pair(
    prediction: LabelArray, reference: LabelArray, known: Sequence[int]
) -> CodedPair | None:
    """Code two label maps of one shape, both in C order.

    Args:
        prediction: integers of shape (y, x) or (z, y, x).
        reference: likewise.
        known: every label there may be, ascending, 0 among them.

    Returns:
        None where compiled passes are not worth it, or there are more labels than codes.

    Raises:
        UnknownLabelError: a label map holds another label.
    """
    if (
        prediction.size < SMALL_VOXELS
        or len(known) > MOST_CODES
        or max(prediction.shape) >= _LONGEST_AXIS
    ):
        return None
    from proctor_metrics.segmentation.kernels.joint import count_pairs
    from proctor_metrics.segmentation.kernels.label_rows import LabelRows, rows_of

    def rows_in_order(one: LabelArray) -> LabelRows:
        return one.in_order().rows if isinstance(one, LabelVolume) else rows_of(one)

    rows = side_by_side([lambda: rows_in_order(reference), lambda: rows_in_order(prediction)])
    # Background is code 0: nothing is kept of it but where the rest begins.
    labels = np.array([0, *(label for label in known if label != 0)], dtype=np.int64)
    if min(known) >= 0 and max(known) < MOST_CODES:
        labels = np.arange(MOST_CODES)
    true, predicted = (
        one._replace(labels=_codes(one.labels, labels, side))
        for one, side in zip(rows, (Side.REFERENCE, Side.PREDICTION), strict=True)
    )
    table = count_pairs(*predicted[:3], *true[:3], predicted.shape[2])
    joint = table.reshape(MOST_CODES, MOST_CODES)[: labels.size, : labels.size]
    expected = np.isin(labels, known)
    for side, axis in ((Side.REFERENCE, 1), (Side.PREDICTION, 0)):
        unknown = labels[(joint.sum(axis=axis) > 0) & ~expected]
        if unknown.size:
            raise UnknownLabelError(side, int(unknown[0]))
    return CodedPair(labels, predicted, true, joint)


def _codes(
    found: npt.NDArray[Any], labels: npt.NDArray[np.int64], side: Side
) -> npt.NDArray[np.uint8]:
    """Return the place of each voxel's label among `labels`."""
    if found.dtype == np.uint8 and labels.size == MOST_CODES and labels[-1] == MOST_CODES - 1:
        return found
    order = np.argsort(labels)
    places = np.minimum(np.searchsorted(labels, found, sorter=order), labels.size - 1)
    codes = order[places]
    wrong = labels[codes] != found
    if wrong.any():
        raise UnknownLabelError(side, int(found[wrong].min()))
    return codes.astype(np.uint8)
