"""A model's page: where the platform keeps it running, and for those who may, the switches."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from proctor.client import ApiError
from proctor.spec.hosting import DeploymentState, DeploymentView
from proctor.spec.registry import ModelView, Publication
from proctor_dashboard.text import badge, literal, moment, plain
from proctor_dashboard.visitor import browser_address, client, is_signed_in, token_for_browser

_TONES = {
    DeploymentState.STARTING: "wait",
    DeploymentState.SERVING: "good",
    DeploymentState.ASLEEP: "",
    DeploymentState.STOPPED: "",
    DeploymentState.FAILED: "bad",
}
_OPEN = (DeploymentState.SERVING, DeploymentState.ASLEEP, DeploymentState.STARTING)
_KEPT_S = 1800


def draw(view: ModelView) -> None:
    """Draw the deployments of a model; nothing where there are none and none can be made."""
    found = [one for one in client().deployments(view.id) if _is_shown(one)]
    deployable = _may_deploy(view)
    if not found and not deployable:
        return
    st.subheader("Hosted here", anchor=False)
    for one in found:
        _draw_one(view, one)
    if deployable and not any(one.submission == view.id for one in found):
        st.caption("The platform can keep it running in a sandbox, at an address of its own.")
        _button("Deploy it", "deploy", lambda: client().deploy(view.id))


def _is_shown(one: DeploymentView) -> bool:
    return one.manageable or one.state in _OPEN


def _may_deploy(view: ModelView) -> bool:
    if not is_signed_in() or view.kind == "predictions":
        return False
    if view.publication is Publication.WITHDRAWN:
        return False
    return view.organizer or view.yours


def _draw_one(view: ModelView, one: DeploymentView) -> None:
    with st.container(border=True):
        version = f"version {one.version}" if one.version else one.submission
        marks = badge(one.state.value, _TONES[one.state])
        if one.submission != view.id:
            marks += badge("another version answers")
        if one.next is not None:
            marks += badge("a version is being swapped in", "wait")
        st.html(f"{marks} {plain(version)}")
        if one.detail:
            st.caption(literal(one.detail))
        if one.state in _OPEN:
            st.code(f"{browser_address()}{one.path}", language=None, wrap_lines=True)
            page = _page_of(one.id, token_for_browser())
            if page:
                st.link_button("Try it in your browser", f"{browser_address()}{page}")
            else:
                st.caption("Sign in to ask it.")
        asked = f", the last {moment(one.asked_at)}" if one.asked_at else ""
        st.caption(f"{one.asked:,} questions{asked} · {one.id}")
        if one.manageable:
            _draw_switches(view, one)


def _draw_switches(view: ModelView, one: DeploymentView) -> None:
    with st.container(horizontal=True):
        if one.state in _OPEN:
            _button("Stop", f"stop-{one.id}", lambda: client().stop_deployment(one.id))
        if one.state not in (DeploymentState.SERVING, DeploymentState.STARTING):
            _button("Start", f"start-{one.id}", lambda: client().start_deployment(one.id))
        if one.submission != view.id and one.next is None:
            _button(
                "Swap this version in",
                f"swap-{one.id}",
                lambda: client().swap_version(one.id, view.id),
            )
        if one.state is DeploymentState.STARTING or one.next is not None:
            _button("Look again", f"look-{one.id}", lambda: client().deployment(one.id))


def _button(label: str, key: str, act: Callable[[], object]) -> None:
    if not st.button(label, key=key):
        return
    try:
        act()
    except ApiError as error:
        st.error(literal(error.message))
        return
    st.rerun()


@st.cache_data(ttl=_KEPT_S, max_entries=1024, show_spinner=False)
def _page_of(deployment_id: str, whose: str) -> str:
    """Return the path of a visit of this visitor's; none where they may not ask."""
    try:
        return client().visit(deployment_id).path
    except ApiError:
        return ""
