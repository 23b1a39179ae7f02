"""Reviews: the policy, what waits, what was found of a model, and the form of an organizer."""

from __future__ import annotations

import streamlit as st

from proctor.client import ApiError
from proctor.spec.registry import ModelView, Publication
from proctor.spec.registry.reviews import ReviewCreate, ReviewView
from proctor.spec.review import ReviewOutcome, ReviewPolicy
from proctor_dashboard.text import address, badge, literal, moment, plain, prose
from proctor_dashboard.visitor import client

_TONES = {ReviewOutcome.APPROVED: "good", ReviewOutcome.DECLINED: "bad"}


def draw(view: ModelView) -> None:
    """Draw the reviews of a model; an organizer may add one where the challenge asks for it."""
    found = client().reviews(view.id)
    policy = client().challenge(view.challenge).challenge.review if view.organizer else None
    if not found and policy is None:
        return
    st.subheader("Reviews", anchor=False)
    if not found:
        st.caption("Nobody has looked at it yet.")
    for one in found:
        _draw_one(one)
    if policy is not None and view.publication is not Publication.WITHDRAWN:
        _draw_form(view, policy)


def draw_policy(policy: ReviewPolicy) -> None:
    """Draw what organizers look at before a model is public."""
    with st.expander(f"Models are reviewed before they are public: policy {policy.version}"):
        if policy.text:
            st.markdown(prose(policy.text))
        for item in policy.checklist:
            st.markdown(f"- {literal(item.text)}")


def draw_queue(slug: str) -> None:
    """Draw which models wait for a review of an organizer's."""
    waiting = client().review_queue(slug).waiting
    if not waiting:
        return
    models = "1 model waits" if len(waiting) == 1 else f"{len(waiting)} models wait"
    lines = "".join(
        f'<li><a href="{address("model", id=one.id)}" target="_self">{plain(one.title)}</a> by'
        f" {plain(one.participant)}, entered {plain(moment(one.submitted_at))}</li>"
        for one in waiting
    )
    st.warning(f"{models} for your review.")
    st.html(f'<ul class="pr-links">{lines}</ul>')


def _draw_one(one: ReviewView) -> None:
    with st.container(border=True):
        st.html(
            f"{badge(one.outcome.value, _TONES[one.outcome])} by {plain(one.reviewer)},"
            f" {plain(moment(one.at))}, by policy {plain(one.policy_version)}"
        )
        for item in one.checklist:
            st.markdown(f"{'✓' if item.passed else '✗'} {literal(item.text or item.id)}")
        if one.note:
            st.text(one.note)


def _draw_form(view: ModelView, policy: ReviewPolicy) -> None:
    with st.form("review", border=True):
        st.markdown(f"**Review it by policy {literal(policy.version)}**")
        if policy.text:
            st.markdown(prose(policy.text))
        answers = {
            item.id: st.checkbox(literal(item.text), key=f"item-{item.id}")
            for item in policy.checklist
        }
        note = st.text_area("A note for its owner", max_chars=2000)
        outcome = st.radio(
            "Outcome", list(ReviewOutcome), format_func=lambda one: one.value, horizontal=True
        )
        if not st.form_submit_button("Keep this review"):
            return
    request = ReviewCreate(outcome=outcome, checklist=answers, note=note)
    try:
        client().review(view.id, request)
    except ApiError as error:
        st.error(literal(error.message))
        return
    st.rerun()
