from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from proctor.spec.ranking import RankingSpec
from proctor_metrics.metric import Direction
from proctor_platform.leaderboards.standing import (
    Decision,
    board_stability,
    draws_used,
    rank_board,
)

GIB = 1 << 30


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "columns"), [("mean", 1), ("rank_sum", 9)])
def test_ten_thousand_rows_are_ranked_in_bounded_memory(scheme: str, columns: int) -> None:
    rows = 10_000
    draws = draws_used(rows, columns, 1000)
    generator = np.random.default_rng(0)
    values = generator.random((rows, columns))
    noise = generator.normal(0, 0.05, (rows, columns, draws))
    replicates = values[:, :, np.newaxis] + noise
    decision = Decision(values, np.zeros_like(values), [Direction.HIGHER] * columns)
    ranking = RankingSpec.model_validate({"scheme": scheme})
    tracemalloc.start()
    board = rank_board(decision, ranking)
    sure = board_stability(decision, ranking, board, replicates)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < GIB
    assert sure.first_probability.sum() == pytest.approx(1)
    assert (sure.lowest <= sure.highest).all()
