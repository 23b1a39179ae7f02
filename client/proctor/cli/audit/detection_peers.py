"""Free-response curves and F-scores of boxes, counted pair by pair as their definitions say.

No library has these with the rules of matching that a task may declare, so they are written out
here, one box after the other, and share nothing with Proctor's own metrics.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from proctor.cli.audit.peers import FloatArray

if TYPE_CHECKING:
    from proctor.cli.audit.box_peers import FoundBoxes

_LUNA_RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_NEARLY_ONE = 1 - 1e-10
_AXES = {2: 2, 3: 3, 4: 2, 6: 3}


class _Box(NamedTuple):
    """A box that was found; ``hits`` counts the references that it finds."""

    score: float
    hits: int
    wrong: bool


class _Group(NamedTuple):
    """What is of one item and one class: the boxes that were found, and how many are there."""

    item: int
    label: int
    boxes: list[_Box]
    there: int


def free_response(
    found: Sequence[FoundBoxes], classes: Sequence[int], given: Mapping[str, Any], rates: Any
) -> float | None:
    """Return the mean sensitivity at rates of false positives an item."""
    rule = {"match": "radius", "assignment": "hits"} | dict(given)
    groups = list(_groups(found, classes, rule))
    items = sum(one.items for one in found)
    if given.get("labels") == "classes":
        values = [
            _sensitivity([one for one in groups if one.label == label], items, rates)
            for label in classes
        ]
    else:
        values = [_sensitivity(groups, items, rates)]
    whole = [value for value in values if value is not None]
    return float(np.mean(whole)) if len(whole) == len(values) else None


def luna_rates(given: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the rates at which a curve is read."""
    return tuple(float(rate) for rate in given.get("rates", _LUNA_RATES))


def f_score(
    found: Sequence[FoundBoxes], classes: Sequence[int], given: Mapping[str, Any]
) -> float | None:
    """Return the F-score of all boxes together."""
    groups = list(_groups(found, classes, given))
    return _averaged(groups, classes, given)


def mean_item_f_score(
    found: Sequence[FoundBoxes], classes: Sequence[int], given: Mapping[str, Any]
) -> float | None:
    """Return the mean F-score of the items, 1 where there is nothing on either side."""
    groups = list(_groups(found, classes, given))
    values = []
    for item in range(sum(one.items for one in found)):
        mine = [one for one in groups if one.item == item]
        if given.get("average") == "per_class":
            each = [_of([one for one in mine if one.label == label], given) for label in classes]
            values.append(float(np.mean([1.0 if one is None else one for one in each])))
        else:
            value = _averaged(mine, classes, given)
            values.append(1.0 if value is None else value)
    return float(np.mean(values))


def _averaged(
    groups: Sequence[_Group], classes: Sequence[int], given: Mapping[str, Any]
) -> float | None:
    average = given.get("average", "micro")
    if average == "micro":
        return _of(groups, given)
    values = [_of([one for one in groups if one.label == label], given) for label in classes]
    whole = [value for value in values if value is not None]
    if not whole or (average == "per_class" and len(whole) < len(values)):
        return None
    return float(np.mean(whole))


def _of(groups: Sequence[_Group], given: Mapping[str, Any]) -> float | None:
    square = float(given.get("beta", 1)) ** 2
    right = sum(box.hits for one in groups for box in one.boxes)
    wrong = sum(box.wrong for one in groups for box in one.boxes)
    overlooked = sum(one.there for one in groups) - right
    total = (1 + square) * right + wrong + square * overlooked
    return (1 + square) * right / total if total else None


def _sensitivity(groups: Sequence[_Group], items: int, rates: Sequence[float]) -> float | None:
    there = sum(one.there for one in groups)
    if not there:
        return None
    boxes = [box for one in groups for box in one.boxes]
    wrong, right = [0], [0]
    for threshold in sorted({box.score for box in boxes}, reverse=True):
        above = [box for box in boxes if box.score >= threshold]
        wrong.append(sum(box.wrong for box in above))
        right.append(sum(box.hits for box in above))
    read = np.interp(np.asarray(rates) * items, wrong, right)
    return float(read.mean() / there)


def _groups(
    found: Sequence[FoundBoxes], classes: Sequence[int], rule: Mapping[str, Any]
) -> Iterator[_Group]:
    least = float(rule.get("least_score") or -math.inf)
    first = 0
    for one in found:
        truth = one.truth
        for item in range(one.items):
            for label in classes:
                mine = (one.rows[:, 0] == item) & (one.rows[:, 1] == label)
                rows = one.rows[mine & (one.rows[:, 2] >= least)]
                theirs = (truth.items == item) & (truth.classes == label)
                # The best-scored first; of equal ones the one with the smallest place.
                rows = rows[np.lexsort((*rows[:, 3:].T[::-1], -rows[:, 2]))]
                places, radii = truth.places[theirs], truth.radii[theirs]
                order = np.lexsort(places.T[::-1])
                close = [
                    [_closeness(row[3:], places[k], float(radii[k]), rule) for k in order]
                    for row in rows
                ]
                boxes = _paired(close, rows[:, 2].tolist(), len(order), rule)
                yield _Group(first + item, label, boxes, len(order))
        first += one.items


def _paired(
    close: list[list[float | None]], scores: list[float], there: int, rule: Mapping[str, Any]
) -> list[_Box]:
    match rule.get("assignment", "greedy"):
        case "hits":
            finders = [
                next((row for row, values in enumerate(close) if values[k] is not None), None)
                for k in range(there)
            ]
            hits = [finders.count(row) for row in range(len(close))]
            wrong = [all(value is None for value in values) for values in close]
        case "optimal":
            count = _most_pairs(close)
            # Which of the boxes find something does not matter to a count.
            hits = [int(row < count) for row in range(len(close))]
            wrong = [not hit for hit in hits]
        case greedy_or_first_choice:
            hits = _in_turn(close, only_closest=greedy_or_first_choice == "first_choice")
            wrong = [not hit for hit in hits]
    return [_Box(*one) for one in zip(scores, hits, wrong, strict=True)]


def _in_turn(close: list[list[float | None]], *, only_closest: bool) -> list[int]:
    taken: set[int] = set()
    hits = []
    for values in close:
        allowed = [(value, k) for k, value in enumerate(values) if value is not None]
        if not only_closest:
            allowed = [(value, k) for value, k in allowed if k not in taken]
        # Of two as close the last in order, as COCO's own program does.
        _, chosen = max(allowed, default=(0.0, -1))
        hits.append(int(chosen >= 0 and chosen not in taken))
        if hits[-1]:
            taken.add(chosen)
    return hits


def _most_pairs(close: list[list[float | None]]) -> int:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    if not close or not close[0]:
        return 0
    allowed = csr_array([[value is not None for value in values] for values in close], dtype=int)
    return int((maximum_bipartite_matching(allowed, perm_type="column") >= 0).sum())


def _closeness(
    place: FloatArray, truth: FloatArray, radius: float, rule: Mapping[str, Any]
) -> float | None:
    """Return how close two places are, the more the larger; None where they are no pair."""
    if rule.get("match", "iou") == "iou":
        value = _iou(place, truth)
        return value if value >= min(float(rule.get("iou", 0.5)), _NEARLY_ONE) else None
    apart = math.dist(_center(place), _center(truth))
    match rule["match"]:
        case "center_distance":
            return -apart if apart <= float(rule["distance"]) else None
        case "radius":
            return -apart / radius if apart / radius <= 1 else None
        case _:
            half = truth.size // 2
            inside = zip(truth[:half], _center(place), truth[half:], strict=True)
            return -apart if all(low <= here <= high for low, here, high in inside) else None


def _center(place: FloatArray) -> list[float]:
    axes = _AXES[place.size]
    if place.size == axes:
        return [float(value) for value in place]
    return [float(place[axis] + place[axis + axes]) / 2 for axis in range(axes)]


def _iou(first: FloatArray, second: FloatArray) -> float:
    axes = first.size // 2
    shared, sizes = 1.0, [1.0, 1.0]
    for axis in range(axes):
        end = min(first[axis + axes], second[axis + axes])
        shared *= max(0.0, float(end - max(first[axis], second[axis])))
        for side, box in enumerate((first, second)):
            sizes[side] *= float(box[axis + axes] - box[axis])
    either = sum(sizes) - shared
    return shared / either if either > 0 else 0.0
