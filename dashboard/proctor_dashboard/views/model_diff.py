"""What differs between two models: cards, parameters, files, scores."""

from __future__ import annotations

import streamlit as st

from proctor.spec.registry import ModelView
from proctor.spec.registry.differences import ModelDifferences, ModelRef
from proctor_dashboard.difference_tables import changes_html, files_html, scores_html
from proctor_dashboard.model_trail import open_below_model
from proctor_dashboard.text import address, plain
from proctor_dashboard.visitor import client


def draw() -> None:
    """Draw what differs to ``?id=`` from ``&since=``, or from the version before."""
    view = open_below_model(client(), "What differs")
    if view is None:
        return
    since = st.query_params.get("since") or _choose(view)
    if not since:
        st.info("It has no other version: name another model by `&since=` in the address.")
        return
    found = client().model_differences(view.id, since)
    st.html(f'<div class="pr-links">From {_link(found.before)}<br>to {_link(found.after)}</div>')
    _draw(found)


def _choose(view: ModelView) -> str:
    others = [one for one in view.versions if one.id != view.id]
    if not others:
        return ""
    earlier = [one for one in others if one.number < view.number]
    chosen = st.selectbox(
        "Compared with",
        others,
        index=others.index(earlier[0]) if earlier else 0,
        format_func=lambda one: f"entry {one.number}, version {one.version}",
    )
    return chosen.id


def _draw(found: ModelDifferences) -> None:
    if found.scores:
        st.subheader("Scores", anchor=False)
        st.html(scores_html(found.scores))
    st.subheader("Files", anchor=False)
    if found.files is None:
        st.caption("The license of one does not let everybody hand its files on.")
    elif found.same_content:
        st.caption("Both are the same bytes.")
    else:
        st.caption(f"Files that are the same: {found.same_files}.")
        st.html(files_html(found.files))
    for title, changes in (("Parameters", found.parameters), ("Card", found.card)):
        st.subheader(title, anchor=False)
        if changes:
            st.html(changes_html(changes))
        else:
            st.caption("Nothing differs.")


def _link(one: ModelRef) -> str:
    link = address("model", id=one.id)
    return (
        f'<a href="{link}" target="_self">{plain(one.title)}</a>, entry {one.number}, version'
        f" {plain(one.version)}, by {plain(one.participant)}"
    )
