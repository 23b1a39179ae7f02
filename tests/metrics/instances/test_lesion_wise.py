"""Lesion-wise scores by hand, and against a program that goes lesion by lesion as BraTS does."""

from __future__ import annotations

import numpy as np
import pytest
import surface_distance
from scipy import ndimage

from proctor_metrics import MaskCase, resolve

LESION = {1: "lesion"}
CORNERS = np.ones((3, 3, 3), dtype=bool)
EDGES = ndimage.generate_binary_structure(3, 2)


def brats(predicted: np.ndarray, true: np.ndarray, dilations: int, smallest: float) -> list[float]:
    """Return Dice and HD95, one lesion after the other, each dilated by itself."""
    spacing = (1.0, 1.0, 1.0)
    parts, n_parts = ndimage.label(predicted, CORNERS)
    grown = ndimage.binary_dilation(true, EDGES, dilations) if dilations else true
    zones, n_zones = ndimage.label(grown, CORNERS)
    dice, hd95, touched = [], [], set()
    for zone in range(1, n_zones + 1):
        lesion = (zones == zone) & true
        reach = ndimage.binary_dilation(lesion, EDGES, dilations) if dilations else lesion
        mine = set(np.unique(parts[reach])) - {0}
        touched |= mine
        if lesion.sum() <= smallest:
            continue
        found = np.isin(parts, list(mine))
        dice.append(2 * (found & lesion).sum() / (found.sum() + lesion.sum()))
        if not mine:
            hd95.append(374.0)
            continue
        distances = surface_distance.compute_surface_distances(lesion, found, spacing)
        hd95.append(surface_distance.compute_robust_hausdorff(distances, 95))
    false = n_parts - len(touched)
    count = len(dice) + false
    if not count:
        return [1.0, 0.0]
    return [sum(dice) / count, (sum(hd95) + 374 * false) / count]


def scores(case: MaskCase, **parameters: object) -> list[float]:
    return [
        float(resolve(name, parameters).per_item(case).values[0, 0])  # type: ignore[attr-defined]
        for name in ("lesion_wise_dice", "lesion_wise_hd95")
    ]


def volumes(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw blobs of all sizes, some touching the border, and a prediction that is about right."""
    random = np.random.default_rng(seed)
    rough = [ndimage.gaussian_filter(random.random((24, 22, 20)), 1.5) for _ in range(2)]
    threshold = np.quantile(rough[0], 0.93)
    mixed = 0.75 * rough[0] + 0.25 * rough[1]
    return mixed > np.quantile(mixed, 0.93), rough[0] > threshold


@pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("dilations", "smallest"), [(3, 50), (1, 2), (0, 0)])
def test_brats_says_the_same(seed: int, dilations: int, smallest: int) -> None:
    predicted, true = volumes(seed)
    case = MaskCase("c", predicted.astype(np.uint8), true.astype(np.uint8), (1.0, 1.0, 1.0), LESION)
    found = scores(case, dilations=dilations, smallest_mm3=smallest)
    assert found == pytest.approx(brats(predicted, true, dilations, smallest), abs=1e-10)


def line(*voxels: int) -> np.ndarray:
    mask = np.zeros((1, 40), dtype=np.uint8)
    mask[0, list(voxels)] = 1
    return mask


def case_of(predicted: np.ndarray, true: np.ndarray) -> MaskCase:
    return MaskCase("c", predicted, true, (1.0, 1.0), LESION)


SMALL = {"dilations": 1, "smallest_mm3": 0}


def test_one_right_one_overlooked_one_invented() -> None:
    found = scores(case_of(line(0, 1, 30), line(0, 1, 20)), **SMALL)
    assert found == pytest.approx([1 / 3, 2 * 374 / 3])


def test_parts_that_meet_once_dilated_are_one_lesion() -> None:
    """Both parts are one lesion at a gap of two, so one component that meets it is its answer."""
    assert scores(case_of(line(0), line(0, 3)), **SMALL)[0] == pytest.approx(2 / 3)
    assert scores(case_of(line(0), line(0, 4)), **SMALL)[0] == 0.5


def test_all_components_near_a_lesion_are_its_prediction() -> None:
    """The second lies beside it, within the dilation, and counts to the one lesion."""
    assert scores(case_of(line(5, 8), line(5, 6, 7)), **SMALL)[0] == pytest.approx(2 / 5)


def test_a_small_lesion_does_not_count_but_shelters_what_lies_on_it() -> None:
    case = case_of(line(0, 1, 2, 20), line(0, 1, 2, 20))
    assert scores(case, dilations=1, smallest_mm3=1) == [1.0, 0.0]
    assert scores(case_of(line(20), line(20)), dilations=1, smallest_mm3=1) == [1.0, 0.0]


def test_empties_and_the_penalty_that_a_task_declares() -> None:
    nothing = case_of(line(), line())
    assert scores(nothing) == [1.0, 0.0]
    metric = resolve("lesion_wise_hd95", {}, worst=100.0)
    assert metric.per_item(nothing).flags["both_empty"].all()  # type: ignore[attr-defined]
    invented = metric.per_item(case_of(line(3), line()))  # type: ignore[attr-defined]
    assert invented.values[0, 0] == 100
    assert metric.worst((1, 40), (1.0, 1.0)) == 100
    assert resolve("lesion_wise_hd95", {}).worst((1, 40), (1.0, 1.0)) == 374
    overlooked = MaskCase(
        "c", np.zeros((4, 4, 4)).astype(int), np.ones((4, 4, 4), int), (1.0,) * 3, LESION
    )
    assert scores(overlooked) == [0.0, 374.0]


@pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")
def test_one_label_everywhere_is_held_against_every_lesion() -> None:
    _, true = volumes(5)
    everywhere = np.ones_like(true)
    case = MaskCase(
        "c", everywhere.astype(np.uint8), true.astype(np.uint8), (1.0, 1.0, 1.0), LESION
    )
    found = scores(case, dilations=1, smallest_mm3=2)
    assert found == pytest.approx(brats(everywhere, true, 1, 2), abs=1e-10)
