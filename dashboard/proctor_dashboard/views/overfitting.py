"""The private board of a snapshot, once it is open, and how far it orders otherwise."""

from __future__ import annotations

import streamlit as st

from proctor.client import ApiError, Client
from proctor.plots.numbers import number
from proctor.spec.leaderboard import Leaderboard
from proctor.spec.outcomes import Code
from proctor_dashboard.text import literal

_MOVES = 20
_PART = "part"


def choose(api: Client, public: Leaderboard) -> Leaderboard:
    """Offer both boards of a snapshot, and return the page of the one that is looked at."""
    try:
        report = api.overfitting(public.id, _MOVES)
    except ApiError as error:
        if error.problem.code is Code.NOT_YET:
            st.caption(literal(error.problem.detail))
        return public
    part = st.radio("Cases", ("public", "private"), horizontal=True, key=_PART, bind="query-params")
    st.markdown(literal(report.sentence))
    moved = [move for move in report.moves if move.public_rank != move.private_rank]
    if moved:
        with st.expander(f"Largest moves between the two boards ({len(moved)})"):
            st.dataframe(
                [
                    {
                        "Submission": move.title,
                        "Participant": move.participant,
                        "Public rank": move.public_rank,
                        "Private rank": move.private_rank,
                        **{f"Public {key}": number(value) for key, value in move.public.items()},
                        **{f"Private {key}": number(value) for key, value in move.private.items()},
                    }
                    for move in moved
                ],
                hide_index=True,
            )
    if part != "private":
        return public
    return api.private_board(public.id, public.offset, max(1, len(public.rows)))
