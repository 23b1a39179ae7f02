"""Slices of a case: orientation, outlines, and files that cannot be drawn."""

from __future__ import annotations

import base64
import gzip
import io
from xml.etree import ElementTree

import nibabel
import numpy as np
import pytest

from proctor_dashboard.slices import Layer, Outlined, outline, outlines, picture
from proctor_dashboard.volumes import (
    Plane,
    VolumeError,
    busiest,
    read_prediction,
    read_volume,
    refuse_other_grid,
)

RIGHT_ANTERIOR_SUPERIOR = np.diag([1.0, 2.0, 3.0, 1.0])
LEFT_FIRST = np.diag([-1.0, 2.0, 3.0, 1.0])


def nifti(array: np.ndarray, affine: np.ndarray = RIGHT_ANTERIOR_SUPERIOR) -> bytes:
    return nibabel.Nifti1Image(array, affine).to_bytes()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def drawn(
    mask: np.ndarray, *layers: Layer, structures: tuple[Outlined, ...] = (Outlined((1,), 0),)
) -> ElementTree.Element:
    """Return the SVG of a picture."""
    shown = picture(
        np.zeros(mask.shape),
        outlines(layers, structures, (1.0, 1.0)),
        (1.0, 1.0),
        (0.0, 1.0),
        'title" onload="x',
        Plane.AXIAL.sides,
    )
    assert 'onload="x' not in shown
    source = shown.partition("base64,")[2].partition('"')[0]
    return ElementTree.fromstring(base64.b64decode(source))


def area(loop: list[tuple[int, int]]) -> float:
    x, y = np.array(loop).T
    return abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2


def test_an_outline_follows_the_edges_of_pixels() -> None:
    mask = np.zeros((5, 6), dtype=bool)
    mask[1:3, 2:5] = True
    (loop,) = outline(mask)
    assert sorted(loop) == [(2, 1), (2, 3), (5, 1), (5, 3)]


def test_a_hole_has_an_outline_of_its_own() -> None:
    mask = np.ones((5, 5), dtype=bool)
    mask[2, 2] = False
    assert sorted(area(loop) for loop in outline(mask)) == [1, 25]


def test_outlines_enclose_as_many_pixels_as_a_mask_has() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        mask = generator.random((9, 7)) < 0.5
        shapes = [np.array(loop) for loop in outline(mask)]
        signed = sum(
            float(np.dot(s[:, 0], np.roll(s[:, 1], -1)) - np.dot(s[:, 1], np.roll(s[:, 0], -1)))
            for s in shapes
        )
        assert signed / 2 == mask.sum()


def test_a_reference_is_solid_and_a_prediction_dashed() -> None:
    mask = np.pad(np.ones((2, 2), dtype=int), 2)
    svg = drawn(mask, Layer(mask, False), Layer(mask, True))
    lines = svg.findall("{http://www.w3.org/2000/svg}path")
    assert ["stroke-dasharray" in line.attrib for line in lines] == [False, True, True]
    solid, edge, dashed = lines
    assert solid.get("stroke") != dashed.get("stroke")
    assert edge.get("stroke") == "#222"
    assert float(edge.get("stroke-width", 0)) > float(dashed.get("stroke-width", 0))


def test_a_region_is_outlined_around_all_of_its_labels() -> None:
    mask = np.array([[1, 2, 3, 0]])
    whole, core = Outlined((1, 2, 3), 0), Outlined((1, 3), 1)
    svg = drawn(mask, Layer(mask, False), structures=(whole, core))
    lines = svg.findall("{http://www.w3.org/2000/svg}path")
    assert [line.attrib["d"].count("M") for line in lines] == [1, 2]
    assert lines[0].get("stroke") != lines[1].get("stroke")


def test_a_label_that_is_nowhere_has_no_line() -> None:
    mask = np.zeros((4, 4), dtype=int)
    assert drawn(mask, Layer(mask, False)).find("{http://www.w3.org/2000/svg}path") is None


@pytest.mark.parametrize("affine", [RIGHT_ANTERIOR_SUPERIOR, LEFT_FIRST])
def test_the_patients_right_is_at_the_left_however_a_file_is_stored(affine: np.ndarray) -> None:
    stored = np.zeros((4, 5, 6), dtype=np.int16)
    right = 3 if affine is RIGHT_ANTERIOR_SUPERIOR else 0
    stored[right, 4, 5] = 7
    volume = read_volume(nifti(stored, affine))
    assert volume.spacing_mm == (1.0, 2.0, 3.0)
    axial = Plane.AXIAL.cut(volume.array, 5)
    assert axial.shape == (5, 4)
    assert axial[0, 0] == 7
    assert Plane.CORONAL.cut(volume.array, 4)[0, 0] == 7
    assert Plane.SAGITTAL.cut(volume.array, 3)[0, 0] == 7
    prediction = read_prediction(npy((stored == 7).astype(np.uint8)), volume)
    assert Plane.AXIAL.cut(prediction, 5)[0, 0] == 1


def test_axes_stored_in_another_order_are_put_right() -> None:
    affine = np.zeros((4, 4))
    affine[0, 2] = affine[1, 0] = affine[2, 1] = 1.5
    affine[3, 3] = 1
    volume = read_volume(nifti(np.zeros((4, 5, 6), dtype=np.int16), affine))
    assert volume.array.shape == (6, 4, 5)


def test_the_first_slice_shown_is_where_much_of_the_reference_lies() -> None:
    mask = np.zeros((4, 5, 6), dtype=np.uint8)
    mask[1, :, 2] = 1
    assert (busiest(mask, Plane.AXIAL), busiest(mask, Plane.SAGITTAL)) == (2, 1)
    assert busiest(mask * 0, Plane.AXIAL) == 2
    assert busiest(mask * 0 + 1, Plane.CORONAL) == 2


@pytest.mark.parametrize(
    "content",
    [b"", b"no volume", b"\x1f\x8bcut off", nifti(np.zeros((2, 2), dtype=np.int16))],
    ids=["empty", "text", "broken", "flat"],
)
def test_a_file_that_is_no_volume_is_told_in_a_sentence(content: bytes) -> None:
    with pytest.raises(VolumeError, match="volume"):
        read_volume(content)


def test_a_volume_that_claims_to_be_huge_is_not_unpacked() -> None:
    header = bytearray(nifti(np.zeros((2, 2, 2), dtype=np.int16)))
    header[42:48] = np.array([30_000, 30_000, 30_000], dtype="<i2").tobytes()
    with pytest.raises(VolumeError, match="too large"):
        read_volume(gzip.compress(bytes(header)))


def test_a_prediction_that_is_pickled_or_of_another_shape_is_refused() -> None:
    volume = read_volume(nifti(np.zeros((4, 5, 6), dtype=np.int16)))
    with pytest.raises(VolumeError, match="shape"):
        read_prediction(npy(np.zeros((4, 5, 7), dtype=np.uint8)), volume)
    stream = io.BytesIO()
    np.save(stream, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(VolumeError, match="cannot be read"):
        read_prediction(stream.getvalue(), volume)
    with pytest.raises(VolumeError, match="reference"):
        refuse_other_grid("reference", np.zeros((1, 1, 1)), volume)
