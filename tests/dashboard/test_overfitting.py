"""The private board beside the public one, drawn by Streamlit with a platform's answers."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from proctor.client import ApiError
from proctor.spec.leaderboard import Leaderboard, SnapshotRef
from proctor.spec.outcomes import Code
from proctor.spec.overfitting import OverfittingReport, PrivateMove
from proctor.spec.ranking import RankingSpec

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PUBLIC = Leaderboard(
    id="lea_7",
    number=7,
    challenge="tissue",
    challenge_title="Tissue",
    challenge_version=1,
    phase="main",
    part="public",
    created_at=NOON,
    ranking=RankingSpec(),
    ranking_sentence="By the mean.",
    columns=(),
    total_rows=2,
    rows=(),
)
REPORT = OverfittingReport(
    snapshot=SnapshotRef(id="lea_7", number=7, created_at=NOON),
    sentence="Of 2 rows 2 moved.",
    kendall_tau=-1.0,
    rows=2,
    moved_rows=2,
    largest_move=1,
    first_stays=False,
    moves=(
        PrivateMove(
            participant="ann",
            title="Net",
            submission="sub_1",
            baseline=False,
            public_rank=1,
            private_rank=2,
            public={"t/dice/mean": 0.9},
            private={"t/dice/mean": 0.7},
        ),
    ),
)


class FakePlatform:
    """Answers what the part asks."""

    def __init__(self, report: OverfittingReport | ApiError) -> None:
        self.report = report

    def overfitting(self, leaderboard_id: str, limit: int) -> OverfittingReport:
        if isinstance(self.report, ApiError):
            raise self.report
        return self.report

    def private_board(self, leaderboard_id: str, offset: int, limit: int) -> Leaderboard:
        return PUBLIC.model_copy(update={"part": "private"})


def _script(platform: object, public: object) -> None:
    import streamlit as st

    from proctor_dashboard.views import overfitting

    st.text(overfitting.choose(platform, public).part)  # type: ignore[arg-type]


def opened(report: Any) -> AppTest:
    arguments = {"platform": FakePlatform(report), "public": PUBLIC}
    return AppTest.from_function(_script, default_timeout=120, kwargs=arguments).run()


def test_the_report_stands_above_the_board_that_is_chosen() -> None:
    page = opened(REPORT)
    assert not page.exception
    assert [one.value for one in page.text] == ["public"]
    assert any("Of 2 rows 2 moved" in one.value for one in page.markdown)
    assert page.dataframe[0].value.to_dict("records")[0] == {
        "Submission": "Net",
        "Participant": "ann",
        "Public rank": 1,
        "Private rank": 2,
        "Public t/dice/mean": "0.9000",
        "Private t/dice/mean": "0.7000",
    }
    page.radio(key="part").set_value("private").run()
    assert [one.value for one in page.text] == ["private"]


@pytest.mark.parametrize("code", [Code.NOT_YET, Code.NOT_FOUND])
def test_while_the_private_cases_are_closed_it_says_until_when(code: Code) -> None:
    problem = SimpleNamespace(code=code, title="", detail="Shown from 2027 on.", hint="")
    page = opened(ApiError(problem))  # type: ignore[arg-type]
    assert not page.exception
    assert [one.value for one in page.text] == ["public"]
    assert len(page.caption) == (code is Code.NOT_YET)
