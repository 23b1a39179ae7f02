"""`label_list`: a class for each item, or how probable each class is.

A model that ranks classes answers {label, probability} for each, as ModelHub's models do. Where a
case asks for one class an item, the most probable is written; of two as probable, the first.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .asked import Asked, OutputError
from .kind import Kind


def is_ranking(value: object) -> bool:
    """Tell whether a value is a list of {label, probability} for one item."""
    if not isinstance(value, (list, tuple)) or not value or not isinstance(value[0], Mapping):
        return False
    return all(
        isinstance(entry, Mapping) and "label" in entry and "probability" in entry
        for entry in value
    )


def by_label(ranking: Any) -> dict[object, object]:
    """Return a ranking as a probability by label."""
    return {entry["label"]: entry["probability"] for entry in ranking}


def _check(value: object, asked: Asked) -> object:
    entries = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(entries, Sequence) or isinstance(entries, (str, bytes)):
        raise OutputError(f"a class for each item was expected, not {type(value).__name__}")
    entries = [one.tolist() if hasattr(one, "tolist") else one for one in entries]
    labels = asked.output.labels
    # What may be answered in a case, the platform knows better than the model's card.
    known = () if asked.items else labels
    entries = _named(entries, labels) or [_named(one, labels) or one for one in entries]
    if is_ranking(entries):
        if not asked.items:
            return _ranking(entries, 0, known)
        entries = [entries]
    if asked.items and len(entries) != len(asked.items):
        raise OutputError(f"{len(entries)} classes for {len(asked.items)} items")
    if not asked.items and entries and all(is_ranking(entry) for entry in entries):
        return [_ranking(entry, number, known) for number, entry in enumerate(entries)]
    return [_label(entry, number, known) for number, entry in enumerate(entries)]


def _named(row: Any, labels: tuple[str, ...]) -> list[dict[str, object]]:
    """Return probabilities, one for each label, as a ranking; nothing for anything else."""
    if not labels or not isinstance(row, Sequence) or len(row) != len(labels):
        return []
    if not all(isinstance(one, float) for one in row):
        return []
    pairs = zip(labels, row)  # noqa: B905  # Python 3.8
    return [{"label": label, "probability": one} for label, one in pairs]


def _label(label: Any, number: int, labels: tuple[str, ...]) -> int | str:
    if is_ranking(label):
        ranking = _ranking(label, number, labels)
        label = max(ranking, key=lambda entry: float(entry["probability"]))["label"]
    if hasattr(label, "item"):
        label = label.item()
    if isinstance(label, bool) or not isinstance(label, (int, str)):
        raise OutputError(f"row {number} holds {label!r}, no number or name of a class")
    if labels and label not in labels and label not in range(len(labels)):
        raise OutputError(f"row {number} holds {label!r}, which is none of {', '.join(labels)}")
    return label


def _ranking(entries: Any, number: int, labels: tuple[str, ...]) -> list[dict[str, Any]]:
    checked = []
    for entry in entries:
        label, probability = entry["label"], entry["probability"]
        label = label.item() if hasattr(label, "item") else label
        probability = probability.item() if hasattr(probability, "item") else probability
        if isinstance(label, bool) or not isinstance(label, (int, str)):
            raise OutputError(f"item {number} has the label {label!r}, no number or name")
        if labels and label not in labels:
            raise OutputError(f"item {number} has the label {label!r}, none of {', '.join(labels)}")
        number_like = isinstance(probability, (int, float)) and not isinstance(probability, bool)
        if not number_like or not (math.isfinite(probability) and 0 <= probability <= 1):
            raise OutputError(
                f"item {number} gives {label!r} the probability {probability!r}; a number from 0 "
                "to 1 was expected"
            )
        checked.append({"label": label, "probability": float(probability)})
    return checked


def _write(plain: Any, asked: Asked, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["label"])
        writer.writerows([label] for label in plain)


KIND = Kind(_check, _write, ("item",))
