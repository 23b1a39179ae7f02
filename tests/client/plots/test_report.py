"""Reports in a real browser: one file from a disk, without a network, that shows everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page

from proctor.plots import tables
from proctor.plots.report import ranking_report, score_report, write_report, write_score_report
from proctor.plots.scores import MetricScores, ScoreTable, summary
from proctor.spec.statistics import RankingStatistics

Make = Callable[..., RankingStatistics]
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"


class Opened(NamedTuple):
    """A page and what the browser complained about or asked for while it was open."""

    page: Page
    complaints: list[str]


@pytest.fixture
def offline(browser: Browser) -> Iterator[Callable[[Path, int], Opened]]:
    """Open a file in a browser that has no network, at a width; wait until all is drawn."""
    contexts = []

    def open_file(path: Path, width_px: int) -> Opened:
        context = browser.new_context(
            offline=True, viewport={"width": width_px, "height": 900}, is_mobile=width_px < 500
        )
        contexts.append(context)
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on(
            "request",
            lambda request: (
                complaints.append(request.url)
                if request.url.startswith(("http", "ws", "file")) and request.url != path.as_uri()
                else None
            ),
        )
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-drawn=all]", timeout=120_000)
        return Opened(page, complaints)

    yield open_file
    for context in contexts:
        context.close()


def _table(name: str = "dice") -> ScoreTable:
    values = {"liver": (0.9, None, 0.7, 0.8), "tumor": (0.2, 0.6, 0.5, None)}
    return ScoreTable(
        "Scores of pred against ref",
        ("a", "b", "c", "d"),
        (
            MetricScores(name, True, "dice/1", values),
            MetricScores("hd95", False, "hd95/surfel", {"liver": (3.0, 9.0, 1.0, None)}, "mm"),
        ),
    )


@pytest.mark.browser
def test_a_ranking_report_draws_everything_on_a_telephone_without_a_network(
    make_statistics: Make, offline: Callable[[Path, int], Opened], tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    write_report(make_statistics(20), path)
    page, complaints = offline(path, 390)
    assert page.locator("figure").count() == 9
    assert page.evaluate("[...document.querySelectorAll('.plot')].every(p => p.data.length)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints == []


@pytest.mark.browser
def test_a_score_report_draws_everything_without_a_network(
    offline: Callable[[Path, int], Opened], tmp_path: Path
) -> None:
    path = tmp_path / "scores.html"
    write_score_report(_table(), path)
    page, complaints = offline(path, 390)
    assert page.locator("figure").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # A table that is wider keeps its names in sight, and a shadow tells that it goes on.
    wide = page.locator(".scroll").first
    assert wide.evaluate("box => (box.scrollLeft = 9999, box.scrollLeft)") > 0
    name = wide.locator("tbody th").first
    assert name.evaluate("name => name.getBoundingClientRect().left") >= 0
    assert "gradient" in wide.evaluate("box => getComputedStyle(box).backgroundImage")
    assert complaints == []


@pytest.mark.browser
def test_names_of_strangers_do_nothing_in_a_report_nor_on_paper(
    make_statistics: Make, offline: Callable[[Path, int], Opened], tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    names = [HOSTILE, '<a href="https://x.example">click</a>', "<b>bold</b>"]
    write_report(
        make_statistics(3, algorithms=names, title=HOSTILE, sentence=HOSTILE), path, HOSTILE
    )
    page, complaints = offline(path, 1400)
    assert page.title().startswith("</script>")
    assert page.locator("img, a").count() == 0
    assert page.locator("tbody").first.inner_text().startswith("</script><script>")
    ticks = page.locator("#rank-intervals .ytick text").all_text_contents()
    assert ticks[2] == "<b>bold</b>"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    widths = page.evaluate("[...document.querySelectorAll('.plot')].map(p => p.layout.width)")
    assert set(widths) == {680}
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.wait_for_function("document.querySelector('.main-svg').clientWidth > 900")
    assert complaints == []


def test_a_report_holds_one_copy_of_the_library_and_names_what_may_run(
    make_statistics: Make,
) -> None:
    text = ranking_report(make_statistics())
    assert text.count("plotly.js v") == 1
    assert "default-src 'none'" in text
    assert text.count("'sha256-") == 2


def test_a_ranking_report_says_what_is_known_in_words(make_statistics: Make) -> None:
    known = make_statistics(
        2,
        rank_low=(1, 1),
        rank_high=(1, 2),
        first_probability=(0.999, 0.001),
        influence=({"case": "case-7", "kendall_tau": None, "moved_ranks": 2},),
    )
    text = ranking_report(known)
    assert "<p>The mean over cases is ranked.</p>" in text
    assert "<td><bdi>1 to 2</bdi></td><td><bdi>&lt; 1 %</bdi></td>" in text
    assert "median-then-rank" in text
    assert "<bdi>case-7</bdi></th><td><bdi>–</bdi></td><td><bdi>2</bdi></td>" in text


def test_a_summary_is_over_the_cases_that_have_a_value() -> None:
    table = _table()
    found = summary(table, table.metrics[0], "liver")
    assert found is not None
    assert (found.used, found.total, found.median) == (3, 4, 0.8)
    assert found.mean == pytest.approx(0.8)
    assert found.deviation == pytest.approx(0.1)
    assert (found.worst, found.worst_case) == (0.7, "c")
    assert (found.low_quartile, found.high_quartile) == pytest.approx((0.75, 0.85))
    worst = summary(table, table.metrics[1], "liver")
    assert worst is not None
    assert (worst.worst, worst.worst_case) == (9.0, "b")
    assert summary(table, table.metrics[1], "tumor") is None


def test_a_score_report_has_every_case_and_escapes_its_words() -> None:
    text = score_report(_table("<i>dice</i>")).replace("<bdi>", "").replace("</bdi>", "")
    assert 'a</th><td class="text">tumor</td><td>0.2000</td><td>–</td>' in text
    assert "<i>" not in text


def test_scores_that_do_not_fit_the_cases_are_refused() -> None:
    with pytest.raises(ValueError, match="dice of liver has 1 values for 2 cases"):
        ScoreTable("t", ("a", "b"), (MetricScores("dice", True, "dice/1", {"liver": (0.1,)}),))


def test_the_score_of_a_ranking_by_ranks_is_named_and_its_better_end_told(
    make_statistics: Callable[..., RankingStatistics],
) -> None:
    known = make_statistics(3, 5, score={"title": "mean rank within cases"})
    assert tables.ranking_table(known).head[2] == "mean rank within cases\N{NO-BREAK SPACE}↓"
    assert tables.reading(known).startswith(
        "The score is the mean rank within cases: lower is better."
    )
