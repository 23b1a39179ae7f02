"""The two parts of a hidden test set, and where the scores of each lie.

Without a private split every case is in the public part. Whatever names no part reads the public
tables, so a private score is seen only where somebody asked for it by name.
"""

from __future__ import annotations

from typing import NamedTuple

from proctor_platform.score_tables import (
    AggregateFields,
    AggregateScore,
    PrivateAggregateScore,
    PrivateScore,
    PrivateStratumScore,
    Score,
    ScoreFields,
    StratumFields,
    StratumScore,
)


class Part(NamedTuple):
    """The tables of one part."""

    private: bool
    scores: type[ScoreFields]
    aggregates: type[AggregateFields]
    strata: type[StratumFields]


PUBLIC = Part(False, Score, AggregateScore, StratumScore)
PRIVATE = Part(True, PrivateScore, PrivateAggregateScore, PrivateStratumScore)
