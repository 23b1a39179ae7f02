"""Images that are right in every format, and what a hostile file may hold in their place."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
from PIL import Image

from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.image import read_image
from proctor_runner.decode.on_grid import open_grid

SHAPE = (4, 5, 3)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
IMAGE = np.arange(60.0).reshape(SHAPE) / 7


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., np.ndarray]:
    """Read an image that lies beside a grid, a volume or an array."""

    def read(name: str, write: Callable[[Path], object], grid: str = "grid.nii.gz") -> np.ndarray:
        nib.save(nib.Nifti1Image(np.zeros(SHAPE, np.int16), AFFINE), tmp_path / "grid.nii.gz")
        np.save(tmp_path / "grid.npy", np.zeros(SHAPE[:2], np.uint8))
        write(tmp_path / name)
        return read_image(tmp_path / name, name, open_grid(tmp_path / grid, grid), "t1")

    return read


def nifti(voxels: np.ndarray, affine: np.ndarray = AFFINE) -> Callable[[Path], object]:
    return lambda path: nib.save(nib.Nifti1Image(voxels, affine), path)


def npy(array: np.ndarray) -> Callable[[Path], object]:
    return lambda path: np.save(path, array)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (np.float32, np.float32),
        (np.float64, np.float64),
        (np.int16, np.float32),
        (np.int32, np.float64),
        (">f4", np.float32),
    ],
)
def test_an_image_keeps_its_precision(read, kind, expected) -> None:
    voxels = IMAGE.astype(kind)
    found = read("p.nii.gz", nifti(voxels))
    assert found.dtype == expected
    assert found.flags.c_contiguous
    assert (found == voxels).all()


def test_an_image_comes_back_in_the_order_of_its_grid(read) -> None:
    turned = AFFINE @ np.array([[-1.0, 0, 0, 3], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert (read("p.nii", nifti(IMAGE[::-1], turned)) == IMAGE).all()


@pytest.mark.parametrize("name", ["p.mha", "p.nrrd"])
def test_an_image_may_be_of_any_format_that_masks_have(read, name: str) -> None:
    def write(path: Path) -> None:
        image = SimpleITK.GetImageFromArray(IMAGE.T.astype(np.float32))
        image.SetSpacing((2.0, 2.0, 3.0))
        image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
        SimpleITK.WriteImage(image, str(path))

    assert read(name, write) == pytest.approx(IMAGE, rel=1e-6)


@pytest.mark.parametrize(("grid", "shape"), [("grid.npy", SHAPE[:2]), ("grid.nii.gz", SHAPE)])
def test_an_array_has_the_shape_of_its_grid(read, grid: str, shape: tuple[int, ...]) -> None:
    array = np.asfortranarray(np.ones(shape, np.float32))
    found = read("p.npy", npy(array), grid)
    assert (found.shape, found.dtype, found.flags.c_contiguous) == (shape, np.float32, True)


def claim(path: Path) -> None:
    """Write a header that promises a terabyte."""
    with path.open("wb") as stream:
        header = {"descr": "<f8", "fortran_order": False, "shape": SHAPE[:2]}
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(b"\0" * 8)


@pytest.mark.parametrize(
    ("name", "write", "grid", "said"),
    [
        ("p.npy", npy(np.ones((5, 4))), "grid.npy", "p.npy has shape (5, 4); expected (4, 5)."),
        ("p.npy", npy(np.ones((4, 5), int)), "grid.npy", "p.npy holds values of type int64"),
        ("p.npy", npy(np.full((4, 5), np.nan)), "grid.npy", "p.npy holds nan at (0, 0) and in 20"),
        ("p.npy", npy(np.ones((400, 500))), "grid.npy", "p.npy has 1600128 bytes; an array of"),
        ("p.npy", claim, "grid.npy", "p.npy is no readable .npy array: mmap length"),
        ("p.npy", npy(np.array([{}])), "grid.npy", "p.npy is no readable .npy array: "),
        ("p.nii", nifti(IMAGE[:3]), "grid.nii.gz", "p.nii lies on 3 x 5 x 3 voxels"),
        ("p.nii", nifti(IMAGE, np.eye(4)), "grid.nii.gz", "p.nii lies on 4 x 5 x 3 voxels of 1 x"),
        (
            "p.nii",
            nifti(np.where(IMAGE > 8, np.inf, 0)),
            "grid.nii.gz",
            "p.nii holds inf at (3,",
        ),
        ("p.nii", nifti(IMAGE.astype(complex)), "grid.nii.gz", "p.nii holds voxels of type comple"),
        (
            "p.nii.gz",
            lambda path: path.write_bytes(gzip.compress(b"\0" * 400)),
            "grid.nii.gz",
            "p.nii.gz is not a NIfTI file.",
        ),
        ("p.gif", lambda path: path.write_bytes(b"GIF89a"), "grid.nii.gz", "p.gif has none of"),
    ],
)
def test_what_is_no_image_on_its_grid_is_refused_with_both_sides(
    read, name: str, write: Callable[[Path], object], grid: str, said: str
) -> None:
    with pytest.raises(InvalidOutputError) as caught:
        read(name, write, grid)
    assert str(caught.value).startswith(said)


def picture(numbers: np.ndarray) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        pages = list(numbers) if numbers.ndim == 3 and numbers.shape[2] > 4 else [numbers]
        first, *others = [Image.fromarray(page) for page in pages]
        first.save(path, save_all=True, append_images=others) if others else first.save(path)

    return write


def picture_as(kind: str) -> Callable[[Path], object]:
    return lambda path: Image.new("L", (5, 4)).save(path, kind)


GRAY, COLORS, PAGES = (4, 5), (4, 5, 3), (3, 4, 5)


@pytest.mark.parametrize(
    ("suffix", "shape", "kind"),
    [
        (".png", GRAY, np.uint8),
        (".png", GRAY, np.uint16),
        (".png", COLORS, np.uint8),
        (".tif", GRAY, np.uint8),
        (".tif", GRAY, np.uint16),
        (".tiff", GRAY, np.float32),
        (".tif", COLORS, np.uint8),
        (".tif", PAGES, np.float32),
    ],
)
@pytest.mark.parametrize("grid", ["array", "picture"])
def test_a_picture_is_read_as_the_numbers_that_it_holds(
    tmp_path: Path, suffix: str, shape: tuple[int, ...], kind: type, grid: str
) -> None:
    numbers = (np.arange(60)[: int(np.prod(shape))].reshape(shape) * 4).astype(kind)
    if kind is np.float32:
        numbers /= 7
    picture(numbers)(tmp_path / f"p{suffix}")
    # In a worker a file lies under its digest: what it is, its name in the task says.
    (tmp_path / "stored").write_bytes((tmp_path / f"p{suffix}").read_bytes())
    name = f"given{suffix if grid == 'picture' else '.npy'}"
    (picture if grid == "picture" else npy)(numbers)(tmp_path / name)
    given = open_grid(tmp_path / name, name)
    found = read_image(tmp_path / "stored", f"p{suffix}", given, "photo")
    assert found.dtype == np.float32
    assert (found == numbers).all()


def endless(path: Path) -> None:
    """Write a PNG whose header promises 2 GiB in each direction."""
    picture(np.zeros(GRAY, np.uint8))(path)
    content = bytearray(path.read_bytes())
    content[16:24] = b"\x7f\xff\xff\xff" * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    path.write_bytes(content)


def cut(path: Path) -> None:
    picture(np.random.default_rng(0).integers(0, 255, (4, 5, 3)).astype(np.uint8))(path)
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("name", "write", "said"),
    [
        ("p.png", lambda path: path.write_bytes(b"\x89PNG"), "p.png is no .png file."),
        ("p.tif", lambda path: path.write_bytes(b"II*\0" + b"\xff" * 99), "p.tif has a broken he"),
        ("p.png", lambda path: path.write_bytes(b""), "p.png is no .png file."),
        ("p.png", endless, "p.png has "),
        ("p.png", picture(np.zeros((5, 4), np.uint8)), "p.png has shape (5, 4); expected (4, 5)"),
        ("p.png", cut, "p.png has shape (4, 5, 3); expected (4, 5), that of t1."),
        ("p.tif", picture_as("PNG"), "p.tif is no .tif file."),
        ("p.tif", picture(np.full(GRAY, np.nan, np.float32)), "p.tif holds nan at (0, 0)"),
    ],
)
def test_what_is_no_picture_on_its_grid_is_refused(
    read, name: str, write: Callable[[Path], object], said: str
) -> None:
    with pytest.raises(InvalidOutputError) as caught:
        read(name, write, "grid.npy")
    assert str(caught.value).startswith(said)


def test_a_cut_picture_is_no_answer(tmp_path: Path) -> None:
    cut(tmp_path / "p.png")
    np.save(tmp_path / "grid.npy", np.zeros(COLORS))
    with pytest.raises(InvalidOutputError, match="is cut off"):
        read_image(tmp_path / "p.png", "p.png", open_grid(tmp_path / "grid.npy", "grid.npy"), "t1")
