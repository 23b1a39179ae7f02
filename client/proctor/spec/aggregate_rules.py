"""How a metric's values of items become one number of a board."""

from __future__ import annotations

from enum import StrEnum


class AggregateRule(StrEnum):
    """How the values of a metric's items become the number of a column.

    ``items``: the mean over items; over labels, each item's mean first.
    ``labels``: the same, but over labels the mean of the labels' means (macro).
    ``pooled``: the same, but over labels the mean of all their values together.
    ``median`` and ``quantile`` (with ``quantile``): that value over the items.
    """

    ITEMS = "items"
    LABELS = "labels"
    POOLED = "pooled"
    MEDIAN = "median"
    QUANTILE = "quantile"
