"""Somebody's own label maps, of every kind of file."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from proctor_runner.folders.errors import FolderError, RefusedError
from proctor_runner.folders.masks import labels_in, read_label_file, read_pair
from proctor_runner.folders.pairs import FilePair, pair_files

ARRAY = np.zeros((3, 5, 4), np.uint8)
ARRAY[1, 1:3, 2] = 4


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".nrrd"])
def test_volumes_of_any_writer_are_one(tmp_path: Path, suffix):
    image = sitk.GetImageFromArray(ARRAY)
    image.SetSpacing((1.0, 2.0, 5.0))
    image.SetOrigin((3.0, -4.0, 2.0))
    path, other = tmp_path / f"a{suffix}", tmp_path / "b.nii.gz"
    sitk.WriteImage(image, str(path))
    sitk.WriteImage(image, str(other))
    found = read_pair(FilePair("a", path, other), None)
    assert found.problem == ""
    assert np.array_equal(np.asarray(found.answer), np.asarray(found.reference.values))
    assert found.reference.spacing_mm == pytest.approx((1.0, 2.0, 5.0))
    assert labels_in(path) == {4}


def test_pictures_and_arrays_have_no_grid(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(ARRAY[1]), str(tmp_path / "a.png"))
    np.save(tmp_path / "a.npy", ARRAY[1].astype(np.float32))
    found = read_pair(FilePair("a", tmp_path / "a.png", tmp_path / "a.npy"), (2.0,))
    assert np.array_equal(np.asarray(found.answer), ARRAY[1])
    assert found.reference.spacing_mm == (2.0, 2.0)
    with pytest.raises(FolderError, match="3 lengths"):
        read_pair(FilePair("a", None, tmp_path / "a.npy"), (1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.nii.gz", b"\x1f\x8b no", "cannot be read"),
        ("a.nii", b"", "cannot be read"),
        ("a.mha", b"no header", "no MetaImage header"),
        ("a.npy", b"\x93NUMPY", "cannot be read"),
        ("a.png", b"PNG", "cannot be read"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RefusedError, match=said) as caught:
        read_label_file(path)
    assert str(path) in str(caught.value)


def test_pickles_and_fractions_are_refused(tmp_path):
    np.save(tmp_path / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "half.npy", np.full((2, 2), 0.5))
    for name in ("pickled.npy", "half.npy"):
        with pytest.raises(RefusedError, match=name):
            read_label_file(tmp_path / name)


def test_files_pair_by_name_through_subfolders_and_no_name_twice(tmp_path):
    for path in ("p/x/1.mha", "p/2.nii", "r/x/1.nii.gz", "r/2.nrrd", "r/.hidden.nii"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    pairs = pair_files(tmp_path / "p", tmp_path / "r", (".nii.gz", ".nii", ".mha", ".nrrd"))
    assert [case.name for case in pairs.cases] == ["2", "x/1"]
    assert pairs.without_prediction == ()
    (tmp_path / "p/2.mha").touch()
    with pytest.raises(FolderError, match="both called '2'"):
        pair_files(tmp_path / "p", tmp_path / "r", (".nii", ".mha"))
