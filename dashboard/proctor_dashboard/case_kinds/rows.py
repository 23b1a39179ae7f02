"""A case of items that are answered by numbers or classes: a line an item, beside what was true."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from proctor.plots.numbers import number
from proctor.spec.task import OutputType, ReferenceType
from proctor_dashboard.case_kinds.parts import Parts, draw_scores
from proctor_dashboard.tables import lines_html
from proctor_dashboard.text import badge, plain
from proctor_dashboard.volumes import Array, VolumeError

_A_PAGE = 50


def draw(parts: Parts) -> None:
    """Draw the case.

    Raises:
        VolumeError: a file cannot be read.
    """
    truth = _rows(parts.array("reference", parts.reference_name))
    answer = None
    if parts.answered:
        answer = _rows(parts.array("predictions", parts.output))
        if len(answer) != len(truth):
            raise VolumeError(f"{len(answer)} items were answered; the reference has {len(truth)}.")
    else:
        st.info("There is no answer to this case.")
    _draw_page(parts, truth, answer)
    draw_scores(parts.case)


def classes_of(columns: tuple[str, ...], labels: Mapping[int, str]) -> list[int] | None:
    """Return the class that each column is for, by its name or number; none where one has none.

    >>> classes_of(("sick", "0"), {0: "well", 1: "sick"}), classes_of(("age",), {0: "well"})
    ([1, 0], None)
    """
    known = {str(value): value for value in labels} | {
        name: value for value, name in labels.items()
    }
    found = [known.get(column) for column in columns]
    classes = [one for one in found if one is not None]
    return classes if classes and len(classes) == len(found) else None


def _rows(array: Array) -> Array:
    """Return an array as (items, numbers).

    Raises:
        VolumeError: it has no such form.
    """
    if array.ndim not in (1, 2) or array.dtype.kind not in "biuf":
        raise VolumeError(f"An array of {array.dtype} of shape {array.shape} has no items.")
    return array.reshape(len(array), -1)


@st.fragment
def _draw_page(parts: Parts, truth: Array, answer: Array | None) -> None:
    pages = max(1, -(-len(truth) // _A_PAGE))
    page = int(st.number_input(f"Page of {pages}", 1, pages, 1)) if pages > 1 else 1
    first = (page - 1) * _A_PAGE
    of_classes = parts.reference.type is ReferenceType.LABELS
    classes = classes_of(parts.answer.columns, parts.task.labels) if of_classes else None
    heads, lines = _heads(parts, classes), []
    for item in range(first, min(first + _A_PAGE, len(truth))):
        cells = [str(item), _true(parts, truth[item])]
        if answer is None:
            cells += ["–"] * (len(heads) - len(cells))
        else:
            cells += _answered(parts, truth[item], answer[item], classes)
        lines.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    st.html(lines_html([plain(head) for head in heads], "".join(lines)))


def _heads(parts: Parts, classes: list[int] | None) -> list[str]:
    if parts.answer.type is OutputType.LABEL_LIST:
        return ["Item", "Reference", "Answer", ""]
    names = parts.answer.columns
    return ["Item", "Reference", *names, *([""] if classes is not None else [])]


def _true(parts: Parts, row: Array) -> str:
    if parts.reference.type is ReferenceType.LABELS:
        return _named(parts, int(row[0]))
    return plain(", ".join(number(float(value)) for value in row))


def _answered(parts: Parts, truth: Array, row: Array, classes: list[int] | None) -> list[str]:
    if parts.answer.type is OutputType.LABEL_LIST:
        return [_named(parts, int(row[0])), _mark(int(row[0]) == int(truth[0]))]
    cells = [plain(number(float(value))) for value in row]
    if classes is None:
        return cells
    # Of several that are as high, no one is the answer.
    best = np.flatnonzero(row == row.max())
    for place in best:
        cells[place] = f"<b>{cells[place]}</b>"
    return [*cells, _mark(len(best) == 1 and classes[int(best[0])] == int(truth[0]))]


def _named(parts: Parts, value: int) -> str:
    return plain(parts.task.labels.get(value, str(value)))


def _mark(right: bool) -> str:
    return badge("right", "good") if right else badge("wrong", "bad")
