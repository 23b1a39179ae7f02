"""A case of a segmentation: slices or pictures, and the outlines of reference and prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from proctor.plots.numbers import number
from proctor.spec.api import CaseView
from proctor_dashboard.case_kinds.layers import choose, draw_ground
from proctor_dashboard.case_kinds.parts import Parts, facts_table
from proctor_dashboard.slices import Layer, Outlined, outlines
from proctor_dashboard.volumes import Array, Pages, Volume

_MOST_STRUCTURES = 40


@dataclass(frozen=True, eq=False)
class _Shown:
    """What is drawn: an input, the masks on it, and the labels of each structure by its name."""

    ground: Volume | Pages
    reference: Array
    prediction: Array | None
    structures: Mapping[str, tuple[int, ...]]


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
    structures = dict(list(parts.task.structures.items())[:_MOST_STRUCTURES])
    shown = _Shown(ground, reference, prediction, structures)
    _draw_slices(shown, "Regions" if parts.task.regions else "Labels")
    _draw_facts(shown, parts.case)


@st.fragment
def _draw_slices(shown: _Shown, what: str) -> None:
    names = list(shown.structures)
    choice = choose(shown.ground, what, names, shown.reference, shown.prediction)
    wanted = [Outlined(shown.structures[name], color) for name, color in choice.drawn.items()]

    def marks(layers: list[Layer], pixel_mm: tuple[float, float]) -> list[str]:
        return outlines(layers, wanted, pixel_mm)

    draw_ground(shown.ground, shown.reference, choice, marks)


def _draw_facts(shown: _Shown, case: CaseView) -> None:
    if shown.prediction is None:
        st.info("There is no prediction of this case to draw.")
    scores: dict[str, dict[str, float | None]] = {}
    for key, value in case.scores.items():
        metric, label = key.split("/", 1)
        scores.setdefault(label, {})[metric] = value
    metrics = list(dict.fromkeys(key.split("/", 1)[0] for key in case.scores))
    unit, a_voxel = "pixels", 1.0
    if isinstance(shown.ground, Volume):
        unit, a_voxel = "ml", float(np.prod(shown.ground.spacing_mm)) / 1000
    rows = []
    for name, labels in shown.structures.items():
        truth = np.isin(shown.reference, labels)
        answer = None if shown.prediction is None else np.isin(shown.prediction, labels)
        volumes = [np.count_nonzero(truth) * a_voxel]
        if answer is not None:
            volumes += [
                np.count_nonzero(answer) * a_voxel,
                np.count_nonzero(truth & answer) * a_voxel,
            ]
        cells = [number(scores.get(name, {}).get(metric)) for metric in metrics]
        cells += [number(volume) for volume in volumes]
        rows.append((name, cells))
    if "mean" in scores:
        means = [number(scores["mean"].get(metric)) for metric in metrics]
        rows.append(("mean", means))
    head = [*metrics, f"reference, {unit}"]
    if shown.prediction is not None:
        head += [f"prediction, {unit}", f"in both, {unit}"]
    st.html(facts_table("Structure", head, rows))
