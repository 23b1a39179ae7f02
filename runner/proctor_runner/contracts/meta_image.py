"""Writes a volume of an organizer's as MetaImage, which Grand Challenge gives its algorithms."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import numpy.typing as npt

_ELEMENT_TYPES = {
    "u1": "MET_UCHAR",
    "i1": "MET_CHAR",
    "u2": "MET_USHORT",
    "i2": "MET_SHORT",
    "u4": "MET_UINT",
    "i4": "MET_INT",
    "u8": "MET_ULONG_LONG",
    "i8": "MET_LONG_LONG",
    "f4": "MET_FLOAT",
    "f8": "MET_DOUBLE",
}
_GZIP = b"\x1f\x8b"
# MetaImage counts to the left and to the back where NIfTI counts to the right and to the front.
_TURNED = np.diag([-1.0, -1.0, 1.0, 1.0])


def write_meta_image(source: Path, target: Path) -> None:
    """Write the NIfTI volume ``source``, whose name may lack its suffix, as ``target``.

    Raises:
        ValueError: It is no volume of three axes.
    """
    import nibabel

    content = source.read_bytes()
    if content.startswith(_GZIP):
        content = gzip.decompress(content)
    image = nibabel.Nifti1Image.from_bytes(content)
    affine = np.asarray(image.affine, dtype=np.float64)
    target.write_bytes(meta_image(np.asanyarray(image.dataobj), affine))


def meta_image(voxels: npt.NDArray[np.generic], affine: npt.NDArray[np.float64]) -> bytes:
    """Return a volume as the bytes of a MetaImage.

    Args:
        affine: From voxel indices to millimeters with the axes right, anterior, superior.

    Raises:
        ValueError: It has not three axes, or values that no MetaImage holds.
    """
    if voxels.ndim != 3:
        raise ValueError(f"it has the shape {voxels.shape}; expected three axes")
    if voxels.dtype.str[1:] not in _ELEMENT_TYPES:
        raise ValueError(f"it holds voxels of type {voxels.dtype}")
    little = voxels.astype(voxels.dtype.newbyteorder("<"), copy=False)
    return _header(voxels, _TURNED @ affine).encode() + little.tobytes(order="F")


def _header(voxels: npt.NDArray[np.generic], affine: npt.NDArray[np.float64]) -> str:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    directions = (affine[:3, :3] / spacing).T

    def words(numbers: npt.NDArray[np.float64]) -> str:
        return " ".join(repr(float(number)) for number in numbers.ravel())

    fields = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": words(directions),
        "Offset": words(affine[:3, 3]),
        "CenterOfRotation": "0 0 0",
        "ElementSpacing": words(spacing),
        "DimSize": " ".join(map(str, voxels.shape)),
        "ElementType": _ELEMENT_TYPES[voxels.dtype.str[1:]],
        "ElementDataFile": "LOCAL",
    }
    return "".join(f"{key} = {value}\n" for key, value in fields.items())
