"""The page that says how sure a ranking is, drawn by Streamlit over a platform that is a fake."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from proctor.client import ApiError
from proctor.spec.leaderboard import BoardColumn, Leaderboard
from proctor.spec.outcomes import Code
from proctor.spec.ranking import RankingSpec
from proctor.spec.statistics import RankingStatistics
from proctor_dashboard.views import certainty

HOSTILE = "<script>alert(1)</script> ![x](http://x.example)"
HEAD = Leaderboard(
    id="lea_7",
    number=7,
    challenge="tissue",
    challenge_title="Tissue",
    challenge_version=1,
    phase="main",
    created_at=datetime(2026, 1, 1, 12, tzinfo=UTC),
    ranking=RankingSpec(),
    ranking_sentence="The mean, then its rank.",
    columns=(),
    total_rows=2,
    rows=(),
)
KNOWN = RankingStatistics.model_validate(
    {
        "title": "Dice",
        "higher_is_better": True,
        "scheme": "mean",
        "sentence": "The mean over cases is ranked.",
        "algorithms": (HOSTILE, "second"),
        "scores": (0.9, 0.8),
        "ranks": (1, 2),
        "rank_low": (1, 1),
        "rank_high": (2, 2),
        "draws": 100,
        "rank_counts": ((75, 25), (25, 75)),
        "schemes": (
            {"name": "mean", "sentence": "Means are ranked.", "ranks": (1, 2)},
            {"name": "median", "sentence": "Medians.", "ranks": (2, 1), "kendall_tau": -1},
        ),
        "influence": ({"case": "case-7", "kendall_tau": -1, "moved_ranks": 2},),
    }
)


class FakePlatform:
    """One board, whose statistics are given, or refused with an error."""

    def __init__(self, statistics: RankingStatistics | ApiError) -> None:
        self.statistics = statistics
        self.head = HEAD
        self.asked: list[str] = []

    def challenge(self, slug: str) -> Any:
        return SimpleNamespace(challenge=SimpleNamespace(title=slug.title()))

    def leaderboard(self, slug: str, phase: str, offset: int, limit: int) -> Leaderboard:
        return self.head

    def ranking_statistics(
        self, leaderboard_id: str, column: str | None = None
    ) -> RankingStatistics:
        self.asked.append(leaderboard_id if column is None else column)
        if isinstance(self.statistics, ApiError):
            raise self.statistics
        return self.statistics


def _script() -> None:
    from proctor_dashboard.views import certainty

    certainty.draw()


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Any:
    def opened(platform: FakePlatform) -> AppTest:
        monkeypatch.setattr(certainty, "client", lambda: platform)
        page = AppTest.from_function(_script, default_timeout=120)
        page.query_params["slug"] = "tissue"
        page.query_params["phase"] = "main"
        return page.run()

    return opened


def test_the_page_has_the_sentence_the_plots_and_the_ranks_of_every_scheme(open_page: Any) -> None:
    platform = FakePlatform(KNOWN)
    page = open_page(platform)
    assert not page.exception
    assert platform.asked == ["lea_7"]
    assert [head.value for head in page.subheader] == [
        "Rank intervals",
        "Ranks over bootstrap draws",
        "Ranks under every scheme",
        "Every scheme",
        "Cases that decide the order",
    ]
    assert len(page.get("plotly_chart")) == 3
    assert any("The mean over cases is ranked" in one.value for one in page.markdown)
    assert any(
        "Kendall's tau to the ranking shown\\: \\-1\\.00" in one.value for one in page.markdown
    )
    tables = [one.proto.body for one in page.get("html")]
    assert any("<td>1 to 2</td>" in table for table in tables)
    assert any("case-7" in table for table in tables)


def test_a_reader_chooses_the_column_that_is_looked_at(open_page: Any) -> None:
    platform = FakePlatform(KNOWN)
    columns = [
        BoardColumn(
            key=f"segment/{name}/mean",
            task="segment",
            metric=name,
            label="mean",
            title=name,
            higher_is_better=True,
            definition_id=f"{name}.v1",
            decides=name == "dice",
        )
        for name in ("hd95", "dice")
    ]
    platform.head = HEAD.model_copy(update={"columns": tuple(columns)})
    page = open_page(platform)
    chooser = page.selectbox[-1]
    assert chooser.options == ["What decides: dice", "dice (segment)", "hd95 (segment)"]
    chooser.select("segment/hd95/mean").run()
    assert platform.asked == ["lea_7", "segment/hd95/mean"]


def test_nothing_of_a_strangers_becomes_markup_on_the_page(open_page: Any) -> None:
    page = open_page(FakePlatform(KNOWN))
    for one in page.get("html"):
        assert "<script" not in one.proto.body
    for one in [*page.markdown, *page.caption]:
        assert "![x]" not in one.value
    for chart in page.get("plotly_chart"):
        assert "<script" not in chart.proto.spec


def test_a_board_without_statistics_says_why(open_page: Any) -> None:
    problem = SimpleNamespace(
        code=Code.NOT_FOUND, title="Not found", detail="The phase is hidden.", hint=""
    )
    page = open_page(FakePlatform(ApiError(problem)))  # type: ignore[arg-type]
    assert not page.exception
    assert [one.value for one in page.info] == ["The phase is hidden\\."]
    assert not page.get("plotly_chart")
