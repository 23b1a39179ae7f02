"""Numbers as tables and labels show them."""

from __future__ import annotations

import math


def number(value: float | None, digits: int = 4) -> str:
    """Write a score with ``digits`` significant digits; a missing one is a dash.

    >>> number(0.9), number(12.3456), number(None)
    ('0.9000', '12.35', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    return f"{value:.{max(0, digits - 1 - max(magnitude, -1))}f}"


def rank_text(rank: float) -> str:
    """Write a rank; one that is shared may lie between two whole ones.

    >>> rank_text(2.0), rank_text(2.5)
    ('2', '2.5')
    """
    return f"{rank:.4g}"


def rank_range(low: float, high: float) -> str:
    """Write the interval of a rank.

    >>> rank_range(1, 3), rank_range(2, 2)
    ('1 to 3', '2')
    """
    return rank_text(low) if low == high else f"{rank_text(low)} to {rank_text(high)}"


def percent(share: float) -> str:
    """Write a share in percent; what is not nothing is not written as nothing.

    >>> percent(0.254), percent(0.001), percent(0.999), percent(0)
    ('25 %', '< 1 %', '> 99 %', '0 %')
    """
    if 0 < share < 0.005:
        return "< 1 %"
    if 0.995 <= share < 1:
        return "> 99 %"
    return f"{100 * share:.0f} %"
