"""Statistics of an invented ranking, by numpy alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from proctor.spec.statistics import RankingStatistics

Make = Callable[..., RankingStatistics]


@pytest.fixture
def make_statistics() -> Make:
    return invented


def invented(
    algorithms: int = 6, cases: int = 40, /, draws: int = 200, **given: Any
) -> RankingStatistics:
    """Make statistics whose parts fit together: means ranked, two schemes, two tasks."""
    generator = np.random.default_rng(3)
    skill = np.linspace(0.92, 0.86, algorithms)
    hard = generator.beta(2, 8, cases)
    values = np.clip(
        skill[:, None] - 0.6 * hard + generator.normal(0, 0.08, (algorithms, cases)), 0, 1
    )
    values = values[np.argsort(-values.mean(axis=1), kind="stable")]
    weights = generator.multinomial(cases, np.full(cases, 1 / cases), draws)
    drawn = _ranks(weights @ values.T)
    case_ranks = _ranks(values.T)
    full = np.arange(1, algorithms + 1)
    median_ranks = _ranks(np.median(values, axis=1)[None])[0]
    p = np.full((algorithms, algorithms), 0.5)
    p[np.triu_indices(algorithms, 2)] = 0.001
    p[np.tril_indices(algorithms)] = 1.0
    tables: dict[str, Any] = {
        "title": "Dice",
        "higher_is_better": True,
        "scheme": "mean-then-rank",
        "sentence": "The mean over cases is ranked.",
        "algorithms": [f"model {number}" for number in full],
        "scores": values.mean(axis=1).tolist(),
        "ranks": full.tolist(),
        "rank_low": np.quantile(drawn, 0.025, axis=0, method="lower").tolist(),
        "rank_high": np.quantile(drawn, 0.975, axis=0, method="higher").tolist(),
        "first_probability": (drawn == 1).mean(axis=0).tolist(),
        "tie_groups": [1 + number // 3 for number in range(algorithms)],
        "draws": draws,
        "cases": [f"case-{number:03d}" for number in range(cases)],
        "case_values": values.tolist(),
        "case_rank_counts": _counts(case_ranks),
        "rank_counts": _counts(drawn),
        "kendall_tau": [_tau(row, full) for row in drawn],
        "better": [
            [None if row == column else float(p[row, column]) for column in range(algorithms)]
            for row in range(algorithms)
        ],
        "schemes": [
            {"name": "mean-then-rank", "sentence": "Means are ranked.", "ranks": full.tolist(),
             "kendall_tau": 1.0},
            {"name": "median-then-rank", "sentence": "Medians are ranked.",
             "ranks": median_ranks.tolist(), "kendall_tau": _tau(median_ranks, full)},
        ],
        "tasks": [
            {"name": "liver", "ranks": full.tolist()},
            {"name": "tumor", "ranks": np.roll(full, 1).tolist()},
        ],
        "influence": [{"case": "case-003", "kendall_tau": 0.87, "moved_ranks": 2}],
    }  # fmt: skip
    return RankingStatistics(**(tables | given))


def _ranks(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.argsort(np.argsort(-rows, axis=1, kind="stable"), axis=1) + 1


def _counts(ranks: np.ndarray[Any, Any]) -> list[list[int]]:
    count = ranks.shape[1]
    return [np.bincount(ranks[:, row], minlength=count + 1)[1:].tolist() for row in range(count)]


def _tau(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    signs = np.sign(one[:, None] - one[None]) * np.sign(other[:, None] - other[None])
    return float(signs.sum() / max(len(one) * (len(one) - 1), 1))
