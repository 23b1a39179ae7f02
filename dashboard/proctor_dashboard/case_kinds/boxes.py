"""A case of boxes or points: an item's image with those of the reference and of the answer."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st

from proctor.plots.numbers import number
from proctor.spec.boxes import ITEM, LABEL, PLACES, Geometry
from proctor.spec.task import InputType
from proctor_dashboard.case_kinds.items import PICTURES, image_of, read_picture
from proctor_dashboard.case_kinds.layers import BOTH, legend
from proctor_dashboard.case_kinds.parts import Parts, draw_scores, facts_table
from proctor_dashboard.slices import boxes, line_width, picture
from proctor_dashboard.volumes import Array, VolumeError, usual_window

_LEADING = 3
_MOST_LISTED = 200
_FLAT = (Geometry.BOX_2D, Geometry.POINT_2D)


class Rows(NamedTuple):
    """Boxes: float64 of shape (n, 3 + n_numbers): item, class, score and place; no score is NaN."""

    table: Array

    def of(self, item: int) -> Rows:
        """Return those of an item."""
        return Rows(self.table[self.table[:, 0] == item])

    def above(self, score: float) -> Rows:
        """Return those of at least this score."""
        return Rows(self.table[~(self.table[:, 2] < score)])


def draw(parts: Parts) -> None:
    """Draw the case.

    Raises:
        VolumeError: a file cannot be read.
    """
    geometry = parts.answer.geometry or Geometry.BOX_2D
    reference = read_reference(
        parts.content("reference", parts.reference_name), geometry, parts.task.labels
    )
    predicted = Rows(np.zeros((0, _LEADING + len(PLACES[geometry]))))
    if parts.answered:
        predicted = Rows(parts.array("predictions", parts.output))
    else:
        st.info("There is no prediction of this case to draw.")
    items = max(1, parts.task.items_per_case, *(int(one) + 1 for one in reference.table[:, 0]))
    background = _background(parts) if geometry in _FLAT else None
    _draw_item(parts, geometry, reference, predicted, background, items)
    draw_scores(parts.case)


def read_reference(content: bytes, geometry: Geometry, labels: Mapping[int, str]) -> Rows:
    """Read an organizer's CSV file.

    Raises:
        VolumeError: it is none.
    """
    numbers = {str(value): value for value in labels}
    numbers |= {name: value for value, name in labels.items()}
    found = []
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig")), skipinitialspace=True)
        if not {ITEM, LABEL, *PLACES[geometry]} <= set(rows.fieldnames or ()):
            raise VolumeError("The reference has not the columns of boxes.")
        for row in rows:
            if row[LABEL]:
                place = [float(row[name]) for name in PLACES[geometry]]
                found.append([int(row[ITEM]), numbers[row[LABEL].strip()], np.nan, *place])
    except VolumeError:
        raise
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise VolumeError(f"The reference cannot be read as boxes ({error!r}).") from error
    return Rows(np.array(found, dtype=np.float64).reshape(-1, _LEADING + len(PLACES[geometry])))


def _background(parts: Parts) -> Array | None:
    """Return the input that boxes lie in: an array of images, or a picture."""
    chosen = parts.choose_input(InputType.ARRAY)
    if chosen is not None:
        return parts.array("inputs", chosen)
    for name in parts.inputs(InputType.FILE):
        if parts.task.inputs[name].file.lower().endswith(PICTURES):
            return read_picture(parts.content("inputs", name))
    return None


@st.fragment
def _draw_item(
    parts: Parts,
    geometry: Geometry,
    reference: Rows,
    predicted: Rows,
    background: Array | None,
    items: int,
) -> None:
    left, right = st.columns([3, 2])
    with left:
        item = int(st.number_input("Item", 0, items - 1, 0)) if items > 1 else 0
        over = st.pills("Outlines", BOTH, selection_mode="multi", default=BOTH)
    with right:
        least = -np.inf
        scores = predicted.table[:, 2]
        if scores.size and scores.max() > scores.min():
            low, high = float(scores.min()), float(scores.max())
            least = st.slider("Predicted with a score of at least", low, high, low)
    mine = reference.of(item)
    theirs = predicted.of(item).above(least)
    shown = [(mine, False)] if "Reference" in over else []
    shown += [(theirs, True)] if "Prediction" in over else []
    names = dict(sorted(parts.task.labels.items()))
    places = {value: place for place, value in enumerate(names)}
    st.html(legend({name: places[value] for value, name in names.items()}, [d for _, d in shown]))
    picture_side, list_side = st.columns([3, 2])
    if geometry in _FLAT:
        pixels = _pixels(background, item, items, [mine, theirs])
        width = line_width(pixels, (1.0, 1.0))
        marks: list[str] = []
        for rows, dashed in shown:
            marks += boxes(
                rows.table[:, _LEADING:].tolist(),
                [places.get(int(value), 0) for value in rows.table[:, 1]],
                ["" if np.isnan(score) else number(score, 3) for score in rows.table[:, 2]],
                width,
                dashed=dashed,
            )
        title = f"item {item} with boxes of reference and prediction"
        with picture_side:
            st.html(picture(pixels, marks, (1.0, 1.0), usual_window(pixels), title))
    with list_side if geometry in _FLAT else picture_side:
        _draw_list(geometry, names, mine, theirs)


def _pixels(background: Array | None, item: int, items: int, rows: Sequence[Rows]) -> Array:
    """Return the item's image; where there is none, a dark one that holds all boxes."""
    if background is not None:
        return image_of(background, item, items)
    ends = [one.table[:, _LEADING:].max(initial=1.0) for one in rows]
    side = int(min(4096, np.ceil(max(ends)) + 2))
    return np.zeros((side, side))


def _draw_list(geometry: Geometry, names: Mapping[int, str], mine: Rows, theirs: Rows) -> None:
    rows = [
        (
            f"{side}: {names.get(int(row[1]), f'{row[1]:g}')}",
            ["" if np.isnan(row[2]) else number(row[2], 3), *(f"{one:.4g}" for one in row[3:])],
        )
        for side, found in (("reference", mine), ("prediction", theirs))
        for row in found.table[:_MOST_LISTED]
    ]
    st.html(facts_table("What", ["score", *PLACES[geometry]], rows))
