"""What authors claim of their models, beside what was measured here.

A claim comes from the model's card and never touches a rank. A metric named alone is meant in
every task that has it, and over all its labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from proctor.spec.leaderboard import BoardColumn, BoardValue, Claim, ClaimFlag

_MEAN = "mean"
_ROUNDING = 1e-9


def claims_of(
    card: Mapping[str, float], columns: Sequence[BoardColumn], values: Mapping[str, BoardValue]
) -> dict[str, Claim]:
    """Return what a card claims of the board's columns, by column key.

    Args:
        card: ``claimed_scores`` of the model's card.
        columns: the board's columns.
        values: the measured values of the same submission.
    """
    claims = {}
    for column in columns:
        short = (f"{column.task}/{column.metric}", column.metric)
        whole = column.label == _MEAN or column.title == column.metric
        names = [column.key, *(short if whole else ())]
        score = next((card[name] for name in names if name in card), None)
        if score is not None:
            claims[column.key] = _claim(score, column, values.get(column.key))
    return claims


def _claim(score: float, column: BoardColumn, value: BoardValue | None) -> Claim:
    if value is None or value.value is None:
        return Claim(score=score)
    low = value.value if value.low is None else value.low
    high = value.value if value.high is None else value.high
    slack = _ROUNDING * max(abs(low), abs(high))
    flag = None
    if score > high + slack:
        flag = ClaimFlag.BETTER if column.higher_is_better else ClaimFlag.WORSE
    elif score < low - slack:
        flag = ClaimFlag.WORSE if column.higher_is_better else ClaimFlag.BETTER
    gap = score - value.value
    return Claim(score=score, gap=gap if math.isfinite(gap) else None, flag=flag)
