"""The script Streamlit runs for every visit: navigation, the visitor's token, the present page."""

from __future__ import annotations

import streamlit as st

from proctor.client import ApiError, HostError
from proctor.spec.outcomes import Code
from proctor_dashboard import style
from proctor_dashboard.text import literal
from proctor_dashboard.views import (
    case,
    certainty,
    challenge,
    challenges,
    leaderboard,
    model,
    model_diff,
    model_graph,
    models,
    submission,
    submit,
)
from proctor_dashboard.visitor import ask_for_token, draw_account, is_signed_in, recall_token


def main() -> None:
    """Draw the page that the address names."""
    st.set_page_config(
        page_title="Proctor", page_icon="🎓", layout="wide", initial_sidebar_state="collapsed"
    )
    st.html(style.SHEET)
    pages = [
        st.Page(challenges.draw, title="Challenges", url_path="challenges", default=True),
        st.Page(challenge.draw, title="Challenge", url_path="challenge"),
        st.Page(leaderboard.draw, title="Leaderboard", url_path="leaderboard"),
        st.Page(certainty.draw, title="How sure is this ranking", url_path="certainty"),
        st.Page(models.draw, title="Models", url_path="models"),
        st.Page(model.draw, title="Model", url_path="model"),
        st.Page(model_graph.draw, title="Architecture", url_path="model-graph"),
        st.Page(model_diff.draw, title="What differs", url_path="model-diff"),
        st.Page(submission.draw, title="Submission", url_path="submission"),
        st.Page(case.draw, title="Cases", url_path="case"),
        st.Page(submit.draw, title="Submit", url_path="submit"),
    ]
    chosen = st.navigation(pages, position="hidden")
    recall_token()
    with st.sidebar:
        draw_account()
    try:
        chosen.run()
    except ApiError as error:
        absent = error.problem.code is Code.NOT_FOUND
        st.error(
            f"**{literal(error.message)}**"
            if absent
            else f"**{error.problem.title}** {literal(error.problem.detail)}"
        )
        wrong = [str(one.get("field", "")) for one in error.problem.errors]
        mistyped = wrong and all(field.startswith(("path.", "query.")) for field in wrong)
        st.caption("Check the address of this page." if absent or mistyped else error.hint)
        if not is_signed_in():
            st.markdown("It may be yours to see: sign in with your token.")
            ask_for_token("page")
    except HostError as error:
        st.error(f"**The platform does not answer.** {error}")
        st.caption("It may be starting: reload this page in a moment.")


main()
