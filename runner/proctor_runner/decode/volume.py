"""Opens volumes: the grid from the header alone first, the voxels once the grid is accepted.

NIfTI is read by nibabel, MetaImage (.mha) and NRRD by SimpleITK. A header that points at another
file is refused before either library sees it.
"""

from __future__ import annotations

import gzip
import importlib
import io
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from proctor.template.own_voxels import nrrd_fields
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.grid import Grid
from proctor_runner.decode.itk import LIBRARY, itk_reader, numbers_of
from proctor_runner.decode.meta_image import (
    check_packed,
    header_start,
    read_meta_header,
    sizes_of,
)
from proctor_runner.decode.picture import PICTURE_SUFFIXES

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES = (".nii", ".nii.gz", ".mha", ".nrrd")

_NIBABEL = "nibabel.nifti2"
_NIFTI1_BYTES, _NIFTI2_BYTES = 348, 540
_MOST_EXTENSION_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class OpenedVolume:
    """A volume whose header was read; ``read`` returns the voxels indexed as its grid's axes."""

    grid: Grid
    read: Callable[[], NDArray[np.generic]]


def open_volume(path: Path, name: str) -> OpenedVolume:
    """Read the header of the volume at ``path``.

    Args:
        name: What the file is called in sentences; its suffix tells the format.

    Raises:
        InvalidOutputError: It is not a readable volume of three axes.
    """
    if path.stat().st_size == 0:
        raise InvalidOutputError(f"{name} is empty.")
    if name.endswith((".nii", ".nii.gz")):
        return _open_nifti(path, name)
    if name.endswith(".mha"):
        header = read_meta_header(path, name)
        check = partial(check_packed, path, name, header)
        return _open_with_itk(path, name, "MetaImageIO", header.sizes, check)
    if name.endswith(".nrrd"):
        return _open_with_itk(path, name, "NrrdImageIO", _check_nrrd(path, name))
    raise InvalidOutputError(f"{name} has none of the suffixes {', '.join(SUFFIXES)}.")


def preload(names: Iterable[str]) -> None:
    """Import what files of these names need, once for all processes forked afterwards."""
    suffixes = {Path(name).suffix for name in names}
    if suffixes & {".nii", ".gz"}:
        importlib.import_module(_NIBABEL)
    if suffixes & {".mha", ".nrrd", *PICTURE_SUFFIXES}:
        importlib.import_module(LIBRARY)


def _open_nifti(path: Path, name: str) -> OpenedVolume:
    from nibabel.filebasedimages import ImageFileError
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header
    from nibabel.spatialimages import HeaderDataError

    start = _read_start(path, name, _NIFTI2_BYTES)
    kind: Any
    size = {start[:4], start[:4][::-1]}
    if _NIFTI1_BYTES.to_bytes(4, "little") in size:
        kind, length = Nifti1Header, _NIFTI1_BYTES
    elif _NIFTI2_BYTES.to_bytes(4, "little") in size:
        kind, length = Nifti2Header, _NIFTI2_BYTES
    else:
        raise InvalidOutputError(f"{name} is not a NIfTI file.")
    try:
        header = kind.from_fileobj(io.BytesIO(start[:length]))
        shape = _three_axes(tuple(int(n) for n in header.get_data_shape()), name)
        affine = np.asarray(header.get_best_affine(), dtype=np.float64)
        dtype = header.get_data_dtype()
    except (HeaderDataError, ImageFileError, ValueError, KeyError, OverflowError) as error:
        raise InvalidOutputError(f"{name} has a broken NIfTI header: {error}.") from None
    if dtype.kind not in "iuf":
        raise InvalidOutputError(f"{name} holds voxels of type {dtype}; expected real numbers.")

    def read() -> NDArray[np.generic]:
        start_at = float(header["vox_offset"])
        offset = int(start_at) if np.isfinite(start_at) else 0
        if not length <= offset <= _MOST_EXTENSION_BYTES:
            raise InvalidOutputError(
                f"{name} has its voxels at byte {start_at:g}, not after a header."
            )
        count = int(np.prod(shape))
        raw = _read_start(path, name, offset + count * dtype.itemsize + 1)[offset:]
        if len(raw) != count * dtype.itemsize:
            have = "more" if len(raw) > count * dtype.itemsize else f"{len(raw)}"
            raise InvalidOutputError(
                f"{name} holds {have} bytes of voxels; its header announces"
                f" {count * dtype.itemsize}."
            )
        voxels = np.frombuffer(raw, dtype=dtype).reshape(shape, order="F")
        return _scaled(voxels, float(header["scl_slope"]), float(header["scl_inter"]), name)

    return OpenedVolume(Grid(shape, affine), read)


def _scaled(voxels: NDArray[Any], slope: float, intercept: float, name: str) -> NDArray[np.generic]:
    if not (np.isfinite(slope) and np.isfinite(intercept)):
        raise InvalidOutputError(
            f"{name} has the scaling slope {slope} and intercept {intercept}; expected 1 and 0."
        )
    # A slope of 0 means that nothing is scaled, says the NIfTI standard.
    if slope == 0 or (slope == 1 and intercept == 0):
        return voxels
    scaled: NDArray[np.generic] = voxels.astype(np.float64) * slope + intercept
    return scaled


def _read_start(path: Path, name: str, most_bytes: int) -> bytes:
    """Return the first bytes of a file, unpacked if it is packed, however much follows."""
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        if not packed:
            return stream.read(most_bytes)
        try:
            with gzip.GzipFile(fileobj=stream) as unpacked:
                return unpacked.read(most_bytes)
        except (OSError, EOFError, zlib.error) as error:
            raise InvalidOutputError(f"{name} is not a whole gzip file: {error}.") from None


def _check_nrrd(path: Path, name: str) -> tuple[int, ...]:
    """Return the size a NRRD header announces; its data must follow in the same file."""
    head = header_start(path, name)
    if not head.startswith(b"NRRD000"):
        raise InvalidOutputError(f"{name} has no NRRD header.")
    try:
        fields = nrrd_fields(head)
    except ValueError as error:
        raise InvalidOutputError(f"{name} is no readable NRRD: {error}.") from None
    sizes = ""
    for key, value in fields:
        if key == "datafile" or (key in ("byteskip", "lineskip") and value != "0"):
            raise InvalidOutputError(
                f"{name} says {key} {value[:60]!r} in its header; expected its voxels right after"
                " the header."
            )
        if key == "sizes":
            sizes = value
    return sizes_of(sizes, name)


def _open_with_itk(
    path: Path,
    name: str,
    reader_name: str,
    sizes: tuple[int, ...],
    check: Callable[[int], None] = lambda _bytes: None,
) -> OpenedVolume:
    """Open a volume by SimpleITK; ``check`` is told how many bytes its voxels were read as."""
    shape = _three_axes(sizes, name)
    reader = itk_reader(path, reader_name)
    try:
        reader.ReadImageInformation()
        if tuple(reader.GetSize()) != sizes or reader.GetNumberOfComponents() != 1:
            raise InvalidOutputError(
                f"{name} was read with the size {reader.GetSize()} and"
                f" {reader.GetNumberOfComponents()} channels; its header announces {sizes}."
            )
        spacing = np.asarray(reader.GetSpacing()[:3])
        direction = np.asarray(reader.GetDirection()).reshape(len(sizes), len(sizes))[:3, :3]
        origin = np.asarray(reader.GetOrigin()[:3])
    except RuntimeError:
        raise InvalidOutputError(f"{name} has a broken header.") from None
    affine = np.eye(4)
    affine[:3, :3] = direction * spacing
    affine[:3, 3] = origin
    # SimpleITK counts to the left and to the back where we count to the right and to the front.
    affine[:2] *= -1

    def read() -> NDArray[np.generic]:
        try:
            voxels = numbers_of(reader)
        except RuntimeError:
            raise InvalidOutputError(
                f"{name} is cut off or packed in a way that cannot be read."
            ) from None
        if voxels.dtype.kind not in "iuf":
            raise InvalidOutputError(f"{name} holds voxels of type {voxels.dtype}.")
        check(voxels.nbytes)
        return np.asarray(voxels).T.reshape(shape, order="F")

    return OpenedVolume(Grid(shape, affine), read)


def _three_axes(shape: tuple[int, ...], name: str) -> tuple[int, int, int]:
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3 or min(shape) < 1:
        raise InvalidOutputError(f"{name} has the shape {shape}; expected three axes.")
    return shape[0], shape[1], shape[2]
