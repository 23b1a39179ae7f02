"""How sure the ranking of a board is: its plots, and the ranks that every scheme would give."""

from __future__ import annotations

import streamlit as st

from proctor.client import ApiError
from proctor.plots import tables
from proctor.plots.plot import CONFIG, Plot
from proctor.plots.ranking import ranking_plots
from proctor.plots.report import ranking_report
from proctor.spec.leaderboard import Leaderboard
from proctor.spec.statistics import RankingStatistics
from proctor_dashboard import charts as _pandas_is_whole_before_plotly_draws  # noqa: F401
from proctor_dashboard.tables import table_html
from proctor_dashboard.text import address, literal, moment, trail
from proctor_dashboard.views import history
from proctor_dashboard.views.challenges import choose_a_challenge
from proctor_dashboard.visitor import client

_PLOTS_A_ROW = 2


def draw() -> None:
    """Draw the newest snapshot of ``?slug=&phase=``, or the one ``&snapshot=`` names."""
    slug, phase = st.query_params.get("slug", ""), st.query_params.get("phase", "")
    if not slug:
        choose_a_challenge()
        return
    api = client()
    challenge = api.challenge(slug).challenge
    title, phase = challenge.title, phase or challenge.phases[0].slug
    try:
        head = history.choose(api, slug, phase, ())
        _draw_trail(title, head)
        known = api.ranking_statistics(head.id, _choose_column(head))
    except ApiError as error:
        st.info(literal(error.problem.detail or error.problem.title))
        return
    st.caption(f"Snapshot {head.number} of phase {head.phase}, {moment(head.created_at)}")
    st.markdown(f"**{literal(known.scheme)}.** {literal(known.sentence)}")
    st.html(table_html(tables.ranking_table(known)))
    st.caption(literal(tables.reading(known)))
    plots = ranking_plots(known)
    for first in range(0, len(plots), _PLOTS_A_ROW):
        row = plots[first : first + _PLOTS_A_ROW]
        for column, plot in zip(st.columns(len(row), gap="large"), row, strict=True):
            with column:
                _draw_plot(plot)
    _draw_schemes(known)
    _draw_influence(known)
    st.download_button(
        "Download as one page",
        lambda: ranking_report(known, f"{title}: how sure is this ranking"),
        f"{head.challenge}-{head.phase}-{head.number}.html",
        "text/html",
        on_click="ignore",
        help="One HTML file with all of this; it opens without a network.",
    )


def _choose_column(head: Leaderboard) -> str | None:
    """Return the key of the column to look at; none for all that decide together."""
    columns = {one.key: one for one in sorted(head.columns, key=lambda one: not one.decides)}
    if len(columns) < 2:
        return None
    deciding = [one.title for one in head.columns if one.decides]
    every = "What decides: " + ", ".join(deciding)
    chosen = st.selectbox(
        "Ranked by",
        ["", *columns],
        format_func=lambda key: f"{columns[key].title} ({columns[key].task})" if key else every,
        key="column",
        bind="query-params",
    )
    return chosen or None


def _draw_trail(title: str, head: Leaderboard) -> None:
    board = address("leaderboard", slug=head.challenge, phase=head.phase, snapshot=head.id)
    st.html(
        trail(
            ("Challenges", address("challenges")),
            (title, address("challenge", slug=head.challenge)),
            ("Leaderboard", board),
        )
    )
    st.title("How sure is this ranking", anchor=False)


def _draw_plot(plot: Plot) -> None:
    st.subheader(plot.title, anchor=False)
    st.plotly_chart(plot.figure, theme=None, config=CONFIG, key=plot.name)
    st.caption(literal(plot.caption))


def _draw_schemes(known: RankingStatistics) -> None:
    if not known.schemes:
        return
    st.subheader("Every scheme", anchor=False)
    st.html(table_html(tables.scheme_table(known)))
    for name, sentence in tables.scheme_sentences(known):
        st.markdown(f"**{literal(name)}.** {literal(sentence)}")


def _draw_influence(known: RankingStatistics) -> None:
    if not known.influence:
        return
    st.subheader("Cases that decide the order", anchor=False)
    st.caption(literal(tables.INFLUENCE_READING))
    st.html(table_html(tables.influence_table(known)))
