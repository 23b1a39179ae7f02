"""The ranked table: what it shows, and that nothing of a stranger's becomes markup."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from proctor.spec.challenge import SubmissionKind
from proctor.spec.leaderboard import (
    BoardColumn,
    BoardRow,
    BoardScore,
    BoardValue,
    Leaderboard,
    Verdict,
)
from proctor.spec.ranking import RankingSpec
from proctor_dashboard import charts
from proctor_dashboard.board import board_html

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
COLUMN = BoardColumn(
    key="segment/dice/mean",
    task="segment",
    metric="dice",
    label="mean",
    title="Dice",
    higher_is_better=True,
    definition_id="dsc.v1",
    decides=True,
)


def row(**changes: object) -> BoardRow:
    given: dict[str, object] = {
        "rank": 1,
        "rank_low": 1,
        "rank_high": 3,
        "tie_group": 0,
        "submission": "sub_0",
        "participant": "ada",
        "title": "A model",
        "kind": SubmissionKind.FOLDER,
        "baseline": False,
        "content_digest": "sha256:" + "0" * 64,
        "evaluations": ("eva_0",),
        "values": {COLUMN.key: BoardValue(value=0.91234, low=0.9, high=0.92, n_used=7, n_total=8)},
        "failed_cases": 1,
        "total_cases": 8,
        "seconds_per_case": 1.25,
        "hardware": "a CPU",
        "submitted_at": NOON,
    }
    return BoardRow.model_validate(given | changes)


def board(*rows: BoardRow) -> Leaderboard:
    return Leaderboard(
        id="lea_0",
        number=1,
        challenge="tissue",
        challenge_title="Tissue",
        challenge_version=1,
        phase="main",
        created_at=NOON,
        ranking=RankingSpec(),
        ranking_sentence="The mean, then its rank.",
        columns=(COLUMN,),
        total_rows=len(rows),
        rows=rows,
    )


class Tags(HTMLParser):
    """Collects which tags and text a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def test_a_row_shows_rank_interval_score_and_answered_cases() -> None:
    seen = Tags(board_html(board(row()), (COLUMN,))).text
    for expected in ("1 to 3", "0.9123", "0.900 to 0.920", "7 of 8", "7 of 8 used", "1.25 s"):
        assert expected in seen


def test_baselines_kinds_and_verdicts_are_marked() -> None:
    marked = row(baseline=True, kind=SubmissionKind.IMAGE, rerun_verdict=Verdict.DIFFERENT)
    seen = Tags(board_html(board(marked), (COLUMN,))).text
    assert "baseline" in seen
    assert "image" in seen
    assert "re-run different" in seen


@pytest.mark.parametrize("field", ["title", "participant", "hardware", "submission"])
def test_nothing_of_a_strangers_becomes_markup(field: str) -> None:
    attack = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
    seen = Tags(board_html(board(row(**{field: attack})), (COLUMN,)))
    assert "script" not in seen.tags
    assert "img" not in seen.tags
    assert "onerror" not in seen.attributes


def test_a_row_without_a_score_shows_a_dash_and_no_rank() -> None:
    seen = Tags(board_html(board(row(rank=None, values={})), (COLUMN,))).text.split()
    assert seen.count("–") == 2


def test_who_fails_a_gate_has_no_rank_and_says_why_letter_by_letter() -> None:
    failed = row(rank=None, rank_low=None, rank_high=None, ineligible=("top1 <b>is</b> 0.4",))
    seen = Tags(board_html(board(failed), (COLUMN,)))
    assert "not eligible" in seen.text
    assert "top1 <b>is</b> 0.4" in seen.text
    assert "b" not in seen.tags


def test_what_the_order_is_made_from_has_a_column_of_its_own() -> None:
    score = BoardScore(title="mean rank within cases")
    scored = board(row(score=1.25)).model_copy(update={"score": score})
    seen = Tags(board_html(scored, (COLUMN,))).text
    assert "mean rank within cases ↓" in seen
    assert "1.25" in seen


def test_intervals_are_drawn_around_each_value_and_unscored_rows_left_out() -> None:
    figure = charts.intervals([row(), row(submission="sub_1", values={})], COLUMN)
    points = figure.data[0]
    assert list(points.x) == [0.91234]
    assert points.error_x.array[0] == pytest.approx(0.92 - 0.91234)
    assert points.error_x.arrayminus[0] == pytest.approx(0.91234 - 0.9)


def test_submissions_of_one_name_stay_apart_in_a_picture() -> None:
    figure = charts.intervals([row(submission="sub_aaaa"), row(submission="sub_bbbb")], COLUMN)
    assert figure.layout.yaxis.ticktext == ("A model #1", "A model #2")


def test_names_in_a_picture_are_shown_letter_by_letter() -> None:
    figure = charts.intervals([row(title='<b>"A"</b>')], COLUMN)
    assert figure.layout.yaxis.ticktext == ('&lt;b&gt;"A"&lt;/b&gt;',)


def test_the_bar_below_a_rank_spans_its_interval() -> None:
    rows = [row(submission=f"sub_{number}", rank=2, rank_low=1, rank_high=3) for number in range(5)]
    shown = board_html(board(*rows), (COLUMN,))
    assert 'style="left:0.0%;width:50.0%"' in shown
    assert 'style="left:25.0%"' in shown


def scored(*values: float) -> list[BoardRow]:
    return [
        row(
            submission=f"sub_{number:04}",
            values={COLUMN.key: BoardValue(value=value, n_used=8, n_total=8)},
        )
        for number, value in enumerate(values)
    ]


def test_one_row_far_off_does_not_flatten_the_others() -> None:
    figure = charts.intervals(scored(0.99, 0.98, 0.97, 0.96, 0.1), COLUMN)
    assert list(figure.data[0].x) == [0.99, 0.98, 0.97, 0.96]
    assert "0.1" in figure.layout.annotations[0].text


def test_rows_that_share_a_scale_are_all_drawn_on_it() -> None:
    figure = charts.intervals(scored(0.9, 0.7, 0.5, 0.3, 0.1), COLUMN)
    assert len(figure.data[0].x) == 5
    assert not figure.layout.annotations


def test_claims_have_a_column_and_a_mark_where_any_are_made() -> None:
    claimed = {COLUMN.key: {"score": 0.99, "flag": "better than measured"}}
    shown = board(row(claimed=claimed), row(submission="sub_1"))
    with_claims = COLUMN.model_copy(update={"claimed": True})
    html = board_html(shown, (with_claims,))
    assert "Dice claimed" in html
    assert html.count("better than measured") == 1
    assert "claimed" not in board_html(shown, (COLUMN,))


def test_the_bar_below_a_rank_ends_at_the_last_rank_whoever_is_not_ranked() -> None:
    rows = [row(), row(rank=2), row(rank=None, rank_low=None, rank_high=None, ineligible=("slow",))]
    shown = board(*rows).model_copy(update={"ranked_rows": 2})
    html = board_html(shown, (COLUMN,))
    assert '<b style="left:100.0%"></b>' in html
