"""How far the private cases of a phase order submissions otherwise than the public ones did."""

from __future__ import annotations

from pydantic import Field

from proctor.spec.base import Spec
from proctor.spec.leaderboard import SnapshotRef


class PrivateMove(Spec):
    """A row and its rank on the public cases and on the private ones."""

    participant: str
    title: str
    submission: str
    baseline: bool
    public_rank: int | None = Field(description="none when it is not eligible there")
    private_rank: int | None = Field(description="none when it is not eligible there")
    public: dict[str, float | None] = Field(description="deciding columns, by key")
    private: dict[str, float | None] = Field(description="the same on the private cases")


class OverfittingReport(Spec):
    """What became of a public board on the private cases."""

    snapshot: SnapshotRef
    sentence: str = Field(description="what it comes to, for readers")
    kendall_tau: float | None = Field(
        description="of the two orders: 1 the same, 0 no relation; none where either ties all"
    )
    rows: int = Field(description="rows with a rank on both")
    moved_rows: int
    largest_move: int = Field(description="in ranks")
    first_stays: bool = Field(description="whether who is first is first on both")
    moves: tuple[PrivateMove, ...] = Field(description="the largest first, as many as asked for")
