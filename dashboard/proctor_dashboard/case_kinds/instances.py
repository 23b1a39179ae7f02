"""A case of objects: slices or pictures, an outline around each of reference and prediction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import streamlit as st

from proctor.plots.numbers import number
from proctor_dashboard.case_kinds.layers import choose, draw_ground
from proctor_dashboard.case_kinds.parts import Parts, draw_scores, facts_table
from proctor_dashboard.slices import Layer, Outlined, outlines
from proctor_dashboard.volumes import Array, Pages, Volume

_MOST_OUTLINED = 300


class _Shown(NamedTuple):
    """What is drawn; ``classes`` are class numbers by name, and a divisor is None for one class."""

    ground: Volume | Pages
    reference: Array
    prediction: Array | None
    classes: Mapping[str, int]
    divisors: tuple[int | None, int | None]


def draw(parts: Parts) -> None:
    """Draw the case.

    Raises:
        VolumeError: something cannot be drawn.
    """
    shown_input = parts.choose_ground()
    if shown_input is None:
        st.info("This task has nothing to draw on.")
        return
    ground, reference, prediction = parts.masks_on(shown_input)
    divisors = parts.reference.class_divisor, parts.answer.class_divisor
    classes = {name: value for value, name in sorted(parts.task.labels.items())}
    shown = _Shown(ground, reference, prediction, classes or {"object": 0}, divisors)
    _draw_slices(shown)
    if prediction is None:
        st.info("There is no prediction of this case to draw.")
    _draw_counts(shown)
    draw_scores(parts.case)


@st.fragment
def _draw_slices(shown: _Shown) -> None:
    choice = choose(shown.ground, "Classes", list(shown.classes), shown.reference, shown.prediction)

    def marks(layers: list[Layer], pixel_mm: tuple[float, float]) -> list[str]:
        lines: list[str] = []
        for layer in layers:
            divisor = shown.divisors[1] if layer.dashed else shown.divisors[0]
            wanted = [
                Outlined((value,), color)
                for name, color in choice.drawn.items()
                for value in _objects(layer.mask, shown.classes[name], divisor)[:_MOST_OUTLINED]
            ]
            lines += outlines([layer], wanted, pixel_mm)
        return lines

    draw_ground(shown.ground, shown.reference, choice, marks)


def _draw_counts(shown: _Shown) -> None:
    rows = []
    for name, value in shown.classes.items():
        cells = [number(len(_objects(shown.reference, value, shown.divisors[0])))]
        if shown.prediction is not None:
            cells.append(number(len(_objects(shown.prediction, value, shown.divisors[1]))))
        rows.append((name, cells))
    head = ["objects in the reference", "in the prediction"][: len(rows[0][1])]
    st.html(facts_table("Class", head, rows))


def _objects(array: Array, value: int, divisor: int | None) -> list[int]:
    """Return the numbers of a class's objects."""
    numbers = np.unique(array)
    numbers = numbers[numbers > 0]
    if divisor is not None:
        numbers = numbers[numbers // divisor == value]
    return [int(one) for one in numbers]
