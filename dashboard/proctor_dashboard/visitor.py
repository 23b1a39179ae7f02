"""The visitor: an API client with their own token, kept for this browser session only."""

from __future__ import annotations

import argparse
import sys

import streamlit as st

from proctor.client import ApiError, Client

_TOKEN = "proctor_token"


def client() -> Client:
    """Return a client of the platform that speaks for the visitor, or for nobody."""
    token: str | None = st.session_state.get(_TOKEN)
    return _connect(_address(), token)


def sign_in() -> None:
    """Draw who the visitor is, and the field that changes it."""
    st.markdown("#### Proctor")
    if st.session_state.get(_TOKEN):
        try:
            st.caption(f"Signed in as {client().me().name}.")
        except ApiError:
            st.session_state.pop(_TOKEN)
            st.warning("This token is not valid any more.")
        else:
            if st.button("Sign out"):
                st.session_state.pop(_TOKEN)
                st.rerun()
            return
    given = st.text_input(
        "Your token",
        type="password",
        help="From `proctor user token`. It stays in this browser tab's session.",
    )
    if given:
        st.session_state[_TOKEN] = given.strip()
        st.rerun()
    st.caption("Without one you see what is public.")


def _address() -> str:
    parser = argparse.ArgumentParser()
    parser.add_argument("--api", required=True)
    return str(parser.parse_args(sys.argv[1:]).api)


@st.cache_resource(max_entries=256)
def _connect(address: str, token: str | None) -> Client:
    return Client(address, token)
