"""Volumes are read as nibabel reads them, and nothing is believed that a file says of itself."""

import gzip
import tracemalloc

import nibabel
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from proctor_metrics import MaskCase, loaders
from proctor_metrics.cases import SurfaceDefinition
from proctor_metrics.cases.label_volume import LabelVolume
from proctor_metrics.inflate import Inflater
from proctor_metrics.segmentation import coded


def labels(shape=(13, 11, 7), seed=0):
    draws = np.random.RandomState(seed)
    return (draws.randint(1, 4, shape) * (draws.rand(*shape) < 0.2)).astype(np.int64)


def nifti(array, kind=nibabel.Nifti1Image):
    return kind(array, np.diag([1.0, 2.0, 3.0, 1.0]), dtype=array.dtype)


@pytest.fixture
def all_large(monkeypatch):
    monkeypatch.setattr(loaders, "_STREAMED_VOXELS", 0)
    monkeypatch.setattr(loaders, "_PIECE_BYTES", 100)
    monkeypatch.setattr(coded, "SMALL_VOXELS", 0)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("dtype", ["u1", ">i2", "<i4", "u8"])
@pytest.mark.parametrize("compressed", [True, False])
def test_a_label_map_in_rows_is_the_array_that_nibabel_reads(all_large, dtype, kind, compressed):
    content = nifti(labels().astype(dtype), kind=kind).to_bytes()
    found = loaders.read_label_map(gzip.compress(content) if compressed else content, compressed)
    assert isinstance(found.array, LabelVolume)
    assert found.array.shape == (13, 11, 7)
    assert_array_equal(np.asarray(found.array), labels())
    assert_array_equal(np.asarray(found.array.in_order()), labels())
    assert_array_equal(found.affine, np.diag([1.0, 2.0, 3.0, 1.0]))


def turned_affine(edges):
    """Return that of a volume which lies askew in the scanner."""
    first, second = np.radians([17, 33])
    around_x = [[1, 0, 0], [0, np.cos(first), -np.sin(first)], [0, np.sin(first), np.cos(first)]]
    around_z = [
        [np.cos(second), -np.sin(second), 0],
        [np.sin(second), np.cos(second), 0],
        [0, 0, 1],
    ]
    affine = np.diag([0.0, 0.0, 0.0, 1.0])
    affine[:3, :3] = np.array(around_x) @ np.array(around_z) @ np.diag(edges)
    return affine


@pytest.mark.parametrize("edges", [(1.0, 1.0, 1.0), (0.7, 1.3, 5.0)])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_turning_a_volume_changes_no_spacing(edges, kind):
    image = kind(labels(), turned_affine(edges), dtype=np.int64)
    found = loaders.read_nifti(image.to_bytes(), compressed=False).affine
    zooms = np.array(image.header.get_zooms(), dtype=np.float64)
    assert_allclose(loaders.spacing_from_affine(found), zooms, rtol=1e-15)
    assert_allclose(found, image.affine, atol=1e-6)


def test_edges_that_the_affine_does_not_have_are_not_believed():
    image = nifti(labels())
    image.header["pixdim"][1:4] = (9.0, 0.0, np.nan)
    found = loaders.read_nifti(image.to_bytes(), compressed=False).affine
    assert_array_equal(found, np.diag([1.0, 2.0, 3.0, 1.0]))


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.uint8])
def test_scaled_volumes_and_floats_are_read_as_by_nibabel(dtype):
    image = nifti(labels().astype(dtype))
    image.header.set_slope_inter(2.0, -1.0)
    content = image.to_bytes()
    expected = np.asanyarray(nibabel.Nifti1Image.from_bytes(content).dataobj)
    found = loaders.read_nifti(gzip.compress(content), compressed=True)
    assert_array_equal(found.array, expected)
    assert found.array.dtype == expected.dtype


@pytest.mark.parametrize("turn_prediction", [True, False])
def test_a_case_of_rows_is_the_case_of_its_arrays(all_large, turn_prediction):
    reference, prediction = labels(seed=1).astype(np.uint8), labels(seed=2).astype(np.uint8)
    volume = loaders.read_label_map(nifti(reference).to_bytes(), compressed=False).array
    answer = prediction
    if turn_prediction:
        answer = loaders.read_label_map(nifti(prediction).to_bytes(), compressed=False).array
    names = {1: "a", 2: "b", 3: "c"}
    plain = MaskCase("a", prediction, reference, (1.0, 2.0, 3.0), names)
    case = MaskCase("a", answer, volume, (1.0, 2.0, 3.0), names)
    assert_array_equal(case.counts.overlap, plain.counts.overlap)
    pairs = zip(
        plain.surfaces(SurfaceDefinition.VOXEL6),
        case.surfaces(SurfaceDefinition.VOXEL6),
        strict=True,
    )
    for one, other in pairs:
        assert_allclose(
            np.sort(other.to_reference.distances_mm),
            np.sort(one.to_reference.distances_mm),
            rtol=1e-13,
        )


def test_a_case_whose_answer_is_missing_is_background_everywhere(all_large):
    volume = loaders.read_label_map(nifti(labels()).to_bytes(), compressed=False).array
    case = MaskCase("a", volume.empty(), volume, (1.0, 2.0, 3.0), {1: "a", 2: "b", 3: "c"})
    assert case.counts.prediction.sum() == 0
    assert case.counts.reference.sum() == np.count_nonzero(labels())


def test_members_that_follow_one_another_are_one_stream():
    content = nifti(labels()).to_bytes()
    parts = b"".join(gzip.compress(content[i : i + 1000]) for i in range(0, len(content), 1000))
    found = loaders.read_nifti(parts + bytes(64), compressed=True)
    assert_array_equal(found.array, labels())


def test_the_size_at_the_end_of_a_gzip_file_is_not_believed():
    content = gzip.compress(nifti(labels()).to_bytes())
    with pytest.raises(ValueError, match="damaged"):
        loaders.read_nifti(content[:-4] + b"\xff\xff\xff\x7f", compressed=True)


def test_a_header_that_asks_for_more_than_the_file_can_hold_costs_no_memory():
    image = nifti(labels())
    image.header.set_data_shape((30000, 30000, 30000))
    content = gzip.compress(image.header.binaryblock + bytes(4096))
    tracemalloc.start()
    with pytest.raises(ValueError, match="cannot hold"):
        loaders.read_nifti(content, compressed=True)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("cut", [1, 9, 40])
def test_a_file_that_ends_early_is_refused(cut):
    content = gzip.compress(nifti(labels()).to_bytes())
    with pytest.raises(ValueError, match=r"ends too early|ends before|damaged"):
        loaders.read_nifti(content[:-cut], compressed=True)


def test_one_wrong_bit_is_noticed():
    content = bytearray(gzip.compress(bytes(range(256)) * 50, mtime=0))
    content[-6] ^= 1  # in the checksum
    with pytest.raises(ValueError, match="damaged"):
        Inflater(bytes(content)).fill(np.empty(1 << 20, np.uint8))


@pytest.mark.parametrize("content", [b"", b"not a volume", b"\xff" * 400, bytes(400)])
@pytest.mark.parametrize("compressed", [True, False])
def test_what_is_no_volume_is_a_value_error(content, compressed):
    with pytest.raises(ValueError, match=r"its (header|compressed)|it ends"):
        loaders.read_nifti(gzip.compress(content) if compressed else content, compressed)
