"""The visitor: an API client with their own token.

The token lives in the browser tab's own storage, because following a link begins a new Streamlit
session. It is sent to nobody but this server, and ends with the tab.
"""

from __future__ import annotations

import argparse
import sys

import streamlit as st
from streamlit.components.v2 import component

from proctor.client import ApiError, Client

_TOKEN = "proctor_token"
_SIGNED_OUT = "proctor_signed_out"

_KEEPER = """
export default function ({ data, setStateValue }) {
  const name = "proctor_token";
  if (data.forget) {
    sessionStorage.removeItem(name);
  } else if (data.token) {
    sessionStorage.setItem(name, data.token);
  } else {
    const kept = sessionStorage.getItem(name);
    if (kept) setStateValue("token", kept);
  }
}
"""


def client() -> Client:
    """Return a client of the platform that speaks for the visitor, or for nobody."""
    return _connect(_address(), st.session_state.get(_TOKEN))


def is_signed_in() -> bool:
    """Tell whether the visitor gave a token."""
    return bool(st.session_state.get(_TOKEN))


def recall_token() -> None:
    """Bring the tab's token back into a new session, keep a new one, forget an old one."""
    keeper = component("proctor_token_keeper", js=_KEEPER)
    found = keeper(
        key="token-keeper",
        data={
            "token": st.session_state.get(_TOKEN, ""),
            "forget": st.session_state.get(_SIGNED_OUT, False),
        },
        default={"token": ""},
        on_token_change=lambda: None,
    )
    if found.token and not is_signed_in() and not st.session_state.get(_SIGNED_OUT):
        st.session_state[_TOKEN] = found.token
        st.rerun()


def draw_account() -> None:
    """Draw who the visitor is, and the field that changes it."""
    st.markdown("#### Proctor")
    if not is_signed_in():
        ask_for_token("account")
        st.caption("Without one you see what is public.")
        return
    try:
        st.caption(f"Signed in as {client().me().name}.")
    except ApiError:
        _sign_out()
        st.warning("This token is not valid any more.")
        return
    if st.button("Sign out"):
        _sign_out()
        st.rerun()


def ask_for_token(key: str) -> None:
    """Draw the field for a token, and sign in with what is given."""
    given = st.text_input(
        "Your token",
        type="password",
        key=f"token-{key}",
        help="From `proctor user token`. It stays in this browser tab.",
    )
    if given:
        st.session_state[_TOKEN] = given.strip()
        st.session_state[_SIGNED_OUT] = False
        st.rerun()


def _sign_out() -> None:
    st.session_state.pop(_TOKEN, None)
    st.session_state[_SIGNED_OUT] = True


def browser_address() -> str:
    """Return the platform's address as the visitor's browser reaches it."""
    given = _given()
    return str(given.public_api or given.api).rstrip("/")


def token_for_browser() -> str:
    """Return the visitor's token, to be used by their own browser alone."""
    return str(st.session_state.get(_TOKEN, ""))


def _address() -> str:
    return str(_given().api)


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--api", required=True)
    parser.add_argument("--public-api", default="")
    return parser.parse_args(sys.argv[1:])


@st.cache_resource(max_entries=256)
def _connect(address: str, token: str | None) -> Client:
    return Client(address, token)
