"""Areas of surface elements, against values that surface-distance gives for them."""

from itertools import permutations, product

import numpy as np
import pytest

from proctor_metrics.segmentation.surfel import area_table, surfels

# One configuration of each class (bit b = b-th corner of product((0, 1), repeat=3), read from
# the other end): area for spacing (1, 1, 1) and for (5, 0.5, 0.5), by surface-distance 1f805ce.
AREAS = {
    1: (0.21650635094610965, 0.44304521496118204),
    3: (0.7071067811865476, 1.2562344526401112),
    6: (0.4330127018922193, 0.8860904299223641),
    7: (1.149519052838329, 1.4541356448835463),
    15: (1.0, 0.25),
    22: (0.649519052838329, 1.329135644883546),
    23: (1.2990381056766578, 2.658271289767092),
    24: (0.4330127018922193, 0.8860904299223641),
    25: (0.9236131321326573, 2.2108121679275508),
    27: (1.573132184970986, 3.2841815626479685),
    30: (1.3660254037844386, 1.8971808598447282),
    60: (1.4142135623730951, 2.5124689052802225),
    105: (0.8660254037844386, 1.7721808598447282),
}
CORNERS = list(product((0, 1), repeat=3))


def mirrored(code: int) -> int:
    return int(format(code, "08b")[::-1], 2)


def moved(code: int, axes: tuple[int, ...], flips: tuple[int, ...]) -> int:
    """Return the code of a configuration after exchanging and mirroring axes."""
    result = 0
    for bit, corner in enumerate(CORNERS):
        if code >> bit & 1:
            there = tuple(corner[axis] ^ flip for axis, flip in zip(axes, flips, strict=True))
            result |= 1 << CORNERS.index(there)
    return result


@pytest.mark.parametrize("code", AREAS)
def test_each_class_of_configurations_has_the_published_area(code: int) -> None:
    isotropic, thick = AREAS[code]
    assert area_table((1.0, 1.0, 1.0))[mirrored(code)] == pytest.approx(isotropic, abs=1e-14)
    assert area_table((5.0, 0.5, 0.5))[mirrored(code)] == pytest.approx(thick, abs=1e-14)


def test_the_listed_classes_reach_all_configurations() -> None:
    reached = {0, 255}
    for code in AREAS:
        for axes, flips in product(permutations(range(3)), product((0, 1), repeat=3)):
            reached |= {moved(code, axes, flips), 255 - moved(code, axes, flips)}
    assert len(reached) == 256


def test_an_area_does_not_depend_on_which_way_the_axes_run() -> None:
    spacing = (1.3, 0.7, 2.9)
    table = area_table(spacing)
    for axes, flips in product(permutations(range(3)), product((0, 1), repeat=3)):
        there = area_table(tuple(spacing[axis] for axis in axes))
        codes = [moved(code, axes, flips) for code in range(256)]
        np.testing.assert_allclose(there[codes], table, rtol=1e-14)


def test_inside_and_outside_share_one_surface() -> None:
    table = area_table((1.3, 0.7, 2.9))
    np.testing.assert_allclose(table, table[::-1], rtol=1e-14)
    assert table[0] == table[255] == 0


def test_contour_lengths_are_those_of_the_marching_squares() -> None:
    side, diagonal = {"down": 3.0, "across": 4.0}, 2.5
    table = area_table((3.0, 4.0))
    corners = list(product((0, 1), repeat=2))

    def length(*inside: tuple[int, int]) -> float:
        return float(table[sum(1 << corners.index(corner) for corner in inside)])

    assert length((0, 0)) == diagonal
    assert length((0, 0), (0, 1)) == side["across"]
    assert length((0, 0), (1, 0)) == side["down"]
    assert length((0, 0), (1, 1)) == 2 * diagonal
    assert length((0, 0), (0, 1), (1, 0)) == diagonal


def test_a_box_has_faces_edges_and_corners() -> None:
    # A box of 3 x 4 x 5 unit voxels: the faces without their outer half voxel, the edges cut
    # at 45 degrees, the corners cut off.
    faces = 2 * (2 * 3 + 2 * 4 + 3 * 4)
    edges = 4 * (2 + 3 + 4) * np.sqrt(0.5)
    corners = 8 * np.sqrt(3) / 8
    found = surfels(np.ones((3, 4, 5), dtype=bool), (1.0, 1.0, 1.0))
    assert found.areas.sum() == pytest.approx(faces + edges + corners, rel=1e-12)


def test_the_areas_come_in_the_order_of_the_border() -> None:
    mask = np.zeros((2, 3), dtype=bool)
    mask[0, :2] = True
    found = surfels(mask, (1.0, 2.0))
    diagonal = 0.5 * np.hypot(1.0, 2.0)
    assert found.border.shape == (3, 4)
    assert found.border.sum() == 6
    np.testing.assert_allclose(found.areas, [diagonal, 2.0, diagonal] * 2)


def test_the_shared_table_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        area_table((1.0, 1.0))[0] = 1.0
