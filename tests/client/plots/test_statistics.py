"""What a ranking's statistics refuse: tables that do not fit the algorithms they speak of."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from proctor.spec.statistics import RankingStatistics

LEAST: dict[str, Any] = {
    "title": "Dice",
    "higher_is_better": True,
    "scheme": "mean",
    "sentence": "The mean over cases is ranked.",
    "algorithms": ("a", "b"),
    "scores": (0.9, None),
    "ranks": (1, 2),
}


def test_a_ranking_alone_is_enough_and_survives_json() -> None:
    known = RankingStatistics(**LEAST)
    assert RankingStatistics.model_validate_json(known.model_dump_json()) == known
    assert known.draws == 0


@pytest.mark.parametrize(
    ("part", "complaint"),
    [
        ({"scores": (0.9,)}, "scores has 1 entries where 2 are needed"),
        ({"rank_low": (1, 1, 1)}, "rank_low has 3"),
        ({"rank_counts": ((3, 0),)}, "rank_counts has 1"),
        ({"better": ((None, 0.1), (0.2,))}, r"better\[1\] has 1"),
        ({"case_values": ((0.1,), (0.2,))}, "needs the names of its cases"),
        ({"cases": ("x", "y"), "case_values": ((0.1,), (0.2,))}, r"case_values\[0\] has 1"),
        ({"tasks": ({"name": "t", "ranks": (1,)},)}, "ranks of t has 1"),
        ({"algorithms": ("a", "a")}, "the same name"),
        ({"kendall_tau": (1.5,)}, "less than or equal to 1"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_by_name(part: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        RankingStatistics(**(LEAST | part))
