"""Percentiles between surfaces of which most distances are never measured, against all of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from proctor_metrics.instances import lesion_surfaces
from proctor_metrics.instances.lesion_surfaces import (
    LesionSurface,
    lesion_surface,
    percentile_distance,
)
from proctor_metrics.segmentation.weighted_percentile import weighted_percentile

SPACINGS = [(1.0, 1.0, 1.0), (5.0, 0.5, 0.5), (0.7, 2.0)]


def measured(
    source: LesionSurface, target: LesionSurface, spacing: tuple[float, ...], percent: float
) -> float:
    edges = np.array(spacing)
    distances = cdist(source.places.T * edges, target.places.T * edges).min(axis=1)
    return weighted_percentile(distances, source.areas, percent)


def surfaces(n_axes: int, spacing: tuple[float, ...]) -> tuple[LesionSurface, LesionSurface]:
    """Return those of a whole image, and of a lesion of two parts in it, cut out."""
    shape = (14, 30, 22)[:n_axes]
    lesion = np.zeros(shape, dtype=bool)
    lesion[(slice(3, 6), slice(4, 9), slice(10, 15))[:n_axes]] = True
    lesion[(slice(9, 10), slice(20, 22), slice(2, 9))[:n_axes]] = True
    first = (3, 4, 2)[:n_axes]
    cut = lesion[tuple(slice(start, None) for start in first)]
    return (
        lesion_surface(np.ones(shape, dtype=bool), (0,) * n_axes, spacing),
        lesion_surface(cut, first, spacing),
    )


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("percent", [0.1, 50.0, 95.0, 100.0])
@pytest.mark.parametrize("small", [0, 1 << 20])
@pytest.mark.parametrize("large", [1, 1 << 17])
def test_a_percentile_is_that_of_all_distances(
    spacing: tuple[float, ...],
    percent: float,
    small: int,
    large: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lesion_surfaces, "SMALL_VOXELS", small)
    monkeypatch.setattr(lesion_surfaces, "_LARGE", large)
    everywhere, lesion = surfaces(len(spacing), spacing)
    for source, target in ((everywhere, lesion), (lesion, everywhere), (lesion, lesion)):
        found = percentile_distance(source, target, spacing, percent)
        assert found == pytest.approx(measured(source, target, spacing, percent), rel=1e-12)


def test_what_cannot_decide_a_percentile_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    nearest = lesion_surfaces._nearest

    def counted(sources: np.ndarray, *others: object) -> np.ndarray:
        asked.append(sources.shape[1])
        return nearest(sources, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(lesion_surfaces, "_nearest", counted)
    spacing = (1.0, 1.0, 1.0)
    everywhere = lesion_surface(np.ones((40, 40, 40), dtype=bool), (0, 0, 0), spacing)
    lesion = lesion_surface(np.ones((4, 4, 4), dtype=bool), (18, 18, 18), spacing)
    percentile_distance(everywhere, lesion, spacing, 95.0)
    assert asked[0] < everywhere.areas.size / 2
