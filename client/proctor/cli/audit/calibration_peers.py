"""Calibration by scikit-learn's curve, whose bins hold their upper end too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from proctor.cli.audit.peers import Answers, FloatArray, Found, TablePeer

_ROW_SUM = 1e-3
_BINS = 15


def calibration_peer(name: str, given: Mapping[str, Any]) -> TablePeer | None:
    """Return who else computes a calibration error; None where nobody here does."""
    if name not in ("expected_calibration_error", "debiased_calibration_error"):
        return None
    squared = name == "debiased_calibration_error"
    bins, form = int(given.get("bins", _BINS)), str(given.get("form", "top_label"))

    def measure(answers: Answers) -> Found:
        predicted = answers.predicted
        if (np.abs(predicted.sum(axis=1) - 1) > _ROW_SUM).any():
            return Found(None, len(predicted))
        true = np.searchsorted(answers.classes, answers.true)
        if form == "class_wise":
            columns = range(predicted.shape[1])
            each = [_error(predicted[:, c], true == c, bins, squared) for c in columns]
            return Found(_finished(float(np.mean(each)), squared))
        highest = predicted.max(axis=1)
        # Of equal highest ones each counts in part, which a curve of yes and no does not know.
        tied = int((np.count_nonzero(predicted == highest[:, np.newaxis], axis=1) > 1).sum())
        if tied:
            return Found(None, tied)
        error = _error(highest, predicted.argmax(axis=1) == true, bins, squared)
        return Found(_finished(error, squared))

    return TablePeer("scikit-learn calibration_curve", measure, True)


def _finished(error: float, squared: bool) -> float:
    return math.sqrt(max(error, 0.0)) if squared else error


def _error(said: FloatArray, happened: npt.NDArray[np.bool_], bins: int, squared: bool) -> float:
    """Return the mean distance over bins, or its square without what chance adds to it."""
    from sklearn.calibration import calibration_curve

    said = np.clip(said, 0, 1)
    came_true, mean_said = calibration_curve(happened, said, n_bins=bins)
    places = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], said)
    counts = np.bincount(places, minlength=bins)
    counts = counts[counts > 0]
    if not squared:
        return float((counts * np.abs(came_true - mean_said)).sum() / len(said))
    several = counts > 1
    counts, came_true, mean_said = counts[several], came_true[several], mean_said[several]
    by_chance = came_true * (1 - came_true) / (counts - 1)
    return float((counts * ((came_true - mean_said) ** 2 - by_chance)).sum() / len(said))
