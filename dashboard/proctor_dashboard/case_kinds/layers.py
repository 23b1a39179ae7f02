"""Slices and pictures with lines over them, and what is asked of a reader who looks at them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st

from proctor_dashboard.slices import Layer, color_of, picture
from proctor_dashboard.text import plain
from proctor_dashboard.volumes import Array, Pages, Plane, Volume, busiest, usual_window

Marks = Callable[[list[Layer], tuple[float, float]], list[str]]

_PIXEL = (1.0, 1.0)
_ALL_COLORS = (0.0, 255.0)

BOTH = ["Reference", "Prediction"]


class Choice(NamedTuple):
    """What a reader wants to see: names with the place of their color, and the masks over all."""

    drawn: Mapping[str, int]
    masks: Sequence[tuple[Array, bool]]
    window: tuple[float, float]


def choose(
    ground: Volume | Pages,
    what: str,
    names: Sequence[str],
    reference: Array,
    prediction: Array | None,
) -> Choice:
    """Ask which structures, outlines and intensities are drawn."""
    left, right = st.columns([3, 2])
    with left:
        picked = st.pills(what, names, selection_mode="multi", default=list(names))
        drawn = {name: place for place, name in enumerate(names) if name in picked}
        over = st.pills("Outlines", BOTH, selection_mode="multi", default=BOTH)
    with right:
        colored = isinstance(ground, Pages) and ground.colored
        window = _ALL_COLORS if colored else choose_window(ground.array)
    masks = [(reference, False)] if "Reference" in over else []
    if "Prediction" in over and prediction is not None:
        masks.append((prediction, True))
    st.html(legend(drawn, [dashed for _, dashed in masks]))
    return Choice(drawn, masks, window)


def draw_ground(ground: Volume | Pages, busy: Array, choice: Choice, marks: Marks) -> None:
    """Draw three slices of a volume, or a picture.

    Args:
        busy: a mask whose much cut slices are shown first.
        marks: makes lines of the masks' slices, for pixels of this size.
    """
    if isinstance(ground, Pages):
        _draw_page(ground, busy, choice, marks)
    else:
        _draw_planes(ground, busy, choice, marks)


def _draw_page(pages: Pages, busy: Array, choice: Choice, marks: Marks) -> None:
    with st.columns([2, 1])[0]:
        count, page = len(pages.array), int(np.count_nonzero(busy, axis=(1, 2)).argmax())
        if count > 1:
            page = st.slider("Page", 0, count - 1, page)
        layers = [Layer(mask[page], dashed) for mask, dashed in choice.masks]
        lines = marks(layers, _PIXEL)
        title = f"page {page} with outlines" if count > 1 else "picture with outlines"
        st.html(picture(pages.array[page], lines, _PIXEL, choice.window, title))


def _draw_planes(volume: Volume, busy: Array, choice: Choice, marks: Marks) -> None:
    for plane, column in zip(Plane, st.columns(3), strict=True):
        with column:
            count = volume.array.shape[plane.axis]
            place = busiest(busy, plane)
            if count > 1:
                place = st.slider(f"{plane.value.title()} slice", 0, count - 1, place)
            pixel_mm = plane.pixel_mm(volume.spacing_mm)
            layers = [Layer(plane.cut(mask, place), dashed) for mask, dashed in choice.masks]
            st.html(
                picture(
                    plane.cut(volume.array, place),
                    marks(layers, pixel_mm),
                    pixel_mm,
                    choice.window,
                    f"{plane.value} slice {place} with outlines",
                    plane.sides,
                )
            )
    st.caption("The patient's right is at the left of axial and coronal slices.")


def choose_window(array: Array) -> tuple[float, float]:
    """Ask for the intensities shown as black and white."""
    lowest, highest = float(np.nanmin(array)), float(np.nanmax(array))
    if not highest > lowest:
        return lowest, lowest + 1.0
    low, high = usual_window(array)
    chosen = st.slider(
        "Window: black and white at",
        lowest,
        highest,
        (max(low, lowest), min(high, highest)),
        step=(highest - lowest) / 200,
        format="%.4g",
    )
    return chosen[0], chosen[1]


def legend(drawn: Mapping[str, int], kinds: Sequence[bool]) -> str:
    """Return what each line is; solid and dashed, so that it holds in black and white too."""
    parts = []
    for dashed in kinds:
        parts.append(f"<b>{'Prediction (dashed)' if dashed else 'Reference (solid)'}</b>")
        style = "dashed" if dashed else "solid"
        parts += [
            f'<span class="pr-key"><i style="border-top-style:{style};'
            f'border-top-color:{color_of(place, dashed=dashed)}"></i>'
            f"{plain(name)}</span>"
            for name, place in drawn.items()
        ]
    return f'<div class="pr-legend">{"".join(parts)}</div>'
