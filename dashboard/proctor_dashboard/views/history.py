"""The history of a board: older snapshots, and what moved between two of them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from proctor.client import Client
from proctor.spec.leaderboard import BoardChanges, BoardMove, Leaderboard, SnapshotRef
from proctor_dashboard.text import address, moment, plain
from proctor_dashboard.visitor import browser_address

_SNAPSHOT, _SINCE = "snapshot", "since"
_MOVES_SHOWN = 50


def choose(api: Client, slug: str, phase: str, snapshots: Sequence[SnapshotRef]) -> Leaderboard:
    """Return the head of the snapshot that the address names, else of the newest."""
    wanted = st.query_params.get(_SNAPSHOT)
    if not wanted:
        return api.leaderboard(slug, phase, 0, 1)
    head = api.snapshot(wanted, 0, 1)
    if snapshots and snapshots[0].id != head.id:
        st.info(
            f"This is snapshot {head.number} of {moment(head.created_at)}. The newest is"
            f" {snapshots[0].number}, of {moment(snapshots[0].created_at)}."
        )
        newest = address("leaderboard", slug=slug, phase=phase)
        changes = address(
            "leaderboard", slug=slug, phase=phase, snapshot=snapshots[0].id, since=head.id
        )
        st.html(
            f'<div class="pr-links"><a href="{newest}" target="_self">Show the newest</a>'
            f' &nbsp;·&nbsp; <a href="{changes}" target="_self">What moved since</a></div>'
        )
    return head


def draw(api: Client, board: Leaderboard, snapshots: Sequence[SnapshotRef]) -> None:
    """Draw the list of snapshots, and what moved from an older one to this."""
    asked = st.query_params.get(_SINCE)
    with st.expander("History and downloads", expanded=bool(asked)):
        base = f"{browser_address()}/api/v1/leaderboards/{board.id}"
        st.markdown(f"This snapshot: [JSON]({base}) · [CSV]({base}?format=csv)")
        _open_another(board, snapshots)
        _draw_changes(api, board, snapshots, asked)


def _open_another(board: Leaderboard, snapshots: Sequence[SnapshotRef]) -> None:
    if len(snapshots) < 2:
        st.caption("There is no other snapshot yet.")
        return
    names = _names(snapshots)
    chosen = st.selectbox("Snapshot shown", list(names), _place(names, board.id), names.__getitem__)
    if chosen != board.id and chosen is not None:
        st.query_params[_SNAPSHOT] = chosen
        st.query_params.pop(_SINCE, None)
        st.rerun()


def _draw_changes(
    api: Client, board: Leaderboard, snapshots: Sequence[SnapshotRef], asked: str | None
) -> None:
    older = [one for one in snapshots if one.number < board.number]
    if not older:
        return
    names = _names(older)
    since = st.selectbox("What moved since", list(names), _place(names, asked), names.__getitem__)
    if since is None:
        return
    if since != (asked or older[0].id):
        st.query_params[_SINCE] = since
    st.html(changes_html(api.changes(board.id, since, _MOVES_SHOWN)))


def changes_html(changes: BoardChanges) -> str:
    """Return what moved as a sentence and a table, every cell escaped."""
    words = (
        f"{changes.moved_rows:,} {_rows(changes.moved_rows)} changed rank,"
        f" {changes.new_rows:,} came, {changes.gone_rows:,} went."
    )
    if not changes.moves:
        return "<p>No rank has changed.</p>"
    total = changes.moved_rows + changes.new_rows + changes.gone_rows
    if total > len(changes.moves):
        words += f" The {len(changes.moves)} largest moves:"
    body = "".join(_move(move) for move in changes.moves)
    return (
        f'<p>{words}</p><div class="pr-board"><table><thead><tr><th class="pr-text">Submission</th>'
        "<th>Before</th><th>Now</th><th>Move</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _move(move: BoardMove) -> str:
    link = address("submission", id=move.submission)
    return (
        f'<tr><td class="pr-text"><a href="{link}" target="_self">'
        f"{plain(move.title or move.submission)}</a><small>{plain(move.participant)}</small></td>"
        f"<td>{_rank(move.before)}</td><td>{_rank(move.now)}</td><td>{_step(move)}</td></tr>"
    )


def _step(move: BoardMove) -> str:
    if move.before is None:
        return '<span class="pr-up">new</span>'
    if move.now is None:
        return '<span class="pr-down">gone</span>'
    up = move.now < move.before
    step = f"{'▲' if up else '▼'} {abs(move.now - move.before):,}"
    return f'<span class="{"pr-up" if up else "pr-down"}">{step}</span>'


def _rank(rank: int | None) -> str:
    return "–" if rank is None else f"{rank:,}"


def _rows(count: int) -> str:
    return "row" if count == 1 else "rows"


def _names(snapshots: Sequence[SnapshotRef]) -> dict[str, str]:
    return {one.id: f"{one.number}, {moment(one.created_at)}" for one in snapshots}


def _place(names: dict[str, str], wanted: str | None) -> int:
    return list(names).index(wanted) if wanted in names else 0
