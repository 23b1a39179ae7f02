"""Lesion-wise scores, one lesion after the other: scikit-image's components, SciPy's dilation.

HD95 of each lesion is surface-distance's, and is recomputed where that is installed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from proctor.cli.audit.peers import call, function
from proctor.cli.audit.shape_peers import Mask, Measure, elements

_PENALTY_MM = 374.0
_RANKS = {"6": 1, "18": 2, "26": 3}
_PERCENT = 95


class _Lesion(NamedTuple):
    """A lesion of the reference, and all predicted components that touch it once dilated."""

    true: Mask
    found: Mask


def lesion_peer(
    name: str, given: Mapping[str, Any], worst: float | None
) -> tuple[str, Measure] | None:
    """Return who else computes a lesion-wise score; None where nobody here does."""
    if name == "lesion_wise_dice":
        return "scikit-image label, lesion by lesion", _mean_of(_dice, 0.0, given)
    if find_spec("surface_distance") is None:
        return None
    penalty = _PENALTY_MM if worst is None else worst
    return "surface-distance, lesion by lesion", _mean_of(_hd95, penalty, given)


def _mean_of(
    measure: Callable[[_Lesion, tuple[float, ...]], float],
    penalty: float,
    given: Mapping[str, Any],
) -> Measure:
    def mean(predicted: Mask, true: Mask, spacing_mm: tuple[float, ...]) -> float | None:
        lesions, beside = _lesions(predicted, true, spacing_mm, given)
        values = [measure(one, spacing_mm) if one.found.any() else penalty for one in lesions]
        values += [penalty] * beside
        return float(np.mean(values)) if values else None

    return mean


def _dice(lesion: _Lesion, _spacing_mm: tuple[float, ...]) -> float:
    shared = int((lesion.found & lesion.true).sum())
    return 2 * shared / int(lesion.found.sum() + lesion.true.sum())


def _hd95(lesion: _Lesion, spacing_mm: tuple[float, ...]) -> float:
    distances = elements(lesion.found, lesion.true, spacing_mm)
    return call("surface_distance", "compute_robust_hausdorff", distances, _PERCENT)


def _lesions(
    predicted: Mask, true: Mask, spacing_mm: tuple[float, ...], given: Mapping[str, Any]
) -> tuple[list[_Lesion], int]:
    """Return the lesions that count, and how many components lie beside every lesion."""
    label = function("skimage.measure", "label")
    rank = min(_RANKS[str(given.get("components", "26"))], true.ndim)
    times = int(given.get("dilations", 3))
    zones = label(_dilated(true, times), connectivity=rank)
    parts = label(predicted, connectivity=rank)
    beside, lesions = set(range(1, int(parts.max()) + 1)), []
    for zone in range(1, int(zones.max()) + 1):
        lesion = (zones == zone) & true
        mine = set(np.unique(parts[_dilated(lesion, times)]).tolist()) - {0}
        beside -= mine
        if lesion.sum() * math.prod(spacing_mm) > float(given.get("smallest_mm3", 50)):
            lesions.append(_Lesion(lesion, np.isin(parts, list(mine))))
    return lesions, len(beside)


def _dilated(mask: Mask, times: int) -> Mask:
    from scipy import ndimage

    if times == 0:
        return mask
    neighbors = ndimage.generate_binary_structure(mask.ndim, 2)
    return np.asarray(ndimage.binary_dilation(mask, neighbors, times))
