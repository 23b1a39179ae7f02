"""The head of a page that hangs below a model's own."""

from __future__ import annotations

import streamlit as st

from proctor.client import Client
from proctor.spec.registry import ModelView
from proctor_dashboard.text import address, trail


def open_below_model(api: Client, heading: str) -> ModelView | None:
    """Draw the trail and heading of a page about ``?id=`` and return that model, if it is named."""
    model_id = st.query_params.get("id", "")
    if not model_id:
        st.info("This address names no model.")
        return None
    view = api.model(model_id)
    st.html(trail(("Models", address("models")), (view.title, address("model", id=view.id))))
    st.title(heading, anchor=False)
    return view
