"""NIfTI, versions 1 and 2, in one file, gzipped or not, whatever its name."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

from ..held import on_disk
from ..values import Volume
from .reader import is_of

if TYPE_CHECKING:
    from ..held import File

_SECOND_MAGIC = (b"n+2\0", b"ni2\0")
_HEAD_BYTES = 348


class _NiftiReader:
    formats: tuple[str, ...] = ("nifti", "nifti_gzip")
    libraries: tuple[str, ...] = ("numpy", "nibabel")
    package = "nibabel"

    def shape(self, file: File, name: str) -> tuple[int, ...] | None:
        return tuple(int(length) for length in self._open(file, name).shape)

    def native(self, file: File, name: str) -> object:
        import numpy as np

        image = self._open(file, name)
        # Voxels are read when they are asked for; a cut file has to be told from the model's fault.
        np.asanyarray(image.dataobj)
        return image

    def owns(self, native: object) -> bool:
        return is_of(native, "nibabel", "Nifti1Pair")

    def array(self, native: Any) -> object:
        import numpy as np

        data = np.asanyarray(native.dataobj)
        if data.dtype.kind not in "fiub":
            raise ValueError(f"holds voxels of type {data.dtype}, which are no numbers")
        affine = np.eye(4) if native.affine is None else np.asarray(native.affine, np.float64)
        x, y, z = (float(zoom) for zoom in native.header["pixdim"][1:4])
        return Volume(data=data, affine=affine, spacing_mm=(x, y, z))

    def _open(self, file: File, name: str) -> Any:
        import nibabel

        path = on_disk(file)
        zipped = name == "nifti_gzip"
        with gzip.open(path) if zipped else path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
        second = head[4:8] in _SECOND_MAGIC
        if head[344:348] == b"ni1\0" or head[4:8] == b"ni2\0":
            # Read as one file, its header would pass for voxels.
            raise ValueError("its voxels lie in another file; write header and voxels in one")
        kind: Any = nibabel.Nifti2Image if second else nibabel.Nifti1Image
        if path.name.lower().endswith(".nii.gz" if zipped else ".nii"):
            return kind.from_filename(path)
        # The library tells the format by the name, which may be any.
        with gzip.open(path) if zipped else path.open("rb") as stream:
            return kind.from_bytes(stream.read())


READER = _NiftiReader()
