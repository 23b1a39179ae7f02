"""Read an image file of the organizer's or one's own: its voxels and its geometry.

A file from a participant is not for this module: it is parsed in a sandbox of its own.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases.faults import FloatArray
from proctor_metrics.cases.label_volume import LabelVolume
from proctor_metrics.inflate import MOST_RATIO, Inflater

_NIFTI1_BYTES, _NIFTI2_BYTES = 348, 540
_PIECE_BYTES = 1 << 19
_MOST_AFTER_BYTES = 1 << 20
_SPATIAL_AXES = 3
_AFFINE_ROUNDING = 1e-6
"""By this share at most float32 changes the length of an edge."""

_STREAMED_VOXELS = 1 << 20
"""From this many voxels on a label map is read without its background."""


@dataclass(frozen=True, eq=False)
class Volume:
    """A volume as stored: its array in voxel order and the affine to millimetres."""

    array: npt.NDArray[Any]
    affine: FloatArray


@dataclass(frozen=True, eq=False)
class LabelMap:
    """A volume of integers, as an array or, where it is large, without its background."""

    array: npt.NDArray[Any] | LabelVolume
    affine: FloatArray


def spacing_from_affine(affine: FloatArray) -> tuple[float, ...]:
    """Return the edge lengths of a voxel in mm, in the order of the array's axes.

    Args:
        affine: float64 of shape (4, 4), voxel indices to millimetres, as nibabel gives it.

    Raises:
        ValueError: the affine is not 4 x 4, not finite, or flattens an axis.

    >>> spacing_from_affine(np.diag([-2.0, 2.0, 5.0, 1.0]))
    (2.0, 2.0, 5.0)
    """
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise ValueError("an affine must be a finite matrix of shape (4, 4)")
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not (lengths > 0).all():
        raise ValueError(f"an affine must not flatten an axis; its edge lengths are {lengths}")
    return tuple(float(length) for length in lengths)


def read_nifti(content: bytes, compressed: bool) -> Volume:
    """Read a NIfTI volume of any type of number.

    Args:
        content: the bytes of a .nii or .nii.gz file.
        compressed: whether they are those of a .nii.gz file.

    Raises:
        ValueError: it is no such file, is damaged, or is shorter than its header says.
    """
    return _Nifti(content, compressed).volume()


def read_label_map(content: bytes, compressed: bool) -> LabelMap:
    """Read a NIfTI volume of labels; a large one is never in memory as a whole.

    Args:
        content: the bytes of a .nii or .nii.gz file.
        compressed: whether they are those of a .nii.gz file.

    Raises:
        ValueError: as `read_nifti`.
    """
    nifti = _Nifti(content, compressed)
    if nifti.streams:
        return nifti.labels()
    volume = nifti.volume()
    return LabelMap(volume.array, volume.affine)


class _Plain:
    """What an `Inflater` is to compressed bytes."""

    def __init__(self, content: bytes) -> None:
        self._waiting = np.frombuffer(content, np.uint8)

    def fill(self, room: npt.NDArray[np.uint8]) -> int:
        part = self._waiting[: room.size]
        room[: part.size] = part
        self._waiting = self._waiting[part.size :]
        return part.size

    def take(self, count: int) -> npt.NDArray[np.uint8]:
        part, self._waiting = self._waiting[:count], self._waiting[count:]
        return part


class _Nifti:
    """One file: the header is read at once, the voxels when they are asked for."""

    def __init__(self, content: bytes, compressed: bool) -> None:
        from nibabel.nifti1 import Nifti1Header
        from nibabel.nifti2 import Nifti2Header
        from nibabel.spatialimages import HeaderDataError
        from nibabel.wrapstruct import WrapStructError

        self._bytes: Inflater | _Plain = Inflater(content) if compressed else _Plain(content)
        start = self._take(_NIFTI1_BYTES).tobytes()
        kind: Any = Nifti1Header
        if _NIFTI2_BYTES in (int.from_bytes(start[:4], order) for order in ("little", "big")):
            kind = Nifti2Header
            start += self._take(_NIFTI2_BYTES - _NIFTI1_BYTES).tobytes()
        try:
            self._header = kind.from_fileobj(io.BytesIO(start))
            self._dtype: np.dtype[Any] = self._header.get_data_dtype()
            self._shape = tuple(int(length) for length in self._header.get_data_shape())
        except (HeaderDataError, WrapStructError, KeyError) as error:
            raise ValueError(f"its header is broken ({error})") from error
        if not bytes(self._header["magic"]).startswith(b"n+"):
            raise ValueError("its header is not that of a single NIfTI file")
        self._size = prod(self._shape) * self._dtype.itemsize
        offset = int(self._header.get_data_offset())
        held = len(content) * (MOST_RATIO if compressed else 1)
        if offset < len(start) or self._size <= 0 or offset + self._size > held:
            raise ValueError(
                f"its header says shape {self._shape} of {self._dtype} from byte {offset} on, and"
                f" its {len(content)} bytes cannot hold that"
            )
        self._take(offset - len(start))

    @property
    def affine(self) -> FloatArray:
        """Return the affine as nibabel does, with edges as long as the header says they are.

        An affine that is turned is rounded to float32, which leaves an edge of 1 mm a little
        longer or shorter; two voxels then lie further apart than a tolerance of 2 mm.
        """
        affine = np.array(self._header.get_best_affine(), dtype=np.float64)
        zooms = np.array(self._header.get_zooms()[:_SPATIAL_AXES], dtype=np.float64)
        lengths = np.linalg.norm(affine[:3, : zooms.size], axis=0)
        rounded = np.abs(zooms - lengths) <= _AFFINE_ROUNDING * lengths
        scales = np.divide(zooms, lengths, out=np.ones(zooms.size), where=rounded & (lengths > 0))
        affine[:3, : zooms.size] *= scales
        return affine

    @property
    def streams(self) -> bool:
        """Tell whether it is a label map that is worth to be read in rows."""
        whole = self._dtype.kind in "iu" and self._scaling in ((None, None), (1.0, 0.0))
        return whole and len(self._shape) == 3 and prod(self._shape) >= _STREAMED_VOXELS

    @property
    def _scaling(self) -> tuple[float | None, float | None]:
        slope, intercept = self._header.get_slope_inter()
        return slope, intercept

    def volume(self) -> Volume:
        from nibabel.volumeutils import apply_read_scaling

        room = np.empty(self._size, np.uint8)
        if self._bytes.fill(room) < room.size:
            raise ValueError("it ends before its header says")
        self._end()
        array = room.view(self._dtype).reshape(self._shape, order="F")
        return Volume(apply_read_scaling(array, *self._scaling), self.affine)

    def labels(self) -> LabelMap:
        from proctor_metrics.segmentation.kernels.label_rows import rows_from

        width, height, depth = self._shape
        rows = rows_from(self._rows(), (depth, height, width), self._dtype)
        self._end()
        return LabelMap(LabelVolume(rows, reversed_axes=True), self.affine)

    def _rows(self) -> Iterator[npt.NDArray[np.uint8]]:
        row_bytes = self._shape[0] * self._dtype.itemsize
        step = max(1, _PIECE_BYTES // row_bytes) * row_bytes
        for done in range(0, self._size, step):
            yield self._take(min(step, self._size - done))

    def _take(self, count: int) -> npt.NDArray[np.uint8]:
        piece = self._bytes.take(count)
        if piece.size < count:
            raise ValueError("it ends before its header says")
        return piece

    def _end(self) -> None:
        """Read what a few writers leave behind the voxels, and with it the last checksum."""
        if self._bytes.fill(np.empty(_MOST_AFTER_BYTES, np.uint8)) == _MOST_AFTER_BYTES:
            raise ValueError("it goes on long after its header says")
