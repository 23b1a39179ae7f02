"""Metrics of tables by scikit-learn and SciPy, over the items of a case or of all cases."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from proctor.cli.audit.calibration_peers import calibration_peer
from proctor.cli.audit.peers import Answers, Found, TablePeer, call
from proctor.cli.audit.survival_peers import survival_peer
from proctor.spec.task import MetricSpec

IntArray = npt.NDArray[np.integer]

_EPS = 1e-15
_ROW_SUM = 1e-3


def table_peer(metric: MetricSpec) -> TablePeer | None:
    """Return who else computes a metric of tables; None where nobody here does."""
    given = metric.parameters
    known = _of_items(metric.name, given) or _of_classes(metric.name, given)
    known = known or _of_scores(metric.name, given) or _of_numbers(metric.name)
    return known or calibration_peer(metric.name, given) or survival_peer(metric.name, given)


def _of_items(name: str, given: Mapping[str, Any]) -> TablePeer | None:
    match name:
        case "accuracy" | "top_k_accuracy" if given.get("ties", "expected") == "expected":
            k = int(given.get("k", 1))
            return TablePeer("scikit-learn top_k_accuracy_score", lambda a: _top_k(a, k), False)
        case "log_loss" if float(given.get("eps", _EPS)) == _EPS:
            return TablePeer("scikit-learn log_loss", _log_loss, False)
        case "brier_score":
            positive = given.get("positive") if given.get("form") == "binary" else None
            return TablePeer("scikit-learn brier_score_loss", lambda a: _brier(a, positive), False)
        case "mae":
            return _columns("mean_absolute_error", pooled=False)
        case "mse":
            return _columns("mean_squared_error", pooled=False)
        case "mape" if given.get("zero_reference", "refuse") == "refuse":
            return _columns("mean_absolute_percentage_error", pooled=False, times=100.0)
        case "subset_accuracy":
            return _held("accuracy_score", given)
        case "hamming_loss":
            return _held("hamming_loss", given)
        case _:
            return None


def _of_classes(name: str, given: Mapping[str, Any]) -> TablePeer | None:
    average = str(given.get("average", "macro"))
    options: dict[str, Any] = {}
    match name:
        case "balanced_accuracy":
            function = "balanced_accuracy_score"
        case "mcc":
            function = "matthews_corrcoef"
        case "cohens_kappa":
            function = "cohen_kappa_score"
            weights = given.get("weights", "none")
            options = {} if weights == "none" else {"weights": weights}
        case "f1_score" | "f_beta" | "precision" | "recall":
            zero_division = str(given.get("zero_division", "0"))
            if average == "per_class" or zero_division == "nan":
                return None
            function = {"f_beta": "fbeta_score"}.get(name, f"{name}_score").replace(
                "_score_score", "_score"
            )
            options = {"average": average, "zero_division": float(zero_division)}
            options |= {"beta": given["beta"]} if name == "f_beta" else {}
            options |= {"pos_label": given["positive"]} if average == "binary" else {}
        case _:
            return None

    def measure(answers: Answers) -> Found:
        decided = _decided(answers)
        if name != "balanced_accuracy" and "average" in options and average != "binary":
            options["labels"] = sorted({*answers.true.tolist(), *decided.tolist()})
        elif function == "cohen_kappa_score":
            options["labels"] = list(answers.classes)
        value = call("sklearn.metrics", function, answers.true, decided, **options)
        return Found(None if math.isnan(value) else value)

    return TablePeer(f"scikit-learn {function}", measure, True)


def _of_scores(name: str, given: Mapping[str, Any]) -> TablePeer | None:
    average = str(given.get("average", "macro"))
    function = {"auroc": "roc_auc_score", "average_precision": "average_precision_score"}.get(name)
    if function is None or average not in ("macro", "binary"):
        return _of_labels(name, average)

    def measure(answers: Answers) -> Found:
        chosen = [int(given["positive"])] if average == "binary" else list(answers.classes)
        values = []
        for label in chosen:
            held = answers.true == label
            if held.all() or not held.any():
                return Found(None)
            scores = answers.predicted[:, answers.classes.index(label)]
            values.append(call("sklearn.metrics", function, held, scores))
        return Found(float(np.mean(values)))

    return TablePeer(f"scikit-learn {function}, one class against the rest", measure, True)


def _of_labels(name: str, average: str) -> TablePeer | None:
    function = {
        "multilabel_auroc": "roc_auc_score",
        "multilabel_average_precision": "average_precision_score",
    }.get(name)
    if function is None or average != "macro":
        return None

    def measure(answers: Answers) -> Found:
        held = answers.true.astype(bool)
        if (held.all(axis=0) | ~held.any(axis=0)).any():
            return Found(None)
        return Found(call("sklearn.metrics", function, held, answers.predicted, average="macro"))

    return TablePeer(f"scikit-learn {function}", measure, True)


def _of_numbers(name: str) -> TablePeer | None:
    match name:
        case "rmse":
            return _columns("root_mean_squared_error", pooled=True)
        case "r2":
            return _columns("r2_score", pooled=True)
        case "median_absolute_error":
            return _columns("median_absolute_error", pooled=True)
        case "max_error":
            return _columns("max_error", pooled=True)
        case "pearson":
            return _columns("pearsonr", pooled=True, module="scipy.stats")
        case "spearman":
            return _columns("spearmanr", pooled=True, module="scipy.stats")
        case "kendall_tau":
            return _columns("kendalltau", pooled=True, module="scipy.stats")
        case _:
            return None


def _columns(
    function: str, *, pooled: bool, module: str = "sklearn.metrics", times: float = 1.0
) -> TablePeer:
    """Return a peer that is asked column by column; what is compared is the mean over them."""

    def measure(answers: Answers) -> Found:
        values = []
        for column in range(answers.true.shape[1]):
            true, predicted = answers.true[:, column], answers.predicted[:, column]
            if pooled and (np.ptp(true) == 0 or (module != "sklearn.metrics" and len(true) < 3)):
                return Found(None)
            values.append(times * call(module, function, true, predicted))
        value = float(np.mean(values))
        return Found(None if math.isnan(value) else value)

    library = "SciPy" if module == "scipy.stats" else "scikit-learn"
    return TablePeer(f"{library} {function}", measure, pooled)


def _held(function: str, given: Mapping[str, Any]) -> TablePeer:
    threshold = float(given.get("threshold", 0.5))

    def measure(answers: Answers) -> Found:
        said = answers.predicted >= threshold
        return Found(call("sklearn.metrics", function, answers.true.astype(bool), said))

    return TablePeer(f"scikit-learn {function}", measure, False)


def _decided(answers: Answers) -> IntArray:
    """Return the class of each item; of equal scores the first column's."""
    if answers.predicted.ndim == 1:
        return np.asarray(answers.predicted)
    decided: IntArray = np.asarray(answers.classes)[answers.predicted.argmax(axis=1)]
    return decided


def _log_loss(answers: Answers) -> Found:
    predicted = answers.predicted
    if (np.abs(predicted.sum(axis=1) - 1) > _ROW_SUM).any():
        return Found(None, len(predicted))
    clipped = np.clip(predicted, _EPS, 1)
    return Found(
        call("sklearn.metrics", "log_loss", answers.true, clipped, labels=list(answers.classes))
    )


def _brier(answers: Answers, positive: object) -> Found:
    if (np.abs(answers.predicted.sum(axis=1) - 1) > _ROW_SUM).any():
        return Found(None, len(answers.predicted))
    chosen = answers.classes if positive is None else (int(cast("int", positive)),)
    total = 0.0
    for label in chosen:
        scores = np.clip(answers.predicted[:, answers.classes.index(label)], 0, 1)
        held = (answers.true == label).astype(int)
        total += call("sklearn.metrics", "brier_score_loss", held, scores, pos_label=1)
    return Found(total)


def _top_k(answers: Answers, k: int) -> Found:
    """Return the accuracy and how many items have a tie that decides.

    scikit-learn breaks ties by column order; an item whose class is tied at the last place takes
    the share of orders in which it is in.
    """
    true, predicted = answers.true, answers.predicted
    if predicted.ndim == 1:
        return Found(call("sklearn.metrics", "accuracy_score", true, predicted))
    classes = list(answers.classes)
    own = predicted[np.arange(len(true)), np.searchsorted(classes, true)][:, np.newaxis]
    above, tied = (predicted > own).sum(axis=1), (predicted == own).sum(axis=1)
    open_tie = (above < k) & (above + tied > k)
    clear = ~open_tie
    hits = float(((k - above[open_tie]) / tied[open_tie]).sum())
    if clear.any():
        if k == 1:
            decided = np.asarray(classes)[predicted[clear].argmax(axis=1)]
            hits += call("sklearn.metrics", "accuracy_score", true[clear], decided, normalize=False)
        else:
            hits += call(
                "sklearn.metrics",
                "top_k_accuracy_score",
                true[clear],
                predicted[clear],
                k=k,
                labels=classes,
                normalize=False,
            )
    return Found(hits / len(true), int(open_tie.sum()))
