"""The first page: which challenges there are."""

from __future__ import annotations

import streamlit as st

from proctor.spec.api import ChallengeSummary
from proctor_dashboard.text import address, literal, plain, prose
from proctor_dashboard.visitor import client


def draw() -> None:
    """List every challenge the visitor may see."""
    st.title("Challenges")
    models = address("models")
    st.html(
        f'<div class="pr-links"><a href="{models}" target="_self">Models of all of them</a></div>'
    )
    page = client().challenges()
    if not page.items:
        st.info("There is no challenge yet. Publish one with `proctor challenge publish FOLDER`.")
    for challenge in page.items:
        _draw_one(challenge)


def _draw_one(challenge: ChallengeSummary) -> None:
    with st.container(border=True):
        st.subheader(literal(challenge.title), anchor=False)
        st.markdown(prose(challenge.summary))
        count = challenge.submissions
        st.caption(
            f"Open phases: {', '.join(challenge.open_phases) or 'none'} ·"
            f" {count} {'submission' if count == 1 else 'submissions'} ·"
            f" version {challenge.version}"
        )
        links = [("About and how to take part", address("challenge", slug=challenge.slug))]
        links += [
            (f"Leaderboard: {phase}", address("leaderboard", slug=challenge.slug, phase=phase))
            for phase in challenge.phases
        ]
        joined = " &nbsp;·&nbsp; ".join(
            f'<a href="{link}" target="_self">{plain(title)}</a>' for title, link in links
        )
        st.html(f'<div class="pr-links">{joined}</div>')


def choose_a_challenge() -> None:
    """Lead on to the list, from an address that names no challenge."""
    st.info("This address names no challenge.")
    list_ = address("challenges")
    st.html(f'<div class="pr-links"><a href="{list_}" target="_self">All challenges</a></div>')
