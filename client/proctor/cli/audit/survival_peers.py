"""Metrics of survival by scikit-survival, where it is installed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np

from proctor.cli.audit.peers import Answers, Found, TablePeer, function


def survival_peer(name: str, given: Mapping[str, Any]) -> TablePeer | None:
    """Return who else computes a metric of survival; None where nobody here does."""
    if find_spec("sksurv") is None:
        return None
    sign = -1.0 if given.get("answer") == "time" else 1.0
    match name:
        case "concordance_index":
            return TablePeer(
                "scikit-survival concordance_index_censored", lambda a: _concordance(a, sign), True
            )
        case "time_dependent_auc":
            times = [float(time) for time in given["times"]]
            return TablePeer(
                "scikit-survival cumulative_dynamic_auc", lambda a: _areas(a, sign, times), True
            )
        case _:
            return None


def _concordance(answers: Answers, sign: float) -> Found:
    concordance = function("sksurv.metrics", "concordance_index_censored")
    times, events = answers.true[:, 0], answers.true[:, 1] == 1
    found = [concordance(events, times, sign * one)[0] for one in answers.predicted.T]
    return Found(float(np.mean(found)))


def _areas(answers: Answers, sign: float, times: list[float]) -> Found:
    seen, had = answers.true[:, 0], answers.true[:, 1] == 1
    # Its own reading of a time that nobody reached is an error, ours an edge rule.
    if not (seen[had].min(initial=np.inf) <= min(times) and max(times) < seen.max(initial=0)):
        return Found(None)
    rows = np.array(list(zip(had, seen, strict=True)), dtype=[("event", bool), ("time", float)])
    risks = sign * answers.predicted
    found, _ = function("sksurv.metrics", "cumulative_dynamic_auc")(
        rows, rows, risks[:, 0] if risks.shape[1] == 1 else risks, times
    )
    return Found(float(np.mean(found)))
