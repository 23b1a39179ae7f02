"""A case of an image to an image: input, reference, answer, and where these two differ."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from proctor.spec.task import InputType
from proctor_dashboard.case_kinds.parts import ARRAY_SUFFIX, Parts, draw_scores
from proctor_dashboard.slices import picture
from proctor_dashboard.text import plain
from proctor_dashboard.volumes import (
    Array,
    Plane,
    VolumeError,
    read_prediction,
    refuse_other_grid,
    usual_window,
)

_COLORS = ((3,), (4,))
_DIFFERENCE = "Difference"


class _Shown(NamedTuple):
    """Arrays of one shape, and how they are cut: a volume by planes, else along the first axis."""

    arrays: dict[str, Array]
    spacing_mm: tuple[float, ...]
    anatomical: bool


def draw(parts: Parts) -> None:
    """Draw the case.

    Raises:
        VolumeError: something cannot be drawn.
    """
    grid = parts.answer.grid or ""
    shown = _arrays(parts, grid) if _is_array(parts, grid) else _volumes(parts, grid)
    if not parts.answered:
        st.info("There is no prediction of this case to draw.")
    _draw_slices(shown)
    draw_scores(parts.case)


def _is_array(parts: Parts, grid: str) -> bool:
    return parts.task.inputs[grid].type is not InputType.VOLUME


def _volumes(parts: Parts, grid: str) -> _Shown:
    volume = parts.volume("inputs", grid)
    arrays = {"Input": volume.array}
    name = parts.reference_name
    if parts.reference.file.endswith(ARRAY_SUFFIX):
        arrays["Reference"] = read_prediction(parts.content("reference", name), volume)
    else:
        arrays["Reference"] = parts.volume("reference", name).array
        refuse_other_grid("reference", arrays["Reference"], volume)
    if parts.answered:
        content = parts.content("predictions", parts.output)
        arrays["Prediction"] = read_prediction(content, volume)
    return _Shown(_with_difference(arrays), volume.spacing_mm, anatomical=True)


def _arrays(parts: Parts, grid: str) -> _Shown:
    arrays = {
        "Input": parts.numbers("inputs", grid, parts.task.inputs[grid].file),
        "Reference": parts.numbers("reference", parts.reference_name, parts.reference.file),
    }
    if parts.answered:
        arrays["Prediction"] = parts.array("predictions", parts.output)
    for name, array in arrays.items():
        if array.shape != arrays["Input"].shape or array.ndim not in (2, 3):
            raise VolumeError(f"The {name.lower()} has shape {array.shape}, which is not drawn.")
    arrays = _with_difference(arrays)
    if not parts.reference.file.endswith(ARRAY_SUFFIX) and arrays["Input"].shape[2:] in _COLORS:
        # Slices are gray: of a colored picture its brightness is drawn.
        arrays = {name: array[..., :3].mean(axis=2) for name, array in arrays.items()}
    return _Shown(arrays, (1.0,) * arrays["Input"].ndim, anatomical=False)


def _with_difference(arrays: dict[str, Array]) -> dict[str, Array]:
    if "Prediction" not in arrays:
        return arrays
    difference = np.abs(arrays["Prediction"].astype(np.float64) - arrays["Reference"])
    return arrays | {_DIFFERENCE: difference}


@st.fragment
def _draw_slices(shown: _Shown) -> None:
    first = shown.arrays["Input"]
    plane, place = None, 0
    if shown.anatomical:
        plane = Plane(st.pills("Plane", list(Plane), default=Plane.AXIAL) or Plane.AXIAL)
    count = 1 if first.ndim == 2 else first.shape[0 if plane is None else plane.axis]
    if count > 1:
        place = st.slider("Slice", 0, count - 1, count // 2)
    pixel_mm = (1.0, 1.0) if plane is None else plane.pixel_mm(shown.spacing_mm)
    alike = usual_window(shown.arrays["Reference"])
    for column, (name, array) in zip(
        st.columns(len(shown.arrays)), shown.arrays.items(), strict=True
    ):
        with column:
            pixels = array if array.ndim == 2 else array[place]
            if plane is not None:
                pixels = plane.cut(array, place)
            window = alike if name in ("Reference", "Prediction") else usual_window(array)
            if name == _DIFFERENCE:
                window = 0.0, window[1]
            sides = "" if plane is None else plane.sides
            st.html(f"<b>{plain(name)}</b>")
            st.html(picture(pixels, (), pixel_mm, window, f"{name.lower()}, slice {place}", sides))
            st.caption(f"black at {window[0]:.4g}, white at {window[1]:.4g}")
