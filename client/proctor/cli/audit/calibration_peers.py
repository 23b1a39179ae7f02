"""Calibration by scikit-learn's curve, whose bins hold their upper end too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from proctor.cli.audit.peers import Answers, FloatArray, Found, TablePeer

_ROW_SUM = 1e-3
_BINS = 15


def calibration_peer(name: str, given: Mapping[str, Any]) -> TablePeer | None:
    """Return who else computes a calibration error; None where nobody here does."""
    if name != "expected_calibration_error":
        return None
    bins, form = int(given.get("bins", _BINS)), str(given.get("form", "top_label"))

    def measure(answers: Answers) -> Found:
        predicted = answers.predicted
        if (np.abs(predicted.sum(axis=1) - 1) > _ROW_SUM).any():
            return Found(None, len(predicted))
        true = np.searchsorted(answers.classes, answers.true)
        if form == "class_wise":
            columns = range(predicted.shape[1])
            return Found(
                float(np.mean([_error(predicted[:, c], true == c, bins) for c in columns]))
            )
        highest = predicted.max(axis=1)
        # Of equal highest ones each counts in part, which a curve of yes and no does not know.
        tied = int((np.count_nonzero(predicted == highest[:, np.newaxis], axis=1) > 1).sum())
        if tied:
            return Found(None, tied)
        return Found(_error(highest, predicted.argmax(axis=1) == true, bins))

    return TablePeer("scikit-learn calibration_curve", measure, True)


def _error(said: FloatArray, happened: npt.NDArray[np.bool_], bins: int) -> float:
    from sklearn.calibration import calibration_curve

    said = np.clip(said, 0, 1)
    came_true, mean_said = calibration_curve(happened, said, n_bins=bins)
    places = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], said)
    counts = np.bincount(places, minlength=bins)
    counts = counts[counts > 0]
    return float((counts * np.abs(came_true - mean_said)).sum() / len(said))
