"""Reads ``scores.json``: finite numbers, under the declared labels, one for every item asked."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from proctor_runner.decode.guarded_json import loads

_SPARE_BYTES, _BYTES_A_NUMBER = 1 << 16, 32

FloatArray = npt.NDArray[np.float64]


class AnswerError(ValueError):
    """An organizer's metric wrote something else; the message is a phrase for its organizer."""


def most_bytes(labels: Sequence[str], items: Sequence[int]) -> int:
    """Return how long an honest ``scores.json`` can be: more is never read."""
    names = sum(len(json.dumps(label)) + _BYTES_A_NUMBER for label in labels)
    return _SPARE_BYTES + len(items) * names + sum(items) * len(labels) * _BYTES_A_NUMBER


def read_answers(
    path: Path, part: str, labels: Sequence[str], items: Sequence[int], names: Sequence[str]
) -> list[FloatArray]:
    """Return the numbers of each case or set of cases: float64 of shape (n_labels, n_items).

    Args:
        part: ``cases`` or ``sets``.
        items: how many numbers each must have under a label.
        names: what each is called in sentences.

    Raises:
        AnswerError: it is not that.
    """
    try:
        document = loads(_content(path, most_bytes(labels, items)), most_bytes(labels, items))
    except ValueError as error:
        raise AnswerError(f"wrote no JSON that can be read: {error}") from error
    found = document.get(part) if isinstance(document, dict) else None
    if not isinstance(found, list) or len(found) != len(items):
        raise AnswerError(f"wrote no list of {len(items)} under {part!r}")
    return [
        _numbers(answer, labels, count, name)
        for answer, count, name in zip(found, items, names, strict=True)
    ]


def _content(path: Path, most: int) -> bytes:
    with path.open("rb") as stream:
        return stream.read(most + 1)


def _numbers(answer: object, labels: Sequence[str], count: int, name: str) -> FloatArray:
    given = answer if isinstance(answer, dict) else {}
    if set(given) != set(labels):
        shown = ", ".join(sorted(str(label)[:40] for label in given)[:10]) or "nothing"
        raise AnswerError(f"gave {shown} for {name}; declared are {', '.join(labels)}")
    return np.array([_row(given[label], label, count, name) for label in labels])


def _row(value: object, label: str, count: int, name: str) -> list[float]:
    values = value if isinstance(value, list) else [value]
    if len(values) != count:
        raise AnswerError(
            f"gave {len(values)} numbers for {label!r} of {name}, which holds {count} items"
        )
    row = []
    for one in values:
        # A bool is an int to Python, and no score.
        number = one if isinstance(one, int | float) and not isinstance(one, bool) else math.nan
        if not math.isfinite(number):
            raise AnswerError(f"gave {str(one)[:40]!r} for {label!r} of {name}: no finite number")
        row.append(float(number))
    return row
