"""What keeps participants from fitting a board instead of the task: how much of scores they get.

Every answer of a platform that counts cases is a small leak of the hidden reference; hundreds of
submissions add the leaks up. A private split keeps some cases out of every answer until the phase
is over; the Ladder answers with significant gains alone; fewer digits help people, not security.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from proctor.spec.base import Name, Spec


class PrivateSplit(Spec):
    """Which hidden cases decide only when the phase is over: a share of groups, or by a column.

    With ``share`` whole groups are chosen by the seed and the reference's secret salt, so that
    nobody can work out which. With ``column`` the cases are private whose stratum of that name
    has one of ``values``, for example the hospitals that nobody has seen.
    """

    share: float | None = Field(None, gt=0, lt=1, description="of the groups of each task")
    seed: int = Field(0, ge=0, lt=2**32)
    column: Name | None = Field(None, description="a stratum of every task of the phase")
    values: tuple[str, ...] = Field((), description="its levels whose cases are private")

    @model_validator(mode="after")
    def _is_drawn_in_one_way(self) -> Self:
        if (self.share is None) == (self.column is None):
            raise ValueError("a private split has one of share and column")
        if (self.column is not None) != bool(self.values):
            raise ValueError("column and values of a private split belong together")
        return self


class FeedbackSpec(Spec):
    """How exact the scores are that participants and readers get while the phase is open."""

    digits: int | None = Field(
        None, ge=0, le=12, description="after the decimal point, in every answer; all if none"
    )
    ladder: bool = Field(
        False, description="a participant's score changes only by a significant gain"
    )
