"""Metrics of masks by other libraries, one structure at a time.

A peer answers None where its library leaves the value undefined (an empty mask), which is what a
metric's edge rules are for. MedPy measures distances between voxels, so of a metric under another
definition Proctor's own value under MedPy's definition is what is compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from proctor.cli.audit.lesion_peers import lesion_peer
from proctor.cli.audit.object_peers import mask_measure, object_peer
from proctor.cli.audit.peers import call, function
from proctor.cli.audit.shape_peers import (
    Mask,
    Measure,
    boundary_iou,
    centerline_dice,
    surface_dice,
)
from proctor.spec.task import MetricSpec

_MM3_IN_ML = 1000.0


@dataclass(frozen=True)
class MaskPeer:
    """How another library computes a metric.

    Attributes:
        library: who, and by which function.
        under: parameters that Proctor's metric is computed with anew, because the library has
            another definition than the board; none where the board's values are compared.
    """

    library: str
    measure: Measure
    under: dict[str, object] | None = field(default=None)


def mask_peer(metric: MetricSpec, structure: str = "") -> MaskPeer | None:
    """Return who else computes a metric of masks; None where nobody here does.

    Args:
        structure: the name of what is measured, where parameters differ by it.
    """
    given = metric.parameters
    match metric.name:
        case "dice" | "dsc":
            return MaskPeer("MedPy dc", _medpy("dc", needs=_any))
        case "iou" | "jaccard":
            return MaskPeer("MedPy jc", _medpy("jc", needs=_any))
        case "volume_error":
            return MaskPeer("MedPy ravd", _volume_error(str(given.get("form", "absolute_percent"))))
        case "voxel_precision" | "ppv":
            return MaskPeer("MedPy precision", _medpy("precision", needs=_predicted))
        case "voxel_sensitivity" | "sensitivity" | "voxel_recall":
            return MaskPeer("MedPy recall", _medpy("recall", needs=_true))
        case "voxel_specificity":
            return MaskPeer("MedPy specificity", _medpy("specificity", needs=_background))
        case "voxel_f_beta" | "fbeta":
            beta = float(cast("float", given.get("beta", 1)))
            return MaskPeer("scikit-learn fbeta_score", _f_beta(beta))
        case "voxel_mcc":
            return MaskPeer("scikit-learn matthews_corrcoef", _flat("matthews_corrcoef"))
        case "voxel_kappa":
            return MaskPeer("scikit-learn cohen_kappa_score", _flat("cohen_kappa_score"))
        case "hd95" | "hd_perc" if given.get("percentile", 95) == 95:
            return _distance("hd95", given, {"definition": "voxel6-pooled"})
        case "hd":
            return _distance("hd", given, {"definition": "voxel6"})
        case "assd":
            return _distance("assd", given, {"definition": "voxel6"})
        case "masd":
            return _distance("asd", given, {"definition": "voxel6"}, both_ways=True)
        case "voxel_npv":
            return MaskPeer("scikit-learn precision_score", _npv)
        case "nsd" | "surface_dice":
            library, measure, under = surface_dice(given, structure)
            alike = given.get("definition", "surfel") == under["definition"]
            return MaskPeer(library, measure, None if alike else under)
        case "boundary_iou":
            return MaskPeer(*boundary_iou(given))
        case "lesion_wise_dice" | "lesion_wise_hd95":
            known = lesion_peer(metric.name, given, metric.worst)
            return None if known is None else MaskPeer(*known)
        case "cldice":
            return MaskPeer("scikit-image skeletonize", centerline_dice)
        case _:
            objects = object_peer(metric)
            return objects and MaskPeer(objects.library, mask_measure(objects, given))


def _npv(predicted: Mask, true: Mask, _spacing_mm: tuple[float, ...]) -> float | None:
    if predicted.all():
        return None
    return call("sklearn.metrics", "precision_score", ~true.ravel(), ~predicted.ravel())


def _distance(
    name: str,
    given: dict[str, Any],
    under: dict[str, object],
    *,
    both_ways: bool = False,
) -> MaskPeer:
    def measure(predicted: Mask, true: Mask, spacing_mm: tuple[float, ...]) -> float | None:
        if not predicted.any() or not true.any():
            return None
        distance = function("medpy.metric.binary", name)
        there = float(distance(predicted, true, voxelspacing=spacing_mm))
        if not both_ways:
            return there
        return (there + float(distance(true, predicted, voxelspacing=spacing_mm))) / 2

    alike = given.get("definition", "surfel") == under["definition"]
    return MaskPeer(f"MedPy {name} ({under['definition']})", measure, None if alike else under)


def _medpy(name: str, needs: Callable[[Mask, Mask], bool]) -> Measure:
    def measure(predicted: Mask, true: Mask, _spacing_mm: tuple[float, ...]) -> float | None:
        if not needs(predicted, true):
            return None
        return call("medpy.metric.binary", name, predicted, true)

    return measure


def _flat(name: str) -> Measure:
    def measure(predicted: Mask, true: Mask, _spacing_mm: tuple[float, ...]) -> float | None:
        if predicted.all() or true.all() or not predicted.any() or not true.any():
            return None
        return call("sklearn.metrics", name, true.ravel(), predicted.ravel())

    return measure


def _f_beta(beta: float) -> Measure:
    def measure(predicted: Mask, true: Mask, _spacing_mm: tuple[float, ...]) -> float | None:
        if not _any(predicted, true):
            return None
        options = {"beta": beta, "zero_division": 0.0}
        return call("sklearn.metrics", "fbeta_score", true.ravel(), predicted.ravel(), **options)

    return measure


def _volume_error(form: str) -> Measure:
    def measure(predicted: Mask, true: Mask, spacing_mm: tuple[float, ...]) -> float | None:
        if not true.any():
            return None
        ratio = call("medpy.metric.binary", "ravd", predicted, true)
        ratio = ratio if form.startswith("signed") else abs(ratio)
        if form.endswith("percent"):
            return 100 * ratio
        if form.endswith("ratio"):
            return ratio
        return ratio * int(true.sum()) * math.prod(spacing_mm) / _MM3_IN_ML

    return measure


def _any(predicted: Mask, true: Mask) -> bool:
    return bool(predicted.any() or true.any())


def _predicted(predicted: Mask, _true: Mask) -> bool:
    return bool(predicted.any())


def _true(_predicted: Mask, true: Mask) -> bool:
    return bool(true.any())


def _background(_predicted: Mask, true: Mask) -> bool:
    return not true.all()
