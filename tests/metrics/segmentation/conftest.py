"""Pairs of masks that break implementations, and one call that scores a pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from proctor_metrics import ItemScores, MaskCase, PerItemMetric, resolve

Bools = npt.NDArray[np.bool_]


class Pair(NamedTuple):
    """A prediction, its reference, and the edge lengths of their voxels."""

    predicted: Bools
    true: Bools
    spacing: tuple[float, ...]


Score = Callable[..., ItemScores]


@pytest.fixture(scope="session")
def score() -> Score:
    """Return what scores a prediction: metric, prediction, reference, spacing, parameters."""

    def scored(
        name: str,
        predicted: npt.NDArray[Any],
        true: npt.NDArray[Any],
        spacing: tuple[float, ...],
        labels: Mapping[int, str] | None = None,
        regions: Mapping[str, tuple[int, ...]] | None = None,
        worst: float | None = None,
        **parameters: object,
    ) -> ItemScores:
        metric = resolve(name, parameters, worst=worst)
        assert isinstance(metric, PerItemMetric)
        if predicted.dtype == bool:
            predicted, true = predicted.astype(np.uint8), true.astype(np.uint8)
        case = MaskCase("a", predicted, true, spacing, labels or {1: "x"}, regions or {})
        return metric.per_item(case)

    return scored


@pytest.fixture(scope="session")
def value(score: Score) -> Callable[..., float]:
    """Return what scores a prediction of one structure."""

    def found(name: str, pair: Pair, **parameters: object) -> float:
        scores = score(name, pair.predicted, pair.true, pair.spacing, **parameters)
        return float(scores.values[0, 0])

    return found


def _box(shape: tuple[int, ...], low: tuple[int, ...], high: tuple[int, ...]) -> Bools:
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


def _ball(shape: tuple[int, ...], center: tuple[float, ...], radii: tuple[float, ...]) -> Bools:
    axes = np.ogrid[tuple(slice(n) for n in shape)]
    terms = [((x - c) / r) ** 2 for x, c, r in zip(axes, center, radii, strict=True)]
    return np.asarray(sum(terms) <= 1)


def _noise(shape: tuple[int, ...], seed: int) -> Bools:
    return np.random.default_rng(seed).random(shape) < 0.3


SOLID = (9, 11, 13)
CUT = SOLID[1:]
_ORGAN = _ball(SOLID, (4, 5, 6), (3, 4, 5))
_SHELL = _ORGAN & ~_ball(SOLID, (4, 5, 6), (1.5, 2, 3))
MASKS: dict[str, tuple[Bools, Bools]] = {
    "the same voxel": (_box(SOLID, (4, 5, 6), (5, 6, 7)),) * 2,
    "a voxel and its neighbor": (
        _box(SOLID, (4, 5, 6), (5, 6, 7)),
        _box(SOLID, (4, 5, 7), (5, 6, 8)),
    ),
    "voxels in opposite corners": (
        _box(SOLID, (0, 0, 0), (1, 1, 1)),
        _box(SOLID, (8, 10, 12), (9, 11, 13)),
    ),
    "a voxel and an organ": (_box(SOLID, (4, 5, 6), (5, 6, 7)), _ORGAN),
    "touching the border": (
        _box(SOLID, (0, 0, 3), (5, 11, 13)),
        _box(SOLID, (0, 2, 0), (9, 11, 9)),
    ),
    "all of the image": (np.ones(SOLID, dtype=bool), _box(SOLID, (0, 0, 0), (9, 11, 12))),
    "organs side by side": (_ORGAN, np.roll(_ORGAN, (1, -1, 2), (0, 1, 2))),
    "a shell and its filling": (_SHELL, _ORGAN),
    "a far island": (_ORGAN | _box(SOLID, (8, 10, 12), (9, 11, 13)), _ORGAN),
    "noise": (_noise(SOLID, 1), _noise(SOLID, 2)),
    "a line": (_box(SOLID, (4, 5, 1), (5, 6, 12)), _box(SOLID, (4, 6, 0), (5, 7, 9))),
    "a single slice": (_ORGAN[4:5], np.roll(_ORGAN[4:5], 2, 2)),
    "a single row": (_box((1, 1, 9), (0, 0, 0), (1, 1, 4)), _box((1, 1, 9), (0, 0, 3), (1, 1, 9))),
    "two axes": (_ball(CUT, (5, 6), (4, 5)), _ball(CUT, (4, 7), (4, 3))),
    "two axes, a pixel": (_box(CUT, (0, 0), (1, 1)), _box(CUT, (0, 12), (1, 13))),
    "two axes, noise": (_noise(CUT, 3), _noise(CUT, 4)),
}
SPACINGS = {"cubes": (1.0, 1.0, 1.0), "thick slices": (5.0, 0.5, 0.5), "thin": (0.7, 1.3, 5.0)}
PAIRS = [
    pytest.param(Pair(predicted, true, spacing[-true.ndim :]), id=f"{name}, {grid}")
    for name, (predicted, true) in MASKS.items()
    for grid, spacing in SPACINGS.items()
]


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> Pair:
    """Return each pair of masks on each grid."""
    found: Pair = request.param
    return found


@pytest.fixture(params=[one for one in PAIRS if one.values[0].true.ndim == 3])  # type: ignore[union-attr]
def solid_pair(request: pytest.FixtureRequest) -> Pair:
    """Return each pair of volumes on each grid."""
    found: Pair = request.param
    return found
