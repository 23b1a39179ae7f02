"""A leaderboard: the ranked table, how sure it is, and where submissions differ."""

from __future__ import annotations

import streamlit as st

from proctor.client import ApiError, Client
from proctor.plots.numbers import number
from proctor.plots.plot import CONFIG
from proctor.spec.leaderboard import BoardColumn, Leaderboard
from proctor_dashboard import charts
from proctor_dashboard.board import board_html
from proctor_dashboard.text import address, literal, moment, prose, trail
from proctor_dashboard.views import history, overfitting
from proctor_dashboard.views.challenges import choose_a_challenge
from proctor_dashboard.visitor import client, token_for_browser

_ROWS_A_PAGE = 100
_ROWS_IN_SPREAD = 20
# These names are those of the address, which is the same for everybody who opens it.
_SEARCH, _PAGE, _COLUMNS = "q", "page", "columns"


def draw() -> None:
    """Draw the newest snapshot of ``?slug=&phase=``, or the one ``&snapshot=`` names."""
    slug, phase = st.query_params.get("slug", ""), st.query_params.get("phase", "")
    if not slug:
        choose_a_challenge()
        return
    api = client()
    view = api.challenge(slug)
    phase = phase or view.challenge.phases[0].slug
    title = view.challenge.title
    st.html(trail(("Challenges", address("challenges")), (title, address("challenge", slug=slug))))
    st.title("Leaderboard", anchor=False)
    try:
        snapshots = api.leaderboards(slug, phase)
        head = history.choose(api, slug, phase, snapshots)
    except ApiError as error:
        st.info(literal(error.problem.detail or error.problem.title))
        return
    if head.notice:
        st.warning(prose(head.notice))
    if view.organizer and (held := api.reevaluations(slug, phase).held):
        st.warning(literal(held))
    st.markdown(literal(head.ranking_sentence))
    rows = "row" if head.total_rows == 1 else "rows"
    st.caption(
        f"Snapshot {head.number} of phase {head.phase}, {moment(head.created_at)} ·"
        f" {head.total_rows:,} {rows} · challenge version {head.challenge_version}"
    )
    board = _find(api, head)
    if board.part is not None:
        board = overfitting.choose(api, board)
    columns = _choose_columns(board)
    if board.rows:
        st.html(board_html(board, columns))
    _draw_pages(board)
    if board.rows:
        _explain_table(board, columns)
    _draw_pictures(api, board)
    _draw_definitions(board)
    history.draw(api, board, snapshots)


def _explain_table(board: Leaderboard, columns: tuple[BoardColumn, ...]) -> None:
    st.caption(
        "Shaded columns decide ranks. Small numbers are"
        f" {board.ranking.bootstrap.level:.0%} intervals of scores and ranks from"
        f" {board.ranking.bootstrap.samples} paired bootstrap draws; the bar below a rank"
        " spans them, from the first rank to the last. Rows next to each other"
        " with the same mark at the left cannot be told apart by this data."
    )
    if any(column.claimed for column in columns):
        st.caption(
            "Claimed scores are from the authors' model cards and decide nothing; those outside"
            " the measured interval are marked."
        )


def _find(api: Client, head: Leaderboard) -> Leaderboard:
    """Return the page of the snapshot that the address and the search field ask for."""
    search = ""
    if head.total_rows > 1 or _SEARCH in st.query_params:
        search = st.text_input(
            "Find a participant or a title",
            type="search",
            key=_SEARCH,
            bind="query-params",
            max_chars=100,
            on_change=_first_page,
        )
    # The pages are drawn below the table, but which one is asked for is known before.
    given = str(st.session_state.get(_PAGE, st.query_params.get(_PAGE, "1")))
    page = int(given) if given.isdecimal() and int(given) else 1
    start = (page - 1) * _ROWS_A_PAGE
    board = api.snapshot(head.id, start, _ROWS_A_PAGE, search=(search or "").strip())
    if not board.rows and start:
        board = api.snapshot(head.id, 0, _ROWS_A_PAGE, search=(search or "").strip())
    if board.search:
        found = board.found_rows or 0
        st.caption(f"Found {found:,} of {board.total_rows:,} rows.")
    return board


def _first_page() -> None:
    st.session_state[_PAGE] = 1


def _choose_columns(board: Leaderboard) -> tuple[BoardColumn, ...]:
    ordered = sorted(board.columns, key=lambda column: not column.decides)
    usual = [column for column in ordered if column.decides or column.label == "mean"]
    if len(usual) == len(ordered):
        return tuple(ordered)
    every = st.toggle(f"All {len(ordered)} columns", key=_COLUMNS, bind="query-params")
    return tuple(ordered if every else usual)


def _draw_pages(board: Leaderboard) -> None:
    rows = board.total_rows if board.found_rows is None else board.found_rows
    if rows > _ROWS_A_PAGE:
        st.pagination(-(-rows // _ROWS_A_PAGE), key=_PAGE, bind="query-params")


def _draw_pictures(api: Client, board: Leaderboard) -> None:
    if not board.rows:
        if not board.search:
            st.info("No submission has been scored yet.")
        return
    st.subheader("How sure is it?", anchor=False)
    more = address("certainty", slug=board.challenge, phase=board.phase, snapshot=board.id)
    st.html(
        f'<div class="pr-links"><a href="{more}" target="_self">How sure is this ranking: its'
        " plots, and the ranks under every scheme</a></div>"
    )
    deciding = sorted(board.columns, key=lambda column: not column.decides)
    column = st.selectbox(
        "Score", deciding, format_func=lambda column: f"{column.title} ({column.task})"
    )
    left, right = st.columns(2)
    with left:
        st.markdown("**Score and interval.** Hollow points are baselines.")
        figure = charts.intervals(board.rows, column)
        st.plotly_chart(figure, theme=None, config=CONFIG, key="intervals")
    with right:
        st.markdown(f"**Spread over cases**, the first {_ROWS_IN_SPREAD} rows. One point a case.")
        scores = _case_scores(api, board, column)
        if scores:
            figure = charts.spread(board.rows, column, scores)
            st.plotly_chart(figure, theme=None, config=CONFIG, key="spread")
        else:
            st.caption("Per-case scores of this column are not shown in this phase.")
    _draw_gaps(board, column)


def _case_scores(
    api: Client, board: Leaderboard, column: BoardColumn
) -> dict[str, dict[str, float]]:
    key = f"{column.metric}/{column.label}"
    scores = {}
    for row in board.rows[:_ROWS_IN_SPREAD]:
        found = _scores_of(api, token_for_browser(), row.submission, row.evaluations)
        scores[row.submission] = {
            case: value
            for task, case, of_case in found
            if task == column.task and (value := of_case.get(key)) is not None
        }
    return {submission: values for submission, values in scores.items() if values}


@st.cache_data(ttl=600, max_entries=2000)
def _scores_of(
    _api: Client, visitor: str, submission: str, evaluations: tuple[str, ...]
) -> list[tuple[str, str, dict[str, float | None]]]:
    # Kept for each visitor, who may see more than others, and for each evaluation, which has other
    # scores than the one before.
    try:
        cases = _api.cases(submission)
    except ApiError:
        return []
    return [(case.task, case.case, case.scores) for case in cases]


def _draw_gaps(board: Leaderboard, column: BoardColumn) -> None:
    gaps = [(row, gap) for row in board.rows for gap in row.gaps if gap.column == column.key]
    if not gaps:
        return
    st.markdown(
        f"**Largest gap between subgroups** of the test set, {literal(column.title)}:"
        " where each submission is worst and best."
    )
    st.dataframe(
        [
            {
                "Submission": row.title,
                "Subgroup": gap.stratum,
                "Worst in": gap.worst_level,
                "Worst": number(gap.worst),
                "Best in": gap.best_level,
                "Best": number(gap.best),
            }
            for row, gap in gaps
        ],
        hide_index=True,
    )


def _draw_definitions(board: Leaderboard) -> None:
    with st.expander("Definitions and edge rules"):
        seen = set()
        for column in board.columns:
            if (column.task, column.metric) in seen:
                continue
            seen.add((column.task, column.metric))
            st.markdown(f"**{column.metric}** of task {column.task}: `{column.definition_id}`")
            for rule in column.edge_rules:
                st.markdown(f"- {rule}")
