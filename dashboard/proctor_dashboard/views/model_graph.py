"""A model's architecture as a picture; two of them side by side, with what they do not share."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from proctor.client import ApiError
from proctor.spec.card.detected import DetectedLayer, DetectedModel
from proctor.spec.registry import ModelView
from proctor_dashboard.architectures import MOST_LAYERS, arrange, unlike
from proctor_dashboard.drawing import graph_image, layer_words
from proctor_dashboard.model_trail import open_below_model
from proctor_dashboard.text import literal
from proctor_dashboard.visitor import client

_MOST_CHOICES = 50


def draw() -> None:
    """Draw the layers of ``?id=``, beside those of ``&with=`` if it is given."""
    view = open_below_model(client(), "Architecture")
    if view is None:
        return
    this = _architecture(view.id)
    if this is None:
        st.info("Nobody has looked into this model yet, or it tells nothing of its layers.")
        return
    other = _choose(view)
    if other is None:
        _draw_one(view, this, set())
        _draw_table(this.layers)
        return
    beside = _architecture(other.id)
    if beside is None:
        st.info(f"{literal(other.title)} tells nothing of its layers.")
        _draw_one(view, this, set())
        return
    left, right = unlike(this.layers, beside.layers)
    same = min(len(this.layers), MOST_LAYERS) - len(left)
    st.caption(
        f"{same} layers are alike in both, in the same order: their types, weight shapes and"
        " settings. The others have a strong border."
    )
    first, second = st.columns(2, gap="medium")
    with first:
        _draw_one(view, this, left)
    with second:
        _draw_one(other, beside, right)
    _draw_counts(view, this, other, beside)


def _architecture(model_id: str) -> DetectedModel | None:
    try:
        main = client().model_metadata(model_id).main
    except ApiError:
        return None
    return main if main is not None and main.layers else None


def _choose(view: ModelView) -> ModelView | None:
    """Return the model to be drawn beside: that of the address, or one picked."""
    given = st.query_params.get("with", "")
    names = {one.id: f"entry {one.number} of this model" for one in view.versions}
    names |= {one.model.id: one.model.title for one in client().similar_models(view.id)}
    for one in client().models(limit=_MOST_CHOICES).items:
        names.setdefault(one.id, one.title)
    names.pop(view.id, None)
    if given and given not in names:
        names[given] = given
    picked = st.selectbox(
        "Beside it",
        list(names),
        index=list(names).index(given) if given else None,
        format_func=lambda one: names[one],
        placeholder="another model",
    )
    if (picked or "") != given:
        if picked:
            st.query_params["with"] = picked
        else:
            st.query_params.pop("with", None)
    return client().model(picked) if picked else None


def _draw_one(view: ModelView, model: DetectedModel, different: set[int]) -> None:
    parameters = "" if model.parameters is None else f", {model.parameters:,} parameters"
    st.markdown(
        f"**{literal(view.title)}**, entry {view.number}: {literal(model.framework)}"
        f" {literal(model.framework_version)}, {len(model.layers):,} layers{parameters}"
    )
    st.html(graph_image(arrange(model.layers), f"The layers of {view.title}", different))
    if len(model.layers) > MOST_LAYERS or model.truncated:
        st.caption(f"The first {min(len(model.layers), MOST_LAYERS)} layers are drawn.")


def _draw_counts(
    view: ModelView, this: DetectedModel, other: ModelView, beside: DetectedModel
) -> None:
    kinds = sorted(
        {*this.layer_counts, *beside.layer_counts},
        key=lambda kind: -this.layer_counts.get(kind, 0) - beside.layer_counts.get(kind, 0),
    )
    st.subheader("Layers of each kind", anchor=False)
    names = f"{view.title} ({view.number})", f"{other.title} ({other.number})"
    if names[0] == names[1]:
        names = names[0], f"{names[1]} "
    st.dataframe(
        [
            {
                "Kind": kind,
                names[0]: this.layer_counts.get(kind, 0),
                names[1]: beside.layer_counts.get(kind, 0),
            }
            for kind in kinds
        ],
        hide_index=True,
    )


def _draw_table(layers: Sequence[DetectedLayer]) -> None:
    with st.expander(f"All {len(layers):,} layers"):
        st.dataframe(
            [
                {
                    "Layer": layer.name,
                    "Kind": layer.type,
                    "Parameters": layer.parameters,
                    "More": layer_words(layer),
                }
                for layer in layers
            ],
            hide_index=True,
        )
