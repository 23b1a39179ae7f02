"""Entering a model from the browser: what is possible now, and the form that sends it.

Files go from the visitor's browser straight to the platform, with the visitor's own token; this
server never holds them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import streamlit as st
from streamlit.components.v2 import component

from proctor.client import Client
from proctor.spec.api import ChallengeView
from proctor.spec.challenge import PhaseSpec, SubmissionKind
from proctor_dashboard.text import address, literal, moment, prose, trail
from proctor_dashboard.views.challenges import choose_a_challenge
from proctor_dashboard.visitor import (
    ask_for_token,
    browser_address,
    client,
    is_signed_in,
    token_for_browser,
)

_FORM = """
<div class="form">
  <label class="field" data-part="named" hidden>Title
    <input data-part="title" maxlength="120"></label>
  <label class="field">A folder <input data-part="folder" type="file" webkitdirectory></label>
  <label class="field">or its files, one by one
    <input data-part="single" type="file" multiple></label>
  <p data-part="chosen" class="quiet">Nothing is chosen yet.</p>
  <label class="field">A note on it <input data-part="message" maxlength="400"></label>
  <label class="tick" data-part="tryout"><input data-part="check" type="checkbox">
    Try it out on the public sample only; costs no quota</label>
  <button data-part="send" disabled>Enter</button>
  <progress data-part="bar" max="1" value="0" hidden></progress>
  <p data-part="progress" class="quiet" aria-live="polite"></p>
  <p data-part="error" class="error" role="alert"></p>
  <p data-part="hint" class="quiet"></p>
  <p data-part="done" class="done" aria-live="polite"></p>
</div>
"""
_LOOK = """
.form {display: flex; flex-direction: column; gap: .7rem; font-size: .95rem; max-width: 40rem;}
.field {display: flex; flex-direction: column; gap: .25rem; font-weight: 600;}
.field input {font: inherit; font-weight: 400; padding: .45rem .5rem; border: 1px solid #b9cfc7;
  border-radius: 6px; max-width: 100%; box-sizing: border-box; background: #fff;}
.field[hidden], .tick[hidden] {display: none;}
.tick {display: flex; gap: .5rem; align-items: baseline;}
button {align-self: flex-start; font: inherit; font-weight: 600; padding: .5rem 1.4rem; border: 0;
  border-radius: 6px; background: #0f5c4d; color: #fff; cursor: pointer;}
button:disabled {background: #b9cfc7; cursor: default;}
progress {width: 100%; accent-color: #0f5c4d;}
p {margin: 0; overflow-wrap: anywhere;}
p:empty {display: none;}
.quiet {color: #55645f; font-size: .88rem;}
.error {color: #8c2415; font-weight: 600;}
.done {color: #0b5236; font-weight: 600;}
a {color: #0f5c4d;}
"""


def draw() -> None:
    """Draw the form for the challenge and phase of ``?slug=&phase=``."""
    slug = st.query_params.get("slug", "")
    if not slug:
        choose_a_challenge()
        return
    api = client()
    view = api.challenge(slug)
    title = view.challenge.title
    st.html(trail(("Challenges", address("challenges")), (title, address("challenge", slug=slug))))
    st.title("Submit", anchor=False)
    if not is_signed_in():
        st.markdown("Sign in with your token to enter a model.")
        ask_for_token("submit")
        return
    if not _takes_part(api, view):
        return
    phase = _choose_phase(view)
    if phase is None:
        return
    kind = _choose_kind(view)
    if kind is None:
        st.info(f"{literal(title)} takes images only: `proctor submit {slug} IMAGE` sends one.")
        return
    _draw_allowance(api, view, phase)
    _draw_checks(view, phase, kind)
    _draw_form(view, phase, kind)
    st.caption(
        "Files go straight from this browser to the platform. On the command line the same is"
        f" `proctor submit {slug} FOLDER`, which also sends images."
    )


def _takes_part(api: Client, view: ChallengeView) -> bool:
    """Tell whether the visitor may enter; draws the terms to accept if that is what lacks."""
    terms = view.challenge.terms
    if view.organizer or (view.joined and (terms is None or view.terms_accepted)):
        return True
    if terms is None:
        st.markdown("You do not take part in this challenge yet.")
        if st.button("Take part"):
            api.join(view.challenge.slug)
            st.rerun()
        return False
    again = " They have changed since you accepted them." if view.joined else ""
    st.markdown(f"**Terms, version {literal(terms.version)}.**{again}")
    with st.container(border=True):
        st.markdown(prose(terms.text))
    if st.button("Accept the terms and take part"):
        api.join(view.challenge.slug, terms.version)
        st.rerun()
    return False


def _choose_phase(view: ChallengeView) -> PhaseSpec | None:
    now = datetime.now(UTC)
    phases = view.challenge.phases
    open_now = [phase for phase in phases if phase.opens_at <= now < phase.closes_at]
    if not open_now:
        later = [phase.opens_at for phase in phases if phase.opens_at > now]
        st.info(
            f"No phase is open. The next opens {moment(min(later))}."
            if later
            else "Every phase is closed."
        )
        return None
    slugs = [phase.slug for phase in open_now]
    wanted = st.query_params.get("phase", "")
    place = slugs.index(wanted) if wanted in slugs else 0
    if len(open_now) > 1:
        place = slugs.index(st.selectbox("Phase", slugs, index=place))
    return open_now[place]


def _choose_kind(view: ChallengeView) -> SubmissionKind | None:
    kinds = [kind for kind in view.challenge.accepts if kind is not SubmissionKind.IMAGE]
    if len(kinds) < 2:
        return kinds[0] if kinds else None
    names = {SubmissionKind.FOLDER: "A model folder", SubmissionKind.PREDICTIONS: "Predictions"}
    return st.radio("What do you enter?", kinds, format_func=lambda kind: names[kind])


def _draw_allowance(api: Client, view: ChallengeView, phase: PhaseSpec) -> None:
    st.markdown(f"**{literal(phase.title)}**, open until {moment(phase.closes_at)}.")
    if view.organizer:
        st.markdown("You organize this challenge.")
    left = api.quota(view.challenge.slug, phase.slug)
    if left.left is None:
        st.markdown("You may enter as often as you like.")
        return
    bounds = []
    if left.per_day is not None:
        bounds.append(f"{left.used_today} of {left.per_day} in the last 24 hours")
    if left.total is not None:
        bounds.append(f"{left.used} of {left.total} in all")
    words = f"You have used {' and '.join(bounds)}."
    if left.left:
        st.markdown(f"{words} **{left.left} left now.**")
    elif left.next_at is not None:
        st.warning(f"{words} The next is possible {moment(left.next_at)}.")
    else:
        st.warning(f"{words} That was the last.")


def _draw_checks(view: ChallengeView, phase: PhaseSpec, kind: SubmissionKind) -> None:
    with st.expander("What will be checked"):
        if kind is SubmissionKind.FOLDER:
            runtimes = ", ".join(f"`{name}`" for name in view.runtimes)
            st.markdown(
                "- The folder holds `model.json` and `model.py`, and the card names one of the"
                f" approved runtime images: {runtimes}.\n"
                "- Hidden files and `__pycache__` are left out; links cannot be sent.\n"
                + (
                    "- The model answers the public sample first, in the sandbox and under the"
                    " limits of the phase; you see its full log. Hidden cases start only when that"
                    " passes.\n"
                    if phase.tryout
                    else ""
                )
                + "- Every answer has the declared form, and lies on the grid of its input."
            )
        else:
            shape = "`<case id>/<output file>`"
            if len(phase.tasks) > 1:
                shape = "`<task>/<case id>/<output file>`"
            st.markdown(
                f"- One file a case: {shape}. `proctor challenge template` writes an example.\n"
                "- Every answer has the declared form, and lies on the grid of its input.\n"
                "- Nothing is run, so nothing can be run again: the board says so."
            )


def _draw_form(view: ChallengeView, phase: PhaseSpec, kind: SubmissionKind) -> None:
    form = component(
        "proctor_upload",
        html=_FORM,
        css=_LOOK,
        js=(Path(__file__).parent.parent / "upload.js").read_text(encoding="utf-8"),
    )
    form(
        key=f"upload-{view.challenge.slug}-{phase.slug}-{kind.value}",
        data={
            "key": f"{view.challenge.slug}/{phase.slug}/{kind.value}",
            "api": browser_address(),
            "token": token_for_browser(),
            "challenge": view.challenge.slug,
            "phase": phase.slug,
            "kind": kind.value,
            "tryout": phase.tryout and kind is SubmissionKind.FOLDER,
        },
        on_entered_change=lambda: None,
    )
