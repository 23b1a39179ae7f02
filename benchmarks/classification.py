"""Classes against scikit-learn on the same arrays: top-k of a large table, bootstrapped areas."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from benchmarks.report import Figure
from sklearn.metrics import roc_auc_score, top_k_accuracy_score

from proctor_metrics import PerItemMetric, PooledMetric, TableCase, resolve
from proctor_metrics.bootstrap import draw_weights
from proctor_metrics.classification.delong import delong_areas

_ITEMS, _CLASSES, _K = 50_000, 1_000, 5
_SCORED, _DRAWS, _PEER_DRAWS = 2_000, 1_000, 100


def measure() -> list[Figure]:
    """Measure both, on one core."""
    return [*_top_k(), *_areas()]


def _top_k() -> list[Figure]:
    generator = np.random.default_rng(0)
    scores = generator.random((_ITEMS, _CLASSES), dtype=np.float32)
    true = generator.integers(0, _CLASSES, _ITEMS)
    names, values = tuple(map(str, range(_CLASSES))), tuple(range(_CLASSES))
    metric = resolve("top_k_accuracy", {"k": _K})
    assert isinstance(metric, PerItemMetric)
    case = TableCase("a", scores, true, names, values)
    found = metric.per_item(case).values.mean()
    labels = np.arange(_CLASSES)
    if found != top_k_accuracy_score(true, scores, k=_K, labels=labels):
        raise RuntimeError("top-k differs from scikit-learn's")
    own_s = _best_s(lambda: metric.per_item(case), 7)
    whole_s = _best_s(
        lambda: metric.per_item(TableCase("a", scores, true, names, values)),
        5,
    )
    peer_s = _best_s(lambda: top_k_accuracy_score(true, scores, k=_K, labels=labels), 2)
    pass_s = _best_s(scores.max, 7)
    return [
        Figure(
            "scikit-learn / top-5 of 50,000 x 1,000",
            peer_s / own_s,
            "at least 180",
            f"{peer_s * 1e3:.0f} ms / {own_s * 1e3:.1f} ms, best of 2 and 7;"
            f" with every check of the table {whole_s * 1e3:.1f} ms",
        ),
        Figure(
            "top-5 / one pass over memory (max)",
            own_s / pass_s,
            "at most 1.5",
            f"{own_s * 1e3:.1f} ms / {pass_s * 1e3:.1f} ms, best of 7",
        ),
    ]


def _areas() -> list[Figure]:
    generator = np.random.default_rng(0)
    true = generator.integers(0, 2, _SCORED)
    scores = generator.normal(size=_SCORED) + true
    table = np.stack([-scores, scores], axis=1)
    case = TableCase("a", table, true, ("no", "yes"), (0, 1))
    weights = draw_weights([str(item) for item in range(_SCORED)], "sha256:0", _DRAWS, 0)
    metric = resolve("auroc", {"average": "binary", "positive": 1})
    assert isinstance(metric, PooledMetric)
    drawn = [np.repeat(np.arange(_SCORED), row) for row in weights[:_PEER_DRAWS]]

    def peer() -> list[float]:
        return [float(roc_auc_score(true[items], scores[items])) for items in drawn]

    found = metric.replicates([case], weights)[0]
    if not np.allclose(found[:_PEER_DRAWS], peer(), rtol=1e-12, atol=0):
        raise RuntimeError("areas differ from scikit-learn's")
    own_s = _best_s(lambda: metric.replicates([case], weights), 7)
    peer_s = _best_s(peer, 2) * _DRAWS / _PEER_DRAWS
    closed_s = _best_s(lambda: delong_areas(scores[np.newaxis], true == 1), 7)
    error = float(delong_areas(scores[np.newaxis], true == 1).covariance[0, 0] ** 0.5)
    return [
        Figure(
            "scikit-learn loop / 1,000 bootstrapped AUROC of 2,000 items",
            peer_s / own_s,
            "at least 35",
            f"{peer_s * 1e3:.0f} ms ({_PEER_DRAWS} draws, times 10) / {own_s * 1e3:.1f} ms;"
            f" DeLong in {closed_s * 1e3:.2f} ms, error {error:.4f} for {found.std():.4f}",
        )
    ]


def _best_s(work: Callable[[], object], rounds: int) -> float:
    """Return the shortest time of several rounds, in seconds."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)
