"""Detections: average precision by pycocotools, where it is installed, the rest counted here."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from proctor.cli.audit.detection_peers import f_score, free_response, luna_rates, mean_item_f_score
from proctor.cli.audit.peers import function
from proctor.spec.boxes import Geometry
from proctor.spec.task import MetricSpec, TaskSpec

if TYPE_CHECKING:
    from proctor_metrics.cases import ReferenceBoxes

_MOST = 100
_IOU = 0.5


class FoundBoxes(NamedTuple):
    """What was found in the items of a case, in rows of item, class, score and corners."""

    rows: npt.NDArray[np.float64]
    truth: ReferenceBoxes
    items: int


_Measure = Callable[[Sequence[FoundBoxes]], float | None]


class BoxPeer(NamedTuple):
    """How another library computes a metric of all cases together; None where it has no value."""

    library: str
    measure: _Measure


def box_peer(metric: MetricSpec, task: TaskSpec) -> BoxPeer | None:
    """Return who else computes a metric of boxes; None where nobody here does."""
    given, classes = metric.parameters, sorted(task.labels)
    counted = _counted(metric.name, given, classes)
    if counted is not None:
        return BoxPeer("a count of every pair", _without_ignored(counted))
    flat = task.outputs[metric.output].geometry is Geometry.BOX_2D
    usual = given.get("average", "macro") == "macro" and given.get("area", "all") == "all"
    if find_spec("pycocotools") is None or not flat or not usual:
        return None
    most = int(str(given.get("most", _MOST)))
    match metric.name:
        case "mean_average_precision" | "map":
            limits = None
        case "average_precision_at_iou" if given.get("interpolation", "coco-101") == "coco-101":
            limits = [float(str(given.get("iou", _IOU)))]
        case _:
            return None
    return BoxPeer("pycocotools COCOeval", lambda found: _coco(found, classes, most, limits))


def _counted(name: str, given: Mapping[str, Any], classes: list[int]) -> _Measure | None:
    match name:
        case "froc":
            return lambda found: free_response(found, classes, given, luna_rates(given))
        case "sensitivity_at_fppi":
            return lambda found: free_response(found, classes, given, (float(given["fppi"]),))
        case "detection_f_score":
            return lambda found: f_score(found, classes, given)
        case "item_detection_f_score":
            return lambda found: mean_item_f_score(found, classes, given)
        case _:
            return None


def _without_ignored(measure: _Measure) -> _Measure:
    """Leave sets with references that nobody has to find to the metric's own rule."""

    def measured(found: Sequence[FoundBoxes]) -> float | None:
        from proctor_metrics.cases import Role

        if any((one.truth.roles != Role.COUNTED).any() for one in found):
            return None
        return measure(found)

    return measured


def _coco(
    found: Sequence[FoundBoxes], classes: list[int], most: int, limits: list[float] | None
) -> float | None:

    from proctor_metrics.cases import Role

    truths: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    first = 0
    for one in found:
        for index, item in enumerate(one.truth.items):
            entry = _entry(len(truths), first + int(item), one.truth.classes[index])
            role, size = one.truth.roles[index], float(one.truth.sizes[index])
            box = _box(one.truth.places[index])
            if role == Role.IGNORED:
                return None
            area = box[2] * box[3] if np.isnan(size) else size
            truths.append(entry | {"bbox": box, "area": area, "iscrowd": int(role == Role.CROWD)})
        for row in one.rows:
            box = _box(row[3:])
            entry = _entry(len(answers), first + int(row[0]), row[1])
            answers.append(
                entry | {"bbox": box, "area": box[2] * box[3], "iscrowd": 0, "score": row[2]}
            )
        first += one.items
    if not truths:
        return None
    sides = []
    with contextlib.redirect_stdout(io.StringIO()):
        for entries in (truths, answers):
            side = function("pycocotools.coco", "COCO")()
            side.dataset = {
                "images": [{"id": item} for item in range(first)],
                "categories": [{"id": value} for value in classes],
                "annotations": entries,
            }
            side.createIndex()
            sides.append(side)
        evaluation = function("pycocotools.cocoeval", "COCOeval")(*sides, "bbox")
        evaluation.params.maxDets = [most]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, np.inf]], ["all"]
        if limits is not None:
            evaluation.params.iouThrs = np.array(limits)
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"]
    return float(precision[precision > -1].mean())


def _entry(count: int, item: int, value: float) -> dict[str, Any]:
    return {"id": count + 1, "image_id": item, "category_id": int(value)}


def _box(place: npt.NDArray[np.float64]) -> list[float]:
    x0, y0, x1, y1 = (float(number) for number in place)
    return [x0, y0, x1 - x0, y1 - y0]
