"""A leaderboard: an immutable, numbered snapshot with its own address."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from proctor.spec.base import Digest, Slug, Spec, UtcDatetime
from proctor.spec.challenge import SubmissionKind
from proctor.spec.ranking import RankingSpec


class Verdict(StrEnum):
    """What a re-run showed beside the archived predictions and scores."""

    IDENTICAL = "identical"
    WITHIN_TOLERANCE = "within tolerance"
    DIFFERENT = "different"


class BoardColumn(Spec):
    """One score on the board: a metric of a task for a label (``mean`` is macro over labels)."""

    key: str = Field(description="task/metric/label")
    task: Slug
    metric: str
    label: str
    title: str
    unit: str = ""
    higher_is_better: bool
    definition_id: str
    edge_rules: tuple[str, ...] = ()
    aggregate: str = Field(
        "",
        description="how it comes from items, where it is no mean over items",
        exclude_if=lambda words: not words,
    )
    decides: bool = Field(description="whether ranks depend on it")
    claimed: bool = Field(
        False, description="whether a row claims it", exclude_if=lambda claimed: not claimed
    )


class BoardScore(Spec):
    """The number that an order is made from, where no column shows it."""

    title: str
    unit: str = ""
    higher_is_better: bool = False


class BoardValue(Spec):
    """An aggregate with its bootstrap interval and what it was made of."""

    value: float | None
    low: float | None = None
    high: float | None = None
    deviation: float | None = Field(None, description="standard deviation over items")
    n_used: int
    n_total: int


class ClaimFlag(StrEnum):
    """On which side of the measured interval a claim lies."""

    BETTER = "better than measured"
    WORSE = "worse than measured"


class Claim(Spec):
    """A score that a model's author claims, beside the measured one.

    A claim is flagged when it lies outside the interval of the measured score, as far as that
    has one, else when it is another number.
    """

    score: float
    gap: float | None = Field(
        None, description="claimed minus measured; positive where more was claimed"
    )
    flag: ClaimFlag | None = None


class StratumGap(Spec):
    """The largest difference of a column's mean between two levels of a stratum."""

    column: str
    stratum: str
    worst_level: str
    worst: float
    best_level: str
    best: float


class BoardRow(Spec):
    """One submission on the board."""

    rank: int | None = Field(description="none when it has no score that decides ranks")
    rank_low: int | None = None
    rank_high: int | None = None
    first_probability: float | None = Field(None, description="share of draws in which it is first")
    tie_group: int | None = Field(None, description="rows the data cannot separate share one")
    score: float | None = Field(
        None,
        description="what the order is made from, where no column is it",
        exclude_if=lambda score: score is None,
    )
    ineligible: tuple[str, ...] = Field(
        (),
        description="the gates it fails, each with why; such a row has no rank and counts in none",
        exclude_if=lambda reasons: not reasons,
    )
    submission: str
    participant: str
    title: str
    kind: SubmissionKind
    baseline: bool
    content_digest: Digest
    evaluations: tuple[str, ...]
    values: dict[str, BoardValue]
    claimed: dict[str, Claim] = Field(
        default_factory=dict,
        description="by column key, from the model's card",
        exclude_if=lambda claimed: not claimed,
    )
    gaps: tuple[StratumGap, ...] = ()
    failed_cases: int
    total_cases: int
    seconds_per_case: float | None
    hardware: str
    rerun_verdict: Verdict | None = None
    submitted_at: UtcDatetime


class Leaderboard(Spec):
    """One page of a snapshot; ``total_rows`` counts the rows of all pages.

    A page of a search holds rows with its words alone; ``found_rows`` counts those of all pages.
    """

    id: str
    number: int
    challenge: Slug
    challenge_title: str
    challenge_version: int
    phase: Slug
    part: Literal["public", "private"] | None = Field(
        None,
        description="the part of the test set, where some cases are private till the end",
        exclude_if=lambda part: part is None,
    )
    created_at: UtcDatetime
    ranking: RankingSpec
    ranking_sentence: str
    score: BoardScore | None = Field(
        None,
        description="what the rows' scores are, where they have some",
        exclude_if=lambda score: score is None,
    )
    columns: tuple[BoardColumn, ...]
    notice: str = ""
    offset: int = 0
    total_rows: int
    ranked_rows: int | None = Field(
        None,
        description="those of all pages that have a rank; none on a snapshot that is older",
        exclude_if=lambda rows: rows is None,
    )
    search: str = ""
    found_rows: int | None = None
    rows: tuple[BoardRow, ...]


class SnapshotRef(Spec):
    """A numbered snapshot of a leaderboard, in a list."""

    id: str
    number: int
    created_at: UtcDatetime


class BoardMove(Spec):
    """A participant's row, or a baseline's, whose rank is another one than before."""

    participant: str
    title: str
    submission: str = Field(description="the one that stands now; the one before if none does")
    baseline: bool
    before: int | None = Field(description="none when it had no rank")
    now: int | None = Field(description="none when it has no rank any more")


class BoardChanges(Spec):
    """What moved from one snapshot of a board to another."""

    before: SnapshotRef
    after: SnapshotRef
    moved_rows: int = Field(description="rows on both whose rank is another one")
    new_rows: int
    gone_rows: int
    moves: tuple[BoardMove, ...] = Field(description="the largest first, as many as asked for")
